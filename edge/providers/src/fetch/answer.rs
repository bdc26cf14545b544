//! What a stranger answers, and what of it is taken in.

use std::future::poll_fn;
use std::pin::Pin;

use backstop_guard::{LEAD_BYTES, Medium, Refusal};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use http::{Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::fetch::{Errand, Fetched};

/// How the answer of one hop ends.
pub(crate) enum Answer {
    /// Here it is.
    Whole(Fetched),
    /// It is elsewhere; where, in the stranger's words.
    Elsewhere(String),
}

/// Reads an answer to its end, or as far as it must be read to refuse it.
pub(crate) async fn read(
    response: Response<Incoming>,
    errand: &Errand<'_>,
) -> Result<Answer, Refusal> {
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = text(&head.headers, &LOCATION).ok_or(Refusal::Redirected)?;
            return Ok(Answer::Elsewhere(location.to_owned()));
        }
        other => return Err(Refusal::Status(other.as_u16())),
    }
    let encoding = head.headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::Encoded);
    }
    take_in(body, text(&head.headers, &CONTENT_TYPE), errand).await.map(Answer::Whole)
}

async fn take_in(
    mut body: Incoming,
    content_type: Option<&str>,
    errand: &Errand<'_>,
) -> Result<Fetched, Refusal> {
    // What says itself that it is too large need not come.
    if body.size_hint().lower() > errand.rules.bytes_max {
        return Err(Refusal::TooLarge);
    }
    let mut bytes = BytesMut::new();
    let mut known = None;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
        (errand.take)(data.len())?;
        bytes.extend_from_slice(&data);
        if known.is_none() && bytes.len() >= LEAD_BYTES {
            known = Some(kind(&bytes, content_type)?);
        }
    }
    let medium = known.map_or_else(|| kind(&bytes, content_type), Ok)?;
    if bytes.is_empty() || !medium.is_whole(&bytes) {
        return Err(UNKNOWN);
    }
    Ok(Fetched { medium, bytes: Bytes::from(bytes) })
}

const UNKNOWN: Refusal =
    Refusal::Kind("it is no image (PNG, JPEG, GIF, WebP), PDF or plain text in UTF-8");

fn kind(bytes: &[u8], content_type: Option<&str>) -> Result<Medium, Refusal> {
    Medium::of_lead(bytes, content_type).ok_or(UNKNOWN)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

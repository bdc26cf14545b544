//! The provider's side: reads the question in whatever dialect its path names, answers as told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use backstop_dialects::{
    Frames, Framing, Head, StreamWriter, chunk_message, write_answer, write_error,
};
use backstop_exchange::{Answer, Event};
use backstop_scenarios::{Complaint, Refusal};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::heard::{Heard, heard};
use super::stage::Seen;

/// What a provider does when it is asked.
#[derive(Debug)]
pub(super) enum Script {
    /// Answers.
    Answer(Vec<Event>),
    /// Says that it cannot, as its vendor does.
    Complain(Complaint),
    /// Refuses the request for this reason.
    Refuse(Failure),
    /// Begins a stream with these events, and breaks the connection.
    Break(Vec<Event>),
}

/// Serves one connection.
pub(super) async fn serve(io: DuplexStream, script: Arc<Script>, seen: Seen) {
    let service = service_fn(|request| answer(request, Arc::clone(&script), Arc::clone(&seen)));
    // A connection that breaks is what some scripts want.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
}

async fn answer(
    request: http::Request<Incoming>,
    script: Arc<Script>,
    seen: Seen,
) -> Result<Response<Pieces>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Ok(match heard(&path, &body) {
        Some(heard) => {
            let answer = play(&heard, &script);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard.asked);
            answer
        }
        None => response(404, "text/plain", Pieces::whole(b"no such path".to_vec())),
    })
}

fn play(heard: &Heard, script: &Script) -> Response<Pieces> {
    let Heard { dialect, errors, framing, asked } = heard;
    let head = Head { id: "answer1".to_owned(), model: "served".to_owned(), ..Head::default() };
    let streamed = match framing {
        Framing::EventStream => "application/vnd.amazon.eventstream",
        Framing::Sse | Framing::List => "text/event-stream",
    };
    match script {
        Script::Answer(events) if asked.stream => {
            response(200, streamed, Pieces::whole(written(heard, head, events)))
        }
        Script::Answer(events) => {
            let mut answer = Answer::default();
            // An answer without a failure inside takes every event.
            events.iter().cloned().for_each(|event| drop(answer.take(event)));
            let body = write_answer(*dialect, &answer, &head);
            response(200, "application/json", Pieces::whole(body))
        }
        Script::Complain(complaint) => {
            let refusal = Refusal::of(*complaint, *errors);
            let (headers, body) = refusal.write(*errors, "req_1");
            let mut response = response(refusal.status, "application/json", Pieces::whole(body));
            for (name, value) in headers {
                let name = http::HeaderName::from_static(name);
                if let Ok(value) = http::HeaderValue::try_from(value) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Script::Refuse(failure) => {
            let words = in_own_words(failure.class, *errors).unwrap_or(&failure.message);
            let failure = Failure { message: words.into(), ..failure.clone() };
            let written = write_error(*errors, &failure, "req_1");
            response(written.status, "application/json", Pieces::whole(written.body))
        }
        Script::Break(events) => {
            let content = if asked.stream { streamed } else { "application/json" };
            response(200, content, Pieces::broken(written(heard, head, events)))
        }
    }
}

/// The words by which some vendors alone tell the reason of a refusal.
const fn in_own_words(class: Class, errors: Dialect) -> Option<&'static str> {
    match (class, errors) {
        (Class::ContextTooLong, Dialect::Gemini) => {
            Some("The input token count (9) exceeds the maximum number of tokens allowed (8).")
        }
        (Class::ContextTooLong, Dialect::BedrockConverse) => {
            Some("Input is too long for requested model.")
        }
        (Class::SignatureRefused, Dialect::Gemini) => Some("Corrupted thought signature."),
        (Class::SignatureRefused, Dialect::BedrockConverse) => {
            Some("messages.1.content.0.thinking.signature: Field required")
        }
        _ => None,
    }
}

/// The bytes of a stream; what is in server-sent events elsewhere is in messages at AWS.
fn written(heard: &Heard, head: Head, events: &[Event]) -> Vec<u8> {
    let head = Head { usage: true, ..head };
    let mut writer = StreamWriter::new(heard.dialect, head);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    if heard.framing != Framing::EventStream || heard.dialect == Dialect::BedrockConverse {
        return out;
    }
    let mut frames = Frames::new(Framing::Sse, out.len());
    frames.feed(Bytes::from(out));
    let mut messages = Vec::new();
    for frame in frames.by_ref().flatten() {
        chunk_message(frame.data(), &mut messages);
    }
    messages
}

fn response(status: u16, content_type: &'static str, body: Pieces) -> Response<Pieces> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

/// A body in pieces that may break after the last.
struct Pieces {
    left: VecDeque<Bytes>,
    then: Then,
}

/// What follows the last piece.
#[derive(Clone, Copy)]
enum Then {
    End,
    /// Lets the last piece go out first: an error takes with it what was not written yet.
    Rest(u8),
}

impl Pieces {
    fn whole(body: Vec<u8>) -> Self {
        Self { left: VecDeque::from([Bytes::from(body)]), then: Then::End }
    }

    fn broken(body: Vec<u8>) -> Self {
        Self { then: Then::Rest(8), ..Self::whole(body) }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(piece) = self.left.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Rest(0) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Then::Rest(turns) => {
                self.then = Then::Rest(turns - 1);
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

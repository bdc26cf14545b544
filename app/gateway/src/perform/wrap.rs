//! Puts a finished request into the envelope that its provider's surface wants.

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;

use backstop_exchange::Loss;
use backstop_surfaces::{Asked, Surface};
use backstop_vocabulary::{Dialect, Failure};

/// The headers of the Messages API that go into the envelope.
const VERSION: &str = "anthropic-version";
const BETA: &str = "anthropic-beta";

/// The body as this surface takes it, and what of the headers it does not take. Headers and body are
/// complete after it but for the credential: what signs a request signs this. `model` is the
/// provider's own name.
pub(crate) fn wrap(
    surface: &Surface,
    (dialect, model): (Dialect, &str),
    headers: &mut HeaderMap,
    body: Bytes,
) -> Result<(Bytes, Vec<Loss>), Failure> {
    if !surface.wraps(dialect) {
        return Ok((body, Vec::new()));
    }
    let asked = Asked {
        version: crate::headers::text(headers, VERSION).unwrap_or_default(),
        betas: betas(headers),
    };
    let Some(envelope) = surface.envelope(dialect, model, &asked) else {
        return Ok((body, Vec::new()));
    };
    headers.remove(VERSION);
    headers.remove(BETA);
    if let Some(Ok(betas)) = envelope.beta_header().map(HeaderValue::from_str) {
        headers.insert(BETA, betas);
    }
    let wrapped = envelope.apply(&body)?;
    Ok((Bytes::from(wrapped), envelope.losses().to_vec()))
}

/// The names in all `anthropic-beta` headers.
fn betas(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(BETA).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|it| !it.is_empty()).collect()
}

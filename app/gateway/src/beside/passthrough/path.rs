//! Paths that go to a provider as they are written, and never out of its address.

use http::Method;
use http::uri::PathAndQuery;

use backstop_providers::Endpoint;
use backstop_vocabulary::{Class, Failure};

/// How often something may be escaped within an escape and still be looked through.
const ESCAPES_MAX: usize = 4;
/// The longest path that the journal keeps, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

/// Refuses a path that would lead out of the provider's address, however it is escaped: servers
/// differ in what they unescape, and when.
pub(super) fn refuse_escape(path: &str) -> Result<(), Failure> {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..=ESCAPES_MAX {
        let steps = bytes.split(|byte| matches!(byte, b'/' | b'\\'));
        // `..;x` is a step back to some servers.
        let mut names = steps.map(|step| step.split(|byte| *byte == b';').next().unwrap_or(step));
        if names.any(|name| matches!(name, b"." | b"..")) || bytes.contains(&0) {
            let what = "the path leads out of the provider's address: write it without `..`";
            return Err(Failure::new(Class::InvalidRequest, what).with_status(400));
        }
        let once = unescaped(&bytes);
        if once == bytes {
            return Ok(());
        }
        bytes = once;
    }
    let what = "the path is escaped too many times over: escape it once";
    Err(Failure::new(Class::InvalidRequest, what).with_status(400))
}

pub(super) fn unescaped(path: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, tail)) = rest.split_first() {
        let byte = match (first, tail) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        out.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    out
}

/// The path below the provider's address, with the query, both as they were written.
pub(super) fn at_provider(
    endpoint: &Endpoint,
    path: &str,
    query: Option<&str>,
) -> Result<PathAndQuery, Failure> {
    let wrong = || Failure::new(Class::InvalidRequest, "the path cannot be sent").with_status(400);
    let path = if path.is_empty() { "/" } else { path };
    let path = endpoint.path(path).map_err(|_| wrong())?;
    match query {
        Some(query) => format!("{path}?{query}").parse().map_err(|_| wrong()),
        None => Ok(path),
    }
}

/// What the journal shows in the place of a model: method and path, without the query.
pub(super) fn shown(method: &Method, path: &str) -> String {
    let mut shown = format!("{method} {path}");
    // A path is ASCII: any byte is the beginning of a letter.
    shown.truncate(SHOWN_BYTES_MAX);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_providers_address() {
        let out = [
            "/..",
            "/../x",
            "/v1/../../x",
            "/v1/./x",
            "/%2e%2e/x",
            "/v1/%2E./x",
            "/v1/..%2fx",
            "/v1/%2e%2e%2fx",
            "/v1\\..\\x",
            "/v1/%5c..%5cx",
            "/%252e%252e/x",
            "/v1/..;a/x",
            "/%25252e%25252e/x",
            "/v1/x%00",
            "/%2525252525252e/x",
        ];
        for path in out {
            assert!(refuse_escape(path).is_err(), "{path}");
        }
        let fine = [
            "",
            "/",
            "/v1/files",
            "/v1/a%2Fb",
            "/v1/...",
            "/v1/..a",
            "/v1/a..",
            "//v1",
            "/100%",
            "/v1/models/org%2fmodel:x@2",
            "/%zz",
        ];
        for path in fine {
            assert!(refuse_escape(path).is_ok(), "{path}");
        }
    }
}

use std::fmt;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, header};

/// The header that marks a request as having passed this gateway; a request that carries it when it
/// arrives has come round in a loop. The gateway sets and checks it, this crate only names it.
pub const HOP_HEADER: &str = "backstop-hop";

/// Headers that belong to one connection and never travel on (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers of a request that this crate writes itself.
const OURS: [HeaderName; 3] = [HOST, CONTENT_LENGTH, EXPECT];

/// One request to a provider. The address comes from the endpoint; `host` and `content-length` are
/// written here, and hop-by-hop headers are removed before anything is sent.
pub struct Ask<B = Bytes> {
    /// The method, `POST` for almost everything.
    pub method: Method,
    /// The whole path as [`crate::Endpoint::path`] gives it, with the query if any.
    pub path: PathAndQuery,
    /// End-to-end headers, credentials included.
    pub headers: HeaderMap,
    /// The body: whole, and then cheap to clone for a later attempt; or an [`crate::Upload`].
    pub body: B,
}

impl<B> fmt::Debug for Ask<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("method", &self.method)
            .field("path", &self.path.path())
            .field("headers", &Hushed(&self.headers))
            .finish_non_exhaustive()
    }
}

/// Header names with their values, except those of credentials.
pub(crate) struct Hushed<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for Hushed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0 {
            if value.is_sensitive() || is_secret(name) {
                map.entry(&name.as_str(), &format_args!("<hidden>"));
            } else {
                map.entry(&name.as_str(), value);
            }
        }
        map.finish()
    }
}

fn is_secret(name: &HeaderName) -> bool {
    const SECRETS: [HeaderName; 4] =
        [header::AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, header::SET_COOKIE];
    SECRETS.contains(name)
        || ["key", "token", "secret"].iter().any(|word| name.as_str().contains(word))
}

/// Removes what must not travel to the provider, and what is written anew.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    clean_reply(headers);
    for name in &OURS {
        headers.remove(name);
    }
}

/// Removes what the provider said about its own connection only.
pub(crate) fn clean_reply(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        remove_named_by_connection(headers);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn hides_credentials_when_printed() {
        let ask = Ask {
            method: Method::POST,
            path: PathAndQuery::from_static("/v1/messages?key=hush-query"),
            headers: headers(&[
                ("authorization", "Bearer hush-bearer"),
                ("x-api-key", "hush-key"),
                ("x-goog-api-key", "hush-goog"),
                ("cookie", "hush-cookie"),
                ("anthropic-version", "2023-06-01"),
            ]),
            body: Bytes::from_static(b"hush-body"),
        };
        let printed = format!("{ask:?}");
        assert!(!printed.contains("hush"), "{printed}");
        assert!(printed.contains("2023-06-01") && printed.contains("x-api-key"), "{printed}");
    }

    #[test]
    fn removes_hop_by_hop_headers_and_those_that_connection_names() {
        let mut given = headers(&[
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic eDp5"),
            ("host", "elsewhere"),
            ("content-length", "7"),
            ("expect", "100-continue"),
            ("anthropic-beta", "a"),
        ]);
        clean_request(&mut given);
        assert_eq!(given, headers(&[("anthropic-beta", "a")]));
    }
}

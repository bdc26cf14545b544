//! Requests whose path says which model and method: what the path and the query hold is taken out of
//! them before anything else sees the request.

use http::request::Parts;
use http::uri::PathAndQuery;

use backstop_dialects::{Called, Delivery, Framing, Method, Scan, VectorForm};

use backstop_vocabulary::Dialect;

use crate::headers;

/// What the path and the query said.
#[derive(Clone, Debug)]
pub(crate) struct InPath {
    pub(crate) called: Called,
    /// How the client wants the pieces of a stream told apart.
    pub(crate) framing: Framing,
}

/// Reads the path, and takes the client's key out of the query, if this is such a request.
pub(crate) fn take(head: &mut Parts, path: &str) -> Option<InPath> {
    let called = backstop_dialects::called(path);
    if called.is_none() && !path.starts_with("/v1beta") {
        return None;
    }
    let query = head.uri.query().unwrap_or_default().to_owned();
    let events = query.split('&').any(|pair| pair == "alt=sse");
    let rest = headers::take_key_out(&query, &mut head.headers);
    if !query.is_empty() {
        let bare = head.uri.path().to_owned();
        let text = rest.map_or_else(|| bare.clone(), |rest| format!("{bare}?{rest}"));
        let mut parts = std::mem::take(&mut head.uri).into_parts();
        parts.path_and_query = PathAndQuery::try_from(text).ok();
        head.uri = http::Uri::from_parts(parts).unwrap_or_default();
    }
    called.map(|called| {
        let framing = match called.dialect {
            Dialect::Gemini if events => Framing::Sse,
            Dialect::Gemini => Framing::List,
            Dialect::AnthropicMessages
            | Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::BedrockConverse => backstop_dialects::framing(called.dialect),
        };
        InPath { called, framing }
    })
}

impl InPath {
    /// Whether only the number of tokens is asked for.
    pub(crate) fn counts(&self) -> bool {
        self.called.method == Method::Count
    }

    /// The form in which vectors are asked for.
    pub(crate) fn vectors(&self) -> Option<VectorForm> {
        if let Method::Embed(form) = self.called.method { Some(form) } else { None }
    }

    /// Whether a stream is asked for as one list.
    pub(crate) fn wants_list(&self) -> bool {
        self.called.method == Method::Answer(Delivery::Stream) && self.framing == Framing::List
    }

    /// Adds to the scan of the body what stands in the path.
    pub(crate) fn complete(&self, scan: &mut Scan) {
        scan.model_name.clone_from(&self.called.model);
        scan.stream = self.called.method == Method::Answer(Delivery::Stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str) -> Parts {
        http::Request::post(uri).body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_key_in_the_query_becomes_a_header_and_leaves_the_address() {
        let mut head = head("/v1beta/models/m:streamGenerateContent?alt=sse&key=secret&x=1");
        let taken = take(&mut head, "/v1beta/models/m:streamGenerateContent").unwrap();
        assert_eq!((taken.called.model.as_str(), taken.framing), ("m", Framing::Sse));
        assert_eq!(head.uri, "/v1beta/models/m:streamGenerateContent?x=1");
        assert_eq!(head.headers["x-goog-api-key"], "secret");
        let mut scan = Scan::default();
        taken.complete(&mut scan);
        assert!(scan.stream && scan.model_name == "m");
    }

    #[test]
    fn without_alt_a_stream_is_a_list_and_other_paths_are_left_alone() {
        let mut list = head("/v1/models/m:streamGenerateContent?key=k");
        let taken = take(&mut list, "/v1/models/m:streamGenerateContent").unwrap();
        assert_eq!((taken.framing, list.uri.query()), (Framing::List, None));
        let mut other = head("/v1/messages?key=k");
        assert!(take(&mut other, "/v1/messages").is_none());
        assert_eq!(other.uri, "/v1/messages?key=k");
    }
}

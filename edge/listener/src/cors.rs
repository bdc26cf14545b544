use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use crate::AnswerBody;

/// Private Network Access (a draft of the WICG that Chromium sends).
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

/// How long a browser may remember a preflight's answer, in seconds.
const MAX_AGE_S: &str = "600";

/// Which web pages' scripts may call us (the Fetch standard's CORS protocol).
#[derive(Clone, Debug, Default)]
pub struct Cors {
    any: bool,
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Allows these origins, each as a browser sends it (`https://app.example`); `*` allows all.
    /// Text that cannot stand in a header can never match and is left out.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Self {
        let mut cors = Self::default();
        for origin in origins {
            cors.any |= origin == "*";
            cors.origins.extend(HeaderValue::from_str(origin.trim_end_matches('/')));
        }
        cors
    }

    /// Whether scripts of pages from `origin` may call.
    pub fn allows(&self, origin: &HeaderValue) -> bool {
        self.any || self.origins.contains(origin)
    }

    /// The answer to a preflight, or `None` if the request is not one. An origin that is not allowed
    /// gets the answer without permission in it.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<AnswerBody>> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        if self.allow(headers.get(ORIGIN), answer) {
            let methods = HeaderValue::from_static("GET, POST, OPTIONS");
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_S));
            // Any header: keys are checked for what they are, not for who may name them.
            // A page of the internet may call a loopback gateway if its origin is named: some
            // browsers ask for that as well.
            if headers.contains_key(REQUEST_PRIVATE_NETWORK) {
                answer.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
            }
            if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
        }
        Some(response)
    }

    /// Adds what lets a page's script read this answer, if `origin` is allowed.
    pub fn decorate(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if origin.is_some() && self.allow(origin, answer) {
            // `*` covers every header because no credentials mode is ever allowed.
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
        }
    }

    /// Whether any origin is allowed at all; if not, the other calls need not be made.
    pub fn is_off(&self) -> bool {
        !self.any && self.origins.is_empty()
    }

    fn allow(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) -> bool {
        // A cache must not give one origin's answer to another.
        answer.append(VARY, HeaderValue::from_static("origin"));
        let allowed = origin.filter(|origin| self.allows(origin));
        if let Some(origin) = allowed {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        allowed.is_some()
    }
}

use std::fmt;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The request itself, or the client that left.
    Caller,
    /// This gateway or its settings.
    Gateway,
    /// The provider, or the way to it.
    Provider,
}

/// How much a failure says about its target's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Nothing: the target did what it should.
    None,
    /// A soft failure: counts half.
    Half,
    /// A hard failure.
    Full,
}

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $name:ident $code:literal $fault:ident $weight:ident;)+) => {
        /// What was seen. A closed list: every failure a person can meet is one of these, and each
        /// has a page in `docs/reference/failures/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Class {
            /// Every class, in the order docs list them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code: the name in headers, journal, metrics, docs and `backstop explain`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault,)+ }
            }

            /// How much it counts against the health of the target it was seen at.
            pub const fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)+ }
            }
        }
    };
}

classes! {
    // The way there.
    /// The provider's host name could not be resolved.
    DnsFailed "dns_failed" Provider Full;
    /// The connection was refused, or the host cannot be reached.
    ConnectFailed "connect_failed" Provider Full;
    /// DNS, TCP and TLS together took longer than the connect clock allows.
    ConnectTimeout "connect_timeout" Provider Full;
    /// The TLS handshake failed.
    TlsFailed "tls_failed" Provider Full;
    /// A pooled connection was found closed before a byte of the answer: nobody's fault, free to repeat.
    StaleConnection "stale_connection" Provider None;
    /// The connection broke before the answer's head or in the middle of a whole answer.
    ConnectionReset "connection_reset" Provider Full;
    /// The peer broke HTTP itself: a malformed head, an impossible length, an HTTP/2 protocol error.
    ProtocolBroken "protocol_broken" Provider Full;
    // Silence.
    /// No meaningful first token (or whole answer) by the first-token clock.
    FirstTokenTimeout "first_token_timeout" Provider Full;
    /// A stream or body that had begun went silent for longer than the gap clock allows.
    Stalled "stalled" Provider Full;
    /// The target was opened while the attempt waited for its first token, so it was moved elsewhere.
    TargetOpened "target_opened" Provider None;
    // The provider says no.
    /// The provider has no capacity for this model now (529, 503).
    Overloaded "overloaded" Provider Full;
    /// The provider failed (500, 502, 504, 52x, 530, an error frame).
    ServerError "server_error" Provider Full;
    /// A rate limit of the account (429): wait, or use another credential.
    RateLimited "rate_limited" Provider None;
    /// Traffic grew faster than the provider allows (429 `slow_down`, `ramp_limit_exceeded`).
    Acceleration "acceleration" Provider None;
    /// Money or quota is used up (402, or 429 and 400 with a spend code): waiting does not help soon.
    QuotaExhausted "quota_exhausted" Provider None;
    /// The credential was refused (401, 403).
    AuthRefused "auth_refused" Provider None;
    /// No valid token could be had for the credential: its token endpoint fails or refuses.
    IdentityFailed "identity_failed" Provider None;
    /// The provider does not know the model, or this account may not use it (404).
    ModelNotFound "model_not_found" Provider None;
    /// The provider redirects instead of answering.
    Redirected "redirected" Provider Full;
    // The answer is wrong.
    /// A stream ended without its terminal event.
    StreamCut "stream_cut" Provider Full;
    /// The answer cannot be read in its dialect: HTML, broken JSON, a malformed frame, wrong arguments.
    BadAnswer "bad_answer" Provider Full;
    /// A complete answer with nothing in it.
    EmptyAnswer "empty_answer" Provider Half;
    // The question is wrong.
    /// The request is invalid for any provider (400, 422).
    InvalidRequest "invalid_request" Caller None;
    /// The prompt is longer than the model's window.
    ContextTooLong "context_too_long" Caller None;
    /// The body is larger than the limit (413).
    RequestTooLarge "request_too_large" Caller None;
    /// The target cannot do what the request needs; another may.
    UnsupportedFeature "unsupported_feature" Caller None;
    /// An image or document that the request gives by address could not be fetched for a target that
    /// takes no addresses.
    MediaFailed "media_failed" Caller None;
    /// A reasoning artefact was refused: made by another account, model or conversation.
    SignatureRefused "signature_refused" Caller None;
    /// The provider's policy refused the content with an error.
    ContentRefused "content_refused" Caller None;
    /// The path is not part of any dialect we serve.
    UnknownPath "unknown_path" Caller None;
    /// The client sent no gateway key, or a wrong one.
    KeyRefused "key_refused" Caller None;
    /// The client's key is over its own request limit.
    CallerLimited "caller_limited" Caller None;
    /// The client left before the answer was complete.
    ClientLeft "client_left" Caller None;
    // The gateway.
    /// No target of the route can serve this request, now or at all; the message says why.
    NoTarget "no_target" Gateway None;
    /// Every rung of the ladder was tried or closed.
    RungExhausted "rung_exhausted" Gateway None;
    /// The deadline of the request passed before an answer began.
    DeadlinePassed "deadline_passed" Gateway None;
    /// The gateway is at one of its own limits.
    GatewayBusy "gateway_busy" Gateway None;
    /// The request came back to us: a base URL points at this gateway.
    LoopDetected "loop_detected" Gateway None;
    /// A fault of the gateway itself; please report it.
    GatewayFault "gateway_fault" Gateway None;
}

impl Class {
    /// The class with that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.code() == code)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

use std::time::Duration;

/// What goes wrong with a request that a phase hits.
///
/// Every failure the gateway must survive has a symptom here, so that each can be shown through a
/// real socket. Names and knobs are listed in `docs/scenarios.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Symptom {
    /// The connection is refused.
    Refused,
    /// The name cannot be resolved (in replay; over real sockets the connection is refused).
    Dns,
    /// The TLS handshake fails (over real sockets: garbage instead of a handshake).
    Tls,
    /// The connection is reset before the head of an answer.
    ResetBeforeHeaders,
    /// The connection is reset in the middle of the body.
    ResetMidBody,
    /// The connection is closed in the middle of the body, without the last chunk.
    CloseMidBody,
    /// The request is taken and nothing comes.
    HangBeforeHeaders,
    /// A head, then nothing.
    HeadersThenSilence,
    /// The head at once, the first token after this long.
    SlowFirstToken(Duration),
    /// Nothing for this long, then a perfect answer.
    StallThenSuccess(Duration),
    /// Half an answer, then nothing; the socket stays open.
    SilenceMidStream,
    /// Pings (or comments) and never a token.
    PingsOnly,
    /// Half an answer, then a clean end of the body without a terminal event.
    CutStream,
    /// An error frame inside a 200.
    ErrorInStream(ErrorForm, ErrorPlace),
    /// An error as JSON with status 200.
    JsonError200,
    /// A web page instead of JSON, with this status.
    Html(u16),
    /// One frame that is no JSON among good ones.
    MalformedFrame,
    /// A whole stream without its very last event (`[DONE]`, `message_stop`).
    MissingDone,
    /// A whole answer without content.
    EmptyAnswer,
    /// Arguments of tool calls (or a JSON answer) that are no JSON. Hits nothing else.
    GarbledArguments,
    /// An error status in the form of the real API.
    Says(Complaint),
    /// A redirect to itself, for ever.
    Redirect,
    /// A perfect answer at this many tokens a second.
    SlowTokens(u32),
    /// A perfect answer of this many bytes of text.
    LongAnswer(u32),
    /// A head of 256 KiB.
    HeaderFlood,
}

/// An error status, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// 400 for a request that is right.
    BadRequest,
    /// 401 for a key that is right.
    Auth401,
    /// 403 for a key that is right.
    Auth403,
    /// 402: money.
    Payment,
    /// 404 for a model that exists.
    ModelNotFound,
    /// 429: the account's rate limit, with this advice.
    RateLimit(RetryAdvice),
    /// 429: quota or spend limit; waiting does not help.
    Quota,
    /// 429: traffic grew too fast.
    Acceleration,
    /// An error of this status: 500, 502, 503, 504, 529, 530…
    Status(u16),
}

/// The form of an error frame inside a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorForm {
    /// The dialect's own.
    #[default]
    Dialect,
    /// The flat form of older vLLM servers, which no official client recognises.
    Flat,
    /// Bare JSON without `data:`.
    Bare,
}

/// Where in the stream an error frame stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorPlace {
    /// Before any content.
    First,
    /// After half of the content.
    #[default]
    Middle,
}

/// What a 429 says about coming back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAdvice {
    /// Nothing.
    None,
    /// `retry-after`, in seconds.
    Seconds(u32),
}

/// Numbers that a symptom may be given; each applies to some symptoms only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Knobs {
    /// How long a slow symptom waits.
    pub after: Option<Duration>,
    /// The status of `html`.
    pub status: Option<u16>,
    /// The `retry-after` of `rate_limit`, in seconds.
    pub retry_after_s: Option<u32>,
    /// The speed of `slow_tokens`.
    pub tokens_per_second: Option<u32>,
    /// The size of `long_answer`.
    pub bytes: Option<u32>,
}

/// Every name with what it means when no knob is turned.
const NAMES: &[(&str, Symptom)] = &[
    ("refused", Symptom::Refused),
    ("dns", Symptom::Dns),
    ("tls", Symptom::Tls),
    ("reset_before_headers", Symptom::ResetBeforeHeaders),
    ("reset_mid_body", Symptom::ResetMidBody),
    ("close_mid_body", Symptom::CloseMidBody),
    ("hang_before_headers", Symptom::HangBeforeHeaders),
    ("headers_then_silence", Symptom::HeadersThenSilence),
    ("slow_first_token", Symptom::SlowFirstToken(Duration::from_secs(20))),
    ("stall_then_success", Symptom::StallThenSuccess(Duration::from_secs(30))),
    ("silence_mid_stream", Symptom::SilenceMidStream),
    ("pings_only", Symptom::PingsOnly),
    ("cut_stream", Symptom::CutStream),
    ("error_in_stream", Symptom::ErrorInStream(ErrorForm::Dialect, ErrorPlace::Middle)),
    ("error_first_in_stream", Symptom::ErrorInStream(ErrorForm::Dialect, ErrorPlace::First)),
    ("error_in_stream_flat", Symptom::ErrorInStream(ErrorForm::Flat, ErrorPlace::Middle)),
    ("error_in_stream_bare", Symptom::ErrorInStream(ErrorForm::Bare, ErrorPlace::Middle)),
    ("json_error_200", Symptom::JsonError200),
    ("html", Symptom::Html(200)),
    ("malformed_frame", Symptom::MalformedFrame),
    ("missing_done", Symptom::MissingDone),
    ("empty_answer", Symptom::EmptyAnswer),
    ("garbled_arguments", Symptom::GarbledArguments),
    ("bad_request_400", Symptom::Says(Complaint::BadRequest)),
    ("auth_401", Symptom::Says(Complaint::Auth401)),
    ("auth_403", Symptom::Says(Complaint::Auth403)),
    ("payment_402", Symptom::Says(Complaint::Payment)),
    ("model_not_found_404", Symptom::Says(Complaint::ModelNotFound)),
    ("rate_limit", Symptom::Says(Complaint::RateLimit(RetryAdvice::Seconds(1)))),
    ("rate_limit_absurd", Symptom::Says(Complaint::RateLimit(RetryAdvice::Seconds(86_400)))),
    ("rate_limit_bare", Symptom::Says(Complaint::RateLimit(RetryAdvice::None))),
    ("false_rate_limit", Symptom::Says(Complaint::RateLimit(RetryAdvice::Seconds(20)))),
    ("quota", Symptom::Says(Complaint::Quota)),
    ("acceleration", Symptom::Says(Complaint::Acceleration)),
    ("http_500", Symptom::Says(Complaint::Status(500))),
    ("http_502", Symptom::Says(Complaint::Status(502))),
    ("http_503", Symptom::Says(Complaint::Status(503))),
    ("http_504", Symptom::Says(Complaint::Status(504))),
    ("http_529", Symptom::Says(Complaint::Status(529))),
    ("http_530", Symptom::Says(Complaint::Status(530))),
    ("redirect", Symptom::Redirect),
    ("slow_tokens", Symptom::SlowTokens(2)),
    ("long_answer", Symptom::LongAnswer(20 << 20)),
    ("header_flood", Symptom::HeaderFlood),
];

impl Symptom {
    /// Every symptom's name with its default form, in the order docs list them.
    pub const ALL: &'static [(&'static str, Self)] = NAMES;

    /// The symptom of that name with these knobs. A knob that does not apply changes nothing.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most symptoms have no knob")]
    pub fn named(name: &str, knobs: &Knobs) -> Option<Self> {
        let (_, symptom) = NAMES.iter().find(|(known, _)| *known == name)?;
        Some(match *symptom {
            Self::SlowFirstToken(after) => Self::SlowFirstToken(knobs.after.unwrap_or(after)),
            Self::StallThenSuccess(after) => Self::StallThenSuccess(knobs.after.unwrap_or(after)),
            Self::Html(status) => Self::Html(knobs.status.unwrap_or(status)),
            Self::Says(Complaint::RateLimit(RetryAdvice::Seconds(seconds))) => {
                let seconds = knobs.retry_after_s.unwrap_or(seconds);
                Self::Says(Complaint::RateLimit(RetryAdvice::Seconds(seconds)))
            }
            Self::SlowTokens(speed) => Self::SlowTokens(knobs.tokens_per_second.unwrap_or(speed)),
            Self::LongAnswer(bytes) => Self::LongAnswer(knobs.bytes.unwrap_or(bytes)),
            same => same,
        })
    }

    /// The name it is best known by.
    pub fn name(self) -> &'static str {
        let exact = NAMES.iter().find(|(_, symptom)| *symptom == self);
        let kin = || {
            let kind = std::mem::discriminant(&self);
            NAMES.iter().find(|(_, symptom)| std::mem::discriminant(symptom) == kind)
        };
        exact.or_else(kin).map_or("unknown", |(name, _)| name)
    }

    /// Whether it shows when connecting, before a request can be sent.
    pub const fn at_connect(self) -> bool {
        matches!(self, Self::Refused | Self::Dns | Self::Tls)
    }
}

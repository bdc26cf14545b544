//! Errors: what a provider's means, and ours in this dialect's own words.

mod meaning;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use backstop_vocabulary::{Class, Dialect, Failure};

use self::meaning::{Report, meaning};
use crate::errors::{message_of, page_failure};
use crate::words::{Told, told, with_words};
use crate::{ErrorHead, WrittenError};

/// Says what an error response means: by the reason in its details first, then by its status word
/// and wording, by the HTTP status last.
pub(crate) fn read_error(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    let report = Report::of(body);
    let inner = report.as_ref().map_or(502, Report::status_inside);
    let status = if head.status < 300 { inner } else { head.status };
    let meant = ErrorHead { status, ..*head };
    let failure = match report {
        Some(report) => report_failure(&meant, &report),
        None => page_failure(&meant, body),
    };
    failure.with_status(head.status)
}

fn report_failure(head: &ErrorHead<'_>, report: &Report) -> Failure {
    let mut failure = head.failure_by_status();
    if let Some((class, scope)) = meaning(head.status, report) {
        failure.class = class;
        failure.scope = scope.unwrap_or_else(|| Failure::new(class, "").scope);
        failure.message = message_of(class).into();
    }
    let code = report.code();
    if let Some(code) = code {
        failure.message = format!("{} ({code})", failure.message).into();
    }
    failure.stay_away = report.stay_away().or(failure.stay_away);
    let failure = failure.with_provider_code(code);
    with_words(Dialect::Gemini, head.status, failure, &report.said)
}

/// What an error inside a 200 means: in a stream's frame or in a whole answer.
pub(super) fn inside(body: &[u8]) -> Failure {
    read_error(&ErrorHead { status: 200, ..ErrorHead::default() }, body)
}

/// Whether a body is an error as Google's services write it: with a number, and a status in words.
pub(crate) fn is_error(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    // A stream in one list has its error in a list of one.
    let error = value.get(0).unwrap_or(&value).get("error");
    let word = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    error.is_some_and(|error| {
        error.get("code").is_some_and(Value::is_number)
            && error.get("status").and_then(Value::as_str).is_some_and(word)
    })
}

/// Whether a body is an error without the object around it.
pub(super) fn is_flat(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    value.get("candidates").is_none()
        && value.get("message").is_some_and(Value::is_string)
        && (value.get("status").is_some() || value.get("code").is_some())
}

/// Writes an error of ours as the API would.
pub(crate) fn write_error(failure: &Failure, request_id: &str) -> WrittenError {
    let (status, word, reason) = words_of(failure.class);
    let error = match told(Dialect::Gemini, failure) {
        Told::Whole { status, mut error } => {
            if !error.get("code").is_some_and(Value::is_number) {
                error.insert("code".to_owned(), status.into());
            }
            filled(&mut error, "message", &failure.message);
            filled(&mut error, "status", word);
            let body = json!({ "error": error }).to_string().into_bytes();
            return WrittenError { status, body, aws_error: None };
        }
        Told::Message(mut message) => {
            if status >= 500 && !request_id.is_empty() {
                message = format!("{message} (request id {request_id})");
            }
            json!({ "code": status, "message": message, "status": word,
                    "details": details(failure, reason) })
        }
    };
    let body = json!({ "error": error }).to_string().into_bytes();
    WrittenError { status, body, aws_error: None }
}

/// Says what the provider left out.
fn filled(error: &mut Map<String, Value>, name: &str, ours: &str) {
    if !error.get(name).is_some_and(Value::is_string) {
        error.insert(name.to_owned(), ours.into());
    }
}

fn details(failure: &Failure, reason: &str) -> Value {
    let mut details = vec![json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "backstop",
        "metadata": { "code": failure.class.code() },
    })];
    if let Some(wait) = failure.stay_away {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", wait.as_secs().max(1)),
        }));
    }
    details.into()
}

/// The data of the frame that ends a broken stream.
pub(super) fn stream_error(failure: &Failure) -> Value {
    json!({ "error": { "code": 503, "message": failure.message, "status": "UNAVAILABLE" } })
}

/// The HTTP status, the status word, and the reason for the details.
const fn words_of(class: Class) -> (u16, &'static str, &'static str) {
    const ARGUMENT: &str = "INVALID_ARGUMENT";
    const UNAVAILABLE: &str = "UNAVAILABLE";
    match class {
        Class::InvalidRequest => (400, ARGUMENT, "INVALID_REQUEST"),
        Class::ContextTooLong => (400, ARGUMENT, "CONTEXT_TOO_LONG"),
        Class::UnsupportedFeature => (400, ARGUMENT, "UNSUPPORTED_FEATURE"),
        Class::MediaFailed => (400, ARGUMENT, "MEDIA_FAILED"),
        Class::SignatureRefused => (400, ARGUMENT, "INVALID_THOUGHT_SIGNATURE"),
        Class::ContentRefused => (400, ARGUMENT, "CONTENT_REFUSED"),
        Class::RequestTooLarge => (413, ARGUMENT, "REQUEST_TOO_LARGE"),
        Class::UnknownPath => (404, "NOT_FOUND", "UNKNOWN_PATH"),
        Class::ModelNotFound => (404, "NOT_FOUND", "MODEL_NOT_FOUND"),
        Class::KeyRefused => (401, "UNAUTHENTICATED", "API_KEY_INVALID"),
        Class::CallerLimited | Class::RateLimited | Class::Acceleration => {
            (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED")
        }
        Class::QuotaExhausted => (429, "RESOURCE_EXHAUSTED", "QUOTA_EXHAUSTED"),
        Class::ClientLeft => (499, "CANCELLED", "CLIENT_LEFT"),
        Class::GatewayFault | Class::ServerError => (500, "INTERNAL", "SERVER_ERROR"),
        Class::BadAnswer
        | Class::EmptyAnswer
        | Class::StreamCut
        | Class::Redirected
        | Class::ProtocolBroken
        | Class::ConnectionReset
        | Class::StaleConnection
        | Class::TlsFailed
        | Class::IdentityFailed
        | Class::AuthRefused => (502, UNAVAILABLE, "BAD_GATEWAY"),
        Class::FirstTokenTimeout
        | Class::Stalled
        | Class::ConnectTimeout
        | Class::DeadlinePassed => (504, "DEADLINE_EXCEEDED", "TIMEOUT"),
        Class::LoopDetected => (508, "INTERNAL", "LOOP_DETECTED"),
        Class::DnsFailed
        | Class::ConnectFailed
        | Class::TargetOpened
        | Class::Overloaded
        | Class::RungExhausted
        | Class::GatewayBusy => (503, UNAVAILABLE, "OVERLOADED"),
        Class::NoTarget => (503, UNAVAILABLE, "NO_TARGET"),
    }
}

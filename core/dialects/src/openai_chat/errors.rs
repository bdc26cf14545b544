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

/// Says what an error response means: by code first, then type, then status, wording last.
pub(crate) fn read_error(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    read_error_of(Dialect::OpenaiChat, head, body)
}

/// The same for either dialect of `OpenAI`, whose errors differ in nothing but who reads their words.
pub(crate) fn read_error_of(dialect: Dialect, head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    let report = Report::of(body);
    // In a 200, and from some routers, the status that counts stands in the body.
    let inner = report.as_ref().map_or(502, Report::status_inside);
    let status = if head.status < 300 { inner } else { head.status };
    let meant = ErrorHead { status, ..*head };
    let failure = match report {
        Some(report) => report_failure(dialect, &meant, &report),
        None => page_failure(&meant, body),
    };
    failure.with_status(head.status)
}

fn report_failure(dialect: Dialect, head: &ErrorHead<'_>, report: &Report) -> Failure {
    let mut failure = head.failure_by_status();
    if let Some((class, scope)) = meaning(report, head) {
        let usual = Failure::new(class, "");
        failure.class = class;
        failure.scope = scope.unwrap_or(usual.scope);
        failure.message = message_of(class).into();
    }
    let code = [&report.code, &report.kind].into_iter().find(|code| is_plain(code));
    let param = is_plain(&report.param).then_some(report.param.as_str());
    failure.message = described(&failure.message, param, code.map(String::as_str)).into();
    let failure = failure.with_provider_code(code.map(String::as_str));
    with_words(dialect, head.status, failure, &report.said)
}

/// What an error inside a 200 means: in a stream's frame or in a whole answer.
pub(super) fn inside(body: &[u8]) -> Failure {
    read_error(&ErrorHead { status: 200, ..ErrorHead::default() }, body)
}

/// Adds the names of field and code. The provider's own wording stays out of what is logged: it
/// quotes prompts and parts of keys.
fn described(message: &str, param: Option<&str>, code: Option<&str>) -> String {
    match (param, code) {
        (Some(param), Some(code)) => format!("{message} (`{param}`: {code})"),
        (Some(name), None) | (None, Some(name)) => format!("{message} ({name})"),
        (None, None) => message.to_owned(),
    }
}

/// Whether a text is a name, such as `messages[0].content` or `invalid_value`, and not prose.
fn is_plain(text: &str) -> bool {
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']');
    !text.is_empty() && text.len() <= 80 && text.bytes().all(name)
}

/// Writes an error of ours as `OpenAI` would, so that SDKs and agents retry what may pass and give up
/// on what cannot. Transient faults are `server_error`: some agents take the overload codes for final.
pub(crate) fn write_error(failure: &Failure, request_id: &str) -> WrittenError {
    write_error_of(Dialect::OpenaiChat, failure, request_id)
}

/// The same for a client of either dialect of `OpenAI`.
pub(crate) fn write_error_of(
    dialect: Dialect,
    failure: &Failure,
    request_id: &str,
) -> WrittenError {
    let (status, kind, code, param) = words_of(failure.class);
    let error = match told(dialect, failure) {
        Told::Whole { status, mut error } => {
            filled(&mut error, "message", failure.message.as_ref().into());
            filled(&mut error, "type", kind.into());
            filled(&mut error, "param", param.into());
            filled(&mut error, "code", code.into());
            let body = json!({ "error": error }).to_string().into_bytes();
            return WrittenError { status, body, aws_error: None };
        }
        Told::Message(mut message) => {
            if status >= 500 && !request_id.is_empty() {
                message = format!("{message} (request id {request_id})");
            }
            json!({ "message": message, "type": kind, "param": param, "code": code })
        }
    };
    let body = json!({ "error": error }).to_string().into_bytes();
    WrittenError { status, body, aws_error: None }
}

/// Says what the provider left out. A number for a code is a status and no code.
fn filled(error: &mut Map<String, Value>, name: &str, ours: Value) {
    if !error.get(name).is_some_and(Value::is_string) {
        error.insert(name.to_owned(), ours);
    }
}

/// The data of the frame that ends a broken stream.
pub(super) fn stream_error(failure: &Failure) -> Value {
    json!({ "error": {
        "message": failure.message,
        "type": "server_error",
        "code": "upstream_stream_interrupted",
        "param": null,
    }})
}

type Words = (u16, &'static str, Option<&'static str>, Option<&'static str>);

const fn words_of(class: Class) -> Words {
    const INVALID: &str = "invalid_request_error";
    const SERVER: &str = "server_error";
    match class {
        Class::InvalidRequest => (400, INVALID, None, None),
        Class::ContextTooLong => (400, INVALID, Some("context_length_exceeded"), Some("messages")),
        Class::RequestTooLarge => (413, INVALID, Some("request_too_large"), None),
        Class::UnsupportedFeature => (400, INVALID, Some("unsupported_value"), None),
        Class::MediaFailed => (400, INVALID, Some("media_failed"), None),
        Class::SignatureRefused => (400, INVALID, Some("invalid_encrypted_content"), None),
        Class::ContentRefused => (400, INVALID, Some("content_policy_violation"), None),
        Class::UnknownPath => (404, INVALID, Some("unknown_url"), None),
        Class::ModelNotFound => (404, INVALID, Some("model_not_found"), Some("model")),
        Class::KeyRefused => (401, INVALID, Some("invalid_api_key"), None),
        Class::CallerLimited | Class::RateLimited | Class::Acceleration => {
            (429, "rate_limit_error", Some("rate_limit_exceeded"), None)
        }
        Class::QuotaExhausted => (429, "insufficient_quota", Some("insufficient_quota"), None),
        Class::ClientLeft => (499, INVALID, Some("client_closed_request"), None),
        Class::GatewayFault | Class::ServerError => (500, SERVER, Some(SERVER), None),
        Class::BadAnswer
        | Class::EmptyAnswer
        | Class::StreamCut
        | Class::Redirected
        | Class::ProtocolBroken
        | Class::ConnectionReset
        | Class::StaleConnection
        | Class::TlsFailed
        | Class::AuthRefused
        | Class::IdentityFailed => (502, SERVER, Some(SERVER), None),
        Class::FirstTokenTimeout
        | Class::Stalled
        | Class::ConnectTimeout
        | Class::DeadlinePassed => (504, SERVER, Some("timeout"), None),
        Class::LoopDetected => (508, SERVER, Some("loop_detected"), None),
        Class::DnsFailed
        | Class::ConnectFailed
        | Class::TargetOpened
        | Class::Overloaded
        | Class::NoTarget
        | Class::RungExhausted
        | Class::GatewayBusy => (503, SERVER, Some(SERVER), None),
    }
}

//! Errors of this dialect: what a provider's mean, and how the gateway's are written.

use backstop_vocabulary::{Class, Dialect, Failure, Fault, Scope};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::errors::{ErrorHead, WrittenError, is_html, message_of, of_page};
use crate::words::{Told, told, with_words};

/// The `error` of an error body or frame.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct WireError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    details: Option<Value>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Option<WireError>,
}

pub(crate) fn read_error(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    let parsed = serde_json::from_slice::<ErrorBody>(body).ok().and_then(|body| body.error);
    let Some(error) = parsed else { return without_words(head, body) };
    classify(head, &error)
}

/// A response without an error body of this dialect: an edge, a proxy, another server.
fn without_words(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    let failure = head.failure_by_status();
    if is_html(head.content_type, body) && failure.fault() == Fault::Provider {
        return of_page(failure);
    }
    failure
}

/// What an error means: by its code first, its type second, the status third, its words last.
pub(super) fn classify(head: &ErrorHead<'_>, error: &WireError) -> Failure {
    let kind = error.kind.as_deref().unwrap_or_default();
    let code = error.details.as_ref().and_then(|details| details["error_code"].as_str());
    let words = error.message.as_deref().unwrap_or_default();
    let class = code
        .and_then(class_of_code)
        .or_else(|| class_of_words(kind, words))
        .or_else(|| class_of_kind(kind, head))
        .unwrap_or_else(|| head.failure_by_status().class);
    let failure = Failure::new(class, message_of(class))
        .with_stay_away(head.stay_away())
        .with_provider_code(code.or(error.kind.as_deref()));
    let failure = with_words(Dialect::AnthropicMessages, head.status, failure, &error.said());
    let failure = if head.status == 200 { failure } else { failure.with_status(head.status) };
    with_reach(failure, head.status, code.unwrap_or_default())
}

impl WireError {
    /// The parts that clients read.
    fn said(&self) -> Value {
        json!({ "type": self.kind, "message": self.message, "details": self.details })
    }
}

fn with_reach(failure: Failure, status: u16, code: &str) -> Failure {
    if failure.class == Class::AuthRefused && status == 403 {
        // One of our keys may not use this model; others and other models may work.
        return failure.with_scope(Scope::Target);
    }
    if status == 409 {
        return failure.with_scope(Scope::Request);
    }
    if code.starts_with("cmek_") {
        return failure.with_scope(Scope::Credential);
    }
    failure
}

fn class_of_code(code: &str) -> Option<Class> {
    Some(match code {
        "enforced_spend_limit_reached"
        | "contract_spend_limit_reached"
        | "linked_organization_billing_unavailable"
        | "linked_organization_spend_limit_reached"
        | "organization_on_hold"
        | "user_profile_not_billable" => Class::QuotaExhausted,
        "ramp_limit_exceeded" => Class::Acceleration,
        "request_body_too_large_after_decoding" => Class::RequestTooLarge,
        "cmek_context_unavailable" | "cmek_key_unreachable" | "cmek_key_disabled" => {
            Class::ServerError
        }
        "compaction_unavailable" => Class::Overloaded,
        "thread_unsupported_request" => Class::UnsupportedFeature,
        "thread_not_found"
        | "thread_already_continued"
        | "thread_continue_in_flight"
        | "file_expired" => Class::InvalidRequest,
        _ => return None,
    })
}

/// The wordings worth telling apart, where the API gives no code. They are not stable.
fn class_of_words(kind: &str, words: &str) -> Option<Class> {
    if kind != "invalid_request_error" {
        return None;
    }
    let words = words.to_ascii_lowercase();
    let any = |marks: &[&str]| marks.iter().any(|mark| words.contains(mark));
    if any(&["prompt is too long", "exceed context limit", "context window"]) {
        return Some(Class::ContextTooLong);
    }
    if any(&["signature` in `thinking", "bound to a different conversation", "thinking.signature"])
        || (words.contains("signature") && words.contains("thinking"))
        || words.contains("expected `thinking` or `redacted_thinking`")
    {
        return Some(Class::SignatureRefused);
    }
    if any(&["credit balance is too low", "usage limit", "spend limit", "spending limit"]) {
        return Some(Class::QuotaExhausted);
    }
    let feature = any(&[
        "does not support",
        "not supported",
        "is not available on this model",
        "assistant message prefill",
        "is deprecated for this model",
        "`temperature` and `top_p` cannot both",
        "anthropic-beta",
        "invalid beta flag",
    ]);
    if feature {
        return Some(Class::UnsupportedFeature);
    }
    any(&["content filtering policy", "usage policy"]).then_some(Class::ContentRefused)
}

fn class_of_kind(kind: &str, head: &ErrorHead<'_>) -> Option<Class> {
    Some(match kind {
        "invalid_request_error" => match head.status {
            // The API uses this type for statuses it has no own type for.
            0..=200 | 400 | 422 => Class::InvalidRequest,
            _ => return None,
        },
        "authentication_error" | "permission_error" => Class::AuthRefused,
        "billing_error" => Class::QuotaExhausted,
        "not_found_error" => Class::ModelNotFound,
        "request_too_large" => Class::RequestTooLarge,
        "rate_limit_error" => {
            let never = head.should_retry.is_some_and(|should| should.trim() == "false");
            let waits = head.retry_after.is_some() || head.retry_after_ms.is_some();
            if never && !waits { Class::QuotaExhausted } else { Class::RateLimited }
        }
        "overloaded_error" => Class::Overloaded,
        "api_error" | "timeout_error" | "conflict_error" => match head.status {
            503 | 529 => Class::Overloaded,
            _ => Class::ServerError,
        },
        _ => return None,
    })
}

pub(crate) fn write_error(failure: &Failure, request_id: &str) -> WrittenError {
    let (usual, kind) = shape(failure.class);
    let status = match told(Dialect::AnthropicMessages, failure) {
        Told::Whole { status, .. } => status,
        Told::Message(_) => usual,
    };
    let body = error_json(kind, failure, request_id).to_string().into_bytes();
    WrittenError { status, body, aws_error: None }
}

/// The data of an `error` frame: something a client may try again, unless the fault is its own.
pub(super) fn error_frame_json(failure: &Failure, request_id: &str) -> Value {
    let kind = match shape(failure.class).1 {
        "not_found_error" if failure.fault() != Fault::Caller => "api_error",
        kind => kind,
    };
    error_json(kind, failure, request_id)
}

fn error_json(kind: &str, failure: &Failure, request_id: &str) -> Value {
    let error = match told(Dialect::AnthropicMessages, failure) {
        Told::Whole { error, .. } => filled(error, kind, failure),
        Told::Message(message) => {
            json!({ "type": kind, "message": message, "details": details(failure) })
        }
    };
    json!({ "type": "error", "error": error, "request_id": request_id })
}

/// Says what the provider left out.
fn filled(mut error: Map<String, Value>, kind: &str, failure: &Failure) -> Value {
    if !error.get("type").is_some_and(Value::is_string) {
        error.insert("type".to_owned(), kind.into());
    }
    if !error.get("message").is_some_and(Value::is_string) {
        error.insert("message".to_owned(), failure.message.as_ref().into());
    }
    let mut ours = details(failure);
    if let (Some(ours), Some(theirs)) =
        (ours.as_object_mut(), error.get("details").and_then(Value::as_object))
    {
        ours.extend(theirs.clone());
    }
    error.insert("details".to_owned(), ours);
    error.into()
}

fn details(failure: &Failure) -> Value {
    // The official tool runners act upon these codes: with `thread_unsupported_request` they go on
    // without a thread, with the others they replay the history.
    let thread = failure.provider_code.as_deref().filter(|code| code.starts_with("thread_"));
    let code = thread.unwrap_or_else(|| failure.class.code());
    json!({ "error_code": code })
}

/// The status and `error.type` that clients of this dialect act upon rightly.
const fn shape(class: Class) -> (u16, &'static str) {
    match class {
        Class::InvalidRequest
        | Class::ContextTooLong
        | Class::UnsupportedFeature
        | Class::MediaFailed
        | Class::SignatureRefused
        | Class::ContentRefused => (400, "invalid_request_error"),
        Class::KeyRefused => (401, "authentication_error"),
        Class::UnknownPath | Class::ModelNotFound => (404, "not_found_error"),
        // Not 404: agents then tell their users that the model does not exist.
        Class::NoTarget => (503, "api_error"),
        Class::RequestTooLarge => (413, "request_too_large"),
        Class::RateLimited | Class::Acceleration | Class::QuotaExhausted | Class::CallerLimited => {
            (429, "rate_limit_error")
        }
        Class::FirstTokenTimeout
        | Class::Stalled
        | Class::ConnectTimeout
        | Class::DeadlinePassed => (504, "timeout_error"),
        Class::Overloaded | Class::RungExhausted | Class::GatewayBusy => (529, "overloaded_error"),
        Class::LoopDetected => (508, "api_error"),
        Class::GatewayFault => (500, "api_error"),
        Class::ClientLeft => (499, "api_error"),
        Class::DnsFailed
        | Class::ConnectFailed
        | Class::TlsFailed
        | Class::StaleConnection
        | Class::ConnectionReset
        | Class::ProtocolBroken
        | Class::TargetOpened
        | Class::ServerError
        | Class::AuthRefused
        | Class::IdentityFailed
        | Class::Redirected
        | Class::StreamCut
        | Class::BadAnswer
        | Class::EmptyAnswer => (502, "api_error"),
    }
}

#[cfg(test)]
mod tests;

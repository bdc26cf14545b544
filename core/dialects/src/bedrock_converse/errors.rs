//! Errors of this dialect: what a provider's mean, and how the gateway's are written.

use backstop_vocabulary::{Class, Failure, Fault};
use serde_json::{Value, json};

use super::wire::HERE;
use crate::aws;
use crate::errors::{ErrorHead, WrittenError, is_html, of_page};
use crate::words::{Told, told};

pub(crate) fn read_error(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    if let Some(failure) = aws::read_error(head, body) {
        return failure;
    }
    let failure = head.failure_by_status();
    if failure.class == Class::BadAnswer && is_message(body) {
        // An exception inside a good status, without its name.
        return Failure { class: Class::ServerError, ..failure };
    }
    if is_html(head.content_type, body) && failure.fault() == Fault::Provider {
        return of_page(failure);
    }
    failure
}

/// Whether a body is the message of an exception.
pub(crate) fn is_message(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    value.get("message").is_some_and(Value::is_string) && value.get("output").is_none()
}

pub(crate) fn write_error(failure: &Failure, _request_id: &str) -> WrittenError {
    let (usual, name) = shape(failure.class);
    let (status, message) = match told(HERE, failure) {
        Told::Whole { status, error } => {
            let said = error.get("message").and_then(Value::as_str);
            (status, said.unwrap_or(&failure.message).to_owned())
        }
        Told::Message(message) => (usual, message),
    };
    let body = json!({ "message": message, "code": failure.class.code() });
    WrittenError { status, body: body.to_string().into_bytes(), aws_error: Some(name) }
}

/// The exception that ends a broken stream: one that clients know, and may try again after unless the
/// fault is their own.
pub(super) fn exception_of(failure: &Failure) -> (&'static str, Value) {
    let message = match told(HERE, failure) {
        Told::Whole { error, .. } => {
            error.get("message").and_then(Value::as_str).unwrap_or(&failure.message).to_owned()
        }
        Told::Message(message) => message,
    };
    let name = match shape(failure.class).1 {
        "ThrottlingException" => "throttlingException",
        "ServiceUnavailableException" => "serviceUnavailableException",
        "ValidationException" => "validationException",
        _ => "internalServerException",
    };
    (name, json!({ "message": message }))
}

/// The status and the exception that clients of this dialect act upon rightly. SDKs try again after
/// throttling, and after 500 and 503.
const fn shape(class: Class) -> (u16, &'static str) {
    match class {
        Class::InvalidRequest
        | Class::ContextTooLong
        | Class::UnsupportedFeature
        | Class::MediaFailed
        | Class::SignatureRefused
        | Class::ContentRefused => (400, "ValidationException"),
        Class::RequestTooLarge => (413, "ValidationException"),
        Class::KeyRefused => (403, "AccessDeniedException"),
        Class::UnknownPath | Class::ModelNotFound => (404, "ResourceNotFoundException"),
        Class::QuotaExhausted => (400, "ServiceQuotaExceededException"),
        Class::RateLimited | Class::Acceleration | Class::CallerLimited => {
            (429, "ThrottlingException")
        }
        Class::FirstTokenTimeout
        | Class::Stalled
        | Class::ConnectTimeout
        | Class::DeadlinePassed => (504, "ModelTimeoutException"),
        // Not 404: agents then tell their users that the model does not exist.
        Class::NoTarget | Class::Overloaded | Class::RungExhausted | Class::GatewayBusy => {
            (503, "ServiceUnavailableException")
        }
        Class::LoopDetected => (508, "InternalServerException"),
        Class::GatewayFault
        | Class::ClientLeft
        | Class::DnsFailed
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
        | Class::EmptyAnswer => (500, "InternalServerException"),
    }
}

#[cfg(test)]
mod tests;

//! Errors: what a provider's means, and ours in this dialect's own words.
//!
//! The provider is the same as of Chat Completions, and so are the codes; what differs is where an
//! error stands, and what is kept by the provider.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use backstop_vocabulary::{Class, Dialect, Failure};

use crate::openai_chat;
use crate::{ErrorHead, WrittenError};

/// Says what an error response means: by code first, then type, then status, wording last.
pub(crate) fn read_error(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    openai_chat::read_error_of(Dialect::OpenaiResponses, head, body)
}

/// What an error inside a 200 means: a whole body, or the data of an event.
///
/// It stands under `error`, under `response.error`, or flat beside the type of the event.
pub(super) fn inside(body: &[u8]) -> Failure {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let given = |error: Option<&Value>| error.filter(|error| !error.is_null()).cloned();
    let nested = given(value.pointer("/response/error")).or_else(|| given(value.get("error")));
    let mut error = nested.unwrap_or_else(|| {
        json!({
            "code": value.get("code"), "message": value.get("message"), "param": value.get("param"),
        })
    });
    let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
    if let (Some(kind), Some(fields)) = (kind_of(code), error.as_object_mut()) {
        fields.insert("type".to_owned(), kind.into());
    }
    let head = ErrorHead { status: 200, ..ErrorHead::default() };
    read_error(&head, json!({ "error": error }).to_string().as_bytes())
}

/// The type an error would have had outside an answer, which is what tells its status: inside one
/// there is only a code.
fn kind_of(code: &str) -> Option<&'static str> {
    match code {
        "rate_limit_exceeded" => Some("rate_limit_error"),
        "invalid_image"
        | "empty_image_file"
        | "failed_to_download_image"
        | "image_too_large"
        | "image_too_small"
        | "image_parse_error"
        | "invalid_image_format"
        | "invalid_base64_image"
        | "invalid_image_url"
        | "invalid_image_mode"
        | "image_file_too_large"
        | "unsupported_image_media_type"
        | "image_file_not_found" => Some("invalid_request_error"),
        _ => None,
    }
}

/// Writes an error of ours as `OpenAI` would.
pub(crate) fn write_error(failure: &Failure, request_id: &str) -> WrittenError {
    let dialect = Dialect::OpenaiResponses;
    let written = openai_chat::write_error_of(dialect, failure, request_id);
    let Ok(mut body) = serde_json::from_slice::<Value>(&written.body) else { return written };
    if failure.class == Class::ContextTooLong {
        body["error"]["param"] = "input".into();
    }
    // What our own refusals say about state that nobody here holds.
    if matches!(failure.class, Class::UnsupportedFeature | Class::UnknownPath)
        && failure.status.is_none()
        && let Some(code) = &failure.provider_code
    {
        body["error"]["code"] = code.as_ref().into();
    }
    WrittenError { body: body.to_string().into_bytes(), ..written }
}

/// The error of the event that ends a broken stream. Agents take the codes of overload for final and
/// try again after `server_error`; after a rate limit they read from the words when.
pub(super) fn stream_error(failure: &Failure) -> Value {
    let class = failure.class;
    if matches!(class, Class::RateLimited | Class::Acceleration) {
        let seconds = failure.stay_away.map_or(1, |wait| wait.as_secs().max(1));
        let message = format!("{}: please try again in {seconds}s", failure.message);
        return json!({ "code": "rate_limit_exceeded", "message": message });
    }
    let code = if class == Class::QuotaExhausted {
        "insufficient_quota"
    } else if class == Class::ContextTooLong {
        "context_length_exceeded"
    } else {
        "server_error"
    };
    json!({ "code": code, "message": failure.message })
}

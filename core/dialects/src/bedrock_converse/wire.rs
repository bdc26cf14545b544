//! Words of the wire that reading and writing share.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use backstop_exchange::{Artefact, Event, Finish};
use backstop_vocabulary::{Basis, Class, Dialect, Failure, Usage};

use crate::anthropic_messages::{REDACTED, SIGNATURE, finish_fields};
use crate::json::whole;
use crate::segment::{escaped, unescaped};
use crate::tool_names::fit_id;
use crate::{Called, Delivery, Method, issuer};

/// The dialect of this folder.
pub(super) const HERE: Dialect = Dialect::BedrockConverse;

/// An event of a type that no client knows, and so skips: `ping` with an empty object.
pub(crate) const KEEP_ALIVE: &[u8] = b"\
\x00\x00\x00\x5c\x00\x00\x00\x4a\x0e\xc8\x55\x2d\
\x0b:event-type\x07\x00\x04ping\
\x0d:content-type\x07\x00\x10application/json\
\x0d:message-type\x07\x00\x05event\
{}\x51\xc5\xa6\xfd";

/// The most letters of a call id and of a tool's name.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// Where this model is asked. Letters that have a meaning in a path are escaped; the colon of
/// versions and resource names is not.
pub(crate) fn path(model: &str, delivery: Delivery) -> String {
    let method = match delivery {
        Delivery::Whole => "converse",
        Delivery::Stream => "converse-stream",
    };
    format!("/model/{}/{method}", escaped(model, b":"))
}

/// The model and the delivery that a client's path names.
pub(crate) fn called(path: &str) -> Option<Called> {
    let mut path = path.strip_suffix('/').unwrap_or(path);
    // Some write it into every base URL.
    while let Some(rest) = path.strip_prefix("/v1") {
        path = rest;
    }
    let rest = path.strip_prefix("/model/")?;
    let (model, method) = rest.rsplit_once('/')?;
    let method = match method {
        "converse" => Method::Answer(Delivery::Whole),
        "converse-stream" => Method::Answer(Delivery::Stream),
        _ => return None,
    };
    Some(Called { dialect: HERE, model: unescaped(model), method })
}

/// A call id as this API takes it: more letters than elsewhere, and at most 64 of them.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if !id.is_empty() && id.len() <= NAME_BYTES_MAX && id.bytes().all(fits) {
        return Cow::Borrowed(id);
    }
    fit_id(id, "tooluse_", NAME_BYTES_MAX)
}

/// State of this dialect.
fn artefact(kind: &str, data: String) -> Artefact {
    Artefact { dialect: HERE, kind: kind.to_owned(), data }
}

/// The signature of a thought, under its true issuer; `None` if it is a stand-in of ours.
pub(super) fn signature(data: &str) -> Option<Artefact> {
    issuer::read(artefact(SIGNATURE, data.to_owned()))
}

/// A thought that only its issuer can read, as it stands here: bytes in base 64. State of other
/// dialects is the text inside.
pub(super) fn redacted(data: &str) -> Option<Artefact> {
    let inside = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match inside.filter(|text| text.starts_with(issuer::MARK)) {
        Some(marked) => issuer::read(artefact(REDACTED, marked)),
        None => Some(artefact(REDACTED, data.to_owned())),
    }
}

/// The same for a client, from what [`issuer::write`] says of the state.
pub(super) fn redacted_bytes(carried: &str) -> String {
    if carried.starts_with(issuer::MARK) {
        return STANDARD.encode(carried);
    }
    carried.to_owned()
}

/// The event of a signature.
pub(super) fn signed(data: &str) -> Option<Event> {
    // A provider's own stream holds its own signatures and nobody else's.
    (!data.is_empty()).then(|| Event::ReasoningSignature(artefact(SIGNATURE, data.to_owned())))
}

/// The event of a thought that only its issuer can read.
pub(super) fn withheld(data: &str) -> Option<Event> {
    (!data.is_empty()).then(|| Event::ReasoningOpaque(artefact(REDACTED, data.to_owned())))
}

/// The figures of a `usage` object. Cached tokens are not among the input's.
pub(super) fn read_usage(usage: &Value) -> Option<Usage> {
    usage.as_object()?;
    let figure = |name: &str| usage.get(name).and_then(whole).unwrap_or(0);
    Some(Usage {
        input_uncached: figure("inputTokens"),
        cache_read: figure("cacheReadInputTokens"),
        cache_write: figure("cacheWriteInputTokens"),
        output: figure("outputTokens"),
        reasoning: 0,
        basis: Basis::Reported,
    })
}

/// The `usage` object of these figures.
pub(super) fn usage_json(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.input_uncached,
        "outputTokens": usage.output,
        "totalTokens": usage.input().saturating_add(usage.output),
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.cache_write,
    })
}

/// What a guardrail of the customer's own did.
const INTERVENED: &str = "guardrail_intervened";

/// What a `stopReason` means. A model that lost its way is an error, not an end.
pub(super) fn read_finish(reason: &str) -> Result<Finish, Failure> {
    Ok(match reason {
        "end_turn" => Finish::End,
        "stop_sequence" => Finish::Stop(None),
        "tool_use" => Finish::ToolUse,
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::WindowFull,
        INTERVENED | "content_filtered" => Finish::Refused { category: Some(reason.to_owned()) },
        "malformed_model_output" | "malformed_tool_use" => {
            let what = format!("the model's answer was malformed: {reason}");
            return Err(Failure::new(Class::BadAnswer, what).with_provider_code(Some(reason)));
        }
        "" => {
            let what = "the provider ended the answer without a reason";
            return Err(Failure::new(Class::BadAnswer, what));
        }
        other => Finish::Other(other.to_owned()),
    })
}

/// The `stopReason` for a reason; `calls` is how many calls the answer holds.
pub(super) fn stop_reason(finish: Option<&Finish>, calls: usize) -> String {
    match finish {
        Some(Finish::Refused { category }) if category.as_deref() == Some(INTERVENED) => {
            INTERVENED.to_owned()
        }
        Some(Finish::Refused { .. }) => "content_filtered".to_owned(),
        // The text that was met has no place here.
        Some(Finish::Stop(Some(_))) => "stop_sequence".to_owned(),
        Some(Finish::Paused) => "max_tokens".to_owned(),
        finish => finish_fields(finish, calls).0,
    }
}

/// The reason that Messages calls so, as [`finish_fields`] writes it.
pub(super) fn of_messages(reason: &str, category: Option<&str>) -> String {
    match (reason, category) {
        ("refusal", Some(INTERVENED)) => INTERVENED,
        ("refusal", _) => "content_filtered",
        ("pause_turn", _) => "max_tokens",
        (reason, _) => reason,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_of_life_is_a_sound_message() {
        let mut message = Vec::new();
        crate::event_message("ping", b"{}", &mut message);
        assert_eq!(KEEP_ALIVE, message);
    }

    #[test]
    fn models_are_escaped_in_paths_and_call_ids_kept_where_they_fit() {
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x v1:0";
        assert_eq!(
            path(arn, Delivery::Stream),
            "/model/arn:aws:bedrock:us-east-1:1:inference-profile%2Fus.x%20v1:0/converse-stream"
        );
        assert_eq!(path("a.b-v1:0", Delivery::Whole), "/model/a.b-v1:0/converse");
        // As botocore writes it, which escapes the colons too.
        let called = called("/model/a.b-v1%3A0%2Fx/converse-stream/").unwrap();
        assert_eq!((called.model.as_str(), called.dialect), ("a.b-v1:0/x", HERE));
        assert_eq!(called.method, Method::Answer(Delivery::Stream));
        assert_eq!(call_id("functions.read:0"), "functions.read:0");
        assert!(call_id("with space").starts_with("tooluse_"));
        assert_eq!(call_id(&"x".repeat(65)), call_id(&"x".repeat(65)));
    }

    #[test]
    fn withheld_thoughts_of_others_travel_inside_base64() {
        let foreign = Artefact {
            dialect: Dialect::AnthropicMessages,
            kind: REDACTED.to_owned(),
            data: "abc==".to_owned(),
        };
        let carried = redacted_bytes(&issuer::write(&foreign, HERE));
        assert!(STANDARD.decode(&carried).is_ok());
        assert_eq!(redacted(&carried), Some(foreign));
        assert_eq!(redacted("b3du").map(|own| own.dialect), Some(HERE));
    }
}

//! How much of a provider's own words a client reads: for a fault of its own, and nothing else.

use backstop_vocabulary::{Class, Dialect, Failure, Fault, Words};
use serde_json::{Map, Value};

/// How many letters of a provider's message the client may read.
const MESSAGE_CHARS_MAX: usize = 4000;

/// The longest other field that is passed on; a longer one is prose or worse.
const FIELD_BYTES_MAX: usize = 1000;

/// What a client is told of a failure.
#[derive(Debug)]
pub(crate) enum Told {
    /// The provider's own error, in the client's own dialect, with the provider's status.
    Whole { status: u16, error: Map<String, Value> },
    /// A message for an error in our words.
    Message(String),
}

/// The failure with what its error says in the fields that clients read, if it may turn out to be
/// the caller's: a refused credential may be the client's own. A 429 is about our account, even where
/// it refuses the request: it names organisations and limits.
pub(crate) fn with_words(dialect: Dialect, status: u16, failure: Failure, said: &Value) -> Failure {
    let is_callers = failure.fault() == Fault::Caller || failure.class == Class::AuthRefused;
    if !is_callers || status == 429 {
        return failure;
    }
    failure.with_words(kept(dialect, said))
}

fn kept(dialect: Dialect, said: &Value) -> Option<Words> {
    let mut error = Map::new();
    let names = match dialect {
        Dialect::Gemini => ["message", "code", "status", "details"].as_slice(),
        Dialect::BedrockConverse => ["message"].as_slice(),
        Dialect::AnthropicMessages | Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            ["message", "type", "param", "code", "details"].as_slice()
        }
    };
    for name in names.iter().copied() {
        let value = match said.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) if name == "message" => {
                text.chars().take(MESSAGE_CHARS_MAX).collect::<String>().into()
            }
            Some(value) => value.clone(),
        };
        if name == "message" || value.to_string().len() <= FIELD_BYTES_MAX {
            error.insert(name.to_owned(), value);
        }
    }
    (!error.is_empty()).then(|| Words { dialect, error: Value::from(error).to_string().into() })
}

/// What the client of a dialect is told: all that the provider said if it speaks the same dialect,
/// its message after ours if it speaks another, and ours alone where the fault is not the caller's.
pub(crate) fn told(dialect: Dialect, failure: &Failure) -> Told {
    let ours = || Told::Message(failure.message.to_string());
    let Some(words) = failure.words.as_ref().filter(|_| failure.fault() == Fault::Caller) else {
        return ours();
    };
    let Ok(Value::Object(error)) = serde_json::from_str(&words.error) else { return ours() };
    // Statuses that clients repeat would be repeated in vain.
    let is_refusal =
        |status: &u16| (400..500).contains(status) && !matches!(status, 408 | 409 | 425 | 429);
    if words.dialect == dialect
        && let Some(status) = failure.status.filter(is_refusal)
    {
        return Told::Whole { status, error };
    }
    match error.get("message").and_then(Value::as_str).filter(|said| !said.is_empty()) {
        Some(said) => Told::Message(format!("{}: {said}", failure.message)),
        None => ours(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorHead, read_error, write_error};

    const OPENAI: &str = r#"{"error":{"message":"Invalid 'secret'","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"}}"#;
    const ANTHROPIC: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: 'secret'","details":{"error_code":"file_expired"}}}"#;

    fn read(dialect: Dialect, status: u16, body: &str) -> Failure {
        read_error(dialect, &ErrorHead { status, ..ErrorHead::default() }, body.as_bytes())
    }

    fn written(dialect: Dialect, failure: &Failure) -> (u16, Value) {
        let written = write_error(dialect, failure, "req_1");
        (written.status, serde_json::from_slice(&written.body).unwrap())
    }

    #[test]
    fn a_refusal_comes_through_whole_on_its_own_dialect() {
        for (dialect, body) in
            [(Dialect::OpenaiChat, OPENAI), (Dialect::AnthropicMessages, ANTHROPIC)]
        {
            for status in [400, 413, 422] {
                let failure =
                    Failure { class: Class::InvalidRequest, ..read(dialect, status, body) };
                let said: Value = serde_json::from_str(body).unwrap();
                let (told, error) = written(dialect, &failure);
                assert_eq!((told, &error["error"]), (status, &said["error"]));
                assert!(!failure.message.contains("secret"), "what is logged quotes nothing");
            }
        }
    }

    #[test]
    fn another_dialect_reads_the_message_in_its_own_shape() {
        let (status, error) =
            written(Dialect::AnthropicMessages, &read(Dialect::OpenaiChat, 422, OPENAI));
        let message = error["error"]["message"].as_str().unwrap();
        assert_eq!((status, &error["error"]["type"]), (400, &"invalid_request_error".into()));
        assert_eq!(error["error"]["details"]["error_code"], "invalid_request");
        assert!(message.ends_with("(`messages[0].role`: invalid_value): Invalid 'secret'"));
        let (_, error) =
            written(Dialect::OpenaiChat, &read(Dialect::AnthropicMessages, 400, ANTHROPIC));
        let message = error["error"]["message"].as_str().unwrap();
        assert_eq!(message, "the provider refused the request: messages: 'secret'");
    }

    #[test]
    fn what_a_provider_leaves_out_is_said_in_our_words() {
        let body = r#"{"object":"error","message":"maximum context length is 4","code":400}"#;
        let (status, error) = written(Dialect::OpenaiChat, &read(Dialect::OpenaiChat, 400, body));
        let error = &error["error"];
        assert_eq!((status, &error["code"]), (400, &"context_length_exceeded".into()));
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(error["message"], "maximum context length is 4");
        let body =
            r#"{"error":{"message":"prompt is too long: 9 > 8","type":"invalid_request_error"}}"#;
        let failure = read(Dialect::AnthropicMessages, 413, body);
        let (status, error) = written(Dialect::AnthropicMessages, &failure);
        assert_eq!(
            (status, &error["error"]["message"]),
            (413, &"prompt is too long: 9 > 8".into())
        );
        assert_eq!(error["error"]["details"]["error_code"], "context_too_long");
    }

    #[test]
    fn nobody_reads_what_a_provider_says_of_our_account() {
        for dialect in Dialect::ALL {
            for status in [401, 402, 403, 429, 500, 529] {
                let body = r#"{"error":{"type":"x","message":"secret: request too large"}}"#;
                for other in Dialect::ALL {
                    let (_, error) = written(other, &read(dialect, status, body));
                    assert!(!error.to_string().contains("secret"), "{dialect} {status}");
                }
            }
        }
        let refused = read(Dialect::OpenaiChat, 401, OPENAI);
        let own = Failure { class: Class::KeyRefused, ..refused };
        assert_eq!(written(Dialect::OpenaiChat, &own).1["error"]["code"], "invalid_value");
    }

    #[test]
    fn a_long_message_is_cut_and_long_fields_are_left_out() {
        let long = "é".repeat(MESSAGE_CHARS_MAX + 9);
        let body = format!(r#"{{"error":{{"message":"{long}","code":"{long}","param":"p"}}}}"#);
        let (_, error) = written(Dialect::OpenaiChat, &read(Dialect::OpenaiChat, 400, &body));
        let message = error["error"]["message"].as_str().unwrap();
        assert_eq!(message.chars().count(), MESSAGE_CHARS_MAX);
        assert_eq!(
            (&error["error"]["code"], &error["error"]["param"]),
            (&Value::Null, &"p".into())
        );
    }
}

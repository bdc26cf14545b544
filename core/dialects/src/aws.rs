//! What AWS says when a request or a stream fails there, whatever the dialect inside.
//!
//! The name of the exception stands in the header `x-amzn-errortype`, in `__type` of the body, or as
//! the type of the message that ends an event-stream.

use backstop_vocabulary::{Class, Dialect, Failure, Scope};
use serde_json::Value;

use crate::errors::{ErrorHead, message_of};
use crate::words::with_words;

/// The failure of an error response of AWS; `None` if it is not one, or if the API behind the edge
/// says more in its own words.
pub(crate) fn read_error(head: &ErrorHead<'_>, body: &[u8]) -> Option<Failure> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    if value.get("error").is_some_and(Value::is_object) {
        return None;
    }
    let typed = value.get("__type").and_then(Value::as_str);
    let name = head.aws_error.or(typed).map(short).filter(|name| !name.is_empty())?;
    // A validation too may be of the size alone.
    let of_size = |class: &Class| *class == Class::InvalidRequest && head.status == 413;
    let meant = meaning(name, &value).filter(|class| !of_size(class));
    let class = meant.unwrap_or_else(|| head.failure_by_status().class);
    let failure = Failure::new(class, message_of(class))
        .with_status(head.status)
        .with_stay_away(head.stay_away())
        .with_provider_code(Some(name));
    let said = serde_json::json!({ "message": words(&value) });
    let failure = with_words(Dialect::BedrockConverse, head.status, failure, &said);
    Some(with_reach(failure, name, words(&value)))
}

/// The failure that an exception inside a stream stands for. `said` is its payload.
pub(crate) fn of_exception(name: &str, said: &[u8]) -> Failure {
    let value: Value = serde_json::from_slice(said)
        .unwrap_or_else(|_| serde_json::json!({ "message": String::from_utf8_lossy(said) }));
    let class = meaning(name, &value).unwrap_or(Class::ServerError);
    let failure = Failure::new(class, message_of(class)).with_provider_code(Some(short(name)));
    with_reach(failure, short(name), words(&value))
}

/// The name without its name space or the address that may follow it.
fn short(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim()
}

/// What the provider says to people: for the client that asked and nobody else.
fn words(value: &Value) -> &str {
    let said = ["message", "Message", "originalMessage"].map(|name| value.get(name));
    said.into_iter().flatten().find_map(Value::as_str).unwrap_or_default()
}

fn meaning(name: &str, value: &Value) -> Option<Class> {
    let name = short(name).to_ascii_lowercase();
    let name = name.strip_suffix("exception").unwrap_or(&name);
    Some(match name {
        "throttling" | "throttled" | "toomanyrequests" | "requestlimitexceeded" => {
            Class::RateLimited
        }
        "servicequotaexceeded" => Class::QuotaExhausted,
        "validation" | "malformedrequest" | "serialization" => of_validation(words(value)),
        "accessdenied"
        | "unrecognizedclient"
        | "expiredtoken"
        | "invalidsignature"
        | "invalidclienttokenid"
        | "incompletesignature"
        | "missingauthenticationtoken"
        | "optinrequired"
        | "unauthorized" => Class::AuthRefused,
        "resourcenotfound" | "ftuformnotfilled" | "unknownoperation" => Class::ModelNotFound,
        "requestentitytoolarge" | "requesttoolarge" => Class::RequestTooLarge,
        "modelnotready" | "serviceunavailable" => Class::Overloaded,
        "modelerror" | "modelstreamerror" => match value["originalStatusCode"].as_u64() {
            Some(429 | 503 | 529) => Class::Overloaded,
            _ => Class::ServerError,
        },
        "modeltimeout" | "internalserver" | "internalfailure" => Class::ServerError,
        _ => return None,
    })
}

/// The wordings worth telling apart, where AWS has one name for many things. They are not stable.
fn of_validation(words: &str) -> Class {
    let words = words.to_ascii_lowercase();
    let any = |marks: &[&str]| marks.iter().any(|mark| words.contains(mark));
    if any(&["too long", "too many input tokens", "context window", "context length"]) {
        return Class::ContextTooLong;
    }
    if words.contains("signature") {
        return Class::SignatureRefused;
    }
    if any(&["on-demand throughput", "model identifier is invalid", "retrieve the model"]) {
        return Class::ModelNotFound;
    }
    let feature = any(&["does not support", "doesn't support", "not supported", "prefill"]);
    if feature || words.contains("isn't supported") {
        return Class::UnsupportedFeature;
    }
    Class::InvalidRequest
}

fn with_reach(failure: Failure, name: &str, words: &str) -> Failure {
    // The quota is of one model; an account may use some models and not others.
    let of_model = failure.class == Class::AuthRefused
        && name.eq_ignore_ascii_case("AccessDeniedException")
        && words.contains("model");
    if of_model || failure.class == Class::QuotaExhausted {
        return failure.with_scope(Scope::Target);
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, body: &str, class: Class, scope: Option<Scope>) {
        let head = ErrorHead { status: 400, aws_error: Some(name), ..ErrorHead::default() };
        let failure = read_error(&head, body.as_bytes()).unwrap();
        let expected = scope.unwrap_or_else(|| Failure::new(class, "").scope);
        assert_eq!((failure.class, failure.scope), (class, expected), "{name} {body}");
        let in_stream = of_exception(name, body.as_bytes());
        assert_eq!((in_stream.class, in_stream.scope), (class, expected), "{name} {body}");
        assert!(!failure.message.contains("secret"), "what is logged quotes nothing");
    }

    #[test]
    fn every_exception_has_its_class() {
        let said = |words: &str| format!("{{\"message\":\"secret {words}\"}}");
        let throttled = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
        check(throttled, &said("Too many tokens"), Class::RateLimited, None);
        check("throttlingException", "{}", Class::RateLimited, None);
        check("ModelNotReadyException", "{}", Class::Overloaded, None);
        check("ServiceUnavailableException", "{}", Class::Overloaded, None);
        let pair = Some(Scope::Target);
        check("ServiceQuotaExceededException", "{}", Class::QuotaExhausted, pair);
        check("AccessDeniedException", &said("access to the model"), Class::AuthRefused, pair);
        for name in ["ExpiredTokenException", "InvalidSignatureException", "AccessDeniedException"]
        {
            check(name, "{}", Class::AuthRefused, None);
        }
        check(
            "com.amazon.coral.service#UnrecognizedClientException",
            "{}",
            Class::AuthRefused,
            None,
        );
        check("ResourceNotFoundException", "{}", Class::ModelNotFound, None);
        check("ModelTimeoutException", "{}", Class::ServerError, None);
        check("internalServerException", "{}", Class::ServerError, None);
        let original = |status: u16| format!("{{\"originalStatusCode\":{status}}}");
        check("modelStreamErrorException", &original(529), Class::Overloaded, None);
        check("ModelErrorException", &original(400), Class::ServerError, None);
    }

    #[test]
    fn a_validation_says_by_its_words_what_it_is() {
        for (words, class) in [
            ("Input is too long for requested model.", Class::ContextTooLong),
            ("messages.1.content.0.thinking.signature: Field required", Class::SignatureRefused),
            ("with on-demand throughput isn't supported", Class::ModelNotFound),
            ("This model does not support assistant message prefill", Class::UnsupportedFeature),
            ("The value at messages is wrong", Class::InvalidRequest),
        ] {
            let body = serde_json::json!({ "message": words }).to_string();
            check("ValidationException", &body, class, None);
        }
    }

    #[test]
    fn a_validation_of_the_size_is_of_the_size() {
        let aws_error = Some("ValidationException");
        let head = ErrorHead { status: 413, aws_error, ..ErrorHead::default() };
        let failure = read_error(&head, b"{\"message\":\"secret size\"}").unwrap();
        assert_eq!(failure.class, Class::RequestTooLarge);
    }

    #[test]
    fn what_the_api_behind_says_in_its_own_words_is_left_to_its_dialect() {
        let head = ErrorHead { status: 529, aws_error: Some("x"), ..ErrorHead::default() };
        assert_eq!(read_error(&head, b"{\"error\":{\"type\":\"overloaded_error\"}}"), None);
        assert_eq!(read_error(&ErrorHead::default(), b"{\"message\":\"Forbidden\"}"), None);
        let by_body = read_error(&ErrorHead::default(), b"{\"__type\":\"a#ThrottlingException\"}");
        assert_eq!(by_body.map(|failure| failure.class), Some(Class::RateLimited));
    }

    #[test]
    fn an_unknown_exception_is_what_its_status_says() {
        let head =
            ErrorHead { status: 503, aws_error: Some("NewException"), ..ErrorHead::default() };
        assert_eq!(read_error(&head, b"").map(|failure| failure.class), Some(Class::Overloaded));
        assert_eq!(of_exception("newException", b"plain words").class, Class::ServerError);
    }
}

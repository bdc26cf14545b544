use std::time::Duration;

use backstop_vocabulary::{Class, Failure, Scope};

use super::{read_error, write_error};
use crate::ErrorHead;
use crate::openai_chat::read_answer;

fn check(rows: &[(u16, &str, &str)]) {
    for (status, body, class) in rows {
        let head = ErrorHead { status: *status, ..ErrorHead::default() };
        let failure = read_error(&head, body.as_bytes());
        assert_eq!(failure.class.code(), *class, "{status} {body}");
        assert_eq!(failure.status, Some(*status));
    }
}

fn error(fields: &str) -> String {
    format!(r#"{{"error":{{"message":"m",{fields}}}}}"#)
}

#[test]
fn codes_outweigh_types_and_status() {
    for (status, fields, class) in [
        (
            400,
            r#""type":"invalid_request_error","code":"context_length_exceeded""#,
            "context_too_long",
        ),
        (
            400,
            r#""type":"invalid_request_error","code":"unsupported_parameter""#,
            "unsupported_feature",
        ),
        (
            400,
            r#""type":"invalid_request_error","code":"unsupported_value""#,
            "unsupported_feature",
        ),
        (
            400,
            r#""type":"invalid_request_error","code":"invalid_encrypted_content""#,
            "signature_refused",
        ),
        (400, r#""code":"content_policy_violation""#, "content_refused"),
        (
            400,
            r#""code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}"#,
            "content_refused",
        ),
        (400, r#""type":"invalid_request_error","code":null"#, "invalid_request"),
        (401, r#""code":"invalid_api_key""#, "auth_refused"),
        (401, r#""code":"401""#, "auth_refused"),
        (403, r#""code":"unsupported_country_region_territory""#, "auth_refused"),
        (404, r#""code":"model_not_found""#, "model_not_found"),
        (404, r#""code":"DeploymentNotFound""#, "model_not_found"),
        (429, r#""type":"tokens","code":"rate_limit_exceeded""#, "rate_limited"),
        (
            429,
            r#""type":"insufficient_quota","code":"credit_balance_exhausted""#,
            "quota_exhausted",
        ),
        (429, r#""type":"insufficient_quota","code":"insufficient_quota""#, "quota_exhausted"),
        (429, r#""type":"rate_limit_error","code":"slow_down""#, "acceleration"),
        (500, r#""type":"server_error""#, "server_error"),
        (503, r#""code":"server_is_overloaded""#, "overloaded"),
        (402, r#""code":402"#, "quota_exhausted"),
        (403, r#""code":403,"metadata":{"reasons":["violence"]}"#, "content_refused"),
        (502, r#""code":502"#, "server_error"),
    ] {
        check(&[(status, &error(fields), class)]);
    }
}

#[test]
fn wording_is_the_last_resort() {
    let say = |text: &str| format!(r#"{{"error":{{"message":"{text}","type":"x","code":null}}}}"#);
    check(&[
        (
            400,
            &say("Function tools with reasoning_effort are not supported"),
            "unsupported_feature",
        ),
        (400, &say("item was provided without its required following item"), "signature_refused"),
        (429, &say("Request too large for m on tokens per min (TPM)"), "request_too_large"),
        (429, &say("The system is currently experiencing high demand"), "overloaded"),
        (429, &say("Rate limit reached"), "rate_limited"),
        (503, &say("Loading model"), "overloaded"),
        (400, &say("registry/gemma does not support tools"), "unsupported_feature"),
        (500, &say("tools param requires --jinja flag"), "unsupported_feature"),
        (404, &say("No endpoints found that support tool use"), "unsupported_feature"),
        (404, &say("model 'x' not found"), "model_not_found"),
        (403, &say("You do not have access to model x"), "model_not_found"),
    ]);
    check(&[
        (
            400,
            r#"{"object":"error","message":"maximum context length is 4096","type":"BadRequestError","code":400}"#,
            "context_too_long",
        ),
        (
            404,
            r#"{"object":"error","message":"no","type":"NotFoundError","code":404}"#,
            "model_not_found",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"m","type":"exceed_context_size_error","n_ctx":4096}}"#,
            "context_too_long",
        ),
        (503, r#"{"error":"server busy"}"#, "overloaded"),
    ]);
}

#[test]
fn pages_and_empty_bodies_are_known_by_their_status() {
    check(&[
        (502, "<html>bad gateway</html>", "server_error"),
        (403, "<html>one more step</html>", "server_error"),
        (403, "", "auth_refused"),
        (504, "", "server_error"),
        (522, "error code: 522", "server_error"),
        (413, "", "request_too_large"),
        (408, "", "server_error"),
        (529, "", "overloaded"),
        (302, "", "redirected"),
    ]);
    let head = ErrorHead { status: 502, content_type: "text/html", ..ErrorHead::default() };
    assert_eq!(read_error(&head, b"<html>").scope, Scope::Endpoint);
    let head = ErrorHead { status: 502, ..ErrorHead::default() };
    assert_eq!(read_error(&head, error("\"code\":502").as_bytes()).scope, Scope::Target);
}

#[test]
fn a_loading_model_is_its_targets_alone() {
    let head = ErrorHead { status: 503, ..ErrorHead::default() };
    let body = br#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    assert_eq!(read_error(&head, body).scope, Scope::Target);
    assert_eq!(read_error(&head, b"{}").scope, Scope::Model);
}

#[test]
fn waiting_times_pass_through_unclamped_and_the_providers_advice_counts() {
    let head = ErrorHead { status: 429, retry_after: Some("86400000"), ..ErrorHead::default() };
    let failure = read_error(&head, error("\"code\":\"rate_limit_exceeded\"").as_bytes());
    assert_eq!(failure.stay_away, Some(Duration::from_secs(86_400_000)));
    let head = ErrorHead { should_retry: Some("false"), ..ErrorHead::default() };
    let spent = read_error(&ErrorHead { status: 429, ..head }, error("\"code\":null").as_bytes());
    assert_eq!(spent.class, Class::QuotaExhausted);
    let head = ErrorHead { status: 400, should_retry: Some("true"), ..ErrorHead::default() };
    assert_eq!(read_error(&head, error("\"code\":null").as_bytes()).class, Class::ServerError);
}

#[test]
fn the_message_names_field_and_code_and_quotes_nothing() {
    let body = br#"{"error":{"message":"Invalid 'secret prompt'","type":"invalid_request_error",
        "param":"messages[0].content","code":"invalid_type"}}"#;
    let failure = read_error(&ErrorHead { status: 400, ..ErrorHead::default() }, body);
    assert_eq!(
        &*failure.message,
        "the provider refused the request (`messages[0].content`: invalid_type)"
    );
    assert_eq!(failure.provider_code.as_deref(), Some("invalid_type"));
    let body = error(r#""code":"sk-1234 is wrong","type":"also prose""#);
    let failure = read_error(&ErrorHead { status: 401, ..ErrorHead::default() }, body.as_bytes());
    assert_eq!(failure.provider_code, None);
    assert!(!failure.message.contains("sk-"));
}

#[test]
fn a_200_that_is_no_answer_fails_with_its_own_class() {
    for (body, class) in [
        ("", Class::EmptyAnswer),
        ("  \n", Class::EmptyAnswer),
        ("<!doctype html>", Class::BadAnswer),
        ("{\"id\":", Class::BadAnswer),
        ("{}", Class::BadAnswer),
        (r#"{"choices":[]}"#, Class::EmptyAnswer),
        (r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#, Class::EmptyAnswer),
        (r#"{"choices":[{"message":{"content":null}}]}"#, Class::EmptyAnswer),
        (r#"{"error":{"code":"insufficient_quota"}}"#, Class::QuotaExhausted),
        (r#"{"error":{"message":"m","code":429}}"#, Class::RateLimited),
        (r#"{"object":"error","message":"m","code":404}"#, Class::ModelNotFound),
        (r#"{"error":{"type":"tokens","code":"rate_limit_exceeded"}}"#, Class::RateLimited),
        (r#"{"error":{"type":"service_unavailable_error"}}"#, Class::Overloaded),
        (
            r#"{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]},"finish_reason":"tool_calls"}]}"#,
            Class::BadAnswer,
        ),
    ] {
        let failure = read_answer(body.as_bytes(), &mut Vec::new()).unwrap_err();
        assert_eq!(failure.class, class, "{body}");
    }
}

#[test]
fn every_class_has_words_that_clients_understand() {
    for class in Class::ALL {
        let written = write_error(&Failure::new(*class, "why"), "req1");
        let body: serde_json::Value = serde_json::from_slice(&written.body).unwrap();
        let error = &body["error"];
        assert!((400..600).contains(&written.status), "{class}");
        assert!(error["message"].as_str().unwrap().starts_with("why"));
        for key in ["type", "param", "code"] {
            assert!(error.get(key).is_some(), "{class} {key}");
        }
        // SDKs repeat 408, 409, 429 and 5xx: never for what the caller has to mend.
        let final_status = matches!(written.status, 400 | 401 | 404 | 413 | 499);
        let lasting = class.fault() == backstop_vocabulary::Fault::Caller
            && *class != Class::CallerLimited
            || *class == Class::ModelNotFound;
        assert_eq!(final_status, lasting, "{class}");
    }
}

use super::*;

/// Status, error type, code and words on the left; class and scope on the right.
fn check(status: u16, error: &str, expected: (Class, Scope)) {
    let head = ErrorHead { status, content_type: "application/json", ..ErrorHead::default() };
    let body = format!(r#"{{"type":"error","error":{error},"request_id":"req_1"}}"#);
    let failure = read_error(&head, body.as_bytes());
    assert_eq!((failure.class, failure.scope), expected, "{status} {error}");
}

#[test]
fn classifies_by_code_then_type_then_status_then_words() {
    use Scope::{Credential, LimitPool, Model, Request, Target};
    let invalid = r#"{"type":"invalid_request_error","message":"messages: at least one"}"#;
    check(400, invalid, (Class::InvalidRequest, Request));
    for (words, class, scope) in [
        ("prompt is too long: 210000 tokens > 200000 maximum", Class::ContextTooLong, Request),
        ("Your credit balance is too low", Class::QuotaExhausted, Credential),
        ("messages.1: Invalid `signature` in `thinking` block", Class::SignatureRefused, Request),
        (
            "This model does not support assistant message prefill",
            Class::UnsupportedFeature,
            Request,
        ),
        ("role 'system' is not supported on this model", Class::UnsupportedFeature, Request),
    ] {
        let error = format!(r#"{{"type":"invalid_request_error","message":"{words}"}}"#);
        check(400, &error, (class, scope));
    }
    check(401, r#"{"type":"authentication_error"}"#, (Class::AuthRefused, Credential));
    check(402, r#"{"type":"billing_error"}"#, (Class::QuotaExhausted, Credential));
    check(403, r#"{"type":"permission_error"}"#, (Class::AuthRefused, Target));
    check(404, r#"{"type":"not_found_error"}"#, (Class::ModelNotFound, Target));
    check(409, r#"{"type":"conflict_error"}"#, (Class::ServerError, Request));
    check(413, r#"{"type":"request_too_large"}"#, (Class::RequestTooLarge, Request));
    check(429, r#"{"type":"rate_limit_error"}"#, (Class::RateLimited, LimitPool));
    check(500, r#"{"type":"api_error"}"#, (Class::ServerError, Target));
    check(504, r#"{"type":"timeout_error"}"#, (Class::ServerError, Target));
    check(529, r#"{"type":"overloaded_error"}"#, (Class::Overloaded, Model));
    check(200, r#"{"type":"overloaded_error"}"#, (Class::Overloaded, Model));
    let with_code = |code: &str| format!(r#"{{"type":"x","details":{{"error_code":"{code}"}}}}"#);
    check(429, &with_code("ramp_limit_exceeded"), (Class::Acceleration, LimitPool));
    check(429, &with_code("enforced_spend_limit_reached"), (Class::QuotaExhausted, Credential));
    check(503, &with_code("cmek_key_unreachable"), (Class::ServerError, Credential));
    check(418, r#"{"type":"teapot"}"#, (Class::InvalidRequest, Request));
}

#[test]
fn a_limit_that_is_not_to_be_tried_again_and_names_no_time_is_a_quota() {
    let body = br#"{"error":{"type":"rate_limit_error","message":"monthly cap"}}"#;
    let head = ErrorHead { status: 429, should_retry: Some("false"), ..ErrorHead::default() };
    assert_eq!(read_error(&head, body).class, Class::QuotaExhausted);
    let waits = ErrorHead { retry_after: Some("3"), ..head };
    let failure = read_error(&waits, body);
    assert_eq!(failure.class, Class::RateLimited);
    assert_eq!(failure.stay_away, Some(std::time::Duration::from_secs(3)));
}

#[test]
fn classifies_what_is_not_the_api_by_status() {
    for (status, content_type, body, class, scope) in [
        (502, "text/html", "<html>", Class::ServerError, Scope::Endpoint),
        (403, "text/html", "<html>", Class::ServerError, Scope::Endpoint),
        (401, "text/html", "<html>", Class::AuthRefused, Scope::Endpoint),
        (403, "", "", Class::AuthRefused, Scope::Credential),
        (503, "", "", Class::Overloaded, Scope::Model),
        (530, "text/plain", "error code: 1016", Class::ServerError, Scope::Endpoint),
        (302, "text/html", "<html>", Class::Redirected, Scope::Endpoint),
        (413, "text/html", "<html>", Class::RequestTooLarge, Scope::Request),
        (404, "application/json", "{\"error\":null}", Class::ModelNotFound, Scope::Target),
        (500, "application/json", "{\"error\":\"text\"}", Class::ServerError, Scope::Target),
    ] {
        let head = ErrorHead { status, content_type, ..ErrorHead::default() };
        let failure = read_error(&head, body.as_bytes());
        assert_eq!((failure.class, failure.scope), (class, scope), "{status} {body}");
    }
}

#[test]
fn a_client_never_reads_what_the_provider_says_about_our_account() {
    let body = br#"{"error":{"type":"authentication_error","message":"invalid x-api-key sk-1"}}"#;
    let head = ErrorHead { status: 401, ..ErrorHead::default() };
    assert!(!read_error(&head, body).message.contains("sk-1"));
}

#[test]
fn what_is_written_is_read_back_as_the_same_kind_of_trouble() {
    for (class, read_back) in [
        (Class::Overloaded, Class::Overloaded),
        (Class::RungExhausted, Class::Overloaded),
        (Class::RateLimited, Class::RateLimited),
        (Class::InvalidRequest, Class::InvalidRequest),
        (Class::StreamCut, Class::ServerError),
        (Class::NoTarget, Class::Overloaded),
    ] {
        let written = write_error(&Failure::new(class, "words"), "req_1");
        let head = ErrorHead { status: written.status, ..ErrorHead::default() };
        assert_eq!(read_error(&head, &written.body).class, read_back, "{class}");
    }
}

#[test]
fn a_thread_code_reaches_the_tool_runners_and_other_codes_are_ours() {
    for (provider_code, written) in [
        ("thread_unsupported_request", "thread_unsupported_request"),
        ("invalid_request_error", "unsupported_feature"),
    ] {
        let failure = Failure::new(Class::UnsupportedFeature, "no threads")
            .with_provider_code(Some(provider_code));
        let body = String::from_utf8(write_error(&failure, "req_1").body).unwrap();
        assert!(body.contains(&format!("\"error_code\":\"{written}\"")), "{body}");
    }
}

#[test]
fn an_error_of_google_before_claude_on_its_cloud_is_read_as_google_means_it() {
    let read = |status: u16, body: &str| {
        let head = ErrorHead { status, content_type: "application/json", ..ErrorHead::default() };
        crate::read_error(Dialect::AnthropicMessages, &head, body.as_bytes())
    };
    let of = |code: u16, word: &str, message: &str, details: &str| {
        let body = format!(
            r#"{{"error":{{"code":{code},"message":"{message}","status":"{word}","details":[{details}]}}}}"#
        );
        let (plain, listed) = (read(code, &body), read(code, &format!("[{body}]")));
        assert_eq!(plain, listed);
        plain
    };
    let (limit, argument) = ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT");
    let quota = "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: anthropic-claude-opus-4-6.";
    assert_eq!(of(429, limit, quota, "").class, Class::RateLimited);
    assert_eq!(
        of(429, limit, "Resource exhausted. Please try again later.", "").class,
        Class::Overloaded
    );
    let retry = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}"#;
    let waits = of(429, limit, "Resource exhausted.", retry);
    assert_eq!(
        (waits.class, waits.stay_away.map(|wait| wait.as_secs())),
        (Class::RateLimited, Some(34))
    );
    let daily = r#"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"RequestsPerDay"}]}"#;
    assert_eq!(of(429, limit, "Quota.", daily).class, Class::QuotaExhausted);
    for (words, class) in [
        ("prompt is too long: 210000 tokens > 200000 maximum", Class::ContextTooLong),
        ("messages.1: Invalid `signature` in `thinking` block", Class::SignatureRefused),
        ("This model does not support assistant message prefill.", Class::UnsupportedFeature),
        ("temperature: Extra inputs are not permitted", Class::UnsupportedFeature),
        ("messages: at least one message is required", Class::InvalidRequest),
    ] {
        assert_eq!(of(400, argument, words, "").class, class, "{words}");
    }
    assert_eq!(of(403, "PERMISSION_DENIED", "no", "").class, Class::AuthRefused);
    // Claude's own stay Claude's.
    let own = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(read(529, own).provider_code.as_deref(), Some("overloaded_error"));
}

use std::time::Duration;

use backstop_vocabulary::Scope;

use super::*;

fn read(status: u16, error: &Value) -> Failure {
    let body = json!({ "error": error }).to_string();
    read_error(&ErrorHead { status, ..ErrorHead::default() }, body.as_bytes())
}

fn info(reason: &str) -> Value {
    json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason }])
}

fn check(status: u16, word: &str, message: &str, class: Class) {
    {
        let failure = read(status, &json!({ "code": status, "status": word, "message": message }));
        assert_eq!(failure.class, class, "{word} {message}");
        assert_eq!(failure.provider_code.as_deref(), Some(word).filter(|word| !word.is_empty()));
    }
}

#[test]
fn every_row_of_the_table_of_bad_requests_has_its_class() {
    let argument = "INVALID_ARGUMENT";
    check(400, argument, "API key not valid. Please pass a valid API key.", Class::AuthRefused);
    check(
        400,
        argument,
        "Function call is missing a thought_signature in functionCall parts",
        Class::SignatureRefused,
    );
    check(400, argument, "Corrupted thought signature.", Class::SignatureRefused);
    check(
        400,
        argument,
        "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        Class::ContextTooLong,
    );
    check(
        400,
        argument,
        "Requests ending with a model turn are not supported",
        Class::UnsupportedFeature,
    );
    check(400, argument, "Please use a valid role: user, model.", Class::InvalidRequest);
    check(400, "", "no status word", Class::InvalidRequest);
    check(
        400,
        "FAILED_PRECONDITION",
        "User location is not supported for the API use.",
        Class::AuthRefused,
    );
    check(
        400,
        "FAILED_PRECONDITION",
        "Please enable billing on your project.",
        Class::QuotaExhausted,
    );
}

#[test]
fn every_row_of_the_table_of_other_errors_has_its_class() {
    check(401, "UNAUTHENTICATED", "expired", Class::AuthRefused);
    check(402, "", "no credit", Class::QuotaExhausted);
    check(403, "PERMISSION_DENIED", "Your API key was reported as leaked.", Class::AuthRefused);
    check(404, "NOT_FOUND", "models/x is not found for API version v1beta", Class::ModelNotFound);
    check(404, "NOT_FOUND", "The File abc is missing.", Class::InvalidRequest);
    check(
        429,
        "RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later.",
        Class::Overloaded,
    );
    check(
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted.",
        Class::QuotaExhausted,
    );
    check(499, "CANCELLED", "The operation was cancelled.", Class::ServerError);
    check(500, "INTERNAL", "An internal error has occurred.", Class::ServerError);
    check(503, "UNAVAILABLE", "The model is overloaded.", Class::Overloaded);
    check(504, "DEADLINE_EXCEEDED", "Deadline expired", Class::ServerError);
}

#[test]
fn the_reason_in_the_details_outweighs_the_status() {
    let failure =
        read(400, &json!({ "status": "INVALID_ARGUMENT", "details": info("API_KEY_INVALID") }));
    assert_eq!((failure.class, failure.scope), (Class::AuthRefused, Scope::Credential));
    assert_eq!(failure.provider_code.as_deref(), Some("API_KEY_INVALID"));
    let failure =
        read(403, &json!({ "status": "PERMISSION_DENIED", "details": info("BILLING_DISABLED") }));
    assert_eq!(failure.class, Class::QuotaExhausted);
}

#[test]
fn a_limit_says_how_long_to_wait_and_a_days_is_gone_for_its_model() {
    let limited = |quota: &str| {
        read(
            429,
            &json!({ "status": "RESOURCE_EXHAUSTED", "details": [
                { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": quota }] },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s" },
            ]}),
        )
    };
    let minute = limited("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
    assert_eq!(
        (minute.class, minute.stay_away),
        (Class::RateLimited, Some(Duration::from_millis(34_500)))
    );
    let day = limited("GenerateRequestsPerDayPerProjectPerModel-FreeTier");
    assert_eq!((day.class, day.scope), (Class::QuotaExhausted, Scope::LimitPool));
}

#[test]
fn an_error_is_found_in_a_list_of_one_flat_and_inside_a_200() {
    let error = json!({ "code": 503, "status": "UNAVAILABLE", "message": "busy" });
    for body in [json!([{ "error": error }]), json!({ "error": error }), error] {
        assert_eq!(inside(body.to_string().as_bytes()).class, Class::Overloaded, "{body}");
    }
    let page = read_error(&ErrorHead { status: 502, ..ErrorHead::default() }, b"<html>");
    assert_eq!((page.class, page.scope), (Class::ServerError, Scope::Endpoint));
}

#[test]
fn errors_of_ours_have_the_shape_that_clients_of_the_api_read() {
    let failure =
        Failure::new(Class::RateLimited, "slow").with_stay_away(Some(Duration::from_secs(7)));
    let written = write_error(&failure, "req_1");
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    assert_eq!((written.status, &body["error"]["code"]), (429, &json!(429)));
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(body["error"]["details"][0]["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(body["error"]["details"][1]["retryDelay"], "7s");
}

#[test]
fn a_refusal_of_the_provider_comes_through_whole() {
    let said = json!({ "code": 400, "message": "bad role", "status": "INVALID_ARGUMENT" });
    let written = write_error(&read(400, &said), "req_1");
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    assert_eq!((written.status, &body["error"]), (400, &said));
}

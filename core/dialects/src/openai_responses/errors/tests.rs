use super::*;

fn written(failure: &Failure) -> (u16, Value) {
    let written = write_error(failure, "req_1");
    (written.status, serde_json::from_slice(&written.body).unwrap())
}

#[test]
fn errors_of_ours_name_the_fields_of_this_dialect() {
    let (status, body) = written(&Failure::new(Class::ContextTooLong, "too long"));
    assert_eq!((status, &body["error"]["param"]), (400, &json!("input")));
    let failure = Failure::new(Class::UnsupportedFeature, "nobody keeps it")
        .with_provider_code(Some("previous_response_not_found"));
    let (status, body) = written(&failure);
    assert_eq!((status, &body["error"]["code"]), (400, &json!("previous_response_not_found")));
    assert_eq!(body["error"]["message"], "nobody keeps it");
}

#[test]
fn an_error_inside_an_answer_is_found_wherever_it_stands() {
    let check = |body: Value, class: Class| {
        assert_eq!(inside(body.to_string().as_bytes()).class, class, "{body}");
    };
    let error = json!({ "code": "server_is_overloaded", "message": "busy" });
    check(json!({ "type": "response.failed", "response": { "error": error } }), Class::Overloaded);
    check(json!({ "type": "error", "error": error }), Class::Overloaded);
    check(
        json!({ "type": "error", "code": "server_is_overloaded", "message": "busy" }),
        Class::Overloaded,
    );
    check(json!({ "type": "error", "message": "who knows" }), Class::ServerError);
    check(json!({ "error": { "code": "rate_limit_exceeded" } }), Class::RateLimited);
    check(json!({ "error": { "code": "invalid_image_format" } }), Class::InvalidRequest);
    check(json!({ "error": { "code": "invalid_prompt" } }), Class::ContentRefused);
}

#[test]
fn a_broken_stream_is_told_in_codes_that_agents_try_again_after() {
    let code = |class| stream_error(&Failure::new(class, "x"))["code"].clone();
    assert_eq!(code(Class::Overloaded), "server_error");
    assert_eq!(code(Class::StreamCut), "server_error");
    assert_eq!(code(Class::QuotaExhausted), "insufficient_quota");
    let wait = Some(std::time::Duration::from_secs(7));
    let limited = stream_error(&Failure::new(Class::RateLimited, "x").with_stay_away(wait));
    assert_eq!(limited["message"], "x: please try again in 7s");
}

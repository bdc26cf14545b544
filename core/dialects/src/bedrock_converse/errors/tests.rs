use super::*;

fn read(status: u16, name: &str, message: &str) -> Failure {
    let head = ErrorHead { status, aws_error: Some(name), ..ErrorHead::default() };
    read_error(&head, json!({ "message": message }).to_string().as_bytes())
}

#[test]
fn what_is_written_is_read_back_as_the_same_kind_of_trouble() {
    for class in Class::ALL {
        let written = write_error(&Failure::new(*class, "what happened"), "req_1");
        let name = written.aws_error.unwrap();
        let head =
            ErrorHead { status: written.status, aws_error: Some(name), ..ErrorHead::default() };
        let read = read_error(&head, &written.body);
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(body, json!({ "message": "what happened", "code": class.code() }));
        if class.fault() == Fault::Caller && *class != Class::ClientLeft {
            assert!(
                (400..500).contains(&written.status) && read.class != Class::ServerError,
                "{class} {written:?}"
            );
        }
    }
}

#[test]
fn a_refusal_comes_through_in_the_providers_words_and_an_outage_does_not() {
    let refused = read(400, "ValidationException", "messages: 'secret'");
    assert!(!refused.message.contains("secret"), "what is logged quotes nothing");
    let body: Value = serde_json::from_slice(&write_error(&refused, "r").body).unwrap();
    assert_eq!(body["message"], "messages: 'secret'");
    let denied = read(403, "AccessDeniedException", "arn:aws:iam::1:user/secret may not");
    let body: Value = serde_json::from_slice(&write_error(&denied, "r").body).unwrap();
    assert!(!body["message"].as_str().unwrap().contains("secret"));
}

#[test]
fn pages_and_bodies_of_no_shape_are_known_by_their_status() {
    let page = ErrorHead { status: 503, content_type: "text/html", ..ErrorHead::default() };
    assert_eq!(read_error(&page, b"<html>").scope, backstop_vocabulary::Scope::Endpoint);
    for (status, class) in
        [(403, Class::AuthRefused), (424, Class::ServerError), (429, Class::RateLimited)]
    {
        let head = ErrorHead { status, ..ErrorHead::default() };
        assert_eq!(read_error(&head, b"{}").class, class);
    }
}

#[test]
fn a_broken_stream_ends_in_an_exception_that_the_api_has() {
    for (class, name) in [
        (Class::RateLimited, "throttlingException"),
        (Class::Overloaded, "serviceUnavailableException"),
        (Class::InvalidRequest, "validationException"),
        (Class::StreamCut, "internalServerException"),
    ] {
        assert_eq!(exception_of(&Failure::new(class, "x")).0, name);
    }
}

//! Which web pages may call us.

use backstop_listener::Cors;
use http::{HeaderMap, HeaderValue, Method, Request};

fn preflight(origin: &str) -> Request<()> {
    Request::builder()
        .method(Method::OPTIONS)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-api-key, content-type")
        .body(())
        .unwrap()
}

#[test]
fn allows_only_the_listed_origins() {
    let cors = Cors::new(["https://app.example", "http://localhost:3000/"]);
    for (origin, allowed) in [
        ("https://app.example", true),
        ("http://localhost:3000", true),
        ("https://app.example.evil", false),
        ("null", false),
    ] {
        let answer = cors.preflight(&preflight(origin)).unwrap();
        let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("access-control-allow-origin"), allowed.then_some(origin));
        let headers = allowed.then_some("x-api-key, content-type");
        assert_eq!(header("access-control-allow-headers"), headers);
        assert_eq!(answer.headers()["vary"], "origin");
    }
}

#[test]
fn lets_listed_origins_alone_reach_a_private_network() {
    let cors = Cors::new(["https://app.example"]);
    for (origin, allowed) in [("https://app.example", Some("true")), ("https://evil.example", None)]
    {
        let mut asked = preflight(origin);
        let name = "access-control-request-private-network";
        asked.headers_mut().insert(name, HeaderValue::from_static("true"));
        let answer = cors.preflight(&asked).unwrap();
        let given = answer.headers().get("access-control-allow-private-network");
        assert_eq!(given.map(|value| value.to_str().unwrap()), allowed);
    }
}

#[test]
fn lets_a_request_without_an_origin_alone() {
    let cors = Cors::new(["*"]);
    let plain = Request::builder().method(Method::OPTIONS).body(()).unwrap();
    assert!(cors.preflight(&plain).is_none());
    let mut headers = HeaderMap::new();
    cors.decorate(None, &mut headers);
    assert!(headers.is_empty());
    cors.decorate(Some(&HeaderValue::from_static("https://any.example")), &mut headers);
    assert_eq!(headers["access-control-allow-origin"], "https://any.example");
    assert!(Cors::default().is_off());
}

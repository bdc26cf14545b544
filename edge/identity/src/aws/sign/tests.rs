//! The vectors that AWS publishes for its own signers (`aws-signing-test-suite`, version 4).

use super::*;

/// 2015-08-30T12:36:00Z.
const THEN: u64 = 1_440_938_160;
const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn proof(session_token: Option<&str>) -> AwsProof {
    AwsProof {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: session_token.map(Secret::new),
    }
}

#[track_caller]
fn check(method: &Method, path: &str, headers: &[(&str, &str)], expected: &str) {
    check_with((&proof(None), b""), method, (path, headers), expected);
}

#[track_caller]
fn check_with(
    (proof, body): (&AwsProof, &[u8]),
    method: &Method,
    (path, headers): (&str, &[(&str, &str)]),
    expected: &str,
) {
    let signing = Signing {
        method,
        host: "example.amazonaws.com",
        path,
        headers,
        body,
        region: "us-east-1",
        service: "service",
        unix_secs: THEN,
    };
    let signed = sign(proof, &signing).unwrap();
    assert_eq!(signed["x-amz-date"], "20150830T123600Z");
    let shown = signed["authorization"].to_str().unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    assert!(shown.starts_with(scope), "{shown}");
    let (_, signature) = shown.split_once("Signature=").unwrap();
    assert_eq!(signature, expected, "{method} {path}: {shown}");
}

#[test]
fn signs_paths_and_queries_as_aws_does() {
    let (get, post) = (Method::GET, Method::POST);
    let query = |text: &str| format!("/?{text}");
    let encoded = query("Param-3=Value3&Param=Value2&%E1%88%B4=Value1");
    let unreserved = query(&format!("{UNRESERVED}={UNRESERVED}"));
    let plain = format!("/{UNRESERVED}");
    for (method, path, expected) in [
        (&get, "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            &get,
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            &post,
            "/?Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            &get,
            "/?Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (&get, "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (&get, "/?ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        (
            &get,
            "/example space/",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (&get, &plain, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        (&get, &unreserved, "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        (&get, &encoded, "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"),
    ] {
        check(method, path, &[], expected);
    }
}

#[test]
fn signs_headers_bodies_and_session_tokens_as_aws_does() {
    let (get, post) = (Method::GET, Method::POST);
    let trim = [("my-header1", " value1"), ("my-header2", " \"a   b   c\"")];
    check(&get, "/", &trim, "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
    let one = [("my-header1", "value1")];
    check(&post, "/", &one, "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c");
    let case = [("my-header1", "VALUE1")];
    check(&post, "/", &case, "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d");
    let hash = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
    let form = [
        ("content-length", "13"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-amz-content-sha256", hash),
    ];
    check_with(
        (&proof(None), b"Param1=value1"),
        &post,
        ("/", &form),
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    );
    let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    check_with(
        (&proof(Some(token)), b""),
        &get,
        ("/", &[]),
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    );
}

#[test]
fn what_is_sent_encoded_is_encoded_once_more() {
    let path = "/model/anthropic.claude-v1%3A0/converse";
    assert_eq!(canonical_path(path), "/model/anthropic.claude-v1%253A0/converse");
    assert_eq!(canonical_path("/model/a:0/invoke"), "/model/a%3A0/invoke");
}

//! What clouds and compatible servers say when they fail, each in its own words: understood for what
//! it is, and answered for by another target.

use backstop_dialects::{chunk_message, exception_message};
use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::{Class, Dialect};

use crate::checks::Checks;
use crate::client::{Call, item};
use crate::peer::{Peer, Script};
use crate::stage::{ANTHROPIC, OPENAI, Providers, Stage, settings};

const AZURE: &str = "kind: azure";
const FOUNDRY: &str = "kind: foundry";
const BEDROCK: &str =
    "kind: bedrock, region: us-east-1, models: { a-model: us.anthropic.claude-opus-4-6-v1 }";
const VERTEX: &str = "kind: vertex, project: acme, models: { a-model: claude-opus-4-6 }";
const COMPATIBLE: &str = "kind: compatible, dialect: openai_chat";

/// An error as it comes: status, one more header, body.
type Said = (&'static str, &'static str, &'static str);

const AZURE_SAYS: &[(&str, Said, Class)] = &[
    (
        AZURE,
        (
            "404 Not Found",
            "",
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
        ),
        Class::ModelNotFound,
    ),
    (
        AZURE,
        (
            "401 Unauthorized",
            "",
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
        ),
        Class::AuthRefused,
    ),
    (
        AZURE,
        (
            "401 Unauthorized",
            "",
            r#"{"error":{"code":"PermissionDenied","message":"The principal lacks the required data action."}}"#,
        ),
        Class::AuthRefused,
    ),
    (
        AZURE,
        (
            "429 Too Many Requests",
            "retry-after-ms: 1500",
            r#"{"error":{"code":"429","message":"Requests have exceeded the token rate limit of your current pricing tier."}}"#,
        ),
        Class::RateLimited,
    ),
    (
        AZURE,
        (
            "429 Too Many Requests",
            "retry-after: 1",
            r#"{"error":{"code":"429","message":"The system is currently experiencing high demand and cannot process your request."}}"#,
        ),
        Class::Overloaded,
    ),
    (
        AZURE,
        (
            "400 Bad Request",
            "",
            r#"{"error":{"code":"context_length_exceeded","message":"This model's maximum context length is 8192 tokens."}}"#,
        ),
        Class::ContextTooLong,
    ),
    (
        AZURE,
        (
            "503 Service Unavailable",
            "",
            r#"{"error":{"code":"InternalServerError","message":"Backend returned unexpected response."}}"#,
        ),
        Class::Overloaded,
    ),
    (
        FOUNDRY,
        (
            "529 Overloaded",
            "",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ),
        Class::Overloaded,
    ),
    (
        FOUNDRY,
        ("401 Unauthorized", "", r#"{"error":{"code":"401","message":"Access denied"}}"#),
        Class::AuthRefused,
    ),
];

fn bedrock() -> Vec<(&'static str, Said, Class)> {
    let named = |name: &'static str, status, body, class| (BEDROCK, (status, name, body), class);
    vec![
        named(
            "x-amzn-errortype: ThrottlingException:http://internal.amazon.com/",
            "429 Too Many Requests",
            r#"{"message":"Too many requests, please wait"}"#,
            Class::RateLimited,
        ),
        named(
            "x-amzn-errortype: ModelNotReadyException",
            "429 Too Many Requests",
            r#"{"message":"not ready"}"#,
            Class::Overloaded,
        ),
        named(
            "x-amzn-errortype: ServiceUnavailableException",
            "503 Service Unavailable",
            r#"{"message":"busy"}"#,
            Class::Overloaded,
        ),
        named(
            "x-amzn-errortype: ExpiredTokenException",
            "403 Forbidden",
            r#"{"message":"The security token is expired"}"#,
            Class::AuthRefused,
        ),
        named(
            "x-amzn-errortype: ResourceNotFoundException",
            "404 Not Found",
            r#"{"message":"no such model"}"#,
            Class::ModelNotFound,
        ),
        named(
            "x-amzn-errortype: ServiceQuotaExceededException",
            "400 Bad Request",
            r#"{"message":"quota"}"#,
            Class::QuotaExhausted,
        ),
        named(
            "x-amzn-errortype: ValidationException",
            "400 Bad Request",
            r#"{"message":"Input is too long for requested model."}"#,
            Class::ContextTooLong,
        ),
        named(
            "x-amzn-errortype: ModelErrorException",
            "424 Failed Dependency",
            r#"{"message":"failed","originalStatusCode":500}"#,
            Class::ServerError,
        ),
        named(
            "x-amzn-requestid: 1",
            "400 Bad Request",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"invalid beta flag"}}"#,
            Class::UnsupportedFeature,
        ),
    ]
}

const OTHERS_SAY: &[(&str, Said, Class)] = &[
    (
        VERTEX,
        (
            "401 Unauthorized",
            "",
            r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#,
        ),
        Class::AuthRefused,
    ),
    (
        VERTEX,
        (
            "404 Not Found",
            "",
            r#"[{"error":{"code":404,"message":"Publisher Model was not found.","status":"NOT_FOUND"}}]"#,
        ),
        Class::ModelNotFound,
    ),
    (
        VERTEX,
        (
            "429 Too Many Requests",
            "",
            r#"{"error":{"code":429,"message":"Resource exhausted. Please try again later.","status":"RESOURCE_EXHAUSTED"}}"#,
        ),
        Class::Overloaded,
    ),
    (
        VERTEX,
        (
            "503 Service Unavailable",
            "",
            r#"{"error":{"code":503,"message":"unavailable","status":"UNAVAILABLE"}}"#,
        ),
        Class::Overloaded,
    ),
    (
        VERTEX,
        (
            "400 Bad Request",
            "",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Unexpected value(s) `x` for the `anthropic-beta` header."}}"#,
        ),
        Class::UnsupportedFeature,
    ),
    (
        COMPATIBLE,
        ("402 Payment Required", "", r#"{"error":{"code":402,"message":"Insufficient credits"}}"#),
        Class::QuotaExhausted,
    ),
    (
        COMPATIBLE,
        ("502 Bad Gateway", "", r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
        Class::ServerError,
    ),
    (
        COMPATIBLE,
        (
            "503 Service Unavailable",
            "",
            r#"{"error":{"code":503,"message":"No provider available"}}"#,
        ),
        Class::Overloaded,
    ),
    (
        COMPATIBLE,
        ("200 OK", "", r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
        Class::ServerError,
    ),
    (
        COMPATIBLE,
        (
            "400 Bad Request",
            "",
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
        ),
        Class::ContextTooLong,
    ),
    (
        COMPATIBLE,
        (
            "400 Bad Request",
            "",
            r#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":8}}"#,
        ),
        Class::ContextTooLong,
    ),
    (
        COMPATIBLE,
        (
            "503 Service Unavailable",
            "",
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        ),
        Class::Overloaded,
    ),
    (
        COMPATIBLE,
        ("404 Not Found", "", r#"{"error":"model 'x' not found, try pulling it first"}"#),
        Class::ModelNotFound,
    ),
    (
        COMPATIBLE,
        (
            "429 Too Many Requests",
            "x-ratelimit-remaining-tokens: 0",
            r#"{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}"#,
        ),
        Class::RateLimited,
    ),
];

fn dialect_of(provider: &str) -> Dialect {
    let chat = [AZURE, COMPATIBLE].contains(&provider);
    if chat { Dialect::OpenaiChat } else { Dialect::AnthropicMessages }
}

/// Settings with this provider before a healthy one of the same dialect.
fn yaml(provider: &str, peer: &Peer, policy: &str) -> String {
    let below = if provider == FOUNDRY { "/anthropic" } else { "" };
    let there = format!(
        "providers:\n  there: {{ {provider}, base_url: \"http://{}{below}\", api_key: any, tier: full }}\n",
        peer.address
    );
    let next = if dialect_of(provider) == Dialect::OpenaiChat { OPENAI } else { ANTHROPIC };
    settings(&["there/a-model", next], policy).replacen("providers:\n", &there, 1)
}

#[tokio::test]
async fn whatever_a_cloud_says_is_understood_and_the_next_target_answers() {
    let mut checks = Checks::default();
    for (provider, said, class) in [AZURE_SAYS, &bedrock(), OTHERS_SAY].concat() {
        for delivery in [Delivery::Unary, Delivery::Stream] {
            checks.add(format!("{said:?} {delivery:?}"), check(provider, said, (class, delivery)));
        }
    }
    checks.pass_quickly().await;
}

async fn check(provider: &str, said: Said, (class, delivery): (Class, Delivery)) {
    let (status, header, body) = said;
    let script = Script::whole(status, body.as_bytes());
    let peer =
        Peer::open(if header.is_empty() { script } else { script.with_header(header) }).await;
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &yaml(provider, &peer, ""));
    let item = item(dialect_of(provider), delivery, Wish::Text);
    let got = stage.ask(&item).await;
    let rows = stage.rows(1).await;
    assert_eq!(rows[0].attempts[0].class, Some(class), "{rows:#?}");
    // What is too long for one window goes to a larger one only, and these are of one size.
    if class != Class::ContextTooLong {
        got.assert_answers(&item, "");
        assert_eq!(rows[0].attempts.len(), 2, "{rows:#?}");
    }
    stage.assert_idle("").await;
}

#[tokio::test]
async fn a_filter_that_refuses_the_prompt_is_a_refusal_and_not_a_fault() {
    let body = r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}}}"#;
    let peer = Peer::open(Script::whole("400 Bad Request", body.as_bytes())).await;
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &yaml(AZURE, &peer, ""));
    let got = stage.ask(&item(Dialect::OpenaiChat, Delivery::Unary, Wish::Text)).await;
    let rows = stage.rows(1).await;
    assert_eq!(rows[0].attempts[0].class, Some(Class::ContentRefused), "{rows:#?}");
    assert_eq!(got.json()["error"]["code"], "content_filter", "{}", got.text());
    assert_eq!(stage.state("there"), "closed");
}

/// A stream of Claude's at Bedrock that says so much and then ends in an exception.
fn broken(events: &[&str], exception: &str) -> Script {
    let mut body = Vec::new();
    for event in events {
        chunk_message(event.as_bytes(), &mut body);
    }
    exception_message(exception, br#"{"message":"of its own"}"#, &mut body);
    Script::stream(&body).of_type("application/vnd.amazon.eventstream")
}

const OPENING: [&str; 3] = [
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Once upon a time"}}"#,
];

#[tokio::test]
async fn an_exception_inside_a_stream_of_bedrock_is_a_break_like_any_other() {
    let providers = Providers::open().await;
    let item = item(Dialect::AnthropicMessages, Delivery::Stream, Wish::Text);
    for (exception, class) in [
        ("throttlingException", Class::RateLimited),
        ("modelStreamErrorException", Class::ServerError),
        ("serviceUnavailableException", Class::Overloaded),
    ] {
        let peer = Peer::open(broken(&OPENING[..2], exception)).await;
        let stage = Stage::open(&providers, &yaml(BEDROCK, &peer, ""));
        let got = stage.send(&Call::of(&item)).await;
        got.assert_answers(&item, exception);
        let rows = stage.rows(1).await;
        assert_eq!(rows[0].attempts[0].class, Some(class), "{rows:#?}");
    }
}

#[tokio::test]
async fn a_stream_of_bedrock_that_breaks_after_its_first_words_is_told_in_the_dialect() {
    let providers = Providers::open().await;
    let item = item(Dialect::AnthropicMessages, Delivery::Stream, Wish::Text);
    let begun = Script::begun(&{
        let mut body = Vec::new();
        for event in OPENING {
            chunk_message(event.as_bytes(), &mut body);
        }
        body
    });
    let peer = Peer::open(begun.of_type("application/vnd.amazon.eventstream")).await;
    let stage = Stage::open(&providers, &yaml(BEDROCK, &peer, "    on_break: error\n"));
    let got = stage.send(&Call::of(&item)).await;
    let framed = OPENING.map(|event| {
        let name = event.split('"').nth(3).expect("a type");
        format!("event: {name}\ndata: {event}\n\n")
    });
    let expected = framed.concat();
    assert!(got.text().starts_with(&expected), "{}", got.text());
    crate::breaks::assert_told(&got, &item);
    let rows = stage.rows(1).await;
    assert_eq!(rows[0].attempts[0].class, Some(Class::Stalled), "{rows:#?}");
}

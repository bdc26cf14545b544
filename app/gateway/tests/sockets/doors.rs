//! Who is let in, and what the others are told: before a byte of their body is read, and before a
//! provider hears of them.

use std::time::Duration;

use backstop_gateway::probe_forever;
use backstop_listener::Listening;
use backstop_resilience::Tuning;
use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use serde_json::json;
use tokio::net::TcpStream;

use crate::client::{self, Body, Call, item};
use crate::peer::{Peer, Script};
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, ANYWHERE, OPENAI, Providers, Stage, provider, settings};

const KEY: &str = "bst-a-key-of-the-gateway";

/// Settings that let this key in only.
fn with_key(yaml: &str) -> String {
    let hash = blake3::hash(KEY.as_bytes()).to_hex();
    format!("keys:\n  - {{ name: shop, hash: {hash} }}\n{yaml}")
}

fn call(dialect: Dialect) -> Call {
    Call::of(&item(dialect, Delivery::Unary, Wish::Text))
}

#[tokio::test]
async fn a_web_page_cannot_spend_the_operators_money() {
    let providers = Providers::open().await;
    let yaml = format!("cors: [\"https://app.example\"]\n{}", settings(&[ANTHROPIC, OPENAI], ""));
    let stage = Stage::open(&providers, &yaml);
    for dialect in Dialect::ALL {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("host", "evil.example:8080"),
            ("host", "gateway.internal"),
        ] {
            let got = stage.send(&call(dialect).with(name, value)).await;
            assert_eq!(got.status, 403, "{name}: {value}: {}", got.text());
            let message = got.said();
            assert!(message.contains("set `keys`"), "{message}");
        }
    }
    assert_eq!(providers.requests("anthropic") + providers.requests("openai"), 0);
    for (name, value) in [("origin", "https://app.example"), ("host", "127.0.0.1:8080")] {
        let got = stage.send(&call(Dialect::AnthropicMessages).with(name, value)).await;
        assert_eq!(got.status, 200, "{name}: {value}: {}", got.text());
    }
    let named = Stage::open(&providers, &format!("hosts: [gateway.internal]\n{yaml}"));
    let by_name = call(Dialect::AnthropicMessages).with("host", "Gateway.Internal:8080");
    assert_eq!(named.send(&by_name).await.status, 200);
    let page = call(Dialect::AnthropicMessages).with("host", "evil.example");
    assert_eq!(named.send(&page).await.status, 403);
    let keyed = Stage::open(&providers, &with_key(&settings(&[ANTHROPIC], "")));
    let page = call(Dialect::AnthropicMessages).with("host", "llm.example");
    let page = page.with("origin", "https://evil.example").with("backstop-key", KEY);
    assert_eq!(keyed.send(&page).await.status, 200);
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read_and_everybody_can_see_it() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &with_key(&settings(&[ANTHROPIC], "")));
    for dialect in Dialect::ALL {
        let mut unread = call(dialect);
        unread.body = Vec::new();
        let unread = unread.with("content-length", "1000000").with("expect", "100-continue");
        let mut stream = TcpStream::connect(stage.address).await.expect("the gateway accepts");
        client::send(&mut stream, &unread).await;
        let got = client::read(&mut stream, Body::Framed).await;
        let status = if dialect == Dialect::BedrockConverse { 403 } else { 401 };
        assert_eq!(got.status, status, "{}", got.text());
        assert_eq!(got.header("backstop-error"), "key_refused");
    }
    let models = Call::get("/v1/models");
    assert_eq!(stage.send(&models).await.status, 401);
    let known = stage.send(&models.with("authorization", &format!("Bearer {KEY}"))).await;
    assert_eq!(known.json()["object"], "list", "{}", known.text());
    let rows = stage.rows(Dialect::ALL.len() + 1).await;
    assert!(rows.iter().all(|row| row.class.is_some_and(|it| it.code() == "key_refused")));
    assert_eq!(providers.requests("anthropic"), 0);
    stage.assert_idle("strangers").await;
}

#[tokio::test]
async fn what_is_asked_in_the_wrong_way_is_told_the_right_one() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
    for (path, kind) in [("/v1/messages", "not_found_error"), ("/chat/completions", "")] {
        let got = stage.send(&Call::get(path)).await;
        assert_eq!((got.status, got.header("allow")), (405, "post"), "{path}");
        let own = got.json()["type"] == "error";
        assert_eq!(own, !kind.is_empty(), "{}", got.text());
    }
    let got = stage.send(&Call::get("/v1/responses").with("upgrade", "websocket")).await;
    assert_eq!((got.status, got.header("upgrade")), (426, "http/1.1"));
    let mut head = Call::get("//v1/models");
    head.method = "HEAD";
    let got = stage.send(&head).await;
    assert_eq!((got.status, got.body.len()), (200, 0));
    // Claude Code asks this before anything else, others look whether anybody is there.
    for path in ["/api/hello", "/", "/v1", "/v1/"] {
        head.path = path.to_owned();
        assert_eq!(stage.send(&head).await.status, 200, "{path}");
        assert!(stage.send(&Call::get(path)).await.text().contains("backstop"), "{path}");
    }
    let mut doubled = call(Dialect::AnthropicMessages);
    doubled.path = "//v1/messages".to_owned();
    assert_eq!(stage.send(&doubled).await.status, 200);
    for name in ["m".repeat(257), "m\\u0007".to_owned()] {
        let mut strange = call(Dialect::AnthropicMessages);
        strange.body = format!(r#"{{"model":"{name}","messages":[]}}"#).into_bytes();
        let got = stage.send(&strange).await;
        assert_eq!(got.status, 400, "{}", got.text());
        assert!(got.text().contains("/v1/models"), "{}", got.text());
    }
    let packed = call(Dialect::OpenaiChat).with("content-encoding", "zstd");
    let got = stage.send(&packed).await;
    assert_eq!((got.status, got.header("backstop-error")), (415, "invalid_request"));
    assert!(got.text().contains("uncompressed"), "{}", got.text());
    let mut hops = call(Dialect::OpenaiChat);
    for hop in 0..9 {
        hops = hops.with("backstop-hop", &format!("gateway-{hop}"));
    }
    let got = stage.send(&hops).await;
    assert_eq!((got.status, got.header("backstop-error")), (508, "loop_detected"));
}

#[tokio::test]
async fn a_probe_is_counted_as_a_probe_and_as_nothing_else() {
    quickly(async {
        let providers = Providers::open().await;
        let mut tuning = Tuning::default();
        tuning.breaker.pause_min = Duration::from_millis(1);
        tuning.breaker.validation_gap = Duration::from_millis(1);
        let listening = Listening::bind(ANYWHERE).expect("a free port");
        let yaml = providers.fill_in(&settings(&[ANTHROPIC], ""));
        let stage = Stage::open_tuned(&yaml, listening, &tuning);
        providers.fail("anthropic", "http_500");
        let is_out = || matches!(&*stage.state("anthropic"), "open" | "half_open");
        loop {
            stage.send(&call(Dialect::AnthropicMessages)).await;
            if is_out() {
                break;
            }
        }
        let sent = providers.requests("anthropic");
        providers.behave(Vec::new());
        tokio::spawn(probe_forever(std::sync::Arc::clone(&stage.core)));
        stage.until(|| providers.requests("anthropic") > sent && !is_out(), "a probe").await;
        stage.until(|| stage.in_flight() == 0, "a probe's end").await;
        let told = stage.console().send(&Call::get("/metrics")).await.text();
        let count = |name: &str| {
            let found =
                told.lines().find_map(|line| line.strip_prefix(&format!("backstop_{name} ")));
            found.unwrap_or_else(|| panic!("no {name} in {told}")).to_owned()
        };
        let of = |name: &str| count(&format!("{name}{{target=\"{ANTHROPIC}\"}}"));
        assert_ne!(count("probes_total"), "0");
        assert_eq!((of("attempts_total"), of("answers_total")), (sent.to_string(), "0".to_owned()));
        assert_eq!(of("first_token_seconds_count"), "0");
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_drains_is_not_ready() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC], ""));
    let console = stage.console();
    let ready = Call::get("/readyz");
    assert_eq!(console.send(&ready).await.status, 200);
    stage.gateway.drain();
    assert_eq!(console.send(&ready).await.status, 503);
    assert_eq!(stage.send(&ready).await.status, 503);
}

#[tokio::test]
async fn a_load_balancer_asks_at_the_applications_door_without_a_key() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &with_key(&settings(&[ANTHROPIC], "")));
    for path in ["/healthz", "/readyz"] {
        let got = stage.send(&Call::get(path).with("host", "health-check")).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
    }
    assert_eq!(stage.send(&Call::get("/metrics")).await.status, 404);
}

#[tokio::test]
async fn a_web_page_that_names_itself_after_this_machine_reads_nothing_of_the_console() {
    let providers = Providers::open().await;
    let yaml = format!("hosts: [gateway.internal]\n{}", settings(&[ANTHROPIC], ""));
    let stage = Stage::open(&providers, &yaml);
    let console = stage.console();
    for page in ["/status", "/status.json", "/metrics", "/"] {
        for host in ["evil.example", "evil.example:8081", "localhost.evil.example"] {
            let got = console.send(&Call::get(page).with("host", host)).await;
            assert_eq!(got.status, 421, "{page} of {host}: {}", got.text());
            assert!(got.text().contains("`hosts`"), "{}", got.text());
        }
    }
    for host in ["localhost:8081", "127.0.0.1", "[::1]:8081", "10.0.0.7:8081", "gateway.internal"] {
        for page in ["/status", "/metrics"] {
            let got = console.send(&Call::get(page).with("host", host)).await;
            assert_eq!(got.status, 200, "{page} of {host}: {}", got.text());
        }
    }
    let balancer = Call::get("/readyz").with("host", "health-check");
    assert_eq!(console.send(&balancer).await.status, 200);
}

/// A question about a picture of so many bytes.
fn pictured(bytes: usize) -> Vec<u8> {
    let source = json!({ "type": "base64", "media_type": "image/png", "data": "A".repeat(bytes) });
    let content = json!([{ "type": "image", "source": source }]);
    json!({ "model": "claude-sonnet-5", "messages": [{ "role": "user", "content": content }] })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn tokens_are_counted_by_the_first_provider_that_can_and_estimated_otherwise() {
    let providers = Providers::open().await;
    let mut question = call(Dialect::AnthropicMessages);
    question.path = "/v1/messages/count_tokens".to_owned();
    let stage = Stage::open(&providers, &settings(&[OPENAI, ANTHROPIC], ""));
    let got = stage.send(&question).await;
    assert_eq!((got.status, got.header("backstop-lost")), (200, ""), "{}", got.text());
    assert!(got.json()["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    let nowhere = settings(&[ANTHROPIC], "").replace("{anthropic}", "http://127.0.0.1:1");
    for yaml in [settings(&[OPENAI], ""), nowhere] {
        let stage = Stage::open(&providers, &yaml);
        let mut counted = Vec::new();
        for body in [question.body.clone(), pictured(200_000)] {
            let got = stage.send(&Call { body, ..question.clone() }).await;
            assert_eq!(got.header("backstop-lost"), "input_tokens=estimated");
            counted.push(got.json()["input_tokens"].as_u64().unwrap());
        }
        // A picture counts by its size, not by its bytes.
        assert!((1..question.body.len() as u64).contains(&counted[0]), "{counted:?}");
        assert!((1_000..3_000).contains(&counted[1]), "{counted:?}");
        stage.assert_idle("counted").await;
    }
}

#[tokio::test]
async fn tokens_of_a_responses_request_are_counted_too() {
    let providers = Providers::open().await;
    let mut question = call(Dialect::OpenaiResponses);
    question.path = "/v1/responses/input_tokens".to_owned();
    let told = br#"{"object":"response.input_tokens","input_tokens":4711}"#;
    let mut counts = Peer::open(Script::whole("200 OK", told)).await;
    let url = format!("http://{}", counts.address);
    let yaml = provider(&settings(&["there/*"], ""), Dialect::OpenaiResponses, &url);
    let got = Stage::open(&providers, &yaml).send(&question).await;
    assert_eq!((got.status, got.header("backstop-lost")), (200, ""), "{}", got.everything());
    assert_eq!(got.json()["input_tokens"], 4711);
    assert!(counts.taken().await.head.starts_with("post /v1/responses/input_tokens "));
    // Claude Code asks 25 times at once; nobody who only estimates may stand in its way.
    let stage = Stage::open(&providers, &settings(&[OPENAI], ""));
    for _ in 0..25 {
        let got = stage.send(&question).await;
        assert_eq!(got.header("backstop-lost"), "input_tokens=estimated", "{}", got.everything());
        assert_eq!(got.json()["object"], "response.input_tokens");
        assert!(got.json()["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    }
}

#[tokio::test]
async fn each_client_reads_the_models_in_its_own_form() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
    let plain = stage.send(&Call::get("/v1/models")).await.json();
    assert_eq!((&plain["object"], &plain["has_more"]), (&json!("list"), &json!(false)));
    let own = |path: &str| Call::get(path).with("anthropic-version", "2023-06-01");
    let page = stage.send(&own("/v1/models?limit=1")).await.json();
    assert_eq!((page["data"].as_array().map(Vec::len), &page["has_more"]), (Some(1), &json!(true)));
    let model = stage.send(&own("/v1/models/claude-opus-4-6")).await.json();
    assert!(model["max_tokens"].is_u64() && model.get("object").is_none(), "{model}");
    let gemini = stage.send(&Call::get("/v1beta/models?pageSize=2")).await.json();
    assert_eq!(gemini["models"].as_array().map(Vec::len), Some(2), "{gemini}");
    assert_eq!(gemini["nextPageToken"], "2");
    let one = stage.send(&Call::get("/v1beta/models/claude-opus-4-6")).await.json();
    assert_eq!(one["name"], "models/claude-opus-4-6", "{one}");
    assert!(one["outputTokenLimit"].is_u64() && one.get("inputTokenLimit").is_none(), "{one}");
    for (path, code) in [("/v1/models/none", "error"), ("/v1beta/models/none", "error")] {
        let got = stage.send(&Call::get(path)).await;
        assert_eq!((got.status, got.json()[code].is_object()), (404, true), "{path}");
    }
}

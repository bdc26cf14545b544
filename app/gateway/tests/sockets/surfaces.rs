//! The same weights at clouds: each is asked at its own counter, in its own envelope, and what it
//! answers reaches a client of the dialect to the byte.

use backstop_dialects::chunk_message;
use backstop_scenarios::{Delivery, Ear, Wish};
use backstop_vocabulary::Dialect;

use crate::bytes::{odd_answer, odd_request, odd_stream};
use crate::client::{Call, item};
use crate::peer::{Peer, Script};
use crate::stage::{Providers, Stage, settings};

const CHAT: Dialect = Dialect::OpenaiChat;
const RESPONSES: Dialect = Dialect::OpenaiResponses;
const CLAUDE: Dialect = Dialect::AnthropicMessages;

/// One way to be served by a cloud.
struct Counter {
    /// What the settings say of the provider besides its name, key and address.
    provider: &'static str,
    /// What stands behind the address in `base_url`.
    below: &'static str,
    dialect: Dialect,
    /// The model as we call it, and as the cloud does.
    model: (&'static str, &'static str),
    /// The paths of a whole answer and of a stream.
    paths: [&'static str; 2],
    credential: &'static str,
    /// Members of the body that go, and text that comes first in it.
    envelope: (&'static [&'static str], &'static str),
    framing: Framed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Framed {
    Sse,
    EventStream,
}

const fn azure(provider: &'static str, dialect: Dialect, path: &'static str) -> Counter {
    Counter {
        provider,
        below: "",
        dialect,
        model: ("a-model", "our-deployment"),
        paths: [path, path],
        credential: "api-key: key-of-there",
        envelope: (&[], ""),
        framing: Framed::Sse,
    }
}

fn counters() -> Vec<Counter> {
    [azure_counters(), claude_counters()].into_iter().flatten().collect()
}

fn azure_counters() -> Vec<Counter> {
    const DATED: &str = "kind: azure, api_version: 2024-10-21, models: { a-model: our-deployment }";
    const V1: &str = "kind: azure, models: { a-model: our-deployment }";
    const PREVIEW: &str = "kind: azure, api_version: preview, models: { a-model: our-deployment }";
    vec![
        azure(V1, CHAT, "/openai/v1/chat/completions"),
        azure(V1, RESPONSES, "/openai/v1/responses"),
        azure(PREVIEW, RESPONSES, "/openai/v1/responses?api-version=preview"),
        azure(
            DATED,
            CHAT,
            "/openai/deployments/our-deployment/chat/completions?api-version=2024-10-21",
        ),
        Counter { below: "/openai/v1", ..azure(V1, CHAT, "/openai/v1/chat/completions") },
    ]
}

fn claude_counters() -> Vec<Counter> {
    vec![
        Counter {
            below: "/anthropic",
            credential: "x-api-key: key-of-there",
            ..azure(
                "kind: foundry, models: { a-model: our-deployment }",
                CLAUDE,
                "/anthropic/v1/messages",
            )
        },
        Counter {
            model: ("a-model", "eu.anthropic.claude-opus-4-6-v1:0"),
            credential: "authorization: bearer key-of-there",
            envelope: (&["model", "stream"], "\"anthropic_version\":\"bedrock-2023-05-31\","),
            framing: Framed::EventStream,
            paths: [
                "/model/eu.anthropic.claude-opus-4-6-v1:0/invoke",
                "/model/eu.anthropic.claude-opus-4-6-v1:0/invoke-with-response-stream",
            ],
            ..azure(
                "kind: bedrock, region: eu-central-1, models: { a-model: \"eu.anthropic.claude-opus-4-6-v1:0\" }",
                CLAUDE,
                "",
            )
        },
        Counter {
            model: ("a-model", "a-model"),
            below: "/anthropic",
            credential: "authorization: bearer key-of-there",
            ..azure(
                "kind: bedrock, region: eu-central-1, surface: anthropic",
                CLAUDE,
                "/anthropic/v1/messages",
            )
        },
        Counter {
            model: ("a-model", "claude-opus-4-6"),
            credential: "authorization: bearer key-of-there",
            envelope: (&["model"], "\"anthropic_version\":\"vertex-2023-10-16\","),
            paths: [
                "/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/claude-opus-4-6:rawpredict",
                "/v1/projects/acme/locations/europe-west1/publishers/anthropic/models/claude-opus-4-6:streamrawpredict",
            ],
            ..azure(
                "kind: vertex, project: acme, location: europe-west1, models: { a-model: claude-opus-4-6 }",
                CLAUDE,
                "",
            )
        },
    ]
}

impl Counter {
    /// Settings with one route to it, after `before` if any.
    fn settings(&self, address: &str, before: &[&str]) -> String {
        let targets: Vec<&str> = before.iter().copied().chain(["there/*"]).collect();
        let there = format!(
            "providers:\n  there: {{ {}, base_url: \"{address}{}\", api_key: key-of-there, tier: full }}\n",
            self.provider, self.below
        );
        settings(&targets, "").replacen("providers:\n", &there, 1)
    }

    /// The answer as a client of the dialect must get it, and as the cloud sends it.
    fn answer(&self, delivery: Delivery) -> (Vec<u8>, Script) {
        if !delivery.is_stream() {
            let answer = odd_answer(self.dialect).as_bytes().to_vec();
            let script = Script::whole("200 OK", &answer);
            return (answer, script);
        }
        match self.framing {
            Framed::Sse => {
                let answer = odd_stream(self.dialect, 5000);
                let script = Script::stream(&answer);
                (answer, script)
            }
            Framed::EventStream => event_stream(),
        }
    }

    /// The client's bytes as the cloud must get them.
    fn body(&self, sent: &[u8]) -> String {
        let mut text = String::from_utf8(sent.to_vec()).expect("text");
        let (without, with) = self.envelope;
        if !without.contains(&"model") {
            return text.replace("\"a-model\"", &format!("\"{}\"", self.model.1));
        }
        text = text.replace("\t\"model\" : \"a-model\",", "\t");
        if without.contains(&"stream") {
            for stream in ["true", "false"] {
                text = text.replace(&format!(",\"stream\":{stream}"), "");
            }
        }
        text.replacen("\"from_tomorrow\"", &format!("{with}\"from_tomorrow\""), 1)
    }
}

/// A stream of Claude's in the messages of `InvokeModel`.
fn event_stream() -> (Vec<u8>, Script) {
    let events = [
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-6","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta", "index":0,"delta":{"type":"text_delta","text":"gr\u00fc\u00dfe "},"new":1.0}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud83c\udf0a"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let (mut answer, mut body) = (Vec::new(), Vec::new());
    for event in events {
        let name = event.split('"').nth(3).expect("a type");
        answer.extend_from_slice(format!("event: {name}\ndata: {event}\n\n").as_bytes());
        chunk_message(event.as_bytes(), &mut body);
    }
    (answer, Script::stream(&body).of_type("application/vnd.amazon.eventstream"))
}

fn call(dialect: Dialect, delivery: Delivery) -> Call {
    let mut call = Call::of(&item(dialect, delivery, Wish::Text));
    call.body = odd_request(dialect, delivery);
    call
}

#[tokio::test]
async fn every_cloud_is_asked_at_its_own_counter_and_answers_to_the_byte() {
    let providers = Providers::open().await;
    for counter in counters() {
        for (nth, delivery) in [Delivery::Unary, Delivery::Stream].into_iter().enumerate() {
            let (answer, script) = counter.answer(delivery);
            let mut peer = Peer::open(script).await;
            let yaml = counter.settings(&format!("http://{}", peer.address), &[]);
            let stage = Stage::open(&providers, &yaml);
            let call = call(counter.dialect, delivery);
            let got = stage.send(&call).await;
            let what = format!("{} {delivery:?}", counter.provider);
            assert_eq!(got.text(), String::from_utf8_lossy(&answer), "{what}");
            assert_eq!(got.status, 200, "{what}");
            assert!(got.header("backstop-answer").contains("target=there/a-model;"), "{what}");
            let taken = peer.taken().await;
            let line = format!("post {} http/1.1", counter.paths[nth]);
            assert_eq!(taken.head.lines().next(), Some(&*line), "{what}");
            assert!(taken.head.contains(&format!("\r\n{}", counter.credential)), "{}", taken.head);
            assert_eq!(taken.head.matches("key-of-there").count(), 1, "{}", taken.head);
            assert_eq!(String::from_utf8_lossy(&taken.body), counter.body(&call.body), "{what}");
        }
    }
}

#[tokio::test]
async fn a_client_whose_vendor_is_down_gets_the_same_weights_from_each_cloud_to_the_byte() {
    let providers = Providers::open().await;
    providers.fail("anthropic", "refused");
    for counter in counters().into_iter().filter(|counter| counter.dialect == CLAUDE) {
        for delivery in [Delivery::Unary, Delivery::Stream] {
            let (answer, script) = counter.answer(delivery);
            let peer = Peer::open(script).await;
            let address = format!("http://{}", peer.address);
            let yaml = counter.settings(&address, &["anthropic/*"]);
            let stage = Stage::open(&providers, &yaml);
            let got = stage.send(&call(CLAUDE, delivery)).await;
            let what = format!("{} {delivery:?}", counter.provider);
            assert_eq!(got.text(), String::from_utf8_lossy(&answer), "{what}");
            let header = got.header("backstop-answer");
            assert!(header.contains("; rung=2; attempts=2; tier=full;"), "{what}: {header}");
            stage.assert_idle(&what).await;
        }
    }
}

#[tokio::test]
async fn a_client_of_another_dialect_is_answered_by_a_cloud_as_by_the_vendor() {
    let providers = Providers::open().await;
    for counter in claude_counters() {
        for dialect in [CHAT, RESPONSES] {
            for delivery in [Delivery::Unary, Delivery::Stream] {
                let (_, script) = counter.answer(delivery);
                let mut peer = Peer::open(script).await;
                let address = format!("http://{}", peer.address);
                let stage = Stage::open(&providers, &counter.settings(&address, &[]));
                let got = stage.send(&call(dialect, delivery)).await;
                let what = format!("{} {dialect:?} {delivery:?}", counter.provider);
                let mut ear = Ear::new(dialect, delivery);
                ear.feed(&got.body);
                let heard = ear.finish().unwrap_or_else(|flaw| panic!("{what}: {flaw:?}"));
                assert!(heard.text.contains("gr\u{fc}\u{df}e "), "{what}: {heard:?}");
                let sent: serde_json::Value =
                    serde_json::from_slice(&peer.taken().await.body).unwrap();
                let (without, with) = counter.envelope;
                assert!(without.iter().all(|name| sent.get(name).is_none()), "{what}: {sent}");
                assert_eq!(sent.get("anthropic_version").is_some(), !with.is_empty(), "{what}");
                assert_eq!(sent["max_tokens"], 16, "{what}: {sent}");
            }
        }
    }
}

#[tokio::test]
async fn betas_go_where_the_cloud_reads_them_and_what_it_does_not_take_is_told() {
    let providers = Providers::open().await;
    for counter in claude_counters() {
        let (answer, script) = counter.answer(Delivery::Unary);
        let mut peer = Peer::open(script).await;
        let address = format!("http://{}", peer.address);
        let stage = Stage::open(&providers, &counter.settings(&address, &[]));
        let call = call(CLAUDE, Delivery::Unary)
            .with("anthropic-beta", "claude-code-20250219, compact-2026-01-12")
            .with("anthropic-beta", "computer-use-2025-11-24");
        let got = stage.send(&call).await;
        assert_eq!(got.body, answer);
        let taken = peer.taken().await;
        let body = String::from_utf8(taken.body).unwrap();
        let lost = got.header("backstop-lost");
        let (in_body, in_head) =
            (body.contains("compact-2026"), taken.head.contains("compact-2026"));
        let place = match counter.envelope {
            (_, "") => (false, true, ""),
            (["model", "stream"], _) => (true, false, "not taken by bedrock"),
            _ => (false, true, "not taken by vertex"),
        };
        assert_eq!((in_body, in_head), (place.0, place.1), "{}\n{body}", taken.head);
        assert_eq!(lost.contains(place.2), !place.2.is_empty() || lost.is_empty(), "{lost}");
        let told = format!("{}{body}", taken.head);
        assert_eq!(told.contains("claude-code"), place.2.is_empty(), "{told}");
    }
}

#[tokio::test]
async fn a_model_that_gets_another_name_at_its_provider_is_asked_for_anew() {
    let providers = Providers::open().await;
    let unknown = r#"{"error":{"code":"DeploymentNotFound","message":"no such deployment"}}"#;
    let mut wrong = Peer::open(Script::whole("404 Not Found", unknown.as_bytes())).await;
    let counter = &azure_counters()[0];
    let yaml = counter.settings(&format!("http://{}", wrong.address), &[]);
    let stage = Stage::open(&providers, &yaml);
    let call = call(CHAT, Delivery::Unary);
    for _ in 0..2 {
        assert_eq!(stage.send(&call).await.status, 503);
    }
    assert!(wrong.taken().await.head.starts_with("post /openai/v1/"));
    assert_eq!(wrong.untold(), 0, "what is not there is asked for once");
    stage.reload(&providers, &yaml.replace("our-deployment", "the-right-one"));
    assert_eq!(stage.send(&call).await.status, 503);
    let body = String::from_utf8(wrong.taken().await.body).unwrap();
    assert!(body.contains("the-right-one"), "{body}");
}

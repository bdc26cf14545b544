//! Conversations of Messages that the gateway holds for its client, over providers that hold nothing.

use backstop_scenarios::Delivery;
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::client::{Call, Got};
use crate::peer::{Peer, Script};
use crate::signers::{Mood, Signer};
use crate::stage::{ANTHROPIC, OPENAI, Providers, Stage, provider, settings};

const CLAUDE: Dialect = Dialect::AnthropicMessages;

/// A turn of a thread: the first, or the one after this message.
fn turn(content: &Value, previous: Option<&str>, delivery: Delivery) -> Call {
    let mut body = json!({
        "model": "claude-opus-4-6", "max_tokens": 4000, "stream": delivery.is_stream(),
        "thinking": { "type": "enabled", "budget_tokens": 2000 },
        "messages": [{ "role": "user", "content": content }],
    });
    if let Some(previous) = previous {
        body["thread"] = json!({ "type": "continue", "previous_message_id": previous });
    } else {
        body["thread"] = json!({ "type": "create" });
        body["system"] = "be brief".into();
        body["tools"] = json!([{ "name": "look", "input_schema": { "type": "object" } }]);
    }
    Call {
        method: "POST",
        path: "/v1/messages".to_owned(),
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
    .with("anthropic-version", "2023-06-01")
    .with("anthropic-beta", "some-2026-01-01,message-threads-2026-08-12")
}

/// The name of an answer, and the name of what it calls.
fn said(got: &Got, delivery: Delivery) -> (String, Option<String>) {
    assert_eq!(got.status, 200, "{}", got.everything());
    let text = got.text();
    let (message, blocks) = if delivery.is_stream() {
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let events: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        let blocks = events.iter().filter_map(|event| event.get("content_block").cloned());
        (events[0]["message"].clone(), blocks.collect())
    } else {
        (got.json(), got.json()["content"].as_array().unwrap().clone())
    };
    let call = blocks.iter().find(|block: &&Value| block["type"] == "tool_use");
    let call = call.map(|call| call["id"].as_str().unwrap().to_owned());
    (message["id"].as_str().unwrap().to_owned(), call)
}

/// Two vendors.
async fn stage() -> (Vec<Signer>, Stage) {
    stage_with("").await
}

async fn stage_with(policy: &str) -> (Vec<Signer>, Stage) {
    let providers = Providers::open().await;
    let mut yaml = settings(&["one/claude-opus-4-6", "two/gpt-5.6"], "");
    let mut signers = Vec::new();
    for (name, dialect) in [("one", CLAUDE), ("two", Dialect::OpenaiResponses)] {
        let signer = Signer::open(dialect).await;
        let version = if dialect == CLAUDE { "" } else { "/v1" };
        let base = format!("http://{}{version}", signer.address);
        yaml = provider(&yaml, dialect, &base).replacen("  there:", &format!("  {name}:"), 1);
        signers.push(signer);
    }
    (signers, Stage::open(&providers, &format!("{policy}{yaml}")))
}

#[tokio::test]
async fn a_thread_goes_on_at_another_vendor_and_back() {
    let (signers, stage) = stage().await;
    let (mut previous, mut call, mut questions): (Option<String>, Option<String>, _) =
        (None, None, 0);
    for (nth, house) in [0, 0, 1, 1, 0, 1, 0, 0, 1, 0].into_iter().enumerate() {
        for (at, signer) in signers.iter().enumerate() {
            signer.be(if at == house { Mood::Willing } else { Mood::Unwilling });
        }
        let delivery = [Delivery::Unary, Delivery::Stream][nth / 2 % 2];
        let content = if let Some(id) = &call {
            json!([{ "type": "tool_result", "tool_use_id": id, "content": "seen" }])
        } else {
            questions += 1;
            json!([{ "type": "text", "text": format!("question {nth}") }])
        };
        let asked = turn(&content, previous.as_deref(), delivery);
        if nth == 5 {
            // A client whose answer was lost on the way tries again.
            said(&stage.send(&asked).await, delivery);
        }
        let got = stage.send(&asked).await;
        let (id, next) = said(&got, delivery);
        (previous, call) = (Some(id), next);
        assert_eq!(signers[house].questions(), questions, "turn {nth}");
        assert!(signers.iter().all(|signer| signer.refusals().is_empty()), "turn {nth}");
    }
    assert!(signers[0].known() > 0 && signers[1].known() > 0);
}

#[tokio::test]
async fn no_provider_hears_of_a_thread() {
    let answer = json!({ "id": "msg_theirs", "type": "message", "role": "assistant", "model": "m",
        "content": [{ "type": "text", "text": "hello" }], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": { "input_tokens": 1, "output_tokens": 1 } });
    let mut peer = Peer::open(Script::whole("200 OK", answer.to_string().as_bytes())).await;
    let yaml = provider(
        &settings(&["there/claude-opus-4-6"], ""),
        CLAUDE,
        &format!("http://{}", peer.address),
    );
    let stage = Stage::open(&Providers::open().await, &yaml);
    let first = json!([{ "type": "text", "text": "q", "cache_control": { "type": "ephemeral" } }]);
    let got = stage.send(&turn(&first, None, Delivery::Unary)).await;
    let (id, _) = said(&got, Delivery::Unary);
    let begun = peer.taken().await;
    stage.send(&turn(&json!("r"), Some(&id), Delivery::Unary)).await;
    let taken = peer.taken().await;
    assert!(taken.head.contains("anthropic-beta: some-2026-01-01\r\n"), "{}", taken.head);
    let (whole, begun): (Value, Value) = (
        serde_json::from_slice(&taken.body).unwrap(),
        serde_json::from_slice(&begun.body).unwrap(),
    );
    assert!(begun.get("thread").is_none() && whole.get("thread").is_none(), "{whole}");
    assert_eq!((&whole["system"], &whole["tools"]), (&begun["system"], &begun["tools"]));
    let said = json!([{ "type": "text", "text": "hello" }]);
    assert_eq!(
        whole["messages"],
        json!([
            { "role": "user", "content": [{ "type": "text", "text": "q" }] },
            { "role": "assistant", "content": said },
            { "role": "user", "content": "r" },
        ])
    );
    assert_eq!(begun["messages"][0]["content"], first);
}

#[tokio::test]
async fn a_thread_that_is_not_known_here_is_not_found_and_its_client_sends_all_of_it() {
    let (_signers, stage) = stage().await;
    let got = stage.send(&turn(&json!("r"), Some("msg_unknown"), Delivery::Unary)).await;
    let error = got.json()["error"].clone();
    assert_eq!((got.status, &error["type"]), (404, &json!("not_found_error")), "{error}");
    assert_eq!(error["details"]["error_code"], "thread_not_found", "{error}");
    // Nor is one that an answer of another API has the name of.
    let mut asked = Call::of(&crate::client::item(
        Dialect::OpenaiResponses,
        Delivery::Unary,
        backstop_scenarios::Wish::Text,
    ));
    asked.body = json!({ "model": "gpt-5.6", "input": "hello" }).to_string().into_bytes();
    let id = stage.send(&asked).await.json()["id"].as_str().unwrap().to_owned();
    let got = stage.send(&turn(&json!("r"), Some(&id), Delivery::Unary)).await;
    assert_eq!(got.json()["error"]["details"]["error_code"], "thread_not_found");
}

#[tokio::test]
async fn a_thread_that_nobody_understands_is_refused_and_never_passed_over() {
    let (signers, stage) = stage().await;
    let ask = async |thread: Value, messages: Value| {
        let mut call = turn(&json!("hi"), None, Delivery::Unary);
        let mut body: Value = serde_json::from_slice(&call.body).unwrap();
        body["thread"] = thread;
        body["messages"] = messages;
        call.body = body.to_string().into_bytes();
        stage.send(&call).await
    };
    let hi = || json!([{ "role": "user", "content": "hi" }]);
    for thread in [
        json!({ "type": "continue" }),
        json!({ "type": "continue", "previous_message_id": 7 }),
        json!({ "type": "other" }),
        json!("create"),
        json!([]),
    ] {
        let got = ask(thread.clone(), hi()).await;
        assert_eq!(
            (got.status, got.header("backstop-error")),
            (400, "invalid_request"),
            "{thread}"
        );
        assert!(got.text().contains("`thread."), "{}", got.text());
    }
    let begun = said(&ask(json!({ "type": "create" }), hi()).await, Delivery::Unary).0;
    for messages in [json!("x"), json!([]), Value::Null] {
        let thread = json!({ "type": "continue", "previous_message_id": begun });
        let got = ask(thread, messages.clone()).await;
        assert_eq!(got.status, 400, "{messages}: {}", got.text());
        assert!(got.text().contains("`messages`"), "{}", got.text());
    }
    assert_eq!(signers.iter().map(Signer::answers).sum::<u32>(), 1);
}

#[tokio::test]
async fn a_streamed_turn_that_is_larger_than_an_answer_may_be_is_not_kept() {
    for (policy, status) in [("", 200), ("limits: { answer_max: 1KiB }\n", 404)] {
        let (_signers, stage) = stage_with(policy).await;
        let got = stage.send(&turn(&json!("q"), None, Delivery::Stream)).await;
        let (previous, call) = said(&got, Delivery::Stream);
        let result = json!([{ "type": "tool_result", "tool_use_id": call, "content": "r" }]);
        let content = if call.is_some() { result } else { json!("r") };
        let next = stage.send(&turn(&content, Some(&previous), Delivery::Stream)).await;
        assert_eq!(next.status, status, "{}", next.everything());
    }
}

#[tokio::test]
async fn where_nothing_is_kept_a_thread_is_its_providers_or_nobodys() {
    let providers = Providers::open().await;
    let off = |targets: &[&str]| {
        let yaml = format!("limits: {{ transcripts_max: off }}\n{}", settings(targets, ""));
        Stage::open(&providers, &yaml)
    };
    let asked = turn(&json!("q"), None, Delivery::Unary);
    let mixed = off(&[ANTHROPIC, OPENAI]);
    let got = mixed.send(&asked).await;
    assert_eq!(got.status, 400);
    assert!(got.text().contains("thread_unsupported_request"), "{}", got.text());
    let alike = off(&[ANTHROPIC, crate::stage::CLAUDE_CLOUD]);
    let got = alike.send(&asked).await;
    assert!(!got.text().contains("thread_unsupported_request"), "{}", got.text());
    assert!(!alike.rows(1).await[0].attempts.is_empty());
}

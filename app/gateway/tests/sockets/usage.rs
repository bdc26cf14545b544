//! Chat Completions' chunk of usage, which has no `choices`: a client gets it if it asked for it.

use backstop_scenarios::{Delivery, Wish};
use backstop_store::Entry as Row;
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::bytes::odd_stream;
use crate::client::{Call, Got, item};
use crate::peer::{Peer, Script};
use crate::stage::{Providers, Stage, settings};

const CHAT: Dialect = Dialect::OpenaiChat;
/// In the provider's own hand.
const BILL: &str = "data: {\"id\":\"c-1\", \"choices\":[ ],\"usage\":{\"prompt_tokens\":3,\
    \"completion_tokens\":2,\"total_tokens\":5}}\n\n";

/// A stream of a provider with the chunk of usage at its end, or without.
fn stream(bill: &str) -> Vec<u8> {
    let text = String::from_utf8(odd_stream(CHAT, 2_048)).unwrap();
    text.replace("data: [DONE]", &format!("{bill}data: [DONE]")).into_bytes()
}

/// What a client asks who wants the usage, who says nothing of it, and who does not want it.
fn questions() -> [(Value, bool); 3] {
    let plain = json!({
        "model": "a-model", "stream": true, "messages": [{ "role": "user", "content": "hi" }],
    });
    let with = |usage: bool| {
        let mut body = plain.clone();
        body["stream_options"] = json!({ "include_usage": usage });
        body
    };
    [(with(true), true), (with(false), false), (plain, false)]
}

/// The answer of a server of this kind that always sends its usage, what it was sent, and the row.
async fn answer(there: &str, target: &str, body: &Value) -> (Got, Value, Row) {
    let providers = Providers::open().await;
    let mut peer = Peer::open(Script::stream(&stream(BILL))).await;
    let there = format!(
        "providers:\n  there: {{ {there}, base_url: \"http://{}/v1\", api_key: any, tier: full }}\n",
        peer.address
    );
    let yaml = settings(&[target], "").replacen("providers:\n", &there, 1);
    let stage = Stage::open(&providers, &yaml);
    let mut call = Call::of(&item(CHAT, Delivery::Stream, Wish::Text));
    call.body = body.to_string().into_bytes();
    let got = stage.send(&call).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let sent = serde_json::from_slice(&peer.taken().await.body).unwrap();
    let row = stage.rows(1).await.remove(0);
    (got, sent, row)
}

/// The stream with these words at its end.
fn ending_in(bill: &str) -> String {
    String::from_utf8(stream(bill)).unwrap()
}

#[tokio::test]
async fn a_stream_that_is_written_anew_in_its_dialect_tells_its_usage_only_to_who_asked() {
    let anew = [
        ("kind: groq", "there/a-model"),
        // A model that the catalogue knows, in place of another.
        ("kind: openrouter", "there/gpt-5.4-mini"),
        ("dialect: openai_chat", "{ target: there/a-model, system_note: be brief }"),
    ];
    for (there, target) in anew {
        for (body, asked) in questions() {
            let (got, sent, row) = answer(there, target, &body).await;
            let what = format!("{there} {target} {}", body["stream_options"]);
            assert_eq!(got.text(), ending_in(if asked { BILL } else { "" }), "{what}");
            // What it cost is known all the same.
            assert_eq!(sent["stream_options"], json!({ "include_usage": true }), "{what}");
            assert_eq!(row.usage.map(|usage| usage.output), Some(2), "{what}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_gets_its_names_back_tells_its_usage_only_to_who_asked() {
    for (mut body, asked) in questions() {
        let tool = json!({ "name": "look up", "parameters": { "type": "object" } });
        body["tools"] = json!([{ "type": "function", "function": tool }]);
        let (got, _, row) = answer("kind: groq", "there/a-model", &body).await;
        let text = got.text();
        let chunks = text.lines().filter_map(|line| line.strip_prefix("data: {"));
        let bills = chunks.filter(|chunk| chunk.contains("\"choices\":[]")).count();
        assert_eq!(bills, usize::from(asked), "{text}");
        assert_eq!(row.usage.map(|usage| usage.output), Some(2), "{text}");
    }
}

#[tokio::test]
async fn a_stream_that_passes_to_the_byte_has_what_its_provider_sends() {
    for (body, _) in questions() {
        let (got, sent, _) = answer("dialect: openai_chat", "there/a-model", &body).await;
        assert_eq!(got.text(), ending_in(BILL));
        assert_eq!(sent, body);
    }
}

//! Servers that speak Chat Completions with an accent: each is sent no more than it takes, whoever
//! asks and in whatever dialect.

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::bytes::odd_stream;
use crate::client::{Call, item};
use crate::peer::{Peer, Script};
use crate::stage::{Providers, Stage, settings};

const CHAT: Dialect = Dialect::OpenaiChat;

/// The body that a server of this kind gets for a call.
async fn taken(kind: &str, call: &Call) -> Value {
    let providers = Providers::open().await;
    let mut peer = Peer::open(Script::stream(&odd_stream(CHAT, 4_096))).await;
    let there = format!(
        "providers:\n  there: {{ kind: {kind}, base_url: \"http://{}/v1\", api_key: any, tier: full }}\n",
        peer.address
    );
    let yaml = settings(&["there/a-model"], "").replacen("providers:\n", &there, 1);
    let stage = Stage::open(&providers, &yaml);
    let got = stage.send(call).await;
    assert_eq!(got.status, 200, "{kind}: {}", got.text());
    serde_json::from_slice(&peer.taken().await.body).unwrap()
}

/// A stream asked for in Chat Completions, in the words of `OpenAI`'s own SDKs and with their extras.
fn chat() -> Call {
    let mut call = Call::of(&item(CHAT, Delivery::Stream, Wish::Text));
    call.body = json!({
        "model": "a-model", "stream": true, "stream_options": { "include_usage": true },
        "user": "someone", "seed": 5, "messages": [{ "role": "user", "content": "hi" }],
    })
    .to_string()
    .into_bytes();
    call
}

#[tokio::test]
async fn a_server_that_refuses_fields_is_not_sent_them_whatever_the_client_speaks() {
    let body = taken("mistral", &chat()).await;
    assert_eq!(
        body,
        json!({
            "model": "a-model", "stream": true, "random_seed": 5,
            "messages": [{ "role": "user", "content": "hi" }],
        })
    );
    for dialect in Dialect::ALL {
        let call = Call::of(&item(dialect, Delivery::Stream, Wish::Text));
        let body = taken("mistral", &call).await;
        for field in ["stream_options", "user", "seed", "logprobs"] {
            assert_eq!(body.get(field), None, "{dialect}: {body}");
        }
    }
}

#[tokio::test]
async fn a_server_without_an_accent_is_sent_the_clients_own_bytes() {
    for kind in ["openrouter", "lmstudio"] {
        let call = chat();
        let body = taken(kind, &call).await;
        assert_eq!(body, serde_json::from_slice::<Value>(&call.body).unwrap(), "{kind}");
    }
}

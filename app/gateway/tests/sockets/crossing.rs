//! What crosses the gateway beside the body: which headers go to a provider, which to a client.

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;

use crate::bytes::odd_answer;
use crate::client::{Call, item};
use crate::peer::{Peer, Script};
use crate::stage::{Providers, Stage, provider, settings};

fn call() -> Call {
    Call::of(&item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text))
}

/// A provider that answers so, and a gateway in front of it.
async fn stage(answer: &[u8]) -> (Peer, Stage) {
    let providers = Providers::open().await;
    let peer = Peer::open(Script::whole("200 OK", answer)).await;
    let base_url = format!("http://{}", peer.address);
    let yaml = provider(&settings(&["there/*"], ""), Dialect::AnthropicMessages, &base_url);
    let stage = Stage::open(&providers, &yaml);
    (peer, stage)
}

#[tokio::test]
async fn a_clients_other_keys_and_address_stay_here_and_its_connection_cannot_disarm_us() {
    let (mut peer, stage) = stage(odd_answer(Dialect::AnthropicMessages).as_bytes()).await;
    let call = call()
        .with("connection", "keep-alive, x-private, x-api-key, backstop-hop")
        .with("x-private", "hush")
        .with("x-goog-api-key", "hush")
        .with("helicone-auth", "Bearer hush")
        .with("cookie", "hush")
        .with("x-real-ip", "192.0.2.1")
        .with("cf-connecting-ip", "192.0.2.1")
        .with("x-forwarded-for", "192.0.2.1")
        .with("anthropic-beta", "kept");
    assert_eq!(stage.send(&call).await.status, 200);
    let head = peer.taken().await.head;
    assert!(!head.contains("hush") && !head.contains("192.0.2.1"), "{head}");
    assert!(!head.contains("key-of-a-client") && head.contains("x-api-key: any"), "{head}");
    assert!(head.contains("anthropic-beta: kept") && head.contains("backstop-hop: "), "{head}");
}

#[tokio::test]
async fn a_count_of_tokens_has_one_type() {
    let (_peer, stage) = stage(br#"{"input_tokens":7}"#).await;
    let mut count = call();
    count.path = "/v1/messages/count_tokens".to_owned();
    let got = stage.send(&count).await;
    assert_eq!((got.status, got.json()["input_tokens"].as_u64()), (200, Some(7)));
    let types = got.lines_of("content-type");
    assert_eq!(types, ["application/json"]);
}

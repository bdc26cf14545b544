//! What only clients and providers of Gemini do: a list for a stream, keys in addresses, the model in
//! the path.

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::client::{Call, Got, item};
use crate::peer::{Peer, Script};
use crate::stage::{GEMINI, Providers, Stage, pairs, provider, provider_of, settings};

const KEY: &str = "bst-a-key-of-the-gateway";

fn call(delivery: Delivery) -> Call {
    Call::of(&item(Dialect::Gemini, delivery, Wish::Text))
}

/// The visible text of a list of chunks.
fn text_of(chunks: &Value) -> String {
    let chunks = chunks.as_array().expect("a list").iter();
    let parts = chunks.filter_map(|chunk| chunk.pointer("/candidates/0/content/parts/0/text"));
    parts.filter_map(Value::as_str).collect()
}

fn unstreamed(mut call: Call) -> Call {
    call.path = call.path.replace("?alt=sse", "");
    call
}

#[tokio::test]
async fn a_stream_without_alt_is_one_list_whoever_answers_and_wherever_it_breaks() {
    for (first, second) in pairs().filter(|(first, second)| first != second) {
        for symptom in ["", "cut_stream"] {
            let providers = Providers::open().await;
            if !symptom.is_empty() {
                providers.fail(provider_of(first), symptom);
            }
            let stage = Stage::open(&providers, &crate::stage::ladder(first, second, ""));
            let got = stage.send(&unstreamed(call(Delivery::Stream))).await;
            let what = format!("`{symptom}` at {first:?}, then {second:?}: {}", got.text());
            assert_eq!(got.header("content-type"), "application/json; charset=utf-8", "{what}");
            let chunks: Value = serde_json::from_slice(&got.body).expect("json");
            let whole = stage.send(&call(Delivery::Unary)).await.json();
            let said = whole.pointer("/candidates/0/content/parts/0/text").expect("a text");
            assert_eq!(&text_of(&chunks), said.as_str().expect("text"), "{what}");
            let last = chunks.as_array().and_then(|chunks| chunks.last()).expect("an end");
            assert_eq!(last["candidates"][0]["finishReason"], "STOP", "{what}");
            stage.assert_idle(&what).await;
        }
    }
}

#[tokio::test]
async fn a_list_that_cannot_go_on_ends_in_an_error_and_not_properly() {
    let providers = Providers::open().await;
    providers.fail("gemini", "cut_stream");
    let stage = Stage::open(&providers, &settings(&[GEMINI], "    on_break: error\n"));
    let got = stage.send(&unstreamed(call(Delivery::Stream))).await;
    let chunks: Value = serde_json::from_slice(&got.body).expect("json");
    let last = chunks.as_array().and_then(|chunks| chunks.last()).expect("an end");
    assert_eq!(
        (&last["error"]["code"], &last["error"]["status"]),
        (&json!(503), &json!("UNAVAILABLE"))
    );
    assert!(
        matches!(got.end, crate::client::End::Closed | crate::client::End::Reset),
        "{:?}",
        got.end
    );
}

#[tokio::test]
async fn an_error_before_a_list_is_in_a_list_and_before_events_an_object() {
    let error = json!({ "error": { "code": 400, "message": "no", "status": "INVALID_ARGUMENT" } });
    let script = Script::whole("400 Bad Request", error.to_string().as_bytes());
    let (_peer, stage) = stage(script, "api_key: any").await;
    let mut unreadable = call(Delivery::Stream);
    unreadable.body = b"[]".to_vec();
    for (asked, was_tried) in [(call(Delivery::Stream), true), (unreadable, false)] {
        let events = stage.send(&asked).await;
        let list = stage.send(&unstreamed(asked)).await;
        assert_eq!((list.status, events.status), (400, 400), "{}", list.text());
        assert_eq!(list.header("backstop-attempts").is_empty(), !was_tried);
        let (one, object) = (list.json(), events.json());
        assert_eq!(one.as_array().map(Vec::len), Some(1), "{}", list.text());
        assert_eq!(one[0]["error"]["status"], "INVALID_ARGUMENT", "{}", list.text());
        assert_eq!(object["error"]["status"], "INVALID_ARGUMENT", "{}", events.text());
    }
    // What is no stream has its error as it is.
    let whole = stage.send(&call(Delivery::Unary)).await;
    assert_eq!(whole.json()["error"]["status"], "INVALID_ARGUMENT", "{}", whole.text());
}

/// A provider that answers so, and a gateway in front of it.
async fn stage(script: Script, credential: &str) -> (Peer, Stage) {
    let providers = Providers::open().await;
    let peer = Peer::open(script).await;
    let base_url = format!("http://{}", peer.address);
    let yaml = provider(&settings(&["there/*"], ""), Dialect::Gemini, &base_url);
    let yaml = yaml.replacen("api_key: any", credential, 1);
    let stage = Stage::open(&providers, &yaml);
    (peer, stage)
}

#[tokio::test]
async fn a_provider_that_streams_a_list_is_understood() {
    let chunk =
        |text: &str| json!({ "candidates": [{ "content": { "parts": [{ "text": text }] } }] });
    let end = json!({ "candidates": [{ "finishReason": "STOP" }] });
    let list = format!("{:#}\n", json!([chunk("Hel"), chunk("lo"), end]));
    let (_peer, stage) = stage(Script::whole("200 OK", list.as_bytes()), "api_key: any").await;
    let got = stage.send(&call(Delivery::Stream)).await;
    assert!(got.header("content-type").starts_with("text/event-stream"));
    let data = |got: &Got| -> Vec<Value> {
        let text = got.text();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(|line| serde_json::from_str(line).expect("json")).collect()
    };
    assert_eq!(data(&got), [chunk("Hel"), chunk("lo"), end]);
}

#[tokio::test]
async fn the_key_in_an_address_opens_the_gateway_and_goes_no_further() {
    let answer = crate::bytes::odd_answer(Dialect::Gemini).as_bytes();
    let (mut peer, stage) = stage(Script::whole("200 OK", answer), "api_key: any").await;
    let mut asked = call(Delivery::Unary);
    asked.headers.retain(|(name, _)| name != "x-goog-api-key");
    asked.path = format!("/v1/models/a-model:generateContent?key={KEY}&x=1");
    assert_eq!(stage.send(&asked).await.status, 200);
    let head = peer.taken().await.head;
    assert!(head.starts_with("post /v1beta/models/a-model:generatecontent?x=1 "), "{head}");
    assert!(head.contains("x-goog-api-key: any") && !head.contains(KEY), "{head}");
    let hash = blake3::hash(KEY.as_bytes()).to_hex();
    let yaml = format!("keys:\n  - {{ name: shop, hash: {hash} }}\n{}", settings(&[GEMINI], ""));
    let keyed = Stage::open(&Providers::open().await, &yaml);
    let refused = keyed.send(&call(Delivery::Unary)).await;
    let error = &refused.json()["error"];
    assert_eq!((refused.status, &error["status"]), (401, &json!("UNAUTHENTICATED")));
    assert_ne!(keyed.send(&asked).await.status, 401);
}

#[tokio::test]
async fn a_clients_own_key_goes_to_its_own_provider() {
    let answer = crate::bytes::odd_answer(Dialect::Gemini).as_bytes();
    let script = Script::whole("200 OK", answer);
    let (mut peer, stage) = stage(script, "credential: from_client").await;
    let mut asked = call(Delivery::Unary);
    asked.headers.retain(|(name, _)| name != "x-goog-api-key");
    asked.path = "/v1beta/models/a-model:generateContent?key=key-of-a-client".to_owned();
    assert_eq!(stage.send(&asked).await.status, 200);
    let head = peer.taken().await.head;
    assert!(
        head.contains("x-goog-api-key: key-of-a-client") && !head.contains("key=key"),
        "{head}"
    );
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider_or_estimated() {
    let counted = |script: &'static [u8]| async {
        let (_peer, stage) = stage(Script::whole("200 OK", script), "api_key: any").await;
        let mut asked = call(Delivery::Unary);
        asked.path = "/v1beta/models/a-model:countTokens".to_owned();
        stage.send(&asked).await
    };
    assert_eq!(counted(br#"{"totalTokens":7}"#).await.json()["totalTokens"], 7);
    let estimated = counted(b"{}").await;
    assert!(estimated.json()["totalTokens"].as_u64() > Some(5), "{}", estimated.text());
    assert_eq!(estimated.header("backstop-lost"), "totaltokens=estimated");
}

#[tokio::test]
async fn other_paths_of_the_api_are_refused_in_its_own_words() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &settings(&[GEMINI], ""));
    let mut asked = call(Delivery::Unary);
    asked.path = "/v1beta/tunedModels/mine:generateContent".to_owned();
    let got = stage.send(&asked).await;
    assert_eq!((got.status, &got.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert!(got.text().contains("name the base model"), "{}", got.text());
}

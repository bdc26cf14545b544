//! What a target cannot carry: it is passed over and says why, unless the route allows the loss.

use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::bytes::odd_answer;
use crate::client::{Call, Got};
use crate::peer::{Peer, Script};
use crate::stage::{Providers, Stage};

/// A dead provider of the client's dialect, one of another dialect after it, and a gateway.
pub(crate) struct Pair {
    client: Dialect,
    _dead: Peer,
    pub(crate) other: Peer,
    pub(crate) stage: Stage,
    _providers: Providers,
}

impl Pair {
    /// `other` answers as its dialect does; `route` and `target` are more lines of the settings.
    pub(crate) async fn open(
        client: Dialect,
        other: Dialect,
        (route, target): (&str, &str),
    ) -> Self {
        let answer = Script::whole("200 OK", odd_answer(other).as_bytes());
        Self::open_with(client, (other, answer), (route, target)).await
    }

    /// The same with an answer of the test's own.
    pub(crate) async fn open_with(
        client: Dialect,
        (other, answer): (Dialect, Script),
        (route, target): (&str, &str),
    ) -> Self {
        let providers = Providers::open().await;
        let dead = Peer::open(Script::whole("503 Service Unavailable", b"{}")).await;
        let there = Peer::open(answer).await;
        let yaml = format!(
            "console: off\nstore: none\nproviders:\n  \
             dead: {{ dialect: {client}, base_url: \"http://{}\", api_key: any, tier: full }}\n  \
             other: {{ dialect: {other}, base_url: \"http://{}\", api_key: any, tier: full }}\n\
             routes:\n  - name: all\n    models: [\"*\"]\n    trickle: 0\n{route}    ladder:\n      \
             - targets: [dead/m]\n      - targets: [{{ target: other/elsewhere{target} }}]\n",
            dead.address, there.address
        );
        let stage = Stage::open(&providers, &yaml);
        Self { client, _dead: dead, other: there, stage, _providers: providers }
    }

    /// Asks for this in the client's dialect.
    pub(crate) async fn ask(&self, body: &Value) -> Got {
        let stream = body["stream"] == true;
        let path = backstop_dialects::path(self.client, "m", stream.into());
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = body.to_string().into_bytes();
        let path = path.to_string();
        self.stage.send(&Call { method: "POST", path, headers, body }).await
    }

    /// What the other provider was asked.
    pub(crate) async fn asked(&mut self) -> Value {
        serde_json::from_slice(&self.other.taken().await.body).unwrap()
    }
}

const SEARCH: &str = "hosted_tools.web_search";

fn with_search() -> Value {
    json!({
        "model": "m",
        "input": "what is new?",
        "tools": [
            { "type": "web_search" },
            { "type": "function", "name": "read", "parameters": { "type": "object" } },
        ],
    })
}

#[tokio::test]
async fn a_tool_of_one_provider_keeps_its_request_from_others_and_they_say_so() {
    let pair = Pair::open(Dialect::OpenaiResponses, Dialect::AnthropicMessages, ("", "")).await;
    let got = pair.ask(&with_search()).await;
    assert_ne!(got.status, 200);
    assert_eq!(pair.other.untold(), 0);
    let tried = got.header("backstop-attempts");
    assert!(tried.contains(&format!("other/elsewhere; unfit=\"would lose {SEARCH}\"")), "{tried}");
    let rows = pair.stage.rows(1).await;
    let said = format!("other/elsewhere=would lose {SEARCH}");
    assert!(rows[0].losses.contains(&said), "{:?}", rows[0].losses);
}

#[tokio::test]
async fn a_route_or_a_target_that_allows_the_loss_is_answered_without_it() {
    for (route, target) in
        [("    allow_loss: [hosted_tools]\n", ""), ("", ", allow_loss: [hosted_tools.web_search]")]
    {
        let crossing = (Dialect::OpenaiResponses, Dialect::AnthropicMessages);
        let mut pair = Pair::open(crossing.0, crossing.1, (route, target)).await;
        let got = pair.ask(&with_search()).await;
        assert_eq!(got.status, 200, "{}", got.everything());
        let lost = got.header("backstop-lost");
        assert!(lost.contains(&format!("{SEARCH}=runs at another provider: left out")), "{lost}");
        let asked = pair.asked().await;
        let names: Vec<&Value> =
            asked["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["read"]);
    }
}

#[tokio::test]
async fn what_a_model_cannot_see_becomes_a_note_where_the_route_allows_it() {
    let image = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } });
    let body = json!({
        "model": "m",
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "look" }, image] }],
        "logprobs": true,
    });
    let route = "    allow_loss: [images, logprobs]\n";
    let mut pair = Pair::open(Dialect::OpenaiChat, Dialect::AnthropicMessages, (route, "")).await;
    let got = pair.ask(&body).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    let asked = pair.asked().await.to_string();
    assert!(asked.contains("An image was given here") && !asked.contains("iVBOR"), "{asked}");
    let lost = got.header("backstop-lost");
    assert!(lost.contains("images=") && lost.contains("logprobs="), "{lost}");
}

#[tokio::test]
async fn a_request_that_only_its_own_provider_can_read_reaches_that_one() {
    // `tools` of a shape nobody here has heard of, marked as special by the quick scan.
    let body = json!({
        "model": "m",
        "max_tokens": 9,
        "messages": [{ "role": "user", "content": [{ "type": "image", "source": 7 }] }],
    });
    // The dead one stands for the model asked for; the other is the same model elsewhere.
    let mut pair =
        Pair::open(Dialect::AnthropicMessages, Dialect::AnthropicMessages, ("", "")).await;
    let got = pair.ask(&body).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    assert_eq!(pair.asked().await["messages"], body["messages"]);
}

#[tokio::test]
async fn a_request_that_nobody_can_read_or_take_as_it_is_is_refused_with_the_reason() {
    let body = json!({
        "model": "other",
        "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": 7 }] }],
    });
    let pair = Pair::open(Dialect::OpenaiChat, Dialect::AnthropicMessages, ("", "")).await;
    let got = pair.ask(&body).await;
    let tried = got.header("backstop-attempts");
    assert!(tried.contains("unfit=\"cannot be sent what the gateway cannot read\""), "{tried}");
    assert_eq!(pair.other.untold(), 0);
}

#[tokio::test]
async fn a_target_is_asked_in_the_routes_words_in_whatever_dialect_and_says_so() {
    let body = json!({
        "model": "m",
        "max_tokens": 100,
        "temperature": 1,
        "system": "be brief",
        "messages": [{ "role": "user", "content": "hello" }],
    });
    let target = ", system_note: \"and kind\", parameters: { temperature: 0.5, max_tokens: 50 }";
    for other in [Dialect::AnthropicMessages, Dialect::OpenaiChat] {
        let mut pair = Pair::open(Dialect::AnthropicMessages, other, ("", target)).await;
        let got = pair.ask(&body).await;
        assert_eq!(got.status, 200, "{}", got.everything());
        let said = "adjusted=system_note+temperature+max_tokens";
        assert!(got.header("backstop-answer").contains(said), "{}", got.everything());
        let asked = pair.asked().await;
        assert_eq!(asked["temperature"].as_f64(), Some(0.5), "{asked}");
        assert_eq!(asked["max_tokens"], 50, "{asked}");
        let text = asked.to_string();
        assert!(text.contains("be brief") && text.contains("and kind"), "{text}");
    }
}

/// A Messages client that says where its data may be, and a provider that answers in its dialect.
async fn asked_for_a_place(kind: &str, route: &str) -> (Got, Option<Value>) {
    asked_in_a_place(kind, route, &json!([{ "role": "user", "content": "hi" }])).await
}

async fn asked_in_a_place(kind: &str, route: &str, messages: &Value) -> (Got, Option<Value>) {
    let client = Dialect::AnthropicMessages;
    let answer = Script::whole("200 OK", odd_answer(client).as_bytes());
    let mut peer = Peer::open(answer).await;
    let providers = Providers::open().await;
    let yaml = format!(
        "console: off\nstore: none\nproviders:\n  \
         there: {{ {kind}, base_url: \"http://{}\", api_key: any, tier: full }}\n\
         routes:\n  - name: all\n    models: [\"*\"]\n{route}    ladder:\n      \
         - targets: [there/*]\n",
        peer.address
    );
    let stage = Stage::open(&providers, &yaml);
    let body = json!({
        "model": "m", "max_tokens": 9, "inference_geo": "us", "messages": messages,
    });
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = body.to_string().into_bytes();
    let path = "/v1/messages".to_owned();
    let got = stage.send(&Call { method: "POST", path, headers, body }).await;
    if got.status != 200 {
        assert_eq!(peer.untold(), 0);
        return (got, None);
    }
    let taken = peer.taken().await.body;
    (got, Some(serde_json::from_slice(&taken).unwrap()))
}

#[tokio::test]
async fn where_data_may_be_is_told_to_who_keeps_it_and_keeps_all_others_out() {
    let (got, sent) = asked_for_a_place("kind: anthropic", "").await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(sent.unwrap()["inference_geo"], "us");

    let other = "dialect: anthropic_messages";
    let (got, sent) = asked_for_a_place(other, "").await;
    let tried = got.header("backstop-attempts");
    assert!(tried.contains("unfit=\"would lose residency\"") && sent.is_none(), "{tried}");

    let (got, sent) = asked_for_a_place(other, "    allow_loss: [residency]\n").await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(sent.unwrap().get("inference_geo"), None);
    assert!(got.header("backstop-lost").contains("residency="), "{}", got.header("backstop-lost"));
}

#[tokio::test]
async fn where_data_may_be_holds_for_what_the_gateway_cannot_read() {
    let odd = json!([
        { "role": "system", "content": [{ "type": "novelty" }] }, { "role": "user", "content": "hi" },
    ]);
    let (got, sent) = asked_in_a_place("kind: anthropic", "", &odd).await;
    assert_eq!((got.status, &sent.unwrap()["messages"]), (200, &odd), "{}", got.text());
    let (got, sent) = asked_in_a_place("dialect: anthropic_messages", "", &odd).await;
    assert!(got.status != 200 && sent.is_none(), "{}", got.everything());
}

#[tokio::test]
async fn where_data_may_be_keeps_other_dialects_out() {
    let crossing = (Dialect::AnthropicMessages, Dialect::OpenaiChat);
    let mut pair = Pair::open(crossing.0, crossing.1, ("", "")).await;
    let body = json!({
        "model": "m", "max_tokens": 9, "inference_geo": "us",
        "messages": [{ "role": "user", "content": "hi" }],
    });
    assert_ne!(pair.ask(&body).await.status, 200);
    let anywhere = json!({ "inference_geo": "global", "model": "m", "max_tokens": 9,
        "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(pair.ask(&anywhere).await.status, 200);
    assert_eq!(pair.asked().await.get("inference_geo"), None);
}

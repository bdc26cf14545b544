//! Conversations that a client goes on from the name of an answer, over providers that keep nothing.

use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::client::{Call, Got, item};
use crate::peer::{Peer, Script};
use crate::signers::{Mood, Signer};
use crate::stage::{Providers, Stage, provider, settings};

fn call(input: &Value, previous: Option<&str>, delivery: Delivery) -> Call {
    let mut call = Call::of(&item(Dialect::OpenaiResponses, Delivery::Unary, Wish::Text));
    let body = json!({ "model": "gpt-5.6", "input": input, "previous_response_id": previous,
                       "stream": delivery.is_stream(), "reasoning": { "effort": "high" },
                       "include": ["reasoning.encrypted_content"] });
    call.body = body.to_string().into_bytes();
    call
}

/// The answer, as often as it is told.
fn answers(got: &Got) -> Vec<Value> {
    assert_eq!(got.status, 200, "{}", got.everything());
    let text = got.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
    let told: Vec<Value> = events.filter_map(|event| event.get("response").cloned()).collect();
    if told.is_empty() { vec![got.json()] } else { told }
}

fn id_of(got: &Got) -> String {
    answers(got).pop().unwrap()["id"].as_str().expect("an id").to_owned()
}

/// A provider of Responses, and one of Messages behind it.
async fn stage(policy: &str) -> (Vec<Signer>, Stage) {
    let providers = Providers::open().await;
    let mut yaml = settings(&["one/gpt-5.6", "two/claude-opus-4-6"], "");
    let mut signers = Vec::new();
    let dialects = [Dialect::OpenaiResponses, Dialect::AnthropicMessages];
    for (name, dialect) in ["one", "two"].into_iter().zip(dialects) {
        let signer = Signer::open(dialect).await;
        let version = if dialect == Dialect::OpenaiResponses { "/v1" } else { "" };
        let base = format!("http://{}{version}", signer.address);
        yaml = provider(&yaml, dialect, &base).replacen("  there:", &format!("  {name}:"), 1);
        signers.push(signer);
    }
    (signers, Stage::open(&providers, &format!("{policy}{yaml}")))
}

#[tokio::test]
async fn a_conversation_goes_on_by_name_at_another_vendor_and_back() {
    let (signers, stage) = stage("").await;
    let mut previous: Option<String> = None;
    for (turn, house) in [0, 1, 1, 0, 1, 0, 0].into_iter().enumerate() {
        for (nth, signer) in signers.iter().enumerate() {
            signer.be(if nth == house { Mood::Willing } else { Mood::Unwilling });
        }
        let delivery = [Delivery::Unary, Delivery::Stream][turn % 2];
        let question = json!(format!("question {turn}"));
        let got = stage.send(&call(&question, previous.as_deref(), delivery)).await;
        for answer in answers(&got) {
            assert_eq!(answer["previous_response_id"].as_str(), previous.as_deref(), "{answer}");
            assert!(answer["background"] != true, "{answer}");
            // Of its own answers a provider says itself whether it keeps them.
            let is_ours = answer["id"].as_str().is_some_and(|id| id.starts_with("resp_backstop_"));
            assert!(!is_ours || answer["store"] == true, "{answer}");
        }
        previous = Some(id_of(&got));
        // Everything said before is there, and nobody is sent what another thought.
        assert_eq!(signers[house].questions(), turn + 1);
        assert!(signers.iter().all(|signer| signer.refusals().is_empty()));
    }
    assert!(signers[0].known() > 0 && signers[1].known() > 0);
}

#[tokio::test]
async fn a_kept_answer_can_be_looked_at_and_forgotten_by_its_client_only() {
    let (_signers, stage) = stage("").await;
    let first = id_of(&stage.send(&call(&json!("q1"), None, Delivery::Stream)).await);
    let second = id_of(&stage.send(&call(&json!("q2"), Some(&first), Delivery::Unary)).await);
    let path = format!("/v1/responses/{second}");
    let got = stage.send(&Call::get(&path)).await;
    assert_eq!((got.status, got.json()["id"].as_str()), (200, Some(second.as_str())));
    let items = stage.send(&Call::get(&format!("{path}/input_items?order=asc"))).await.json();
    let texts = items["data"].to_string();
    assert!(texts.contains("q1") && texts.contains("q2") && items["has_more"] == false, "{items}");
    let mut forget = Call::get(&path);
    forget.method = "DELETE";
    assert_eq!(stage.send(&forget).await.json()["deleted"], true);
    let gone = stage.send(&Call::get(&path)).await;
    assert_eq!(gone.status, 404, "{}", gone.everything());
    assert!(gone.text().contains("not found"));
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not() {
    for (policy, unkept) in [("limits: { transcripts_max: off }\n", false), ("", true)] {
        let (_signers, stage) = stage(policy).await;
        let mut asked = call(&json!("q"), None, Delivery::Unary);
        if unkept {
            let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
            body["store"] = false.into();
            asked.body = body.to_string().into_bytes();
        }
        let id = id_of(&stage.send(&asked).await);
        assert_eq!(stage.send(&Call::get(&format!("/v1/responses/{id}"))).await.status, 404);
    }
}

/// Two providers of Responses at these addresses, and as much of them open.
fn two(addresses: [std::net::SocketAddr; 2], open: [&str; 2]) -> String {
    let mut yaml = settings(&["one/gpt-5.6", "two/gpt-5.6"], "");
    for ((name, address), open) in ["one", "two"].into_iter().zip(addresses).zip(open) {
        yaml = provider(&yaml, Dialect::OpenaiResponses, &format!("http://{address}/v1"))
            .replacen("  there:", &format!("  {name}:"), 1)
            .replacen("tier: full }", &format!("tier: full, passthrough: {open} }}"), 1);
    }
    yaml
}

#[tokio::test]
async fn an_answer_that_only_a_provider_knows_is_asked_of_it_where_that_is_open() {
    let providers = Providers::open().await;
    let mut one = Peer::open(Script::whole("200 OK", b"{\"id\":\"resp_old\"}")).await;
    let other = Peer::open(Script::whole("200 OK", b"{}")).await;
    let open = |open| Stage::open(&providers, &two([one.address, other.address], open));
    let (listed, closed, both) = (
        open(["[/v1/responses]", "false"]),
        open(["false", "[/v1/files]"]),
        open(["true", "true"]),
    );
    for (method, rest) in
        [("GET", "?stream=true&starting_after=3"), ("POST", "/cancel"), ("GET", "/input_items")]
    {
        let call = Call { method, ..Call::get(&format!("/v1/responses/resp_old{rest}")) };
        let got = listed.send(&call).await;
        assert_eq!((got.status, got.json()["id"].as_str()), (200, Some("resp_old")), "{got:?}");
        assert!(got.header("backstop-answer").contains("target=one/passthrough"), "{got:?}");
        let line = format!("{} /v1/responses/resp_old{rest} http", method.to_lowercase());
        let taken = one.taken().await;
        assert!(taken.head.starts_with(&line), "{}", taken.head);
        assert!(taken.head.contains("authorization: bearer any"), "{}", taken.head);
    }
    // Nobody knows ours, and who might know theirs is not guessed.
    let old = Call::get("/v1/responses/resp_old");
    let ours = Call::get("/v1/responses/resp_backstop_1");
    for (stage, call, why) in [
        (&listed, &ours, "any more"),
        (&closed, &old, "no provider is open"),
        (&both, &old, "several providers"),
    ] {
        let got = stage.send(call).await;
        assert_eq!(got.status, 404, "{}", got.everything());
        assert!(got.said().contains(why), "{why}: {}", got.said());
    }
    assert_eq!((one.untold(), other.untold()), (0, 0));
}

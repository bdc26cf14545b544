//! Calls that a model signs and wants back signed, for clients that carry no signatures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use backstop_scenarios::Delivery;
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::client::{Call, Got};
use crate::host::{Heard, Host, gemini, refuses};
use crate::peer::Script;
use crate::signers::{Mood, Signer};
use crate::stage::{Providers, Stage, provider, settings};

const STAND_IN: &str = "skip_thought_signature_validator";

/// A model of Gemini as strict as the vendor's.
#[derive(Default)]
struct Strict {
    /// Calls that came back with its own signature, and with the stand-in.
    own: AtomicUsize,
    stood_in: AtomicUsize,
    /// Whether it cannot read its own signatures any more, and whether it answers at all.
    forgot: AtomicBool,
    away: AtomicBool,
}

fn signature_of(call: &Value) -> String {
    format!("sig{}==", call["args"]["at"])
}

impl Strict {
    /// The first call of each step of the turn under way must be signed.
    fn check(&self, body: &Value) -> Result<(), String> {
        let contents = body["contents"].as_array().expect("contents");
        let says = |content: &Value| {
            let parts = content["parts"].as_array().expect("parts");
            content["role"] == "user"
                && parts.iter().any(|part| part.get("functionResponse").is_none())
        };
        let begin = contents.iter().rposition(says).expect("a question");
        for (nth, content) in contents.iter().enumerate() {
            let parts = content["parts"].as_array().expect("parts");
            let Some(first) = parts.iter().find(|part| part.get("functionCall").is_some()) else {
                continue;
            };
            let own = first["thoughtSignature"] == signature_of(&first["functionCall"]);
            let stands_in = first["thoughtSignature"] == STAND_IN;
            match (own, stands_in) {
                (true, _) if self.forgot.load(Ordering::Relaxed) => {
                    return Err("Corrupted thought signature.".to_owned());
                }
                (true, _) => self.own.fetch_add(1, Ordering::Relaxed),
                (false, true) => self.stood_in.fetch_add(1, Ordering::Relaxed),
                (false, false) if nth >= begin => {
                    return Err(
                        "Function call is missing a thought_signature in functionCall parts."
                            .to_owned(),
                    );
                }
                (false, false) => 0,
            };
        }
        Ok(())
    }

    fn answer(&self, heard: &Heard, nth: usize) -> Script {
        if self.away.load(Ordering::Relaxed) {
            let error = json!({ "code": 503, "message": "overloaded", "status": "UNAVAILABLE" });
            return Script::whole(
                "503 Service Unavailable",
                json!({ "error": error }).to_string().as_bytes(),
            );
        }
        if let Err(message) = self.check(&heard.body) {
            return refuses(
                &json!({ "error": { "code": 400, "message": message, "status": "INVALID_ARGUMENT" } }),
            );
        }
        let delivery = heard.delivery();
        let answered =
            heard.body.pointer("/contents").and_then(Value::as_array).and_then(|all| all.last());
        let results = answered.is_some_and(|last| last.to_string().contains("functionResponse"));
        if results {
            return gemini(delivery, &json!([{ "text": format!("answer {nth}") }]), "STOP");
        }
        let call = |at: usize| json!({ "name": "look", "args": { "at": at } });
        let mut first = json!({ "functionCall": call(2 * nth) });
        first["thoughtSignature"] = signature_of(&first["functionCall"]).into();
        let parts = json!([{ "text": "let me see" }, first, { "functionCall": call(2 * nth + 1) }]);
        gemini(delivery, &parts, "STOP")
    }
}

/// A client of Chat Completions: it carries what its dialect has a place for, and nothing else.
struct Talk {
    stage: Stage,
    history: Vec<Value>,
    key: &'static str,
}

impl Talk {
    fn call(&self, delivery: Delivery) -> Call {
        let stream = delivery.is_stream();
        let tool = json!({ "name": "look", "parameters": { "type": "object", "properties": { "at": { "type": "integer" } } } });
        let body = json!({ "model": "m", "stream": stream, "messages": self.history, "tools": [{ "type": "function", "function": tool }] });
        let headers = [("content-type", "application/json"), ("authorization", self.key)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let path = "/v1/chat/completions".to_owned();
        Call { method: "POST", path, headers, body: body.to_string().into_bytes() }
    }

    /// One request; the answer becomes part of the history.
    async fn ask(&mut self, delivery: Delivery) -> Got {
        let got = self.stage.send(&self.call(delivery)).await;
        assert_eq!(got.status, 200, "{}\n{:#}", got.everything(), json!(self.history));
        let message = if delivery.is_stream() {
            added_up(&got.text())
        } else {
            got.json()["choices"][0]["message"].clone()
        };
        self.history.push(message);
        got
    }

    /// A question, whatever calls come of it, and the answer.
    async fn turn(&mut self, nth: usize) -> Got {
        self.history.push(json!({ "role": "user", "content": format!("question {nth}") }));
        let delivery = [Delivery::Stream, Delivery::Unary][nth % 2];
        let mut got = self.ask(delivery).await;
        while let Some(calls) = self.history.last().and_then(|last| last["tool_calls"].as_array()) {
            let results = calls.clone().into_iter().map(
                |call| json!({ "role": "tool", "tool_call_id": call["id"], "content": "seen" }),
            );
            self.history.extend(results);
            got = self.ask(delivery).await;
        }
        got
    }
}

/// The message that a stream comes to.
fn added_up(text: &str) -> Value {
    let (mut content, mut calls) = (String::new(), Vec::<Value>::new());
    for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { continue };
        let delta = &chunk["choices"][0]["delta"];
        content.push_str(delta["content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().expect("an index")).unwrap();
            if index == calls.len() {
                calls.push(json!({ "id": call["id"], "type": "function",
                                   "function": { "name": call["function"]["name"], "arguments": "" } }));
            }
            let arguments = &mut calls[index]["function"]["arguments"];
            let piece = call["function"]["arguments"].as_str().unwrap_or_default();
            *arguments = format!("{}{piece}", arguments.as_str().unwrap()).into();
        }
    }
    let mut message = json!({ "role": "assistant", "content": content });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

/// A strict model first, another vendor below.
async fn open(keys: &str) -> (Arc<Strict>, Host, Signer, Talk) {
    let strict = Arc::new(Strict::default());
    let of = Arc::clone(&strict);
    let host = Host::open(move |heard, nth| of.answer(heard, nth)).await;
    let other = Signer::open(Dialect::OpenaiResponses).await;
    let yaml = settings(&["signs/gemini-3.5-flash", "other/gpt-5.6"], "");
    let base = format!("http://{}", host.address);
    let yaml = provider(&yaml, Dialect::Gemini, &base).replacen("  there:", "  signs:", 1);
    let base = format!("http://{}/v1", other.address);
    let yaml = provider(&yaml, Dialect::OpenaiResponses, &base).replacen("  there:", "  other:", 1);
    let stage = Stage::open(&Providers::open().await, &format!("{yaml}{keys}"));
    (strict, host, other, Talk { stage, history: Vec::new(), key: "Bearer any" })
}

#[tokio::test]
async fn a_client_without_a_place_for_signatures_gets_its_calls_signed_all_the_same() {
    let (strict, host, other, mut talk) = open("").await;
    for nth in 0..3 {
        let got = talk.turn(nth).await;
        assert!(got.header("backstop-answer").contains("target=signs/"), "{}", got.everything());
        assert!(!got.header("backstop-lost").contains("thoughtsignature"), "{}", got.everything());
    }
    // Each turn is a call, and an answer that has all calls so far before it.
    let own = |strict: &Strict| strict.own.load(Ordering::Relaxed);
    assert_eq!((own(&strict), host.heard().len()), (1 + 1 + 2 + 2 + 3, 6));
    // A turn at another vendor, whose calls nobody here has signed.
    strict.away.store(true, Ordering::Relaxed);
    let got = talk.turn(3).await;
    assert!(got.header("backstop-answer").contains("target=other/"), "{}", got.everything());
    strict.away.store(false, Ordering::Relaxed);
    other.be(Mood::Unwilling);
    let before = own(&strict);
    let got = talk.turn(5).await;
    assert!(got.header("backstop-answer").contains("target=signs/"), "{}", got.everything());
    assert_eq!(own(&strict) - before, 3 + 4, "{:#}", host.last());
    assert_eq!(strict.stood_in.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn calls_of_another_vendor_in_the_turn_under_way_get_a_stand_in() {
    let (strict, _host, other, mut talk) = open("").await;
    strict.away.store(true, Ordering::Relaxed);
    talk.history.push(json!({ "role": "user", "content": "question" }));
    talk.ask(Delivery::Unary).await;
    let calls = talk.history.last().unwrap()["tool_calls"].clone();
    talk.history.push(json!({ "role": "tool", "tool_call_id": calls[0]["id"], "content": "seen" }));
    strict.away.store(false, Ordering::Relaxed);
    other.be(Mood::Unwilling);
    let got = talk.ask(Delivery::Unary).await;
    assert!(got.header("backstop-answer").contains("target=signs/"), "{}", got.everything());
    assert!(got.header("backstop-lost").contains("thoughtsignature"), "{}", got.everything());
    assert_eq!(strict.stood_in.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_remembered_signature_that_is_refused_is_left_out_at_the_same_target() {
    let (strict, host, _other, mut talk) = open("").await;
    talk.turn(1).await;
    strict.forgot.store(true, Ordering::Relaxed);
    let got = talk.turn(3).await;
    assert!(got.header("backstop-answer").contains("target=signs/"), "{}", got.everything());
    assert_eq!(talk.stage.state("signs"), "closed");
    let refused = host.heard().len();
    // One refusal for what was signed before, one for the call of this turn.
    assert_eq!(refused, 2 + 2 + 2);
}

#[tokio::test]
async fn what_was_signed_for_one_caller_is_not_used_for_another() {
    let key = |name: &str| {
        let hash = blake3::hash(format!("bst-the-key-of-{name}").as_bytes()).to_hex();
        format!("  - {{ name: {name}, hash: {hash} }}\n")
    };
    let keys = format!("keys:\n{}{}", key("one"), key("two"));
    let (strict, _host, _other, mut talk) = open(&keys).await;
    talk.key = "Bearer bst-the-key-of-one";
    talk.turn(1).await;
    let own = strict.own.load(Ordering::Relaxed);
    assert_eq!(own, 1);
    talk.key = "Bearer bst-the-key-of-two";
    talk.history.truncate(4);
    talk.history.pop();
    talk.ask(Delivery::Unary).await;
    assert_eq!(strict.own.load(Ordering::Relaxed), own);
    assert_eq!(strict.stood_in.load(Ordering::Relaxed), 1);
}

//! Conversations with reasoning that wander between vendors: nobody is ever sent what another made,
//! and everybody gets its own back.

use backstop_scenarios::Delivery;
use backstop_vocabulary::{Chance, Dialect};
use serde_json::{Value, json};

use crate::client::{Call, Got};
use crate::signers::{Mood, Signer};
use crate::stage::{Providers, Stage, provider, settings};

const CLAUDE: Dialect = Dialect::AnthropicMessages;
const RESPONSES: Dialect = Dialect::OpenaiResponses;

/// A conversation as a client of the dialect holds it: everything it was given goes back as it came.
struct Talk {
    dialect: Dialect,
    model: &'static str,
    thinking: Value,
    history: Vec<Value>,
}

impl Talk {
    fn new(dialect: Dialect, model: &'static str, thinking: Value) -> Self {
        Self { dialect, model, thinking, history: Vec::new() }
    }

    /// The next turn: a question, or the result of what was called.
    fn next(&mut self, nth: usize) {
        let last = self.history.last().cloned().unwrap_or_default();
        match self.dialect {
            Dialect::AnthropicMessages => {
                let calls = last["content"].as_array().into_iter().flatten();
                let results: Vec<Value> = calls
                    .filter(|block| block["type"] == "tool_use")
                    .map(|call| json!({ "type": "tool_result", "tool_use_id": call["id"], "content": "seen" }))
                    .collect();
                let said = json!([{ "type": "text", "text": format!("question {nth}") }]);
                let content = if results.is_empty() { said } else { results.into() };
                self.history.push(json!({ "role": "user", "content": content }));
            }
            Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::Gemini
            | Dialect::BedrockConverse => {
                if last["type"] == "function_call" {
                    self.history.push(json!({ "type": "function_call_output", "call_id": last["call_id"], "output": "seen" }));
                } else {
                    self.history
                        .push(json!({ "role": "user", "content": format!("question {nth}") }));
                }
            }
        }
    }

    fn call(&self, delivery: Delivery) -> Call {
        let stream = delivery.is_stream();
        let (path, body) = match self.dialect {
            Dialect::AnthropicMessages => (
                "/v1/messages",
                json!({ "model": self.model, "max_tokens": 4000, "stream": stream, "thinking": self.thinking,
                        "system": "be brief", "messages": self.history,
                        "tools": [{ "name": "look", "input_schema": { "type": "object" } }] }),
            ),
            Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::Gemini
            | Dialect::BedrockConverse => (
                "/v1/responses",
                json!({ "model": self.model, "stream": stream, "store": false, "instructions": "be brief",
                        "include": ["reasoning.encrypted_content"], "reasoning": { "effort": "high" }, "input": self.history,
                        "tools": [{ "type": "function", "name": "look", "parameters": { "type": "object" }, "strict": false }] }),
            ),
        };
        let headers = [
            ("anthropic-version", "2023-06-01"),
            ("content-type", "application/json"),
            ("x-api-key", "k"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Call { method: "POST", path: path.to_owned(), headers, body: body.to_string().into_bytes() }
    }

    #[track_caller]
    fn take(&mut self, got: &Got, delivery: Delivery) {
        assert_eq!(got.status, 200, "{}\n{:#}", got.everything(), json!(self.history));
        let whole =
            if delivery.is_stream() { added_up(self.dialect, &got.text()) } else { got.json() };
        match self.dialect {
            Dialect::AnthropicMessages => {
                self.history.push(json!({ "role": "assistant", "content": whole["content"] }));
            }
            Dialect::OpenaiChat
            | Dialect::OpenaiResponses
            | Dialect::Gemini
            | Dialect::BedrockConverse => {
                self.history.extend(whole["output"].as_array().expect("items").iter().cloned());
            }
        }
    }
}

/// What a stream's frames come to.
fn added_up(dialect: Dialect, text: &str) -> Value {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut events = data.map(|data| serde_json::from_str::<Value>(data).expect("json"));
    if dialect != CLAUDE {
        let done = events.rfind(|event| event["type"] == "response.completed");
        return done.unwrap_or_else(|| panic!("no end: {text}"))["response"].clone();
    }
    let mut content: Vec<Value> = Vec::new();
    let mut pieces = String::new();
    for event in events {
        match event["type"].as_str().unwrap_or_default() {
            "content_block_start" => content.push(event["content_block"].clone()),
            "content_block_delta" => {
                let (block, delta) = (content.last_mut().expect("a block"), &event["delta"]);
                for field in ["text", "thinking", "signature"] {
                    if let Some(piece) = delta[field].as_str() {
                        block[field] =
                            format!("{}{piece}", block[field].as_str().unwrap_or_default()).into();
                    }
                }
                pieces.push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            "content_block_stop" if !pieces.is_empty() => {
                let input = serde_json::from_str(&std::mem::take(&mut pieces)).expect("arguments");
                content.last_mut().expect("a block")["input"] = input;
            }
            _ => {}
        }
    }
    json!({ "content": content })
}

/// Three houses on a ladder: two of one dialect, one of another.
struct Houses {
    signers: Vec<Signer>,
    stage: Stage,
}

impl Houses {
    async fn open(dialects: [Dialect; 3], models: [&str; 3]) -> Self {
        let providers = Providers::open().await;
        let mut signers = Vec::new();
        let names = ["one", "two", "three"];
        let targets: Vec<String> =
            names.iter().zip(models).map(|(name, model)| format!("{name}/{model}")).collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let mut yaml = settings(&targets, "");
        for (name, dialect) in names.iter().zip(dialects) {
            let signer = Signer::open(dialect).await;
            let base = match dialect {
                Dialect::AnthropicMessages => format!("http://{}", signer.address),
                Dialect::OpenaiChat
                | Dialect::OpenaiResponses
                | Dialect::Gemini
                | Dialect::BedrockConverse => {
                    format!("http://{}/v1", signer.address)
                }
            };
            yaml = provider(&yaml, dialect, &base).replacen("  there:", &format!("  {name}:"), 1);
            signers.push(signer);
        }
        Self { signers, stage: Stage::open(&providers, &yaml) }
    }

    /// From now on this one answers.
    fn answers(&self, house: usize) {
        for (nth, it) in self.signers.iter().enumerate() {
            it.be(if nth == house { Mood::Willing } else { Mood::Unwilling });
        }
    }

    async fn turn(&self, talk: &mut Talk, nth: usize) -> Got {
        talk.next(nth);
        let delivery = [Delivery::Stream, Delivery::Unary][nth % 2];
        let got = self.stage.send(&talk.call(delivery)).await;
        talk.take(&got, delivery);
        got
    }

    fn assert_never_refused(&self, what: &str) {
        for signer in &self.signers {
            assert_eq!(signer.refusals(), Vec::<String>::new(), "{what}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_all_the_same_is_left_out_at_once_and_for_good() {
    for (client, model) in [(CLAUDE, "claude-opus-4-6"), (RESPONSES, "gpt-5.6")] {
        let houses = Houses::open([client; 3], [model; 3]).await;
        let mut talk = Talk::new(client, model, adaptive());
        houses.answers(0);
        for nth in 0..4 {
            houses.turn(&mut talk, nth).await;
        }
        houses.signers[0].revoke("any");
        let before = houses.signers[0].known();
        let got = houses.turn(&mut talk, 4).await;
        let attempts = got.lines_of("backstop-attempts").join(", ");
        assert!(attempts.contains("purpose=repair"), "{attempts}");
        assert!(got.header("backstop-answer").contains("target=one/"), "{}", got.everything());
        assert!(got.header("backstop-lost").contains("made by another issuer"));
        assert_eq!(houses.signers[0].refusals().len(), 1);
        assert_eq!(houses.stage.state("one"), "closed");
        houses.signers[0].unrevoke();
        for nth in 5..10 {
            houses.turn(&mut talk, nth).await;
        }
        // Its later thoughts are read again, the refused ones are not sent.
        assert_eq!(houses.signers[0].refusals().len(), 1);
        assert!(houses.signers[0].known() > before);
    }
}

#[tokio::test]
async fn thinking_rests_while_a_call_of_another_vendor_is_under_way() {
    let models = ["claude-haiku-4-5", "gpt-5.6", "gpt-5.6"];
    let houses = Houses::open([CLAUDE, RESPONSES, RESPONSES], models).await;
    let thinking = json!({ "type": "enabled", "budget_tokens": 1024 });
    let mut talk = Talk::new(CLAUDE, models[0], thinking);
    for (nth, house) in [1, 0, 0, 1, 0, 1, 1, 0].into_iter().enumerate() {
        houses.answers(house);
        houses.turn(&mut talk, nth).await;
        houses.assert_never_refused(&format!("turn {nth}"));
    }
    assert!(houses.signers[0].answers() == 4 && houses.signers[1].answers() == 4);
}

fn adaptive() -> Value {
    json!({ "type": "adaptive" })
}

#[tokio::test]
async fn a_conversation_goes_to_other_vendors_and_back_without_a_refusal() {
    let of = [
        ("claude", CLAUDE, [CLAUDE, CLAUDE, RESPONSES], "claude-opus-4-6"),
        ("responses", RESPONSES, [RESPONSES, RESPONSES, CLAUDE], "gpt-5.6"),
    ];
    for (name, client, dialects, model) in of {
        let models = dialects.map(|it| if it == CLAUDE { "claude-opus-4-6" } else { "gpt-5.6" });
        let houses = Houses::open(dialects, models).await;
        let mut chance = Chance::from_seed(11);
        for walk in 0..12 {
            let mut talk = Talk::new(client, model, adaptive());
            let mut steps = Vec::new();
            for nth in 0..14 {
                let house = usize::try_from(chance.below(3)).unwrap();
                steps.push(house);
                houses.answers(house);
                houses.turn(&mut talk, nth).await;
                houses.assert_never_refused(&format!("{name}, walk {walk}: {steps:?}"));
            }
        }
        for (nth, signer) in houses.signers.iter().enumerate() {
            let (answers, known) = (signer.answers(), signer.known());
            assert!(answers > 20 && known > 60, "{name} {nth}: {known} in {answers}");
        }
    }
}

//! Providers that sign what they think and read it again, as strictly as the vendors do: a thought
//! belongs to one model at one account, and to the conversation before it.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use backstop_vocabulary::Dialect;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::peer::{Script, take};
use crate::stage::ANYWHERE;

/// Whether it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Willing,
    Unwilling,
}

/// What one of them is told and tells.
#[derive(Debug, Default)]
struct State {
    /// Whether it answers; else it says that it cannot do what is asked, which is no illness.
    mood: Mood,
    /// What it refused although it was willing.
    refusals: Vec<String>,
    answers: u32,
    /// Questions in the request before its latest answer.
    questions: usize,
    /// Thoughts of its own that it read again.
    known: usize,
    /// Accounts whose thoughts it does not take any more.
    revoked: HashSet<String>,
}

pub(crate) struct Signer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    _served: JoinSet<()>,
}

impl Signer {
    pub(crate) async fn open(dialect: Dialect) -> Self {
        let listener = TcpListener::bind(ANYWHERE).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let mut served = JoinSet::new();
        let told = Arc::clone(&state);
        served.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let secret = Secret {
                    dialect,
                    house: address.port(),
                    account: String::new(),
                    revoked: false,
                };
                conversations.spawn(converse(stream, secret, Arc::clone(&told)));
            }
        });
        Self { address, state, _served: served }
    }

    pub(crate) fn be(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    /// From now on it cannot read what it signed for this account.
    pub(crate) fn revoke(&self, account: &str) {
        lock(&self.state).revoked.insert(account.to_owned());
    }

    /// It can read everything of its own again.
    pub(crate) fn unrevoke(&self) {
        lock(&self.state).revoked.clear();
    }

    /// What it refused, by its own words.
    pub(crate) fn refusals(&self) -> Vec<String> {
        lock(&self.state).refusals.clone()
    }

    pub(crate) fn known(&self) -> usize {
        lock(&self.state).known
    }

    pub(crate) fn questions(&self) -> usize {
        lock(&self.state).questions
    }

    pub(crate) fn answers(&self) -> u32 {
        lock(&self.state).answers
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn converse(mut stream: TcpStream, mut secret: Secret, state: Arc<Mutex<State>>) {
    while let Some((head, body)) = take(&mut stream).await {
        let body: Value = serde_json::from_slice(&body).expect("a json body");
        let key = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let account =
            key("x-api-key: ").or_else(|| key("authorization: bearer ")).unwrap_or_default();
        secret.account = account.to_owned();
        secret.revoked = lock(&state).revoked.contains(account);
        let script = secret.answer(&body, &mut lock(&state));
        if stream.write_all(script.bytes()).await.is_err() {
            return;
        }
    }
}

/// Who signs.
struct Secret {
    dialect: Dialect,
    house: u16,
    account: String,
    /// Whether it cannot read its own any more.
    revoked: bool,
}

impl Secret {
    fn speaks_claude(&self) -> bool {
        self.dialect == Dialect::AnthropicMessages
    }

    fn answer(&self, body: &Value, state: &mut State) -> Script {
        if state.mood == Mood::Unwilling {
            let what = "this model does not support what is asked";
            return Script::whole("400 Bad Request", self.error(what, "").as_bytes());
        }
        let read =
            if self.speaks_claude() { self.read_messages(body) } else { self.read_items(body) };
        if let Err((what, code)) = read {
            state.refusals.push(what.clone());
            return Script::whole("400 Bad Request", self.error(&what, code).as_bytes());
        }
        state.answers += 1;
        state.questions = body.to_string().matches("question ").count();
        state.known += body.to_string().matches("Zm9vZm9v==").count();
        let nth = state.answers;
        let answer =
            if self.speaks_claude() { self.message(body, nth) } else { self.response(body, nth) };
        if body["stream"] != json!(true) {
            return Script::whole("200 OK", answer.to_string().as_bytes());
        }
        if self.speaks_claude() {
            Script::stream(message_frames(&answer).as_bytes())
        } else {
            Script::stream(response_frames(&answer).as_bytes())
        }
    }

    fn error(&self, what: &str, code: &str) -> String {
        if self.speaks_claude() { {
                json!({ "type": "error", "error": { "type": "invalid_request_error", "message": what } })
            } } else { json!({ "error": { "message": what, "type": "invalid_request_error", "code": code } }) }
        .to_string()
    }

    /// Who thought it, and after what.
    fn sign(&self, body: &Value, before: &[Value]) -> String {
        let after = json!([
            self.account,
            body["model"],
            body["system"],
            body["instructions"],
            body["tools"],
            before
        ]);
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(self.house);
        for byte in after.to_string().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{hash:016x}{}==", "Zm9v".repeat(80))
    }

    fn read_messages(&self, body: &Value) -> Result<(), (String, &'static str)> {
        let messages = plain_messages(body);
        for (nth, message) in messages.iter().enumerate() {
            let blocks = message["content"].as_array().expect("blocks");
            if blocks.is_empty() {
                return Err((format!("messages.{nth}: content must be non-empty"), ""));
            }
            for (at, block) in blocks.iter().enumerate() {
                let place = format!("messages.{nth}.content.{at}");
                if block["type"] == "thinking" {
                    let mut before = messages[..nth].to_vec();
                    before.push(json!(blocks[..at]));
                    let Some(signature) = block["signature"].as_str() else {
                        return Err((format!("{place}.thinking.signature: Field required"), ""));
                    };
                    if self.revoked || signature != self.sign(body, &before) {
                        return Err((
                            format!("{place}: Invalid `signature` in `thinking` block"),
                            "",
                        ));
                    }
                }
            }
        }
        let last = messages.last().expect("a message");
        let answers = last["content"]
            .as_array()
            .expect("blocks")
            .iter()
            .any(|it| it["type"] == "tool_result");
        let calls = messages.iter().rfind(|message| message["role"] == "assistant");
        let first = calls.map(|calls| calls["content"][0]["type"].clone()).unwrap_or_default();
        if body["thinking"]["type"] == "enabled" && answers && first != "thinking" {
            let what = format!(
                "messages: Expected `thinking` or `redacted_thinking`, but found `{first}`"
            );
            return Err((what, ""));
        }
        Ok(())
    }

    fn message(&self, body: &Value, nth: u32) -> Value {
        let messages = plain_messages(body);
        let mut before = messages.clone();
        before.push(json!([]));
        let mut content = Vec::new();
        if body["thinking"].is_object() && body["thinking"]["type"] != "disabled" {
            content.push(json!({ "type": "thinking", "thinking": format!("hm {nth}"), "signature": self.sign(body, &before) }));
        }
        let calls = body["tools"].is_array() && !ends_in(&messages, "tool_result");
        let said = if calls {
            json!({ "type": "tool_use", "id": format!("toolu_{}x{nth}", self.house), "name": "look", "input": { "at": nth } })
        } else {
            json!({ "type": "text", "text": format!("answer {nth} of {}", self.house) })
        };
        content.push(said);
        json!({ "id": format!("msg_{}x{nth}", self.house), "type": "message", "role": "assistant", "model": body["model"],
                "content": content, "stop_reason": if calls { "tool_use" } else { "end_turn" }, "stop_sequence": null,
                "usage": { "input_tokens": 5, "output_tokens": 7 } })
    }

    fn read_items(&self, body: &Value) -> Result<(), (String, &'static str)> {
        let items = items_of(body);
        for (nth, item) in items.iter().enumerate() {
            if item["type"] != "reasoning" {
                continue;
            }
            let follows = items[nth + 1..].iter().find(|next| next["type"] != "reasoning");
            let is_act =
                |next: &Value| next["role"] == "assistant" || next["type"] == "function_call";
            if !follows.is_some_and(is_act) {
                let what = "Item 'rs_1' of type 'reasoning' was provided without its required following item.";
                return Err((what.to_owned(), ""));
            }
            let Some(state) = item["encrypted_content"].as_str() else {
                return Err(("Item with id 'rs_1' not found.".to_owned(), ""));
            };
            if self.revoked || state != self.sign(body, &plain_items(&items[..nth])) {
                let what = "The encrypted content could not be verified.";
                return Err((what.to_owned(), "invalid_encrypted_content"));
            }
        }
        Ok(())
    }

    fn response(&self, body: &Value, nth: u32) -> Value {
        let items = items_of(body);
        let id = format!("{}x{nth}", self.house);
        let thought = json!({ "id": format!("rs_{id}"), "type": "reasoning",
            "summary": [{ "type": "summary_text", "text": format!("hm {nth}") }],
            "encrypted_content": self.sign(body, &plain_items(&items)) });
        let answered = items.last().is_some_and(|item| item["type"] == "function_call_output");
        let said = if body["tools"].is_array() && !answered {
            json!({ "id": format!("fc_{id}"), "type": "function_call", "status": "completed", "call_id": format!("call_{id}"),
                    "name": "look", "arguments": json!({ "at": nth }).to_string() })
        } else {
            json!({ "id": format!("msg_{id}"), "type": "message", "status": "completed", "role": "assistant",
                    "content": [{ "type": "output_text", "text": format!("answer {nth} of {}", self.house), "annotations": [] }] })
        };
        json!({ "id": format!("resp_{id}"), "object": "response", "created_at": 1, "status": "completed", "model": body["model"],
                "output": [thought, said], "error": null, "incomplete_details": null,
                "usage": { "input_tokens": 5, "output_tokens": 7, "total_tokens": 12 } })
    }
}

/// Messages with their content as blocks, without what says nothing.
fn plain_messages(body: &Value) -> Vec<Value> {
    let messages = body["messages"].as_array().expect("messages");
    messages
        .iter()
        .map(|message| {
            let content = match &message["content"] {
                Value::String(text) => json!([{ "type": "text", "text": text }]),
                blocks @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => blocks.clone(),
            };
            json!({ "role": message["role"], "content": content })
        })
        .collect()
}

/// The items of a request; a text is one of the user.
fn items_of(body: &Value) -> Vec<Value> {
    match body["input"].as_str() {
        Some(text) => vec![json!({ "role": "user", "content": text })],
        None => body["input"].as_array().cloned().unwrap_or_default(),
    }
}

/// Items without what says nothing: ids and states of a reply, the type of a message.
fn plain_items(items: &[Value]) -> Vec<Value> {
    let mut items = items.to_vec();
    for item in &mut items {
        let fields = item.as_object_mut().expect("an item");
        fields.remove("id");
        fields.remove("status");
        if fields.contains_key("role") {
            fields.remove("type");
        }
        let texts = fields
            .get_mut("content")
            .and_then(|it| it.as_array())
            .map(|parts| parts.iter().filter_map(|part| part["text"].as_str()).collect::<String>());
        if let Some(texts) = texts {
            fields.insert("content".to_owned(), texts.into());
        }
    }
    items
}

fn ends_in(messages: &[Value], kind: &str) -> bool {
    let last = messages.last().and_then(|last| last["content"].as_array());
    last.is_some_and(|blocks| blocks.iter().any(|block| block["type"] == kind))
}

fn frame(out: &mut String, event: &Value) {
    let kind = event["type"].as_str().expect("a type");
    let _ = write!(out, "event: {kind}\ndata: {event}\n\n");
}

fn message_frames(answer: &Value) -> String {
    let mut out = String::new();
    let mut start = answer.clone();
    (start["content"], start["stop_reason"]) = (json!([]), Value::Null);
    frame(&mut out, &json!({ "type": "message_start", "message": start }));
    for (index, block) in answer["content"].as_array().expect("blocks").iter().enumerate() {
        let mut empty = block.clone();
        let deltas = match block["type"].as_str() {
            Some("thinking") => {
                (empty["thinking"], empty["signature"]) = (json!(""), json!(""));
                vec![
                    json!({ "type": "thinking_delta", "thinking": block["thinking"] }),
                    json!({ "type": "signature_delta", "signature": block["signature"] }),
                ]
            }
            Some("tool_use") => {
                empty["input"] = json!({});
                vec![
                    json!({ "type": "input_json_delta", "partial_json": block["input"].to_string() }),
                ]
            }
            _ => {
                empty["text"] = json!("");
                vec![json!({ "type": "text_delta", "text": block["text"] })]
            }
        };
        frame(
            &mut out,
            &json!({ "type": "content_block_start", "index": index, "content_block": empty }),
        );
        for delta in deltas {
            frame(
                &mut out,
                &json!({ "type": "content_block_delta", "index": index, "delta": delta }),
            );
        }
        frame(&mut out, &json!({ "type": "content_block_stop", "index": index }));
    }
    let delta = json!({ "stop_reason": answer["stop_reason"], "stop_sequence": null });
    frame(
        &mut out,
        &json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 7 } }),
    );
    frame(&mut out, &json!({ "type": "message_stop" }));
    out
}

fn response_frames(answer: &Value) -> String {
    let mut out = String::new();
    let mut start = answer.clone();
    (start["output"], start["status"]) = (json!([]), json!("in_progress"));
    frame(
        &mut out,
        &json!({ "type": "response.created", "sequence_number": 0, "response": start }),
    );
    for (index, item) in answer["output"].as_array().expect("items").iter().enumerate() {
        frame(
            &mut out,
            &json!({ "type": "response.output_item.added", "output_index": index, "item": item }),
        );
        if item["type"] == "message" {
            let delta = json!({ "type": "response.output_text.delta", "output_index": index, "content_index": 0,
                                "item_id": item["id"], "delta": item["content"][0]["text"] });
            frame(&mut out, &delta);
        }
        frame(
            &mut out,
            &json!({ "type": "response.output_item.done", "output_index": index, "item": item }),
        );
    }
    frame(
        &mut out,
        &json!({ "type": "response.completed", "sequence_number": 9, "response": answer }),
    );
    out
}

//! Assistant turns → one `assistant` message.

use serde_json::{Map, Value, json};

use backstop_exchange::{Block, ToolCall, ToolKind, Turn};
use backstop_vocabulary::Dialect;

use super::super::answer_write::call_json;
use super::super::request_read::FIELD;
use super::habits::stand_in_thought;
use super::messages::add_name;
use super::{Draft, call_id};

/// Writes what an assistant said in one message: text and refusal as content, calls beside it.
pub(super) fn write_assistant(draft: &mut Draft<'_>, turns: &[&Turn], messages: &mut Vec<Value>) {
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    let (mut text, mut refusal, mut thought) = (String::new(), String::new(), String::new());
    let mut calls = Vec::new();
    let mut called = Vec::new();
    for block in turns.iter().flat_map(|turn| &turn.blocks) {
        match block {
            Block::Text(piece) => {
                text.push_str(&piece.text);
                if piece.cache_hint.is_some() {
                    draft.lose_cache_hint();
                }
            }
            Block::Refusal(piece) => refusal.push_str(piece),
            Block::Reasoning { text, artefact } => {
                if keeps_thought(draft) && artefact.is_none() {
                    thought.push_str(text);
                } else {
                    let field = draft.word("reasoning_content");
                    draft.lose(field, "reasoning of another issuer stripped");
                }
            }
            Block::ToolCall(call) => {
                calls.push(write_call(draft, call));
                called.push(call);
            }
            Block::Foreign { dialect: Dialect::OpenaiChat, kind, json } => {
                write_field(draft, kind, json, &mut message);
            }
            Block::Foreign { dialect, kind, json } => {
                text.extend(draft.text_for(*dialect, kind, json));
            }
            Block::Media(_) => draft.lose("image", "not in an assistant message of openai_chat"),
            Block::ToolResult(_) => draft.lose("tool_result", "not from an assistant"),
        }
    }
    if !draft.is_original() {
        // Compatible servers know no refusals: they are what the model said.
        text.push_str(&std::mem::take(&mut refusal));
    }
    let spoke = turns.iter().flat_map(|turn| &turn.blocks).any(is_spoken);
    if !spoke && thought.is_empty() && calls.is_empty() && message.len() == 1 {
        return;
    }
    let content = said(text, &refusal);
    // `null` is allowed only beside something else.
    let nothing = if calls.is_empty() { "".into() } else { Value::Null };
    message.insert("content".to_owned(), content.unwrap_or(nothing));
    if thought.is_empty() && !called.is_empty() && wants_thoughts(draft) {
        thought = stand_in_thought(&called);
        let field = draft.word("reasoning_content");
        draft.lose(field, "of another model: a line in its place");
    }
    if !thought.is_empty() {
        message.insert("reasoning_content".to_owned(), thought.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    add_name(draft, turns.first().and_then(|turn| turn.name.as_ref()), &mut message);
    messages.push(message.into());
}

/// Whether a block is for people to read.
const fn is_spoken(block: &Block) -> bool {
    match block {
        Block::Text(_) | Block::Refusal(_) => true,
        Block::Media(_)
        | Block::ToolCall(_)
        | Block::ToolResult(_)
        | Block::Reasoning { .. }
        | Block::Foreign { .. } => false,
    }
}

/// The content of an assistant message; `None` when it says nothing.
fn said(text: String, refusal: &str) -> Option<Value> {
    if refusal.is_empty() {
        return (!text.is_empty()).then(|| text.into());
    }
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(json!({ "type": "text", "text": text }));
    }
    parts.push(json!({ "type": "refusal", "refusal": refusal }));
    Some(parts.into())
}

/// Compatible servers take their own reasoning back under this name; `OpenAI` does not know it.
fn keeps_thought(draft: &Draft<'_>) -> bool {
    (draft.is_native() && !draft.is_original()) || wants_thoughts(draft)
}

const fn wants_thoughts(draft: &Draft<'_>) -> bool {
    draft.target.abilities.habits.wants_thoughts
}

fn write_field(draft: &mut Draft<'_>, kind: &str, json: &Value, message: &mut Map<String, Value>) {
    match kind.strip_prefix(FIELD) {
        Some(name) => {
            message.insert(name.to_owned(), json.clone());
        }
        None => draft.lose(kind, "not in an assistant message of openai_chat"),
    }
}

fn write_call(draft: &mut Draft<'_>, call: &ToolCall) -> Value {
    if call.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    let emulated = call.kind == ToolKind::Custom && !draft.is_original();
    let (arguments, kind) = if emulated {
        (json!({ "input": call.arguments }).to_string(), ToolKind::Function)
    } else {
        (call.arguments.clone(), call.kind.clone())
    };
    let (id, name) = (call_id(draft, &call.id), draft.fit_name(&call.name));
    call_json(&ToolCall { id, name, arguments, kind, cache_hint: None })
}

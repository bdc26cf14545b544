//! A whole answer → the body of a 200.

use serde_json::{Map, Value, json};

use backstop_exchange::{Answer, AnswerBlock, ToolCall, ToolKind};

use super::wire::{Seen, finish_reason, usage_json};
use crate::Head;
use crate::json::bytes;

/// Writes a whole answer under our id.
pub(crate) fn write_answer(answer: &Answer, head: &Head) -> Vec<u8> {
    let model = if head.model.is_empty() { &answer.model } else { &head.model };
    let message = message_of(answer);
    let seen = Seen {
        calls: message.contains_key("tool_calls"),
        refusal: message.get("refusal").is_some_and(|refusal| !refusal.is_null()),
    };
    let mut body = json!({
        "id": format!("chatcmpl-{}", head.id),
        "object": "chat.completion",
        "created": head.created_unix,
        "model": model,
        "choices": [{
            "index": 0,
            "message": null,
            "logprobs": null,
            "finish_reason": finish_reason(answer.finish.as_ref(), seen),
        }],
    });
    if let (Some(usage), Some(fields)) = (&answer.usage, body.as_object_mut()) {
        fields.insert("usage".to_owned(), usage_json(usage));
    }
    // Filled in here, because `json!` would copy it; its place is kept above.
    body["choices"][0]["message"] = Value::Object(message);
    bytes(&body)
}

fn message_of(answer: &Answer) -> Map<String, Value> {
    let (mut text, mut thought, mut refusal) = (None, None, None);
    let mut calls = Vec::new();
    for block in &answer.blocks {
        match block {
            AnswerBlock::Text(piece) => add(&mut text, piece),
            AnswerBlock::Reasoning { text, .. } if text.is_empty() => {}
            AnswerBlock::Reasoning { text, .. } => add(&mut thought, text),
            AnswerBlock::Refusal(piece) => add(&mut refusal, piece),
            AnswerBlock::ToolCall(call) => calls.push(call_json(call)),
            // Only its issuer can read it, and this dialect has no slot for it.
            AnswerBlock::ReasoningOpaque(_) => {}
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), text.into());
    message.insert("refusal".to_owned(), refusal.into());
    if let Some(thought) = thought {
        message.insert("reasoning_content".to_owned(), thought.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    message
}

fn add(to: &mut Option<String>, piece: &str) {
    to.get_or_insert_default().push_str(piece);
}

/// A call as answers and histories have it.
pub(super) fn call_json(call: &ToolCall) -> Value {
    match call.kind {
        ToolKind::Custom => json!({
            "id": call.id,
            "type": "custom",
            "custom": { "name": call.name, "input": call.arguments },
        }),
        ToolKind::Function | ToolKind::Hosted { .. } => {
            let nothing = call.arguments.trim().is_empty();
            let arguments = if nothing { "{}" } else { call.arguments.as_str() };
            json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": arguments },
            })
        }
    }
}

use backstop_exchange::{Answer, AnswerBlock, Finish, ToolCall, ToolKind};
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use super::wire::{CALL_ID_BYTES_MAX, CALL_ID_PREFIX, OWN_SIGNATURE, finish_fields, usage_json};
use crate::json::{arguments_object, bytes};
use crate::tool_names::fit_id;
use crate::{Head, issuer};

/// The dialect of this folder.
const HERE: Dialect = Dialect::AnthropicMessages;

pub(crate) fn write_answer(answer: &Answer, head: &Head) -> Vec<u8> {
    let content: Vec<Value> = answer.blocks.iter().filter_map(write_block).collect();
    let refused = answer.blocks.iter().any(|block| matches!(block, AnswerBlock::Refusal(_)));
    let refusal = Finish::Refused { category: None };
    let finish = match &answer.finish {
        None | Some(Finish::End) if refused => Some(&refusal),
        finish => finish.as_ref(),
    };
    let (reason, sequence, details) = finish_fields(finish, answer.tool_calls().count());
    let mut message = json!({
        "id": format!("msg_{}", head.id),
        "type": "message",
        "role": "assistant",
        "model": model_of(head, &answer.model),
        "content": null,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": usage_json(&answer.usage.unwrap_or_default()),
    });
    if !details.is_null() {
        message["stop_details"] = details;
    }
    // Filled in here, because `json!` would copy it; its place is kept above.
    message["content"] = Value::Array(content);
    bytes(&message)
}

/// The model's name that the client reads.
pub(super) fn model_of<'a>(head: &'a Head, answering: &'a str) -> &'a str {
    if head.model.is_empty() { answering } else { &head.model }
}

fn write_block(block: &AnswerBlock) -> Option<Value> {
    match block {
        AnswerBlock::Text(text) | AnswerBlock::Refusal(text) => {
            (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))
        }
        AnswerBlock::Reasoning { text, signature } => {
            let signature = signature.as_ref().map(|artefact| issuer::write(artefact, HERE));
            let signature = signature.as_deref().unwrap_or(OWN_SIGNATURE);
            Some(json!({ "type": "thinking", "thinking": text, "signature": signature }))
        }
        AnswerBlock::ReasoningOpaque(artefact) => {
            let data = issuer::write(artefact, HERE);
            Some(json!({ "type": "redacted_thinking", "data": data }))
        }
        AnswerBlock::ToolCall(call) => Some(write_call(call)),
    }
}

fn write_call(call: &ToolCall) -> Value {
    let input = match call.kind {
        ToolKind::Custom => json!({ "input": call.arguments }),
        ToolKind::Function | ToolKind::Hosted { .. } => arguments_object(&call.arguments),
    };
    json!({
        "type": "tool_use",
        "id": fit_id(&call.id, CALL_ID_PREFIX, CALL_ID_BYTES_MAX),
        "name": call.name,
        "input": input,
    })
}

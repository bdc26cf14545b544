use backstop_exchange::{Answer, AnswerBlock, Finish, ToolCall, ToolKind};
use serde_json::{Value, json};

use super::wire::{HERE, call_id, redacted_bytes, stop_reason, usage_json};
use crate::anthropic_messages::OWN_SIGNATURE;
use crate::json::{arguments_object, bytes};
use crate::{Head, issuer};

pub(crate) fn write_answer(answer: &Answer, _head: &Head) -> Vec<u8> {
    let content: Vec<Value> = answer.blocks.iter().filter_map(write_block).collect();
    let refused = answer.blocks.iter().any(|block| matches!(block, AnswerBlock::Refusal(_)));
    let refusal = Finish::Refused { category: None };
    let finish = match &answer.finish {
        None | Some(Finish::End) if refused => Some(&refusal),
        finish => finish.as_ref(),
    };
    let mut body = json!({
        "output": { "message": { "role": "assistant", "content": null } },
        "stopReason": stop_reason(finish, answer.tool_calls().count()),
        "usage": usage_json(&answer.usage.unwrap_or_default()),
        // Demanded by the API's model; the time is in the headers.
        "metrics": { "latencyMs": 0 },
    });
    // Filled in here, because `json!` would copy it; its place is kept above.
    body["output"]["message"]["content"] = Value::Array(content);
    bytes(&body)
}

fn write_block(block: &AnswerBlock) -> Option<Value> {
    match block {
        AnswerBlock::Text(text) | AnswerBlock::Refusal(text) => {
            (!text.is_empty()).then(|| json!({ "text": text }))
        }
        AnswerBlock::Reasoning { text, signature } => {
            let signature = signature.as_ref().map(|artefact| issuer::write(artefact, HERE));
            let signature = signature.as_deref().unwrap_or(OWN_SIGNATURE);
            let thought = json!({ "text": text, "signature": signature });
            Some(json!({ "reasoningContent": { "reasoningText": thought } }))
        }
        AnswerBlock::ReasoningOpaque(artefact) => {
            let data = redacted_bytes(&issuer::write(artefact, HERE));
            Some(json!({ "reasoningContent": { "redactedContent": data } }))
        }
        AnswerBlock::ToolCall(call) => Some(write_call(call)),
    }
}

fn write_call(call: &ToolCall) -> Value {
    let input = match call.kind {
        ToolKind::Custom => json!({ "input": call.arguments }),
        ToolKind::Function | ToolKind::Hosted { .. } => arguments_object(&call.arguments),
    };
    json!({ "toolUse": { "toolUseId": call_id(&call.id), "name": call.name, "input": input } })
}

//! A whole answer → the body of a 200.

use serde_json::Value;

use backstop_exchange::{Answer, AnswerBlock, ToolCall, ToolKind};
use backstop_vocabulary::Dialect;

use super::track::call_item;
use super::wire::{
    CALL_ID_BYTES_MAX, ID_PREFIX, Said, Shell, ending, message_item, reasoning_item, refusal_part,
    text_part,
};
use crate::json::bytes;
use crate::tool_names::fit_id;
use crate::{Head, issuer};

/// Writes a whole answer under our id.
pub(crate) fn write_answer(answer: &Answer, head: &Head) -> Vec<u8> {
    let model = if head.model.is_empty() { &answer.model } else { &head.model };
    let refused = answer.blocks.iter().any(|block| matches!(block, AnswerBlock::Refusal(_)));
    let ending = ending(answer.finish.as_ref(), if refused { Said::Yes } else { Said::No });
    let shell = Shell {
        id: &format!("{ID_PREFIX}{}", head.id),
        model,
        created: head.created_unix,
        status: ending.status,
        incomplete: ending.incomplete,
        usage: answer.usage.as_ref(),
        kept: head.kept,
    };
    bytes(&shell.json(output(answer, head, ending.status), &Value::Null))
}

/// The items: what the model says in one go is one message.
fn output(answer: &Answer, head: &Head, status: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut said = Vec::new();
    for block in &answer.blocks {
        match block {
            AnswerBlock::Text(text) => said.push(text_part(text)),
            AnswerBlock::Refusal(text) => said.push(refusal_part(text)),
            AnswerBlock::Reasoning { text, signature } => {
                end_message(&mut said, &mut items, (head, "completed"));
                let text: Vec<String> =
                    Some(text.clone()).into_iter().filter(|text| !text.is_empty()).collect();
                let state = signature.as_ref();
                let state = state.map(|state| issuer::write(state, Dialect::OpenaiResponses));
                items.push(reasoning_item(&id_of("rs", head, &items), &text, state.as_deref()));
            }
            AnswerBlock::ReasoningOpaque(state) => {
                end_message(&mut said, &mut items, (head, "completed"));
                let state = issuer::write(state, Dialect::OpenaiResponses);
                items.push(reasoning_item(&id_of("rs", head, &items), &[], Some(&state)));
            }
            AnswerBlock::ToolCall(call) => {
                end_message(&mut said, &mut items, (head, "completed"));
                items.push(write_call(call, head, &items));
            }
        }
    }
    end_message(&mut said, &mut items, (head, status));
    items
}

fn end_message(said: &mut Vec<Value>, items: &mut Vec<Value>, (head, status): (&Head, &str)) {
    if !said.is_empty() {
        let id = id_of("msg", head, items);
        items.push(message_item(&id, status, std::mem::take(said)));
    }
}

fn id_of(prefix: &str, head: &Head, items: &[Value]) -> String {
    format!("{prefix}_{}{}", head.id, items.len())
}

fn write_call(call: &ToolCall, head: &Head, items: &[Value]) -> Value {
    let custom = call.kind == ToolKind::Custom;
    let nothing = !custom && call.arguments.trim().is_empty();
    let arguments = if nothing { "{}" } else { call.arguments.as_str() };
    let id = id_of(if custom { "ctc" } else { "fc" }, head, items);
    let call_id = fit_id(&call.id, "call_", CALL_ID_BYTES_MAX);
    call_item((&id, "completed"), &call_id, &call.name, (arguments, custom))
}

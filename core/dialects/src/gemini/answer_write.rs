//! A whole answer → the body of a 200.

use serde_json::{Value, json};

use backstop_exchange::{Answer, AnswerBlock, Artefact};
use backstop_vocabulary::Dialect;

use super::signature::{self, PLACEHOLDER_FOR_CLIENTS};
use super::wire::{call_part, finish_reason, usage_json};
use crate::Head;
use crate::json::bytes;

/// Writes a whole answer under our id.
pub(crate) fn write_answer(answer: &Answer, head: &Head) -> Vec<u8> {
    let model = if head.model.is_empty() { &answer.model } else { &head.model };
    let mut body = json!({
        "candidates": [{
            "content": { "role": "model", "parts": null },
            "finishReason": finish_reason(answer.finish.as_ref()),
            "index": 0,
        }],
    });
    if let Some(usage) = &answer.usage {
        body["usageMetadata"] = usage_json(usage);
    }
    body["modelVersion"] = model.as_str().into();
    body["responseId"] = head.id.as_str().into();
    // Filled in here, because `json!` would copy it; its place is kept above.
    body["candidates"][0]["content"]["parts"] = Value::Array(parts(answer));
    bytes(&body)
}

fn parts(answer: &Answer) -> Vec<Value> {
    let mut parts = Parts::default();
    for block in &answer.blocks {
        match block {
            AnswerBlock::Text(text) | AnswerBlock::Refusal(text) => {
                parts.list.push(json!({ "text": text }));
            }
            AnswerBlock::Reasoning { text, signature } => parts.thought(text, signature.as_ref()),
            AnswerBlock::ReasoningOpaque(state) => parts.list.push(state_part(state)),
            AnswerBlock::ToolCall(call) => {
                let part =
                    call_part(&call.id, &call.name, &arguments(call), parts.signature().as_deref());
                parts.list.push(part);
            }
        }
    }
    parts.list
}

/// The arguments as an object: free text becomes the one argument that a function has in its place.
fn arguments(call: &backstop_exchange::ToolCall) -> String {
    match call.kind {
        backstop_exchange::ToolKind::Custom => json!({ "input": call.arguments }).to_string(),
        backstop_exchange::ToolKind::Function | backstop_exchange::ToolKind::Hosted { .. } => {
            call.arguments.clone()
        }
    }
}

/// A part that holds nothing but what another vendor wants back.
pub(super) fn state_part(state: &Artefact) -> Value {
    json!({ "text": "", "thought": true, "thoughtSignature": signature::write(state) })
}

/// The parts of one answer in the making.
#[derive(Debug, Default)]
struct Parts {
    list: Vec<Value>,
    calls: bool,
    /// The signature of the next call.
    next: Option<String>,
}

impl Parts {
    fn thought(&mut self, text: &str, state: Option<&Artefact>) {
        let own = state.filter(|state| state.dialect == Dialect::Gemini);
        let mut part = json!({ "text": text, "thought": true });
        match (own.map(|state| state.kind.as_str()), state) {
            (Some(signature::CALL), Some(state)) => self.next = Some(signature::write(state)),
            (Some(signature::TEXT), Some(state)) if text.is_empty() => {
                if let Some(last) = self.list.last_mut().filter(|it| it.get("text").is_some()) {
                    last["thoughtSignature"] = signature::write(state).into();
                    return;
                }
                part = json!({ "text": "", "thoughtSignature": signature::write(state) });
            }
            (_, Some(state)) => part["thoughtSignature"] = signature::write(state).into(),
            (_, None) => {}
        }
        if !text.is_empty() || part.get("thoughtSignature").is_some() {
            self.list.push(part);
        }
    }

    /// The signature of a call. The first of an answer that has none gets the stand-in, so that the
    /// client can go back to the provider of this dialect with it.
    fn signature(&mut self) -> Option<String> {
        let first = !std::mem::replace(&mut self.calls, true);
        self.next.take().or_else(|| first.then(|| PLACEHOLDER_FOR_CLIENTS.to_owned()))
    }
}

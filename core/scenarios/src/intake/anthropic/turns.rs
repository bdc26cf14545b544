//! The structure of a conversation: roles, and calls with their results.

use serde_json::{Map, Value};

use crate::Refusal;

use super::{Said, Speaker, models, required, text_of};

pub(super) fn read(body: &Map<String, Value>, model: &str) -> Result<Vec<Said>, Refusal> {
    let messages =
        body.get("messages").and_then(Value::as_array).ok_or_else(|| required("messages"))?;
    if messages.is_empty() {
        return Err(Refusal::invalid("messages: at least one message is required"));
    }
    let mut said = Vec::with_capacity(messages.len());
    let mut open: Vec<&str> = Vec::new();
    for (nth, message) in messages.iter().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        let content = message.get("content");
        let speaker = match role {
            "user" => Speaker::User,
            "assistant" => Speaker::Model,
            "system" if models::takes_system_turns(model) => continue,
            "system" => {
                return Err(Refusal::invalid("role 'system' is not supported on this model"));
            }
            other => {
                return Err(Refusal::invalid(format!(
                    "messages.{nth}.role: Input should be 'user' or 'assistant', not '{other}'"
                )));
            }
        };
        if said.is_empty() && speaker == Speaker::Model {
            return Err(Refusal::invalid("messages: first message must use the \"user\" role"));
        }
        check_content(nth, content)?;
        match speaker {
            Speaker::User => answer_calls(nth, content, &mut open)?,
            Speaker::Model => {
                leave_none_open(nth, &open)?;
                open = ids(content, "tool_use", "id").collect();
            }
        }
        let results = ids(content, "tool_result", "tool_use_id").next().is_some();
        said.push(Said { role: speaker, text: text_of(content), results });
    }
    leave_none_open(messages.len(), &open)?;
    let prefilled = said.last().is_some_and(|turn| turn.role == Speaker::Model);
    if prefilled && !models::takes_prefill(model) {
        return Err(Refusal::invalid(
            "This model does not support assistant message prefill. The conversation must end \
             with a user message.",
        ));
    }
    Ok(said)
}

fn check_content(nth: usize, content: Option<&Value>) -> Result<(), Refusal> {
    match content {
        Some(Value::String(text)) if text.is_empty() => Err(Refusal::invalid(format!(
            "messages.{nth}: user messages must have non-empty content"
        ))),
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) => blocks.iter().try_for_each(|block| {
            let kind = block.get("type").and_then(Value::as_str);
            let text = block.get("text").and_then(Value::as_str);
            match kind {
                None => Err(required(&format!("messages.{nth}.content.0.type"))),
                Some("text") if text.is_none_or(|text| text.trim().is_empty()) => {
                    Err(Refusal::invalid("messages: text content blocks must be non-empty"))
                }
                Some(_) => Ok(()),
            }
        }),
        _ => Err(required(&format!("messages.{nth}.content"))),
    }
}

/// The results in a user turn must answer calls of the turn before, and all of them.
fn answer_calls<'a>(
    nth: usize,
    content: Option<&'a Value>,
    open: &mut Vec<&'a str>,
) -> Result<(), Refusal> {
    for id in ids(content, "tool_result", "tool_use_id") {
        let Some(at) = open.iter().position(|known| *known == id) else {
            return Err(Refusal::invalid(format!(
                "messages.{nth}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: \
                 {id}. Each `tool_result` block must have a corresponding `tool_use` block in the \
                 previous message."
            )));
        };
        open.remove(at);
    }
    leave_none_open(nth, open)
}

fn leave_none_open(nth: usize, open: &[&str]) -> Result<(), Refusal> {
    if open.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. \
         Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        nth.saturating_sub(1),
        open.join(", ")
    )))
}

fn ids<'a>(
    content: Option<&'a Value>,
    kind: &'static str,
    field: &'static str,
) -> impl Iterator<Item = &'a str> {
    let blocks = content.and_then(Value::as_array).into_iter().flatten();
    blocks
        .filter(move |block| block.get("type").and_then(Value::as_str) == Some(kind))
        .filter_map(move |block| block.get(field).and_then(Value::as_str))
}

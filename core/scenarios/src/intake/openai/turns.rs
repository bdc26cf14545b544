//! The structure of a conversation: roles, and calls with their results.

use serde_json::{Map, Value};

use crate::Refusal;

use super::{Said, Speaker, text_of};

pub(super) fn read(body: &Map<String, Value>, strict: Option<()>) -> Result<Vec<Said>, Refusal> {
    let messages = body.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| {
        Refusal::invalid("Missing required parameter: 'messages'.")
            .with_code("missing_required_parameter")
            .at("messages")
    })?;
    if messages.is_empty() {
        return Err(Refusal::invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
        )
        .with_code("empty_array")
        .at("messages"));
    }
    let mut said = Vec::with_capacity(messages.len());
    let mut open: Vec<&str> = Vec::new();
    for (nth, message) in messages.iter().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        let text = text_of(message.get("content"));
        if role == "tool" {
            let id = message.get("tool_call_id").and_then(Value::as_str).unwrap_or_default();
            close(nth, id, &mut open, strict)?;
            said.push(Said { role: Speaker::User, text: String::new(), results: true });
            continue;
        }
        if strict.is_some() {
            leave_none_open(&open)?;
        }
        match role {
            "user" => said.push(Said { role: Speaker::User, text, results: false }),
            "assistant" => {
                open = calls(message).collect();
                said.push(Said { role: Speaker::Model, text, results: false });
            }
            "system" | "developer" | "function" => {}
            other => {
                return Err(Refusal::invalid(format!(
                    "Invalid value: '{other}'. Supported values are: 'system', 'assistant', \
                     'user', 'function', 'tool', and 'developer'."
                ))
                .with_code("invalid_value")
                .at(format!("messages[{nth}].role")));
            }
        }
    }
    if strict.is_some() {
        leave_none_open(&open)?;
    }
    Ok(said)
}

/// A result must answer an open call.
fn close(nth: usize, id: &str, open: &mut Vec<&str>, strict: Option<()>) -> Result<(), Refusal> {
    if let Some(at) = open.iter().position(|known| *known == id) {
        open.remove(at);
        return Ok(());
    }
    if strict.is_none() {
        return Ok(());
    }
    let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
                   message with 'tool_calls'.";
    Err(Refusal::invalid(message).at(format!("messages.[{nth}].role")))
}

fn leave_none_open(open: &[&str]) -> Result<(), Refusal> {
    if open.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    )))
}

fn calls(message: &Value) -> impl Iterator<Item = &str> {
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    calls.filter_map(|call| call.get("id").and_then(Value::as_str))
}

//! Tool results → `tool` messages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use backstop_exchange::{Block, Media, ToolCall, ToolResult, Turn};
use backstop_vocabulary::Failure;

use super::parts::media_part;
use super::{Draft, call_id};

/// One `tool` message for each call, in their order, then the pictures that results held.
pub(super) fn write_results(
    draft: &mut Draft<'_>,
    calls: &[&ToolCall],
    answers: &[&Turn],
    messages: &mut Vec<Value>,
) -> Result<(), Failure> {
    let mut results = BTreeMap::new();
    for block in answers.iter().flat_map(|turn| &turn.blocks) {
        if let Block::ToolResult(result) = block {
            results.entry(result.call_id.as_str()).or_insert(result);
        }
    }
    let mut pictures = Vec::new();
    for call in calls {
        let text = if let Some(result) = results.remove(call.id.as_str()) {
            result_text(draft, result, &mut pictures)?
        } else {
            draft.lose("tool_result", "missing for a call: an error was put in its place");
            "Error: no result of this call is available.".to_owned()
        };
        let id = call_id(draft, &call.id);
        messages.push(json!({ "role": "tool", "tool_call_id": id, "content": text }));
    }
    if !results.is_empty() {
        draft.lose("tool_result", "answers no call of the turn before: dropped");
    }
    if !pictures.is_empty() {
        messages.push(json!({ "role": "user", "content": pictures }));
    }
    Ok(())
}

/// The text of a result. Pictures have no place in it: they go to `pictures` under a heading.
fn result_text(
    draft: &mut Draft<'_>,
    result: &ToolResult,
    pictures: &mut Vec<Value>,
) -> Result<String, Failure> {
    let mut texts = Vec::new();
    let mut held = 0;
    for block in &result.blocks {
        match block {
            Block::Text(text) => texts.push(text.text.clone()),
            Block::Refusal(text) => texts.push(text.clone()),
            Block::Media(media) => {
                let part = media_part(draft, media)?;
                if let Some(text) = part.get("text").and_then(Value::as_str) {
                    texts.push(text.to_owned());
                    continue;
                }
                if held == 0 {
                    let heading = format!("Attachments of the result of call {}:", result.call_id);
                    pictures.push(json!({ "type": "text", "text": heading }));
                }
                held += 1;
                pictures.push(part);
                texts.push(placeholder(media));
            }
            Block::Foreign { dialect, kind, json } => {
                texts.extend(draft.text_for(*dialect, kind, json));
            }
            Block::Reasoning { .. } | Block::ToolCall(_) | Block::ToolResult(_) => {
                draft.lose("tool_result", "holds a block that is not in openai_chat");
            }
        }
    }
    if has_hint(result) {
        draft.lose_cache_hint();
    }
    let text = texts.join("\n");
    Ok(if result.is_error { format!("Error: {text}") } else { text })
}

fn placeholder(media: &Media) -> String {
    let title = media.title.as_deref().unwrap_or("attachment");
    format!("[{title}: shown in the user message after the tool results]")
}

fn has_hint(result: &ToolResult) -> bool {
    let inside = result.blocks.iter().any(|block| match block {
        Block::Text(text) => text.cache_hint.is_some(),
        Block::Media(_)
        | Block::ToolCall(_)
        | Block::ToolResult(_)
        | Block::Reasoning { .. }
        | Block::Refusal(_)
        | Block::Foreign { .. } => false,
    });
    inside || result.cache_hint.is_some()
}

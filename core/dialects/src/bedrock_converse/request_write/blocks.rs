//! The blocks of Messages in the words of this API.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use backstop_exchange::MediaKind;
use backstop_vocabulary::{Class, Failure};

use super::super::media::{document_name, format};
use crate::losses::Losses;

/// What stands for a tool that said nothing: results must say something here.
const NO_OUTPUT: &str = "(no output)";

/// What is said of a medium in other words here.
const SAID: [&str; 4] = ["type", "source", "title", "cache_control"];

/// The same of a tool.
const SAID_OF_TOOL: [&str; 4] = ["name", "description", "input_schema", "cache_control"];

/// The texts of `system`.
pub(super) fn texts(system: Value) -> Value {
    if let Value::Array(blocks) = system {
        return blocks.into_iter().flat_map(text).collect();
    }
    json!([{ "text": system }])
}

fn text(mut block: Value) -> Vec<Value> {
    let point = cache_point(&block);
    let mut written = vec![json!({ "text": block["text"].take() })];
    written.extend(point);
    written
}

/// The content of a message.
pub(super) fn content_of(content: Value, losses: &mut Losses) -> Result<Vec<Value>, Failure> {
    let Value::Array(blocks) = content else { return Ok(vec![json!({ "text": content })]) };
    let mut written = Vec::with_capacity(blocks.len());
    for block in blocks {
        let point = cache_point(&block);
        written.push(self::block(block, losses)?);
        written.extend(point);
    }
    Ok(written)
}

/// The mark that follows what is to be kept in a cache.
fn cache_point(block: &Value) -> Option<Value> {
    let hint = block.get("cache_control")?;
    let mut point = json!({ "type": "default" });
    if let Some(ttl) = hint.get("ttl").filter(|ttl| ttl.is_string()) {
        point["ttl"] = ttl.clone();
    }
    Some(json!({ "cachePoint": point }))
}

fn block(mut block: Value, losses: &mut Losses) -> Result<Value, Failure> {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match kind.as_str() {
        "text" => json!({ "text": block["text"].take() }),
        "tool_use" => {
            let mut call = Map::new();
            call.insert("toolUseId".to_owned(), block["id"].take());
            call.insert("name".to_owned(), block["name"].take());
            call.insert("input".to_owned(), block["input"].take());
            json!({ "toolUse": call })
        }
        "tool_result" => result(block, losses)?,
        "thinking" => {
            let (text, signature) = (block["thinking"].take(), block["signature"].take());
            json!({ "reasoningContent": { "reasoningText": { "text": text, "signature": signature } } })
        }
        "redacted_thinking" => {
            json!({ "reasoningContent": { "redactedContent": block["data"].take() } })
        }
        "image" => medium(MediaKind::Image, "image", block)?,
        "document" => medium(MediaKind::Document, "document", block)?,
        "audio" => medium(MediaKind::Audio, "audio", block)?,
        // A block of this dialect, as the client wrote it.
        _ => block,
    })
}

fn result(mut block: Value, losses: &mut Losses) -> Result<Value, Failure> {
    let mut content = match block.get_mut("content").map(Value::take) {
        Some(said) => content_of(said, losses)?,
        None => Vec::new(),
    };
    let before = content.len();
    content.retain(|part| part.get("cachePoint").is_none() && part.get("audio").is_none());
    if content.len() < before {
        losses.add("messages.tool_result", "marks and sound inside it dropped");
    }
    if content.is_empty() {
        content.push(json!({ "text": NO_OUTPUT }));
    }
    let mut result = Map::new();
    result.insert("toolUseId".to_owned(), block["tool_use_id"].take());
    result.insert("content".to_owned(), Value::Array(content));
    if block["is_error"] == true {
        result.insert("status".to_owned(), "error".into());
    }
    Ok(json!({ "toolResult": result }))
}

fn medium(kind: MediaKind, name: &str, mut block: Value) -> Result<Value, Failure> {
    let mut source = block["source"].take();
    let media_type = source["media_type"].as_str().unwrap_or_default().to_owned();
    let Some(format) = format(kind, &media_type) else {
        let what = format!("the target does not take media of this type: {name}");
        return Err(Failure::new(Class::UnsupportedFeature, what));
    };
    let mut bytes = source["data"].take();
    if source["type"] == "text" {
        bytes = STANDARD.encode(bytes.as_str().unwrap_or_default()).into();
    }
    let mut medium = Map::new();
    medium.insert("format".to_owned(), format.into());
    if kind == MediaKind::Document {
        let title = block.get("title").and_then(Value::as_str);
        medium.insert("name".to_owned(), document_name(title).into());
    }
    let mut inside = Map::new();
    inside.insert("bytes".to_owned(), bytes);
    medium.insert("source".to_owned(), Value::Object(inside));
    // What else the client said about it: a document's context, whether it may be cited.
    let more = block.as_object().into_iter().flatten();
    let more = more.filter(|(field, _)| !SAID.contains(&field.as_str()));
    medium.extend(more.map(|(field, value)| (field.clone(), value.clone())));
    let mut written = Map::new();
    written.insert(name.to_owned(), Value::Object(medium));
    Ok(Value::Object(written))
}

/// A tool, and perhaps the mark that follows it.
pub(super) fn tool(mut tool: Value) -> Vec<Value> {
    if tool.get("input_schema").is_none() {
        // One that AWS runs, as the client wrote it.
        return vec![tool];
    }
    let mut spec = Map::new();
    for name in ["name", "description"] {
        let said = tool.get_mut(name).map(Value::take);
        spec.extend(said.filter(|said| *said != "").map(|said| (name.to_owned(), said)));
    }
    spec.insert("inputSchema".to_owned(), json!({ "json": tool["input_schema"].take() }));
    let more = tool.as_object().into_iter().flatten();
    let more = more.filter(|(field, _)| !SAID_OF_TOOL.contains(&field.as_str()));
    spec.extend(more.map(|(field, value)| (field.clone(), value.clone())));
    let mut written = vec![json!({ "toolSpec": spec })];
    written.extend(cache_point(&tool));
    written
}

/// A declaration of each tool that was called before: without one the history is refused.
pub(super) fn tools_of_history(messages: Option<&Value>) -> Vec<Value> {
    let (mut names, mut known) = (Vec::new(), BTreeSet::new());
    let messages = messages.and_then(Value::as_array).into_iter().flatten();
    for block in messages.filter_map(|message| message["content"].as_array()).flatten() {
        if let Some(name) = block.pointer("/toolUse/name").and_then(Value::as_str)
            && known.insert(name)
        {
            names.push(name);
        }
    }
    let spec = |name| json!({ "toolSpec": { "name": name, "inputSchema": { "json": { "type": "object" } } } });
    names.into_iter().map(spec).collect()
}

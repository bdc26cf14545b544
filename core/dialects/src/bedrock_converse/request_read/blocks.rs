use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use backstop_exchange::{Block, Media, MediaKind, Source, Text, ToolCall, ToolKind, ToolResult};
use backstop_vocabulary::Failure;

use super::super::media::{is_text, media_type};
use super::super::wire::{HERE, redacted, signature};
use super::{cache_hint, own};
use crate::json::{Fields, invalid};
use crate::losses::Losses;

/// The blocks of a message or of a tool's result. A cache point marks the block before it.
pub(super) fn read(
    place: &str,
    items: Vec<Value>,
    losses: &mut Losses,
) -> Result<Vec<Block>, Failure> {
    let mut blocks = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let place = format!("{place}[{index}]");
        let Some((kind, inside)) = content(item) else {
            return Err(invalid(format!("`{place}` must be an object with one kind of content")));
        };
        if kind == "cachePoint" {
            mark(&mut blocks, &inside, losses);
        } else {
            blocks.extend(read_block(&format!("{place}.{kind}"), kind, inside, losses)?);
        }
    }
    Ok(blocks)
}

/// The kind of a union and what it holds. Other dialects say the kind in `type`, which here is none.
fn content(item: Value) -> Option<(String, Value)> {
    let Value::Object(item) = item else { return None };
    item.into_iter().find(|(kind, inside)| kind != "type" && !inside.is_null())
}

fn mark(blocks: &mut [Block], point: &Value, losses: &mut Losses) {
    let hint = match blocks.last_mut() {
        Some(Block::Text(text)) => &mut text.cache_hint,
        Some(Block::Media(media)) => &mut media.cache_hint,
        Some(Block::ToolCall(call)) => &mut call.cache_hint,
        Some(Block::ToolResult(result)) => &mut result.cache_hint,
        Some(Block::Reasoning { .. } | Block::Refusal(_) | Block::Foreign { .. }) | None => {
            return losses.add("messages.cachePoint", "what is before it takes no mark");
        }
    };
    *hint = Some(cache_hint(point));
}

/// One block; `None` for one that this gateway made and nobody else may see.
fn read_block(
    place: &str,
    kind: String,
    inside: Value,
    losses: &mut Losses,
) -> Result<Option<Block>, Failure> {
    let media = match kind.as_str() {
        "text" => return text(place, inside).map(Some),
        // Results say it in JSON; the model reads it as text anyway.
        "json" => return Ok(Some(Block::Text(Text::plain(inside.to_string())))),
        "toolUse" if inside.get("type").is_none_or(Value::is_null) => {
            return call(Fields::at(place, inside)?, losses).map(Some);
        }
        "toolResult" if inside.get("type").is_none_or(Value::is_null) => {
            return result(Fields::at(place, inside)?, losses).map(Some);
        }
        "reasoningContent" => return reasoning(Fields::at(place, inside)?, losses),
        "image" => MediaKind::Image,
        "document" => MediaKind::Document,
        "audio" => MediaKind::Audio,
        _ => return Ok(Some(foreign(kind, inside))),
    };
    let source =
        |name: &str| inside.pointer(&format!("/source/{name}")).is_some_and(Value::is_string);
    if source("bytes") || source("text") {
        return medium(media, Fields::at(place, inside)?, losses).map(Some);
    }
    Ok(Some(foreign(kind, inside)))
}

fn foreign(kind: String, inside: Value) -> Block {
    let mut json = Map::new();
    json.insert(kind.clone(), inside);
    Block::Foreign { dialect: HERE, kind, json: Value::Object(json) }
}

fn text(place: &str, inside: Value) -> Result<Block, Failure> {
    match inside {
        Value::String(text) => Ok(Block::Text(Text::plain(text))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(invalid(format!("`{place}` must be a string")))
        }
    }
}

fn call(mut fields: Fields, losses: &mut Losses) -> Result<Block, Failure> {
    let input = fields.value("input").unwrap_or_else(|| Value::Object(Map::new()));
    let call = ToolCall {
        id: fields.needed_string("toolUseId")?,
        name: fields.needed_string("name")?,
        arguments: input.to_string(),
        kind: ToolKind::Function,
        cache_hint: None,
    };
    losses.add_rest("messages.toolUse", &fields);
    Ok(Block::ToolCall(call))
}

fn result(mut fields: Fields, losses: &mut Losses) -> Result<Block, Failure> {
    let place = fields.place_of("content");
    let content = fields.list("content")?.unwrap_or_default();
    let result = ToolResult {
        call_id: fields.needed_string("toolUseId")?,
        blocks: read(&place, content, losses)?,
        is_error: fields.string("status")?.as_deref() == Some("error"),
        cache_hint: None,
    };
    losses.add_rest("messages.toolResult", &fields);
    Ok(Block::ToolResult(result))
}

fn reasoning(mut fields: Fields, losses: &mut Losses) -> Result<Option<Block>, Failure> {
    if let Some(data) = fields.string("redactedContent")? {
        let block = |artefact| Block::Reasoning { text: String::new(), artefact: Some(artefact) };
        return Ok(redacted(&data).map(block));
    }
    let thought = fields.nested("reasoningText")?;
    let mut thought = thought.ok_or_else(|| fields.wrong("reasoningText", "given"))?;
    let text = thought.string("text")?.unwrap_or_default();
    let signed = thought.string("signature")?.filter(|data| !data.is_empty());
    losses.add_rest("messages.reasoningContent", &thought);
    Ok(Some(Block::Reasoning { text, artefact: signed.as_deref().and_then(signature) }))
}

fn medium(kind: MediaKind, mut fields: Fields, losses: &mut Losses) -> Result<Block, Failure> {
    let format = fields.string("format")?;
    let mut source = fields.nested("source")?.unwrap_or_else(|| Fields::top(Map::new()));
    let (source, default) = match (source.string("text")?, source.string("bytes")?) {
        (Some(text), _) => (Source::Text(text), "txt"),
        (None, bytes) => (Source::Base64(bytes.unwrap_or_default()), "pdf"),
    };
    let format = match (format, kind) {
        (Some(format), _) => format,
        (None, MediaKind::Document) => default.to_owned(),
        (None, MediaKind::Image | MediaKind::Audio) => return Err(fields.wrong("format", "given")),
    };
    let is_text = kind == MediaKind::Document && is_text(&format);
    let source = if is_text { as_text(source) } else { source };
    let title = fields.string("name")?;
    Ok(Block::Media(Media {
        kind,
        media_type: media_type(kind, &format),
        source,
        title,
        detail: None,
        cache_hint: None,
        extras: own(fields, losses),
    }))
}

/// A text document as what it is, so that dialects can take it that have no bytes for documents.
fn as_text(source: Source) -> Source {
    let Source::Base64(data) = &source else { return source };
    let text = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(source, Source::Text)
}

use backstop_exchange::{Block, Media, MediaKind, Source, Text, ToolCall, ToolKind, ToolResult};
use backstop_vocabulary::{Dialect, Failure};
use serde_json::{Map, Value};

use super::super::wire::{REDACTED, SIGNATURE, artefact};
use super::text_of;
use crate::issuer;
use crate::json::{Fields, invalid};
use crate::losses::Losses;

/// The texts of `system`: a string, or text blocks.
pub(super) fn read_texts(
    place: &str,
    value: Value,
    losses: &mut Losses,
) -> Result<Vec<Text>, Failure> {
    let blocks = read_blocks(place, value, losses)?;
    let texts = blocks.into_iter().map(|block| match block {
        Block::Text(text) => Ok(text),
        Block::Media(_)
        | Block::ToolCall(_)
        | Block::ToolResult(_)
        | Block::Reasoning { .. }
        | Block::Refusal(_)
        | Block::Foreign { .. } => Err(invalid(format!("`{place}` takes text only"))),
    });
    texts.collect()
}

/// The content of a message or tool result: a string, or blocks.
pub(super) fn read_blocks(
    place: &str,
    value: Value,
    losses: &mut Losses,
) -> Result<Vec<Block>, Failure> {
    match value {
        Value::String(text) => Ok(vec![Block::Text(Text::plain(text))]),
        Value::Array(items) => {
            let mut blocks = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                blocks.extend(read_block(&format!("{place}[{index}]"), item, losses)?);
            }
            Ok(blocks)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(invalid(format!("`{place}` must be a string or a list of blocks")))
        }
    }
}

/// One block; `None` for one that this gateway made and nobody else may see.
fn read_block(place: &str, item: Value, losses: &mut Losses) -> Result<Option<Block>, Failure> {
    let kind = item.get("type").and_then(Value::as_str).map(str::to_owned);
    let Some(kind) = kind else { return Err(invalid(format!("`{place}.type` must be a string"))) };
    let media_kind = match kind.as_str() {
        "image" => MediaKind::Image,
        "document" => MediaKind::Document,
        "text" => return Ok(Some(Block::Text(text_of(Fields::at(place, item)?, losses)?))),
        "tool_use" => return read_call(Fields::at(place, item)?, losses).map(Some),
        "tool_result" => return read_result(Fields::at(place, item)?, losses).map(Some),
        "thinking" => return read_thinking(Fields::at(place, item)?).map(Some),
        "redacted_thinking" => return read_redacted(Fields::at(place, item)?),
        _ => return Ok(Some(foreign(kind, item))),
    };
    let source_kind = item.pointer("/source/type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(source_kind, "base64" | "url" | "file" | "text") {
        return Ok(Some(foreign(kind, item)));
    }
    read_media(media_kind, Fields::at(place, item)?).map(Some)
}

const fn foreign(kind: String, json: Value) -> Block {
    Block::Foreign { dialect: Dialect::AnthropicMessages, kind, json }
}

fn read_call(mut fields: Fields, losses: &mut Losses) -> Result<Block, Failure> {
    let input = fields.value("input").unwrap_or_else(|| Value::Object(Map::new()));
    let call = ToolCall {
        id: fields.needed_string("id")?,
        name: fields.needed_string("name")?,
        arguments: input.to_string(),
        kind: ToolKind::Function,
        cache_hint: fields.value("cache_control"),
    };
    losses.add_rest("messages", &fields);
    Ok(Block::ToolCall(call))
}

fn read_result(mut fields: Fields, losses: &mut Losses) -> Result<Block, Failure> {
    let place = fields.place_of("content");
    let blocks = match fields.value("content") {
        Some(content) => read_blocks(&place, content, losses)?,
        None => Vec::new(),
    };
    let result = ToolResult {
        call_id: fields.needed_string("tool_use_id")?,
        blocks,
        is_error: fields.flag("is_error")?.unwrap_or(false),
        cache_hint: fields.value("cache_control"),
    };
    losses.add_rest("messages", &fields);
    Ok(Block::ToolResult(result))
}

fn read_thinking(mut fields: Fields) -> Result<Block, Failure> {
    let text = fields.string("thinking")?.unwrap_or_default();
    let signature = fields.string("signature")?.filter(|data| !data.is_empty());
    let artefact = signature.and_then(|data| issuer::read(artefact(SIGNATURE, data)));
    Ok(Block::Reasoning { text, artefact })
}

fn read_redacted(mut fields: Fields) -> Result<Option<Block>, Failure> {
    let data = fields.needed_string("data")?;
    let artefact = issuer::read(artefact(REDACTED, data));
    let block = |artefact| Block::Reasoning { text: String::new(), artefact: Some(artefact) };
    Ok(artefact.map(block))
}

fn read_media(kind: MediaKind, mut fields: Fields) -> Result<Block, Failure> {
    let place = fields.place_of("source");
    let mut source = Fields::at(&place, fields.value("source").unwrap_or_default())?;
    let form = source.needed_string("type")?;
    let bytes = match form.as_str() {
        "base64" => Source::Base64(source.needed_string("data")?),
        "text" => Source::Text(source.needed_string("data")?),
        "url" => Source::Url(source.needed_string("url")?),
        _ => Source::File {
            dialect: Dialect::AnthropicMessages,
            id: source.needed_string("file_id")?,
        },
    };
    fields.value("type");
    Ok(Block::Media(Media {
        kind,
        media_type: source.string("media_type")?.unwrap_or_default(),
        source: bytes,
        title: fields.string("title")?,
        detail: None,
        cache_hint: fields.value("cache_control"),
        extras: fields.rest,
    }))
}

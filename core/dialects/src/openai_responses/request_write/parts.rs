//! Blocks → content: a string, or a list of parts.

use serde_json::{Value, json};

use backstop_exchange::{Block, Media, MediaKind, Source, Text, ToolResult};
use backstop_vocabulary::{Dialect, Failure};

use super::{Draft, unsupported};
use crate::openai_chat::{data_url, document_text};

/// Texts as content: a string where that says the same.
pub(super) fn content(draft: &mut Draft<'_>, texts: &[&Text]) -> Value {
    if let [only] = texts
        && (only.cache_hint.is_none() || !draft.is_native())
    {
        if only.cache_hint.is_some() {
            draft.lose_cache_hint();
        }
        return only.text.as_str().into();
    }
    texts.iter().map(|text| text_part(draft, text)).collect()
}

fn text_part(draft: &mut Draft<'_>, text: &Text) -> Value {
    let part = json!({ "type": "input_text", "text": text.text });
    with_hint(draft, text.cache_hint.as_ref(), part)
}

fn with_hint(draft: &mut Draft<'_>, hint: Option<&Value>, mut part: Value) -> Value {
    let Some(hint) = hint else { return part };
    if draft.is_native() {
        part["prompt_cache_breakpoint"] = hint.clone();
    } else {
        draft.lose_cache_hint();
    }
    part
}

/// The parts for blocks of a user, or of a result.
pub(super) fn parts(draft: &mut Draft<'_>, blocks: &[&Block]) -> Result<Vec<Value>, Failure> {
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        match block {
            Block::Text(text) => parts.push(text_part(draft, text)),
            Block::Refusal(text) => parts.push(json!({ "type": "input_text", "text": text })),
            Block::Media(media) => parts.push(media_part(draft, media)?),
            Block::Foreign { dialect: Dialect::OpenaiResponses, json, .. } => {
                parts.push(json.clone());
            }
            Block::Foreign { kind, .. } => draft.lose(kind, "not in openai_responses"),
            Block::Reasoning { .. } | Block::ToolCall(_) | Block::ToolResult(_) => {
                draft.lose("messages", "a user turn holds a block of an assistant");
            }
        }
    }
    Ok(parts)
}

/// What a tool said: a string, or parts where it holds more than text.
pub(super) fn result_output(draft: &mut Draft<'_>, result: &ToolResult) -> Result<Value, Failure> {
    if result.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    let texts: Option<Vec<&str>> = result.blocks.iter().map(plain_text).collect();
    let Some(texts) = texts else {
        let blocks: Vec<&Block> = result.blocks.iter().collect();
        let mut parts = parts(draft, &blocks)?;
        if result.is_error {
            parts.insert(0, json!({ "type": "input_text", "text": "Error:" }));
        }
        return Ok(parts.into());
    };
    let text = texts.join("\n");
    Ok(if result.is_error { format!("Error: {text}").into() } else { text.into() })
}

fn plain_text(block: &Block) -> Option<&str> {
    match block {
        Block::Text(text) if text.cache_hint.is_none() => Some(&text.text),
        Block::Refusal(text) => Some(text),
        Block::Text(_)
        | Block::Media(_)
        | Block::ToolCall(_)
        | Block::ToolResult(_)
        | Block::Reasoning { .. }
        | Block::Foreign { .. } => None,
    }
}

/// The part for an image or document.
fn media_part(draft: &mut Draft<'_>, media: &Media) -> Result<Value, Failure> {
    let mut part = match media.kind {
        MediaKind::Image => image_part(media)?,
        MediaKind::Document => document_part(media)?,
        MediaKind::Audio => return Err(unsupported("this api takes no sound")),
    };
    let held = matches!(media.source, Source::Url(_) | Source::File { .. });
    if media.title.is_some() && (held || media.kind != MediaKind::Document) {
        draft.lose("filename", "not in openai_responses for this");
    }
    for (name, value) in &media.extras {
        if draft.is_native() {
            part[name.as_str()] = value.clone();
        } else {
            draft.lose(name, "not in openai_responses");
        }
    }
    Ok(with_hint(draft, media.cache_hint.as_ref(), part))
}

fn image_part(media: &Media) -> Result<Value, Failure> {
    // The field is required here.
    let detail = media.detail.as_deref().unwrap_or("auto");
    let mut part = json!({ "type": "input_image", "detail": detail });
    match &media.source {
        Source::Base64(data) => {
            part["image_url"] = data_url(&media.media_type, "image/png", data).into();
        }
        Source::Url(url) => part["image_url"] = url.as_str().into(),
        Source::File { dialect: Dialect::OpenaiResponses, id } => {
            part["file_id"] = id.as_str().into();
        }
        Source::File { .. } => return Err(unsupported("an image is held by another provider")),
        Source::Text(_) => return Err(unsupported("an image cannot be text")),
    }
    Ok(part)
}

fn document_part(media: &Media) -> Result<Value, Failure> {
    let title = media.title.as_deref();
    let mut part = json!({ "type": "input_file" });
    match &media.source {
        Source::Text(text) => {
            let text = document_text(title, text);
            return Ok(json!({ "type": "input_text", "text": text }));
        }
        Source::Base64(data) => {
            // The original refuses data without a file name.
            part["filename"] = title.unwrap_or("document.pdf").into();
            part["file_data"] = data_url(&media.media_type, "application/pdf", data).into();
        }
        Source::Url(url) => part["file_url"] = url.as_str().into(),
        Source::File { dialect: Dialect::OpenaiResponses, id } => {
            part["file_id"] = id.as_str().into();
        }
        Source::File { .. } => return Err(unsupported("a document is held by another provider")),
    }
    if let Some(detail) = &media.detail {
        part["detail"] = detail.as_str().into();
    }
    Ok(part)
}

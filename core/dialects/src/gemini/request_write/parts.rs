//! Media and results of tools → parts.

use serde_json::{Map, Value, json};

use backstop_exchange::{Block, Media, MediaKind, Source, ToolResult};
use backstop_vocabulary::{Dialect, Failure};

use super::{Draft, unsupported};
use crate::anthropic_messages::sniff;
use crate::openai_chat::document_text;

/// The part for an image, document or sound.
pub(super) fn media_part(draft: &mut Draft<'_>, media: &Media) -> Result<Value, Failure> {
    let mut part = match &media.source {
        Source::Text(text) => json!({ "text": document_text(media.title.as_deref(), text) }),
        Source::Base64(data) => {
            let mime = mime_of(draft, media, data)?;
            json!({ "inlineData": { "mimeType": mime, "data": data } })
        }
        Source::Url(uri) if draft.is_native() || draft.is_newer() => file_part(media, uri),
        Source::Url(_) => return Err(unsupported("this model fetches nothing from an address")),
        Source::File { dialect: Dialect::Gemini, id } => file_part(media, id),
        Source::File { .. } => return Err(unsupported("a file is held by another provider")),
    };
    if media.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    if media.title.is_some() && !matches!(media.source, Source::Text(_)) {
        draft.lose("filename", super::NOT_HERE);
    }
    if media.detail.as_ref().is_some_and(|detail| detail != "auto") {
        draft.lose("detail", super::NOT_HERE);
    }
    for (name, value) in &media.extras {
        if draft.is_native() {
            part[name.as_str()] = value.clone();
        } else {
            draft.lose(name, super::NOT_HERE);
        }
    }
    Ok(part)
}

/// The media type: a wrong one is refused, and so is a moving picture.
fn mime_of(draft: &Draft<'_>, media: &Media, data: &str) -> Result<String, Failure> {
    let seen = sniff(data).filter(|_| !draft.is_native() || media.media_type.is_empty());
    let mime = match (seen, media.media_type.as_str(), media.kind) {
        (Some(seen), _, _) => seen,
        (None, "", MediaKind::Image) => "image/png",
        (None, "", MediaKind::Document) => "application/pdf",
        (None, "", MediaKind::Audio) => "audio/wav",
        (None, said, _) => said,
    };
    if mime == "image/gif" && !draft.is_native() {
        return Err(unsupported("this api takes no gif images"));
    }
    Ok(mime.to_owned())
}

fn file_part(media: &Media, uri: &str) -> Value {
    let mut file = Map::new();
    if !media.media_type.is_empty() {
        file.insert("mimeType".to_owned(), media.media_type.as_str().into());
    }
    file.insert("fileUri".to_owned(), uri.into());
    json!({ "fileData": file })
}

/// The result without the name of its call, which is known where it is sent; then what it shows, for
/// models that take no pictures inside a result.
pub(super) fn result_parts(
    draft: &mut Draft<'_>,
    result: &ToolResult,
) -> Result<Vec<Value>, Failure> {
    if result.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    let (mut texts, mut shown) = (Vec::new(), Vec::new());
    for block in &result.blocks {
        match block {
            Block::Text(text) => {
                if text.cache_hint.is_some() {
                    draft.lose_cache_hint();
                }
                texts.push(text.text.as_str());
            }
            Block::Refusal(text) => texts.push(text),
            Block::Media(media) => shown.push(media_part(draft, media)?),
            Block::Foreign { kind, .. } => draft.lose(kind, super::NOT_HERE),
            Block::Reasoning { .. } | Block::ToolCall(_) | Block::ToolResult(_) => {
                draft.lose("tool_result", "holds a block of an assistant");
            }
        }
    }
    let response = response_of(&texts.join("\n"), result);
    let mut part = json!({ "functionResponse": { "name": "", "response": response } });
    if draft.is_newer() && !shown.is_empty() {
        part["functionResponse"]["parts"] = std::mem::take(&mut shown).into();
    } else if !shown.is_empty() {
        draft.lose("tool_result", "what it shows was put after the results");
    }
    shown.insert(0, part);
    Ok(shown)
}

/// The object that a result must be: itself, or under a name that says whether the tool failed.
fn response_of(text: &str, ToolResult { is_error, .. }: &ToolResult) -> Value {
    let is_error = *is_error;
    let object = || match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    };
    match object() {
        Some(map) if !is_error || map.contains_key("error") => map.into(),
        _ if is_error => json!({ "error": text }),
        _ => json!({ "output": text }),
    }
}

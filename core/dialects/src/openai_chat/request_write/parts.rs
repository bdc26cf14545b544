//! Blocks → content: a string, or a list of parts.

use serde_json::{Value, json};

use backstop_exchange::{Media, MediaKind, Source, Text};
use backstop_vocabulary::{Dialect, Failure};

use super::{Draft, unsupported};

/// Texts as content. Compatible servers often take only a string, so several texts are joined for
/// them; `OpenAI` gets them as parts, each with its cache mark.
pub(super) fn content(draft: &mut Draft<'_>, texts: &[&Text], joint: &str) -> Value {
    let marked = draft.is_native() && texts.iter().any(|text| text.cache_hint.is_some());
    if let [only] = texts
        && !marked
    {
        note_hint(draft, only);
        return only.text.as_str().into();
    }
    if marked || draft.is_original() {
        return texts.iter().map(|text| text_part(draft, text)).collect();
    }
    for text in texts {
        note_hint(draft, text);
    }
    let texts: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    texts.join(joint).into()
}

pub(super) fn text_part(draft: &mut Draft<'_>, text: &Text) -> Value {
    let mut part = json!({ "type": "text", "text": text.text });
    add_hint(draft, text.cache_hint.as_ref(), &mut part);
    part
}

fn note_hint(draft: &mut Draft<'_>, text: &Text) {
    if text.cache_hint.is_some() && !draft.is_native() {
        draft.lose_cache_hint();
    }
}

fn add_hint(draft: &mut Draft<'_>, hint: Option<&Value>, part: &mut Value) {
    let Some(hint) = hint else { return };
    if !draft.is_native() {
        draft.lose_cache_hint();
    } else if let Some(fields) = part.as_object_mut() {
        fields.insert("prompt_cache_breakpoint".to_owned(), hint.clone());
    }
}

/// The part for an image, document or sound.
pub(super) fn media_part(draft: &mut Draft<'_>, media: &Media) -> Result<Value, Failure> {
    let mut part = match media.kind {
        MediaKind::Image => image_part(draft, media)?,
        MediaKind::Document => {
            if media.detail.as_ref().is_some_and(|detail| detail != "auto") {
                draft.lose("detail", "not in openai_chat for a document");
            }
            document_part(media)?
        }
        MediaKind::Audio => audio_part(media)?,
    };
    let named = media.kind == MediaKind::Document && !matches!(media.source, Source::File { .. });
    if media.title.is_some() && !named {
        draft.lose("filename", "not in openai_chat for this");
    }
    add_hint(draft, media.cache_hint.as_ref(), &mut part);
    for (name, value) in &media.extras {
        if !draft.is_native() {
            draft.lose(name, "not in openai_chat");
        } else if let Some(fields) = part.as_object_mut() {
            fields.insert(name.clone(), value.clone());
        }
    }
    Ok(part)
}

fn image_part(draft: &Draft<'_>, media: &Media) -> Result<Value, Failure> {
    let url = match &media.source {
        Source::Base64(data) => data_url(&media.media_type, "image/png", data),
        Source::Url(_) if !draft.target.abilities.habits.fetches_images => {
            return Err(unsupported("this server fetches no image from an address"));
        }
        Source::Url(url) => url.clone(),
        Source::File { .. } => return Err(unsupported("an image is held by another provider")),
        Source::Text(_) => return Err(unsupported("an image cannot be text")),
    };
    let mut image = json!({ "url": url });
    if let (Some(detail), Some(fields)) = (&media.detail, image.as_object_mut()) {
        fields.insert("detail".to_owned(), detail.as_str().into());
    }
    Ok(json!({ "type": "image_url", "image_url": image }))
}

fn document_part(media: &Media) -> Result<Value, Failure> {
    let title = media.title.as_deref();
    match &media.source {
        Source::Text(text) => Ok(json!({ "type": "text", "text": document_text(title, text) })),
        Source::Base64(data) => {
            let url = data_url(&media.media_type, "application/pdf", data);
            let mut file = json!({ "file_data": url });
            // The original refuses data without a file name.
            let name = title.unwrap_or("document.pdf");
            if let Some(fields) = file.as_object_mut() {
                fields.insert("filename".to_owned(), name.into());
            }
            Ok(json!({ "type": "file", "file": file }))
        }
        Source::File { dialect: Dialect::OpenaiChat, id } => {
            Ok(json!({ "type": "file", "file": { "file_id": id } }))
        }
        Source::File { .. } => Err(unsupported("a document is held by another provider")),
        Source::Url(_) => Err(unsupported("this api takes no document by its address")),
    }
}

/// A document of plain text, for dialects that have none.
pub(crate) fn document_text(title: Option<&str>, text: &str) -> String {
    let title = title.map(|title| format!(" title={}", Value::from(title)));
    let title = title.unwrap_or_default();
    format!("<document{title}>\n{text}\n</document>")
}

fn audio_part(media: &Media) -> Result<Value, Failure> {
    let Source::Base64(data) = &media.source else {
        return Err(unsupported("this api takes sound only with the request"));
    };
    let format = match media.media_type.as_str() {
        "" | "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        "audio/mpeg" | "audio/mp3" => "mp3",
        other => other.strip_prefix("audio/").unwrap_or(other),
    };
    Ok(json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } }))
}

pub(crate) fn data_url(media_type: &str, usual: &str, data: &str) -> String {
    let media_type = if media_type.is_empty() { usual } else { media_type };
    format!("data:{media_type};base64,{data}")
}

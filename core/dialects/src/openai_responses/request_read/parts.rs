//! `content` → blocks.

use serde_json::{Map, Value};

use backstop_exchange::{Block, Media, MediaKind, Source, Text};
use backstop_vocabulary::{Dialect, Failure};

use crate::json::Fields;
use crate::losses::Losses;
use crate::openai_chat::source_of;

/// Reads a string, a list of parts, or nothing.
pub(super) fn read_content(
    message: &mut Fields,
    name: &str,
    losses: &mut Losses,
) -> Result<Vec<Block>, Failure> {
    match message.value(name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Block::Text(Text::plain(text))]),
        Some(Value::Array(parts)) => read_parts(&message.place_of(name), parts, losses),
        Some(_) => Err(message.wrong(name, "a string or a list of parts")),
    }
}

/// Reads the list of parts at `place`.
pub(super) fn read_parts(
    place: &str,
    parts: Vec<Value>,
    losses: &mut Losses,
) -> Result<Vec<Block>, Failure> {
    let read = |(index, part)| read_part(&format!("{place}[{index}]"), part, losses);
    parts.into_iter().enumerate().map(read).collect()
}

fn read_part(place: &str, part: Value, losses: &mut Losses) -> Result<Block, Failure> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = ["input_text", "output_text", "text", "refusal", "input_image", "input_file"];
    if !kind.is_empty() && !known.contains(&kind) {
        let (dialect, kind) = (Dialect::OpenaiResponses, kind.to_owned());
        return Ok(Block::Foreign { dialect, kind, json: part });
    }
    let mut part = Fields::at(place, part)?;
    let kind = part.needed_string("type")?;
    let cache_hint = part.value("prompt_cache_breakpoint");
    match kind.as_str() {
        "input_image" => {
            let media = read_image(&mut part)?;
            Ok(Block::Media(Media { cache_hint, extras: part.rest, ..media }))
        }
        "input_file" => {
            let media = read_file(&mut part)?;
            Ok(Block::Media(Media { cache_hint, extras: part.rest, ..media }))
        }
        kind => {
            let block = if kind == "refusal" {
                Block::Refusal(part.needed_string("refusal")?)
            } else {
                Block::Text(Text { text: part.needed_string("text")?, cache_hint })
            };
            // Annotations and probabilities of earlier answers.
            losses.add_rest("input", &part);
            Ok(block)
        }
    }
}

fn read_image(part: &mut Fields) -> Result<Media, Failure> {
    let detail = part.string("detail")?;
    let (media_type, source) = match (part.string("image_url")?, part.string("file_id")?) {
        (Some(url), _) => source_of(url),
        (None, Some(id)) => (String::new(), held(id)),
        (None, None) => return Err(part.wrong("image_url", "given, or `file_id`")),
    };
    Ok(Media { detail, ..media(MediaKind::Image, media_type, source) })
}

fn read_file(part: &mut Fields) -> Result<Media, Failure> {
    let title = part.string("filename")?;
    let detail = part.string("detail")?;
    let places = (part.string("file_data")?, part.string("file_url")?, part.string("file_id")?);
    let (media_type, source) = match places {
        (Some(data), _, _) if data.starts_with("data:") => source_of(data),
        (Some(data), _, _) => ("application/pdf".to_owned(), Source::Base64(data)),
        (None, Some(url), _) => (String::new(), Source::Url(url)),
        (None, None, Some(id)) => (String::new(), held(id)),
        (None, None, None) => {
            return Err(part.wrong("file_data", "given, or `file_url` or `file_id`"));
        }
    };
    Ok(Media { title, detail, ..media(MediaKind::Document, media_type, source) })
}

const fn held(id: String) -> Source {
    Source::File { dialect: Dialect::OpenaiResponses, id }
}

fn media(kind: MediaKind, media_type: String, source: Source) -> Media {
    let (title, detail, cache_hint) = (None, None, None);
    Media { kind, media_type, source, title, detail, cache_hint, extras: Map::new() }
}

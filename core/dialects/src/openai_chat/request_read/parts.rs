//! `content` → blocks.

use serde_json::{Map, Value};

use backstop_exchange::{Block, Media, MediaKind, Source, Text};
use backstop_vocabulary::{Dialect, Failure};

use crate::json::Fields;
use crate::losses::Losses;

/// Reads a string, a list of parts, or nothing.
pub(super) fn read_content(
    message: &mut Fields,
    name: &str,
    losses: &mut Losses,
) -> Result<Vec<Block>, Failure> {
    match message.value(name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Block::Text(Text::plain(text))]),
        Some(Value::Array(parts)) => {
            let place = message.place_of(name);
            let parts = parts.into_iter().enumerate();
            parts.map(|(at, part)| read_part(&format!("{place}[{at}]"), part, losses)).collect()
        }
        Some(_) => Err(message.wrong(name, "a string or a list of parts")),
    }
}

fn read_part(place: &str, part: Value, losses: &mut Losses) -> Result<Block, Failure> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let read_media = match kind.as_str() {
        "image_url" => read_image,
        "input_audio" => read_audio,
        "file" => read_file,
        "" | "text" | "refusal" => return read_words(Fields::at(place, part)?, losses),
        _ => return Ok(Block::Foreign { dialect: Dialect::OpenaiChat, kind, json: part }),
    };
    let mut part = Fields::at(place, part)?;
    let media = read_media(&mut part, losses)?;
    let cache_hint = part.value("prompt_cache_breakpoint");
    part.value("type");
    Ok(Block::Media(Media { cache_hint, extras: part.rest, ..media }))
}

fn read_words(mut part: Fields, losses: &mut Losses) -> Result<Block, Failure> {
    let cache_hint = part.value("prompt_cache_breakpoint");
    let block = match part.needed_string("type")?.as_str() {
        "refusal" => Block::Refusal(part.needed_string("refusal")?),
        _ => Block::Text(Text { text: part.needed_string("text")?, cache_hint }),
    };
    losses.add_rest("messages", &part);
    Ok(block)
}

fn read_image(part: &mut Fields, losses: &mut Losses) -> Result<Media, Failure> {
    let (url, detail) = match part.value("image_url") {
        // Ollama's clients write the address itself.
        Some(Value::String(url)) => (url, None),
        Some(value) => {
            let mut image = Fields::at(&part.place_of("image_url"), value)?;
            let (url, detail) = (image.needed_string("url")?, image.string("detail")?);
            losses.add_rest("messages.image_url", &image);
            (url, detail)
        }
        None => return Err(part.wrong("image_url", "given, with `url`")),
    };
    let (media_type, source) = source_of(url);
    Ok(Media { detail, ..media(MediaKind::Image, media_type, source) })
}

fn read_audio(part: &mut Fields, losses: &mut Losses) -> Result<Media, Failure> {
    let audio = part.nested("input_audio")?;
    let mut audio = audio.ok_or_else(|| part.wrong("input_audio", "given, with `data`"))?;
    let data = audio.needed_string("data")?;
    let media_type = match audio.string("format")?.as_deref() {
        None => String::new(),
        Some("mp3") => "audio/mpeg".to_owned(),
        Some(format) => format!("audio/{format}"),
    };
    losses.add_rest("messages.input_audio", &audio);
    Ok(media(MediaKind::Audio, media_type, Source::Base64(data)))
}

fn read_file(part: &mut Fields, losses: &mut Losses) -> Result<Media, Failure> {
    let file = part.nested("file")?;
    let mut file =
        file.ok_or_else(|| part.wrong("file", "given, with `file_data` or `file_id`"))?;
    let title = file.string("filename")?;
    let (media_type, source) = match (file.string("file_data")?, file.string("file_id")?) {
        (Some(data), _) if data.starts_with("data:") => source_of(data),
        (Some(data), _) => ("application/pdf".to_owned(), Source::Base64(data)),
        (None, Some(id)) => (String::new(), Source::File { dialect: Dialect::OpenaiChat, id }),
        (None, None) => return Err(file.wrong("file_data", "given, or `file_id`")),
    };
    losses.add_rest("messages.file", &file);
    Ok(Media { title, ..media(MediaKind::Document, media_type, source) })
}

fn media(kind: MediaKind, media_type: String, source: Source) -> Media {
    let (title, detail, cache_hint) = (None, None, None);
    Media { kind, media_type, source, title, detail, cache_hint, extras: Map::new() }
}

/// The bytes of a `data:` address in base 64 (RFC 2397), or the address.
pub(crate) fn source_of(url: String) -> (String, Source) {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    let inline = inline.and_then(|(head, data)| {
        let media_type = head.strip_suffix(";base64")?.split(';').next()?;
        Some((media_type.to_owned(), Source::Base64(data.to_owned())))
    });
    inline.unwrap_or((String::new(), Source::Url(url)))
}

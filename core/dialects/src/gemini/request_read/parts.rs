//! Parts → blocks.

use serde_json::{Map, Value};

use backstop_exchange::{
    Artefact, Block, Media, MediaKind, Request, Source, Text, ToolCall, ToolKind, ToolResult,
};
use backstop_vocabulary::{Dialect, Failure};

use super::super::{keys, signature};
use super::contents::Calls;
use crate::json::Fields;
use crate::losses::Losses;

/// What a part that is read may hold; anything else only this dialect knows.
const KNOWN: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];

/// Reads a part, which becomes one block, or two where it is signed.
pub(super) fn read_part(
    place: &str,
    part: Value,
    blocks: &mut Vec<Block>,
    (calls, request): (&mut Calls, &mut Request),
) -> Result<(), Failure> {
    if let Value::String(text) = part {
        blocks.push(Block::Text(Text::plain(text)));
        return Ok(());
    }
    let known = |name: &String| KNOWN.contains(&keys::camel(name).as_ref());
    let signed = |name: &String| keys::camel(name) == "thoughtSignature";
    if let Value::Object(map) = &part
        && !map.keys().any(|name| known(name) || signed(name))
    {
        blocks.push(foreign(part));
        return Ok(());
    }
    let mut part = keys::at(place, part)?;
    let thought = part.flag("thought")?.unwrap_or(false);
    let state = part.string("thoughtSignature")?;
    let sign = |kind: &str| state.and_then(|data| signature::read(data, kind));
    let mut losses = Losses::resumed(&mut request.lost);
    if let Some(call) = keys::nested(&mut part, "functionCall")? {
        let state = sign(signature::CALL);
        blocks.extend(state.map(|state| thought_block(String::new(), Some(state))));
        blocks.push(Block::ToolCall(read_call(call, calls, &mut losses)?));
    } else if let Some(response) = keys::nested(&mut part, "functionResponse")? {
        blocks.push(Block::ToolResult(read_result(response, calls, &mut losses)?));
    } else if let Some(blob) = keys::nested(&mut part, "inlineData")? {
        let more = std::mem::take(&mut part.rest);
        blocks.push(read_blob(blob, more, request)?);
    } else if let Some(file) = keys::nested(&mut part, "fileData")? {
        let more = std::mem::take(&mut part.rest);
        blocks.push(read_file(file, more, request)?);
    } else {
        let text = part.string("text")?.unwrap_or_default();
        read_text((text, thought), sign, blocks);
    }
    losses.add_rest("contents.parts", &part);
    request.lost = losses.into_list();
    Ok(())
}

fn thought_block(text: String, artefact: Option<Artefact>) -> Block {
    Block::Reasoning { text, artefact }
}

fn read_text(
    (text, thought): (String, bool),
    sign: impl FnOnce(&str) -> Option<Artefact>,
    blocks: &mut Vec<Block>,
) {
    if !thought && !text.is_empty() {
        let state = sign(signature::TEXT);
        blocks.push(Block::Text(Text::plain(text)));
        blocks.extend(state.map(|state| thought_block(String::new(), Some(state))));
        return;
    }
    let state = sign(signature::THOUGHT);
    // State of another vendor stands in a part of its own, after the thought that it signs.
    if text.is_empty()
        && let Some(foreign) =
            state.as_ref().filter(|it| it.dialect != Dialect::Gemini && it.kind != "redacted")
        && let Some(Block::Reasoning { artefact: artefact @ None, .. }) = blocks.last_mut()
    {
        *artefact = Some(foreign.clone());
        return;
    }
    match blocks.last_mut() {
        // A thought came in as many parts as its stream had pieces.
        Some(Block::Reasoning { text: before, artefact: artefact @ None }) if thought => {
            before.push_str(&text);
            *artefact = state;
        }
        _ if text.is_empty() && state.is_none() => {}
        _ => blocks.push(thought_block(text, state)),
    }
}

fn read_call(
    mut call: Fields,
    calls: &mut Calls,
    losses: &mut Losses,
) -> Result<ToolCall, Failure> {
    let name = call.needed_string("name")?;
    let id = calls.call(call.string("id")?, &name);
    let arguments = match call.value("args") {
        None => "{}".to_owned(),
        Some(args @ Value::Object(_)) => args.to_string(),
        Some(_) => return Err(call.wrong("args", "an object")),
    };
    losses.add_rest("contents.functionCall", &call);
    Ok(ToolCall { id, name, arguments, kind: ToolKind::Function, cache_hint: None })
}

/// A result. A text alone stands under `output`, and under `error` where the tool failed.
fn read_result(
    mut response: Fields,
    calls: &mut Calls,
    losses: &mut Losses,
) -> Result<ToolResult, Failure> {
    let name = response.string("name")?.unwrap_or_default();
    let call_id = calls.answer(response.string("id")?, &name);
    let (text, is_error) = match response.value("response") {
        None => (String::new(), false),
        Some(Value::Object(map)) => {
            let only = |name: &str| map.get(name).filter(|_| map.len() == 1);
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let failed = only("error").is_some();
            let plain = only("output").or_else(|| only("error")).and_then(text);
            (plain.unwrap_or_else(|| Value::Object(map.clone()).to_string()), failed)
        }
        Some(Value::String(text)) => (text, false),
        Some(other) => (other.to_string(), false),
    };
    let mut blocks = Vec::new();
    if !text.is_empty() {
        blocks.push(Block::Text(Text::plain(text)));
    }
    let place = response.place_of("parts");
    for part in keys::list(&mut response, "parts").unwrap_or_default() {
        let mut part = keys::at(&place, part)?;
        let (inline, file) =
            (keys::nested(&mut part, "inlineData")?, keys::nested(&mut part, "fileData")?);
        let media = match (inline, file) {
            (Some(blob), _) => media_of_blob(blob, part.rest)?,
            (None, Some(file)) => media_of_file(file, part.rest)?,
            (None, None) => {
                losses.add("contents.functionResponse.parts", "holds nothing known here");
                continue;
            }
        };
        blocks.push(Block::Media(media));
    }
    losses.add_rest("contents.functionResponse", &response);
    Ok(ToolResult { call_id, blocks, is_error, cache_hint: None })
}

/// What stands beside the bytes or the file.
type More = Map<String, Value>;

fn read_blob(blob: Fields, more: More, request: &mut Request) -> Result<Block, Failure> {
    let is_video = mime_in(&blob).starts_with("video/");
    if is_video {
        return Ok(video("inlineData", blob, more, request));
    }
    media_of_blob(blob, more).map(Block::Media)
}

fn read_file(file: Fields, more: More, request: &mut Request) -> Result<Block, Failure> {
    let uri = file.rest.get("fileUri").and_then(Value::as_str).unwrap_or_default();
    let watched = ["youtube.com/", "youtu.be/"].iter().any(|host| uri.contains(host));
    if watched || mime_in(&file).starts_with("video/") {
        return Ok(video("fileData", file, more, request));
    }
    media_of_file(file, more).map(Block::Media)
}

fn mime_in(fields: &Fields) -> &str {
    fields.rest.get("mimeType").and_then(Value::as_str).unwrap_or_default()
}

/// Nobody else watches films, and without it the request would mean something else.
fn video(kind: &str, inner: Fields, mut part: More, request: &mut Request) -> Block {
    request.bound.get_or_insert_with(|| "contents.video".to_owned());
    part.insert(kind.to_owned(), Value::Object(inner.rest));
    Block::Foreign { dialect: Dialect::Gemini, kind: kind.to_owned(), json: Value::Object(part) }
}

fn media_of_blob(mut blob: Fields, extras: Map<String, Value>) -> Result<Media, Failure> {
    let media_type = blob.string("mimeType")?.unwrap_or_default();
    let source = Source::Base64(blob.needed_string("data")?);
    let title = blob.string("displayName")?;
    Ok(Media { title, ..media(media_type, source, extras) })
}

/// A file of the provider's own store, or one at any address.
fn media_of_file(mut file: Fields, extras: Map<String, Value>) -> Result<Media, Failure> {
    let media_type = file.string("mimeType")?.unwrap_or_default();
    let uri = file.needed_string("fileUri")?;
    let own = uri.starts_with("gs://")
        || uri.contains("generativelanguage.googleapis.com/")
        || !uri.contains("://");
    let source =
        if own { Source::File { dialect: Dialect::Gemini, id: uri } } else { Source::Url(uri) };
    let title = file.string("displayName")?;
    Ok(Media { title, ..media(media_type, source, extras) })
}

fn media(media_type: String, source: Source, extras: Map<String, Value>) -> Media {
    let kind = match media_type.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        _ => MediaKind::Document,
    };
    Media { kind, media_type, source, title: None, detail: None, cache_hint: None, extras }
}

/// A part that only this dialect knows, by the name of what it holds.
fn foreign(part: Value) -> Block {
    let about = ["thought", "videoMetadata", "mediaResolution", "partMetadata"];
    let name = part.as_object().and_then(|map| {
        let names = map.keys().map(|name| keys::camel(name).into_owned());
        names.into_iter().find(|name| !about.contains(&name.as_str()))
    });
    let kind = name.unwrap_or_else(|| "part".to_owned());
    Block::Foreign { dialect: Dialect::Gemini, kind, json: part }
}

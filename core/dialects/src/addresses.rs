//! Media that a request gives by address: which targets take that, and where it stands in a client's
//! own bytes.

use std::borrow::Cow;
use std::ops::Range;

use backstop_exchange::{Abilities, MediaKind, ReasoningForm, Source};
use backstop_vocabulary::{Dialect, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Edit;
use crate::openai_chat::data_url;
use crate::scan::Cursor;

/// Whether a request in this dialect may give such a medium by address, for all the dialect says: what
/// [`crate::write_request`] writes for a target with these abilities. `client` is the dialect that the
/// request came in.
pub fn takes_address(
    dialect: Dialect,
    kind: MediaKind,
    (client, abilities): (Dialect, &Abilities),
) -> bool {
    match dialect {
        Dialect::AnthropicMessages | Dialect::OpenaiResponses => kind != MediaKind::Audio,
        Dialect::OpenaiChat => kind == MediaKind::Image && abilities.habits.fetches_images,
        // A client of its own knows which addresses its provider takes.
        Dialect::Gemini => {
            let newer =
                matches!(abilities.reasoning, ReasoningForm::Effort | ReasoningForm::Adaptive);
            client == Dialect::Gemini || newer
        }
        Dialect::BedrockConverse => false,
    }
}

/// A medium that stands by its address in the body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressed {
    url: String,
    at: Range<usize>,
    form: Form,
}

/// How the place takes the medium itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A `source` of Messages.
    Source,
    /// A `data:` URL of Chat Completions.
    DataUrl,
}

impl Addressed {
    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The change that puts the medium in the place of its address; `None` where this place takes it
    /// only so.
    pub fn replaced(&self, media_type: &str, source: &Source) -> Option<Edit> {
        let value: Value = match (self.form, source) {
            (Form::Source, Source::Base64(data)) => {
                json!({ "type": "base64", "media_type": media_type, "data": data })
            }
            (Form::Source, Source::Text(text)) => {
                json!({ "type": "text", "media_type": "text/plain", "data": text })
            }
            (Form::DataUrl, Source::Base64(data)) => data_url(media_type, media_type, data).into(),
            (Form::DataUrl, Source::Text(_)) | (_, Source::Url(_) | Source::File { .. }) => {
                return None;
            }
        };
        Some(Edit { at: self.at.clone(), with: Cow::Owned(value.to_string()) })
    }
}

/// The media that a body gives by address. `None` for dialects whose bodies are written anew instead.
pub fn addressed(dialect: Dialect, body: &[u8]) -> Option<Vec<Addressed>> {
    let block = match dialect {
        Dialect::AnthropicMessages => block_of_messages,
        Dialect::OpenaiChat => part_of_chat,
        Dialect::OpenaiResponses | Dialect::Gemini | Dialect::BedrockConverse => return None,
    };
    let mut found = Vec::new();
    let walked = Cursor::new(body).members(|cursor, key| match key {
        "messages" if cursor.is_at(b'[') => cursor.elements(|cursor| {
            in_object(cursor, &mut |cursor, key| match key {
                "content" if cursor.is_at(b'[') => {
                    cursor.elements(|cursor| block(cursor, &mut found))
                }
                _ => cursor.value().map(|_| ()),
            })
        }),
        _ => cursor.value().map(|_| ()),
    });
    walked.is_ok().then_some(found)
}

/// Walks an object; moves past anything else.
fn in_object(
    cursor: &mut Cursor<'_>,
    take: &mut dyn FnMut(&mut Cursor<'_>, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if cursor.is_at(b'{') { cursor.members(take) } else { cursor.value().map(|_| ()) }
}

/// `source: { type: url, url }` of an image or document, also in the result of a tool.
fn block_of_messages(cursor: &mut Cursor<'_>, found: &mut Vec<Addressed>) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct ByUrl {
        #[serde(rename = "type")]
        kind: String,
        url: String,
    }
    in_object(cursor, &mut |cursor, key| match key {
        "source" if cursor.is_at(b'{') => {
            let start = cursor.at();
            let source = serde_json::from_slice::<ByUrl>(cursor.value()?);
            if let Ok(ByUrl { kind, url }) = source
                && kind == "url"
            {
                found.push(Addressed { url, at: start..cursor.at(), form: Form::Source });
            }
            Ok(())
        }
        "content" if cursor.is_at(b'[') => {
            cursor.elements(|cursor| block_of_messages(cursor, found))
        }
        _ => cursor.value().map(|_| ()),
    })
}

/// `image_url`, with its address inside, or the bare address.
fn part_of_chat(cursor: &mut Cursor<'_>, found: &mut Vec<Addressed>) -> Result<(), Failure> {
    in_object(cursor, &mut |cursor, key| match key {
        "image_url" if cursor.is_at(b'{') => cursor.members(|cursor, key| match key {
            "url" => address_of_chat(cursor, found),
            _ => cursor.value().map(|_| ()),
        }),
        "image_url" => address_of_chat(cursor, found),
        _ => cursor.value().map(|_| ()),
    })
}

fn address_of_chat(cursor: &mut Cursor<'_>, found: &mut Vec<Addressed>) -> Result<(), Failure> {
    let start = cursor.at();
    if let Ok(url) = serde_json::from_slice::<String>(cursor.value()?)
        && !url.starts_with("data:")
    {
        found.push(Addressed { url, at: start..cursor.at(), form: Form::DataUrl });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use backstop_exchange::{Block, Habits, Media, Request, Role, Turn};

    use super::*;
    use crate::{TargetForm, edited, write_request};

    fn check(dialect: Dialect, body: &str, expected: &str) {
        let picture = Source::Base64("iVBORw0KGgo=".to_owned());
        let found = addressed(dialect, body.as_bytes()).unwrap();
        let edits = found.iter().filter(|one| one.url == "https://a.b/\"c\".png");
        let edits = edits.filter_map(|one| one.replaced("image/png", &picture)).collect();
        let body = String::from_utf8(edited(body.as_bytes(), edits)).unwrap();
        assert_eq!(body, expected);
    }

    #[test]
    fn a_source_is_replaced_where_it_stands_and_every_other_byte_stays() {
        check(
            Dialect::AnthropicMessages,
            r#"{ "model":"m","messages" : [{"role":"user","content":"source"},{"role":"user", "content":[
                {"type":"image","source":{"url":"https:\/\/a.b/\"c\".png","type":"url"},"cache_control":{"x":1.0}},
                {"type":"tool_result","content":[{"type":"image", "source" : {"type":"url","url":"https://a.b/\u0022c\".png"}}]},
                {"type":"image","source":{"type":"file","file_id":"f"}},
                {"type":"image","source":{"type":"url","url":"https://a.b/other.png"}}
            ] }]}"#,
            r#"{ "model":"m","messages" : [{"role":"user","content":"source"},{"role":"user", "content":[
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="},"cache_control":{"x":1.0}},
                {"type":"tool_result","content":[{"type":"image", "source" : {"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]},
                {"type":"image","source":{"type":"file","file_id":"f"}},
                {"type":"image","source":{"type":"url","url":"https://a.b/other.png"}}
            ] }]}"#,
        );
    }

    #[test]
    fn an_address_of_chat_becomes_a_data_url_with_its_detail_kept() {
        check(
            Dialect::OpenaiChat,
            r#"{"messages":[{"content":[{"image_url":{"detail":"low","url":"https://a.b/\"c\".png"},"type":"image_url"},
                {"type":"image_url","image_url":"https://a.b/\"c\".png"},{"type":"image_url","image_url":{"url":"data:image/png;base64,x"}}]}]}"#,
            r#"{"messages":[{"content":[{"image_url":{"detail":"low","url":"data:image/png;base64,iVBORw0KGgo="},"type":"image_url"},
                {"type":"image_url","image_url":"data:image/png;base64,iVBORw0KGgo="},{"type":"image_url","image_url":{"url":"data:image/png;base64,x"}}]}]}"#,
        );
    }

    #[test]
    fn says_of_every_dialect_what_its_writer_does() {
        let all = Abilities { images: true, documents: true, audio: true, ..Abilities::default() };
        let newer = Abilities { reasoning: ReasoningForm::Effort, ..all.clone() };
        let habits = Habits { fetches_images: false, ..Habits::PLAIN };
        let local = Abilities { habits, ..all.clone() };
        for dialect in Dialect::ALL {
            for kind in [MediaKind::Image, MediaKind::Document, MediaKind::Audio] {
                for (client, abilities) in [
                    (Dialect::OpenaiChat, &all),
                    (Dialect::AnthropicMessages, &newer),
                    (Dialect::Gemini, &all),
                    (Dialect::OpenaiChat, &local),
                ] {
                    let form = TargetForm { model: "m", abilities, stream: false };
                    let request = asking(client, kind);
                    let written = write_request(dialect, &request, &form).is_ok();
                    let says = takes_address(dialect, kind, (client, abilities));
                    assert_eq!(says, written, "{client} to {dialect}: {kind:?}");
                }
            }
        }
    }

    fn asking(client: Dialect, kind: MediaKind) -> Request {
        let media = Media {
            kind,
            media_type: String::new(),
            source: Source::Url("https://a.b/c".to_owned()),
            title: None,
            detail: None,
            cache_hint: None,
            extras: serde_json::Map::new(),
        };
        let blocks = vec![Block::Media(media)];
        let turn = Turn { role: Role::User, blocks, name: None };
        Request { dialect: Some(client), turns: vec![turn], ..Request::default() }
    }
}

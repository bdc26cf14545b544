use std::ops::Range;

use backstop_vocabulary::{Dialect, Failure};

use crate::hash::fnv64;
use crate::json::invalid;
use crate::{anthropic_messages, bedrock_converse, gemini, openai_chat, openai_responses};

mod cursor;
mod opening;

pub(crate) use cursor::Cursor;
pub use opening::Opening;

/// The few fields of a request that decide its way, found without reading the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent marks, not a state")]
pub struct Scan {
    /// Where the model's name stands in the body: the JSON string, quotes included. Empty where it
    /// stands in the path.
    pub model: Range<usize>,
    /// The model's name, unescaped.
    pub model_name: String,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the stream is to end with its usage (`stream_options`, Chat Completions only).
    pub stream_usage: bool,
    /// Whether the conversation is held by the provider (`thread`).
    pub thread: bool,
    /// The answer this one goes on from, where the provider holds it (`previous_response_id`, or the
    /// `previous_message_id` of a thread); empty if none.
    pub previous: String,
    /// Where that name stands in the body (Responses only).
    pub previous_at: Range<usize>,
    /// Whether the client asks for its answer not to be kept (`store: false`).
    pub unkept: bool,
    /// Whether the answer is to be made while the client is gone (`background`).
    pub background: bool,
    /// Whether something is laid down for its data: where it may be, who may keep it.
    pub rules: bool,
    /// A hash of what names the conversation's prompt cache, if the body does.
    pub session: Option<u64>,
    /// A hash of what names its user; 0 if nothing does.
    pub user: u64,
    /// Where the conversation begins in the body; 0 if nowhere.
    pub talk: usize,
    /// Where the instructions stand that come before it.
    pub system: Range<usize>,
    /// Whether any tool is offered.
    pub tools: bool,
    /// Whether the answer must have a form other than text.
    pub format: bool,
    /// Whether there may be an image, document or sound among the messages.
    pub media: bool,
    /// Whether there is something that only a full read can judge: several answers, log
    /// probabilities, tools that are not functions, state held by the provider.
    pub special: bool,
}

/// Finds them in one pass over the top-level object; nested values are skipped, not read.
///
/// Errors are `InvalidRequest` and name the byte: a body that is no JSON object, an object without
/// a `model` string, or with two, a `stream` that is neither boolean nor null. Strings and numbers inside nested values are not checked.
pub fn scan(dialect: Dialect, body: &[u8]) -> Result<Scan, Failure> {
    let mut scan = Scan::default();
    let mut cursor = Cursor::new(body);
    cursor.members(|cursor, key| match dialect {
        Dialect::AnthropicMessages => anthropic_messages::scan_field(&mut scan, cursor, key),
        Dialect::OpenaiChat => openai_chat::scan_field(&mut scan, cursor, key),
        Dialect::OpenaiResponses => openai_responses::scan_field(&mut scan, cursor, key),
        Dialect::Gemini => gemini::scan_field(&mut scan, cursor, key),
        Dialect::BedrockConverse => bedrock_converse::scan_field(&mut scan, cursor, key),
    })?;
    cursor.end()?;
    // Where it stands in the path, so does the wish for a stream.
    if scan.model.is_empty() && crate::fixed_path(dialect).is_some() {
        return Err(invalid(
            "`model` is missing: name the model to ask, for example `\"model\": \"…\"`",
        ));
    }
    Ok(scan)
}

/// The body with another model and every other byte as it was.
pub fn with_model(body: &[u8], scan: &Scan, model: &str) -> Vec<u8> {
    if scan.model.is_empty() {
        return body.to_vec();
    }
    let name = serde_json::Value::from(model).to_string();
    let before = body.get(..scan.model.start).unwrap_or(&[]);
    let after = body.get(scan.model.end..).unwrap_or(&[]);
    [before, name.as_bytes(), after].concat()
}

impl Scan {
    /// Takes a field that every dialect with `model` and `messages` has. `media` is how the names of
    /// its content parts begin that are not text. A text may begin so too: then the body is read in
    /// full for nothing, which is harmless.
    pub(crate) fn take_common(
        &mut self,
        cursor: &mut Cursor<'_>,
        key: &str,
        media: &[&[u8]],
    ) -> Result<(), Failure> {
        match key {
            "model" => self.take_model(cursor),
            "stream" => self.take_stream(cursor),
            "prompt_cache_key" => {
                let token = cursor.value()?;
                let named = token.starts_with(b"\"") && token.len() > 2;
                self.session = named.then(|| fnv64(token));
                Ok(())
            }
            "system" | "instructions" => {
                let start = cursor.at();
                cursor.value()?;
                self.system = start..cursor.at();
                Ok(())
            }
            // Who may keep the data, at a server that asks others.
            "provider" => {
                self.rules |= cursor.value_marked(&[b"\"zdr\"", b"\"data_collection\""])?;
                self.special |= self.rules;
                Ok(())
            }
            "messages" => {
                self.talk = cursor.at();
                self.media = cursor.value_marked(media)?;
                Ok(())
            }
            _ => cursor.value().map(|_| ()),
        }
    }

    fn take_stream(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Failure> {
        let start = cursor.at();
        self.stream = match cursor.value()? {
            b"true" => true,
            b"false" | b"null" => false,
            _ => {
                let cure = "must be true or false, without quotes";
                return Err(invalid(format!("`stream` at byte {start} {cure}")));
            }
        };
        Ok(())
    }

    fn take_model(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Failure> {
        let start = cursor.at();
        if !self.model.is_empty() {
            return Err(invalid(format!(
                "`model` is given twice, again at byte {start}: remove one"
            )));
        }
        let token = cursor.value()?;
        let name: String = serde_json::from_slice(token)
            .map_err(|_| invalid(format!("`model` at byte {start} must be a string")))?;
        self.model = start..cursor.at();
        self.model_name = name;
        Ok(())
    }

    /// Takes a list of tools; those whose `type` is not among `plain` need a full read.
    pub(crate) fn take_tools(
        &mut self,
        cursor: &mut Cursor<'_>,
        plain: &[&[u8]],
    ) -> Result<(), Failure> {
        self.tools = false;
        if !cursor.is_at(b'[') {
            return cursor.value().map(|_| ());
        }
        cursor.elements(|cursor| {
            self.tools = true;
            let kind = member(cursor, "type")?;
            self.special |= kind.is_some_and(|kind| !is_null(kind) && !plain.contains(&kind));
            Ok(())
        })
    }
}

/// The token of a member of the value here, if it is an object that has it; the last of several.
pub(crate) fn member<'a>(cursor: &mut Cursor<'a>, name: &str) -> Result<Option<&'a [u8]>, Failure> {
    let mut found = None;
    if !cursor.is_at(b'{') {
        return cursor.value().map(|_| None);
    }
    cursor.members(|cursor, key| {
        let value = cursor.value()?;
        if key == name {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether a field might as well not be there.
pub(crate) fn is_null(token: &[u8]) -> bool {
    token == b"null"
}

/// Whether a list, flag or text says nothing.
pub(crate) fn is_empty(token: &[u8]) -> bool {
    matches!(token, b"null" | b"[]" | b"false" | b"\"\"")
}

#[cfg(test)]
mod tests;

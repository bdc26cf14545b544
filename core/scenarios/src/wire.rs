//! Bytes of every dialect, built independently of the gateway's own writers.

use backstop_vocabulary::Dialect;
use bytes::Bytes;

use crate::refusal::Refusal;
use crate::speech::Speech;
use crate::symptom::ErrorForm;

mod anthropic;
mod converse;
mod gemini;
mod openai;
mod responses;

/// All that an answer on the wire depends on.
pub(crate) struct Voice<'a> {
    /// 16 letters that make ids unlike each other.
    pub(crate) id: String,
    /// The model's name.
    pub(crate) model: &'a str,
    /// Seconds since 1970.
    pub(crate) created_unix: u64,
    /// What it says.
    pub(crate) speech: &'a Speech,
    /// Characters in one piece of text.
    pub(crate) piece_chars: usize,
    /// Whether a stream ends with usage (Chat Completions).
    pub(crate) usage: Option<()>,
}

/// The frames of a stream, by what they mean to its timing.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Before any content.
    pub(crate) opening: Vec<u8>,
    /// Content, a piece of time each.
    pub(crate) content: Vec<Vec<u8>>,
    /// After the content, up to the terminal event.
    pub(crate) closing: Vec<u8>,
    /// The terminal event.
    pub(crate) terminal: Vec<u8>,
}

/// The stream of an answer.
pub(crate) fn frames(dialect: Dialect, voice: &Voice<'_>) -> Frames {
    match dialect {
        Dialect::AnthropicMessages => anthropic::frames(voice),
        Dialect::OpenaiChat => openai::frames(voice),
        Dialect::OpenaiResponses => responses::frames(voice),
        Dialect::Gemini => gemini::frames(voice),
        Dialect::BedrockConverse => converse::frames(voice),
    }
}

/// The whole answer as JSON.
pub(crate) fn whole(dialect: Dialect, voice: &Voice<'_>) -> Vec<u8> {
    match dialect {
        Dialect::AnthropicMessages => anthropic::whole(voice),
        Dialect::OpenaiChat => openai::whole(voice),
        Dialect::OpenaiResponses => responses::whole(voice),
        Dialect::Gemini => gemini::whole(voice),
        Dialect::BedrockConverse => converse::whole(voice),
    }
}

/// A sign of life without content.
pub(crate) const fn ping(dialect: Dialect) -> Bytes {
    match dialect {
        Dialect::AnthropicMessages => {
            Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n")
        }
        Dialect::OpenaiChat | Dialect::OpenaiResponses => Bytes::from_static(b": PROCESSING\n\n"),
        Dialect::Gemini => Bytes::from_static(b"\r\n\r\n"),
        Dialect::BedrockConverse => Bytes::from_static(backstop_dialects::keep_alive(dialect)),
    }
}

/// An error frame inside a stream.
pub(crate) fn error_frame(dialect: Dialect, form: ErrorForm, request_id: &str) -> Bytes {
    let refusal = match dialect {
        Dialect::AnthropicMessages => Refusal::new(529, "overloaded_error", "Overloaded"),
        Dialect::OpenaiChat | Dialect::OpenaiResponses => Refusal::new(
            500,
            "server_error",
            "The server had an error while processing your request. Sorry about that!",
        ),
        Dialect::Gemini => Refusal::new(503, "UNAVAILABLE", "The model is overloaded."),
        // A stream of messages has one form of error.
        Dialect::BedrockConverse => {
            let mut out = Vec::new();
            let said = br#"{"message":"Bedrock is unable to process your request."}"#;
            backstop_dialects::exception_message("serviceUnavailableException", said, &mut out);
            return out.into();
        }
    };
    let object = refusal.object(dialect, request_id);
    let text = match (form, dialect) {
        (ErrorForm::Dialect, Dialect::AnthropicMessages) => {
            format!("event: error\ndata: {object}\n\n")
        }
        (ErrorForm::Dialect, Dialect::OpenaiChat) => format!("data: {object}\n\n"),
        (ErrorForm::Dialect, Dialect::Gemini) => format!("data: {object}\r\n\r\n"),
        (ErrorForm::Dialect, Dialect::OpenaiResponses) => {
            let mut event = object.clone();
            event["type"] = "error".into();
            format!("event: error\ndata: {event}\n\n")
        }
        (ErrorForm::Dialect, Dialect::BedrockConverse) => String::new(),
        (ErrorForm::Flat, _) => "data: {\"object\":\"error\",\"message\":\"EngineCore died\",\
             \"type\":\"InternalServerError\",\"param\":null,\"code\":500}\n\n"
            .to_owned(),
        (ErrorForm::Bare, _) => object.to_string(),
    };
    Bytes::from(text)
}

/// A frame that is no JSON.
pub(crate) fn malformed_frame(dialect: Dialect) -> Bytes {
    match dialect {
        Dialect::AnthropicMessages => Bytes::from_static(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n",
        ),
        Dialect::OpenaiChat => Bytes::from_static(b"data: {\"id\":\"chatcmpl-x\",\"choi\n\n"),
        Dialect::OpenaiResponses => Bytes::from_static(
            b"event: response.output_text.delta\ndata: {\"type\":\"response.output_tex\n\n",
        ),
        Dialect::Gemini => Bytes::from_static(b"data: {\"candidates\": [{\"conte\r\n\r\n"),
        Dialect::BedrockConverse => {
            let mut out = Vec::new();
            backstop_dialects::event_message("contentBlockDelta", b"{\"contentBlo", &mut out);
            out.into()
        }
    }
}

/// Tokens of a text, at four bytes each, as rough as everywhere.
pub(crate) const fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

impl Voice<'_> {
    /// Output tokens of the whole answer.
    pub(crate) fn output_tokens(&self) -> usize {
        let calls = self.speech.calls.iter().map(|(name, args)| tokens(name.len() + args.len()));
        (tokens(self.speech.text.len()) + calls.sum::<usize>()).max(1)
    }
}

/// Cuts a text into pieces of so many characters.
fn pieces(text: &str, chars: usize) -> Vec<&str> {
    let mut cut = Vec::with_capacity(text.len() / chars.max(1) + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.char_indices().nth(chars.max(1)).map_or(rest.len(), |(at, _)| at);
        let (piece, more) = rest.split_at(at);
        cut.push(piece);
        rest = more;
    }
    cut
}

/// A text as a JSON string, quotes included.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

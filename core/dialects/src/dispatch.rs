//! Picks the dialect; each arm is the function of the same name in that dialect's module.

use std::borrow::Cow;

use backstop_exchange::{Answer, Event, Request};
use backstop_vocabulary::{Dialect, Failure, Stage};

use crate::errors::with_reason;
use crate::surrogates::mended;
use crate::{
    Called, Delivery, ErrorHead, Frame, Framing, Head, TargetForm, Written, WrittenError,
    anthropic_messages, aws, bedrock_converse, gemini, openai_chat, openai_responses,
};

/// Reads a client's request. Fields the neutral form has no place for stay in `extras`.
///
/// Errors are [`backstop_vocabulary::Class::InvalidRequest`] and name the field and the cure.
pub fn read_request(dialect: Dialect, body: &[u8]) -> Result<Request, Failure> {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::read_request(body),
        Dialect::OpenaiChat => openai_chat::read_request(body),
        Dialect::OpenaiResponses => openai_responses::read_request(body),
        Dialect::Gemini => gemini::read_request(body),
        Dialect::BedrockConverse => bedrock_converse::read_request(body),
    }
}

/// Writes a request for a target; what the target cannot carry is emulated or dropped, and listed.
///
/// Errors are [`backstop_vocabulary::Class::UnsupportedFeature`]: another target may be able.
pub fn write_request(
    dialect: Dialect,
    request: &Request,
    target: &TargetForm<'_>,
) -> Result<Written, Failure> {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::write_request(request, target),
        Dialect::OpenaiChat => openai_chat::write_request(request, target),
        Dialect::OpenaiResponses => openai_responses::write_request(request, target),
        Dialect::Gemini => gemini::write_request(request, target),
        Dialect::BedrockConverse => bedrock_converse::write_request(request, target),
    }
}

/// Reads a whole answer of status 200 as the events a stream would have had, `Done` at the end.
///
/// An error inside the 200, a web page, broken JSON or an empty answer is the error; `events` may
/// then hold a part that is not to be used.
pub fn read_answer(dialect: Dialect, body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    let read = match dialect {
        Dialect::AnthropicMessages => anthropic_messages::read_answer,
        Dialect::OpenaiChat => openai_chat::read_answer,
        Dialect::OpenaiResponses => openai_responses::read_answer,
        Dialect::Gemini => gemini::read_answer,
        Dialect::BedrockConverse => bedrock_converse::read_answer,
    };
    let before = events.len();
    read(body, events).or_else(|failure| {
        let body = mended(body).ok_or(failure)?;
        events.truncate(before);
        read(&body, events)
    })
}

/// Says what a response with an error status means, and how far it reaches.
///
/// `stay_away` is what the provider asked for, unclamped. The stage is left to the caller, who knows
/// how far the answer had come.
///
/// What of the request the error names as its reason is noted, where it is the request that is refused.
pub fn read_error(dialect: Dialect, head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    with_reason(read_class(dialect, head, body), body)
}

fn read_class(dialect: Dialect, head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    if let Some(failure) = aws::read_error(head, body) {
        return failure;
    }
    match dialect {
        // Claude on Vertex: what refuses before the model is Google.
        Dialect::AnthropicMessages if gemini::is_error(body) => gemini::read_error(head, body),
        Dialect::AnthropicMessages => anthropic_messages::read_error(head, body),
        Dialect::OpenaiChat => openai_chat::read_error(head, body),
        Dialect::OpenaiResponses => openai_responses::read_error(head, body),
        Dialect::Gemini => gemini::read_error(head, body),
        Dialect::BedrockConverse => bedrock_converse::read_error(head, body),
    }
}

/// Says what the bytes mean that a stream ended with outside any frame ([`crate::Frames::rest`]):
/// some providers send a bare JSON error. `None` when it is no error but a cut frame.
pub fn read_rest(dialect: Dialect, rest: &[u8]) -> Option<Failure> {
    let value: serde_json::Value = serde_json::from_slice(rest).ok()?;
    // A list of one, where a stream would have been a list.
    let value = value.get(0).unwrap_or(&value);
    // Nested, or flat as older servers write it.
    let is_error = value.get("error").is_some_and(|error| !error.is_null())
        || value.get("object").is_some_and(|object| object == "error")
        || (dialect == Dialect::BedrockConverse && bedrock_converse::is_message(rest));
    let head = ErrorHead { status: 200, ..ErrorHead::default() };
    is_error.then(|| read_error(dialect, &head, rest))
}

/// Whether an event of a stream tells what the answer cost and nothing else. Only Chat Completions
/// has such, for clients that ask.
pub fn is_usage_alone(dialect: Dialect, frame: &Frame) -> bool {
    dialect == Dialect::OpenaiChat && openai_chat::is_usage_alone(frame.data())
}

/// Writes a whole answer for a client. The id is `head`'s, with the dialect's prefix.
pub fn write_answer(dialect: Dialect, answer: &Answer, head: &Head) -> Vec<u8> {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::write_answer(answer, head),
        Dialect::OpenaiChat => openai_chat::write_answer(answer, head),
        Dialect::OpenaiResponses => openai_responses::write_answer(answer, head),
        Dialect::Gemini => gemini::write_answer(answer, head),
        Dialect::BedrockConverse => bedrock_converse::write_answer(answer, head),
    }
}

/// Writes an error of the gateway in the dialect's own shape and status.
pub fn write_error(dialect: Dialect, failure: &Failure, request_id: &str) -> WrittenError {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::write_error(failure, request_id),
        Dialect::OpenaiChat => openai_chat::write_error(failure, request_id),
        Dialect::OpenaiResponses => openai_responses::write_error(failure, request_id),
        Dialect::Gemini => gemini::write_error(failure, request_id),
        Dialect::BedrockConverse => bedrock_converse::write_error(failure, request_id),
    }
}

/// Whether an answer of that id was written here and not by a provider: nobody else can know it.
pub fn is_own_answer(id: &str) -> bool {
    id.starts_with(openai_responses::ID_PREFIX)
}

/// The name of an answer of ours to the request with this id.
pub fn own_answer(id: &str) -> String {
    format!("{}{id}", openai_responses::ID_PREFIX)
}

/// The frame to send in silence: clients skip it, and it keeps connections and watchdogs alive.
pub const fn keep_alive(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::KEEP_ALIVE,
        Dialect::OpenaiChat => openai_chat::KEEP_ALIVE,
        Dialect::OpenaiResponses => openai_responses::KEEP_ALIVE,
        Dialect::Gemini => gemini::KEEP_ALIVE,
        Dialect::BedrockConverse => bedrock_converse::KEEP_ALIVE,
    }
}

/// A function that stands in for a tool that only one dialect knows.
#[derive(Debug)]
pub(crate) struct StandIn {
    /// What it does.
    pub(crate) description: &'static str,
    /// The schema of its arguments.
    pub(crate) schema: serde_json::Value,
}

/// The function by which a hosted tool of `dialect` goes to another; `None` if it cannot.
pub(crate) fn tool_elsewhere(dialect: Dialect, definition: &serde_json::Value) -> Option<StandIn> {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::tool_elsewhere(definition),
        Dialect::OpenaiChat => openai_chat::tool_elsewhere(definition),
        Dialect::OpenaiResponses => openai_responses::tool_elsewhere(definition),
        Dialect::Gemini => gemini::tool_elsewhere(definition),
        Dialect::BedrockConverse => bedrock_converse::tool_elsewhere(definition),
    }
}

/// The text by which a foreign block of `dialect` goes to another; `None` if it cannot.
pub(crate) fn text_elsewhere(
    dialect: Dialect,
    kind: &str,
    block: &serde_json::Value,
) -> Option<String> {
    match dialect {
        Dialect::AnthropicMessages => anthropic_messages::text_elsewhere(kind, block),
        Dialect::OpenaiChat => openai_chat::text_elsewhere(kind, block),
        Dialect::OpenaiResponses => openai_responses::text_elsewhere(kind, block),
        Dialect::Gemini => gemini::text_elsewhere(kind, block),
        Dialect::BedrockConverse => bedrock_converse::text_elsewhere(kind, block),
    }
}

/// The path of the dialect's endpoint, at us and below a provider's base URL, for a request to this
/// model. It may end in a query; the model's name is in it only where the dialect puts it there.
pub fn path(dialect: Dialect, model: &str, delivery: Delivery) -> Cow<'static, str> {
    Cow::Borrowed(match dialect {
        Dialect::AnthropicMessages => anthropic_messages::PATH,
        Dialect::OpenaiChat => openai_chat::PATH,
        Dialect::OpenaiResponses => openai_responses::PATH,
        Dialect::Gemini => return gemini::path(model, delivery),
        Dialect::BedrockConverse => return bedrock_converse::path(model, delivery).into(),
    })
}

/// What a client asks for by this path, where the path itself says model and method.
pub fn called(path: &str) -> Option<Called> {
    gemini::called(path).or_else(|| bedrock_converse::called(path))
}

/// How the dialect's own streams are framed; a provider's surface may frame them otherwise.
pub const fn framing(dialect: Dialect) -> Framing {
    match dialect {
        Dialect::AnthropicMessages
        | Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::Gemini => Framing::Sse,
        Dialect::BedrockConverse => Framing::EventStream,
    }
}

/// Where a provider of this dialect counts the tokens of a request, if the dialect puts the model's
/// name into that path.
pub fn count_path(dialect: Dialect, model: &str) -> Option<Cow<'static, str>> {
    match dialect {
        Dialect::AnthropicMessages
        | Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::BedrockConverse => None,
        Dialect::Gemini => Some(gemini::count_path(model)),
    }
}

/// The path of the dialect's endpoint, if it is the same for every request.
pub const fn fixed_path(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::AnthropicMessages => Some(anthropic_messages::PATH),
        Dialect::OpenaiChat => Some(openai_chat::PATH),
        Dialect::OpenaiResponses => Some(openai_responses::PATH),
        Dialect::Gemini | Dialect::BedrockConverse => None,
    }
}

/// Turns the frames of a stream into events, 0..n for each frame.
#[derive(Clone, Debug)]
pub struct StreamReader(Reader);

#[derive(Clone, Debug)]
enum Reader {
    AnthropicMessages(anthropic_messages::StreamReader),
    OpenaiChat(openai_chat::StreamReader),
    OpenaiResponses(openai_responses::StreamReader),
    Gemini(gemini::StreamReader),
    BedrockConverse(bedrock_converse::StreamReader),
}

impl StreamReader {
    /// A reader at the start of a stream.
    pub fn new(dialect: Dialect) -> Self {
        Self(match dialect {
            Dialect::AnthropicMessages => {
                Reader::AnthropicMessages(anthropic_messages::StreamReader::new())
            }
            Dialect::OpenaiChat => Reader::OpenaiChat(openai_chat::StreamReader::new()),
            Dialect::OpenaiResponses => {
                Reader::OpenaiResponses(openai_responses::StreamReader::new())
            }
            Dialect::Gemini => Reader::Gemini(gemini::StreamReader::new()),
            Dialect::BedrockConverse => {
                Reader::BedrockConverse(bedrock_converse::StreamReader::new())
            }
        })
    }

    /// Takes one frame and appends the events it completes.
    ///
    /// An error the provider reports, or a frame that cannot be read, is `Event::Failed`; nothing
    /// follows it. `Event::Done` comes with the dialect's terminal event.
    pub fn read(&mut self, frame: &Frame, events: &mut Vec<Event>) {
        if let Some(failure) = frame.exception() {
            // How far the answer had come is what its end here would say.
            let cut = self.clone().finish();
            let stage = cut.map_or_else(|cut| cut.stage, |()| Stage::AfterContent);
            events.push(Event::Failed(failure.at(stage)));
            return;
        }
        match &mut self.0 {
            Reader::AnthropicMessages(reader) => reader.read(frame, events),
            Reader::OpenaiChat(reader) => reader.read(frame, events),
            Reader::OpenaiResponses(reader) => reader.read(frame, events),
            Reader::Gemini(reader) => reader.read(frame, events),
            Reader::BedrockConverse(reader) => reader.read(frame, events),
        }
    }

    /// Says whether the stream ended where an answer may end: `StreamCut` if not.
    ///
    /// An answer that gave its finish reason is complete even if the terminal event is missing:
    /// then no `Event::Done` was read, and whoever writes for a client adds it.
    pub fn finish(self) -> Result<(), Failure> {
        match self.0 {
            Reader::AnthropicMessages(reader) => reader.finish(),
            Reader::OpenaiChat(reader) => reader.finish(),
            Reader::OpenaiResponses(reader) => reader.finish(),
            Reader::Gemini(reader) => reader.finish(),
            Reader::BedrockConverse(reader) => reader.finish(),
        }
    }
}

/// Turns events into frames for a client.
///
/// For a client that gets the provider's own bytes, events are `note`d; when that stream breaks,
/// `write` goes on in the same block with the same indices.
#[derive(Debug)]
pub struct StreamWriter(Writer);

#[derive(Debug)]
enum Writer {
    AnthropicMessages(anthropic_messages::StreamWriter),
    OpenaiChat(openai_chat::StreamWriter),
    OpenaiResponses(openai_responses::StreamWriter),
    Gemini(gemini::StreamWriter),
    BedrockConverse(bedrock_converse::StreamWriter),
}

impl StreamWriter {
    /// A writer at the start of an answer.
    pub fn new(dialect: Dialect, head: Head) -> Self {
        Self(match dialect {
            Dialect::AnthropicMessages => {
                Writer::AnthropicMessages(anthropic_messages::StreamWriter::new(head))
            }
            Dialect::OpenaiChat => Writer::OpenaiChat(openai_chat::StreamWriter::new(head)),
            Dialect::OpenaiResponses => {
                Writer::OpenaiResponses(openai_responses::StreamWriter::new(head))
            }
            Dialect::Gemini => Writer::Gemini(gemini::StreamWriter::new(head)),
            Dialect::BedrockConverse => {
                Writer::BedrockConverse(bedrock_converse::StreamWriter::new(head))
            }
        })
    }

    /// Appends the frames this event completes. `Finish` and `Usage` are kept until `Done`, which
    /// writes the terminal frames.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match &mut self.0 {
            Writer::AnthropicMessages(writer) => writer.write(event, out),
            Writer::OpenaiChat(writer) => writer.write(event, out),
            Writer::OpenaiResponses(writer) => writer.write(event, out),
            Writer::Gemini(writer) => writer.write(event, out),
            Writer::BedrockConverse(writer) => writer.write(event, out),
        }
    }

    /// Takes an event whose bytes the client already has from the provider.
    pub fn note(&mut self, event: &Event) {
        match &mut self.0 {
            Writer::AnthropicMessages(writer) => writer.note(event),
            Writer::OpenaiChat(writer) => writer.note(event),
            Writer::OpenaiResponses(writer) => writer.note(event),
            Writer::Gemini(writer) => writer.note(event),
            Writer::BedrockConverse(writer) => writer.note(event),
        }
    }

    /// Takes over where the provider's bytes stand, once, when the stream that was `note`d broke and
    /// `write` goes on: events do not tell where one text block ends and the next begins, and the
    /// client counts blocks. A reader of another dialect changes nothing.
    pub fn note_place(&mut self, reader: &StreamReader) {
        match (&mut self.0, &reader.0) {
            (Writer::AnthropicMessages(writer), Reader::AnthropicMessages(reader)) => {
                writer.note_place(reader);
            }
            (Writer::OpenaiResponses(writer), Reader::OpenaiResponses(reader)) => {
                writer.note_place(reader);
            }
            (Writer::BedrockConverse(writer), Reader::BedrockConverse(reader)) => {
                writer.note_place(reader);
            }
            // Chat Completions counts only calls, which events tell; Gemini counts nothing.
            (
                Writer::AnthropicMessages(_)
                | Writer::OpenaiChat(_)
                | Writer::OpenaiResponses(_)
                | Writer::Gemini(_)
                | Writer::BedrockConverse(_),
                Reader::AnthropicMessages(_)
                | Reader::OpenaiChat(_)
                | Reader::OpenaiResponses(_)
                | Reader::Gemini(_)
                | Reader::BedrockConverse(_),
            ) => {}
        }
    }

    /// Appends the terminal error frame, worded so that clients may try again; the connection must
    /// not end cleanly after it.
    pub fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        match &mut self.0 {
            Writer::AnthropicMessages(writer) => writer.fail(failure, out),
            Writer::OpenaiChat(writer) => writer.fail(failure, out),
            Writer::OpenaiResponses(writer) => writer.fail(failure, out),
            Writer::Gemini(writer) => writer.fail(failure, out),
            Writer::BedrockConverse(writer) => writer.fail(failure, out),
        }
    }
}

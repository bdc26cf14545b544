//! Events → chunks: lines of data and nothing else, ended as the provider ends them.
//!
//! A call is written whole when it ends. Comments, names of events and `[DONE]` break clients.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use backstop_exchange::{Artefact, Event, Finish, ToolKind};
use backstop_vocabulary::{Dialect, Failure, Usage};

use super::answer_write::state_part;
use super::errors;
use super::signature::{self, PLACEHOLDER_FOR_CLIENTS};
use super::wire::{KEEP_ALIVE, call_part, finish_reason, usage_json};
use crate::Head;
use crate::json::bytes;

/// Turns events into chunks with one id and model, across providers.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    head: Head,
    over: bool,
    /// What every chunk ends with, as JSON: model and id.
    tail: Vec<u8>,
    /// The calls that have begun and not ended, by their ordinals.
    calls: BTreeMap<u32, Call>,
    /// Whether a call was written.
    called: Called,
    /// The signature of the next call.
    signature: Option<String>,
    finish: Option<Finish>,
    /// The client has the reason from the provider itself.
    finish_noted: bool,
    usage: Option<Usage>,
}

/// Whether any call was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    No,
    Yes,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    kind: ToolKind,
    arguments: String,
    signature: Option<String>,
}

impl StreamWriter {
    pub(crate) fn new(head: Head) -> Self {
        let mut writer = Self {
            head,
            over: false,
            tail: Vec::new(),
            calls: BTreeMap::new(),
            called: Called::No,
            signature: None,
            finish: None,
            finish_noted: false,
            usage: None,
        };
        writer.settle_tail();
        writer
    }

    /// Appends the chunks this event completes.
    pub(crate) fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { model, .. } => {
                if self.head.model.is_empty() {
                    self.head.model.clone_from(model);
                    self.settle_tail();
                }
                self.calls.clear();
            }
            Event::Text(text) | Event::Refusal(text) => self.piece(text, b"}", out),
            Event::Reasoning(text) => self.piece(text, b",\"thought\":true}", out),
            Event::ReasoningSignature(state) => self.sign(state, out),
            Event::ReasoningOpaque(state) => self.part(&state_part(state), out),
            Event::ToolStart { ordinal, id, name, kind } => {
                self.start_call(*ordinal, (id, name, kind));
            }
            Event::ToolArguments { ordinal, fragment } => {
                if let Some(call) = self.calls.get_mut(ordinal) {
                    call.arguments.push_str(fragment);
                }
            }
            Event::ToolEnd { ordinal } => self.end_call(*ordinal, out),
            Event::Ping => out.extend_from_slice(KEEP_ALIVE),
            Event::Done => self.done(out),
            Event::Foreign { .. } | Event::Usage(_) | Event::Finish(_) | Event::Failed(_) => {}
        }
        self.remember(event);
    }

    /// Takes an event whose bytes the client already has from the provider.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Start { id, model } => {
                if !id.is_empty() {
                    self.head.id.clone_from(id);
                }
                if !model.is_empty() {
                    self.head.model.clone_from(model);
                }
                self.settle_tail();
            }
            Event::Done => self.over = true,
            Event::Finish(_) => self.finish_noted = true,
            Event::ToolStart { .. } => self.called = Called::Yes,
            Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Refusal(_)
            | Event::Foreign { .. }
            | Event::Usage(_)
            | Event::Ping
            | Event::Failed(_) => {}
        }
        self.remember(event);
    }

    /// Appends the error frame.
    pub(crate) fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        if !self.over {
            self.over = true;
            frame(&bytes(&errors::stream_error(failure)), out);
        }
    }

    /// The part of the state that is the same whoever sent the bytes.
    fn remember(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => {
                self.usage = Some(self.usage.map_or(*usage, |before| before.updated(*usage)));
            }
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::Start { .. }
            | Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Refusal(_)
            | Event::Foreign { .. }
            | Event::Ping
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    fn settle_tail(&mut self) {
        self.tail.clear();
        self.tail.extend_from_slice(b",\"modelVersion\":");
        string(&self.head.model, &mut self.tail);
        self.tail.extend_from_slice(b",\"responseId\":");
        string(&self.head.id, &mut self.tail);
        self.tail.extend_from_slice(b"}\r\n\r\n");
    }

    /// A chunk with a text: the hot path, written without a tree.
    fn piece(&self, text: &str, rest: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(PREFIX);
        out.extend_from_slice(b"{\"text\":");
        string(text, out);
        out.extend_from_slice(rest);
        out.extend_from_slice(SUFFIX);
        out.extend_from_slice(&self.tail);
    }

    fn part(&self, part: &Value, out: &mut Vec<u8>) {
        out.extend_from_slice(PREFIX);
        out.extend_from_slice(&bytes(part));
        out.extend_from_slice(SUFFIX);
        out.extend_from_slice(&self.tail);
    }

    /// State is written where it came; that of a call with the call.
    fn sign(&mut self, state: &Artefact, out: &mut Vec<u8>) {
        if state.dialect != Dialect::Gemini {
            return self.part(&state_part(state), out);
        }
        let data = signature::write(state);
        match state.kind.as_str() {
            signature::CALL => self.signature = Some(data),
            signature::TEXT => self.part(&json!({ "text": "", "thoughtSignature": data }), out),
            _ => self.part(&state_part(state), out),
        }
    }

    /// The first call of an answer that has no signature gets the stand-in, so that the client can
    /// go back to the provider of this dialect with it.
    fn start_call(&mut self, ordinal: u32, (id, name, kind): (&str, &str, &ToolKind)) {
        let first = std::mem::replace(&mut self.called, Called::Yes) == Called::No;
        let stand_in = || first.then(|| PLACEHOLDER_FOR_CLIENTS.to_owned());
        let call = Call {
            id: id.to_owned(),
            name: name.to_owned(),
            kind: kind.clone(),
            arguments: String::new(),
            signature: self.signature.take().or_else(stand_in),
        };
        self.calls.insert(ordinal, call);
    }

    fn end_call(&mut self, ordinal: u32, out: &mut Vec<u8>) {
        let Some(call) = self.calls.remove(&ordinal) else { return };
        let arguments = match call.kind {
            ToolKind::Custom => json!({ "input": call.arguments }).to_string(),
            ToolKind::Function | ToolKind::Hosted { .. } => call.arguments,
        };
        let part = call_part(&call.id, &call.name, &arguments, call.signature.as_deref());
        self.part(&part, out);
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if self.finish_noted {
            return;
        }
        let reason = finish_reason(self.finish.as_ref());
        out.extend_from_slice(PREFIX);
        // A chunk without any part spoils the history that some clients keep.
        out.extend_from_slice(b"{\"text\":\"\"}]},\"finishReason\":");
        string(&reason, out);
        out.extend_from_slice(b",\"index\":0}]");
        if let Some(usage) = &self.usage {
            out.extend_from_slice(b",\"usageMetadata\":");
            out.extend_from_slice(&bytes(&usage_json(usage)));
        }
        out.extend_from_slice(&self.tail);
    }
}

const PREFIX: &[u8] = b"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[";
const SUFFIX: &[u8] = b"]},\"index\":0}]";

fn frame(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n\r\n");
}

/// A JSON string, quotes and escapes included.
fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory cannot fail.
    let _written = serde_json::to_writer(out, text);
}

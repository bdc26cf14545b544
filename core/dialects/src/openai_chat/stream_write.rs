//! Events → chunks.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use backstop_exchange::{Event, Finish, ToolKind};
use backstop_vocabulary::{Failure, Usage};

use super::wire::{Seen, finish_reason, usage_json};
use super::{KEEP_ALIVE, errors};
use crate::Head;
use crate::json::bytes;

/// Turns events into chunks with one id, model and time, across providers.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    head: Head,
    id: String,
    phase: Phase,
    refused: bool,
    calls: Vec<Call>,
    /// Where the ordinals of the present provider begin in `calls`: a resumed answer counts anew.
    calls_base: usize,
    finish: Option<Finish>,
    /// The client has the reason from the provider itself, and so the usage if it is to have it.
    finish_noted: bool,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The chunk with the role has not been sent.
    Before,
    Open,
    Over,
}

#[derive(Debug)]
struct Call {
    kind: ToolKind,
    silent: bool,
}

impl StreamWriter {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            id: format!("chatcmpl-{}", head.id),
            head,
            phase: Phase::Before,
            refused: false,
            calls: Vec::new(),
            calls_base: 0,
            finish: None,
            finish_noted: false,
            usage: None,
        }
    }

    /// Appends the chunks this event completes.
    pub(crate) fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        match event {
            Event::Start { model, .. } => {
                if self.head.model.is_empty() {
                    self.head.model.clone_from(model);
                }
                self.begin_calls();
                self.open(out);
            }
            Event::Text(text) => self.piece("content", text, out),
            Event::Reasoning(text) => self.piece("reasoning_content", text, out),
            Event::Refusal(text) => self.piece("refusal", text, out),
            Event::ToolStart { id, name, kind, .. } => {
                let index = self.calls.len();
                self.delta(&start_of(index, id, name, kind), out);
            }
            Event::ToolArguments { ordinal, fragment } => self.arguments(*ordinal, fragment, out),
            // Clients parse the arguments, and nothing is no JSON.
            Event::ToolEnd { ordinal } if self.is_silent(*ordinal) => {
                self.arguments(*ordinal, "{}", out);
            }
            Event::Ping => out.extend_from_slice(KEEP_ALIVE),
            Event::Done => self.done(out),
            Event::ToolEnd { .. }
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::Foreign { .. }
            | Event::Usage(_)
            | Event::Finish(_)
            | Event::Failed(_) => {}
        }
        self.remember(event);
    }

    /// Takes an event whose bytes the client already has from the provider.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Start { id, model } => {
                if self.phase == Phase::Before && !id.is_empty() {
                    self.id.clone_from(id);
                }
                if self.phase == Phase::Before && !model.is_empty() {
                    self.head.model.clone_from(model);
                }
                self.phase = Phase::Open;
                self.begin_calls();
            }
            Event::Done => self.phase = Phase::Over,
            Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Refusal(_)
            | Event::Foreign { .. }
            | Event::Usage(_)
            | Event::Ping
            | Event::Failed(_) => {}
            Event::Finish(_) => self.finish_noted = true,
        }
        self.remember(event);
    }

    /// Appends the error frame. `[DONE]` never follows: it would make a success of it.
    pub(crate) fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        if self.phase != Phase::Over {
            self.phase = Phase::Over;
            frame(&errors::stream_error(failure), out);
        }
    }

    /// The part of the state that is the same whoever sent the bytes.
    fn remember(&mut self, event: &Event) {
        match event {
            Event::ToolStart { kind, .. } => {
                self.calls.push(Call { kind: kind.clone(), silent: true });
            }
            Event::ToolArguments { ordinal, .. } => {
                let index = self.index(*ordinal);
                if let Some(call) = self.calls.get_mut(index) {
                    call.silent = false;
                }
            }
            Event::Refusal(_) => self.refused = true,
            Event::Usage(usage) => {
                self.usage = Some(self.usage.map_or(*usage, |before| before.updated(*usage)));
            }
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::Start { .. }
            | Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolEnd { .. }
            | Event::Foreign { .. }
            | Event::Ping
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    fn begin_calls(&mut self) {
        self.calls_base = self.calls.len();
    }

    fn index(&self, ordinal: u32) -> usize {
        self.calls_base.saturating_add(usize::try_from(ordinal).unwrap_or(usize::MAX))
    }

    fn is_silent(&self, ordinal: u32) -> bool {
        let call = self.calls.get(self.index(ordinal));
        call.is_some_and(|call| call.silent && call.kind == ToolKind::Function)
    }

    /// The first chunk has the role, once.
    fn open(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Open;
            self.chunk(r#"{"role":"assistant","content":""}"#, None, out);
        }
    }

    /// A chunk with one string in its delta: the hot path, written without a tree.
    fn piece(&mut self, name: &str, text: &str, out: &mut Vec<u8>) {
        self.open(out);
        self.prefix(out);
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        string(text, out);
        out.push(b'}');
        self.suffix(None, out);
    }

    fn arguments(&mut self, ordinal: u32, fragment: &str, out: &mut Vec<u8>) {
        let index = self.index(ordinal);
        let kind = self.calls.get(index).map(|call| &call.kind);
        let call = match kind {
            Some(ToolKind::Custom) => json!({ "index": index, "custom": { "input": fragment } }),
            Some(ToolKind::Function | ToolKind::Hosted { .. }) | None => {
                json!({ "index": index, "function": { "arguments": fragment } })
            }
        };
        self.delta(&json!({ "tool_calls": [call] }), out);
    }

    fn delta(&mut self, delta: &Value, out: &mut Vec<u8>) {
        self.open(out);
        self.chunk(&delta.to_string(), None, out);
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.open(out);
        if !self.finish_noted {
            self.finish(out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
        self.phase = Phase::Over;
    }

    /// Says why the answer ended, and what it cost if the client asked.
    fn finish(&self, out: &mut Vec<u8>) {
        let seen = Seen { calls: !self.calls.is_empty(), refusal: self.refused };
        let reason = finish_reason(self.finish.as_ref(), seen).to_owned();
        self.chunk("{}", Some(&reason), out);
        if let Some(usage) = self.usage.filter(|_| self.head.usage) {
            let chunk = json!({
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": self.head.created_unix,
                "model": self.head.model,
                "choices": [],
                "usage": usage_json(&usage),
            });
            frame(&chunk, out);
        }
    }

    fn chunk(&self, delta: &str, reason: Option<&str>, out: &mut Vec<u8>) {
        self.prefix(out);
        out.extend_from_slice(delta.as_bytes());
        self.suffix(reason, out);
    }

    fn prefix(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: {\"id\":");
        string(&self.id, out);
        out.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.head.created_unix).as_bytes());
        out.extend_from_slice(b",\"model\":");
        string(&self.head.model, out);
        out.extend_from_slice(b",\"choices\":[{\"index\":0,\"delta\":");
    }

    fn suffix(&self, reason: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":");
        match reason {
            Some(reason) => string(reason, out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b"}]");
        if self.head.usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }
}

fn start_of(index: usize, id: &str, name: &str, kind: &ToolKind) -> Value {
    let call = match kind {
        ToolKind::Custom => json!({
            "index": index, "id": id, "type": "custom", "custom": { "name": name, "input": "" },
        }),
        ToolKind::Function | ToolKind::Hosted { .. } => json!({
            "index": index, "id": id, "type": "function",
            "function": { "name": name, "arguments": "" },
        }),
    };
    json!({ "tool_calls": [call] })
}

fn frame(data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&bytes(data));
    out.extend_from_slice(b"\n\n");
}

/// A JSON string, quotes and escapes included.
fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory cannot fail.
    let _written = serde_json::to_writer(out, text);
}

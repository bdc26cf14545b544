//! Writes a stream in the order this dialect's clients rely on: one `message_start`, contiguous
//! indices, one open block at a time, every delta of its block's kind.
//!
//! A delta of another kind closes the open block and opens the next. Fragments of a second tool call
//! wait until the first has ended, because two open blocks would break clients.

use std::borrow::Cow;

use backstop_exchange::{Event, Finish, ToolKind};
use backstop_vocabulary::{Dialect, Failure, Usage};
use serde_json::{Value, json};

use super::answer_write::model_of;
use super::stream_read::StreamReader;
pub(crate) use super::wire::OpenBlock as Open;
use super::wire::{OWN_SIGNATURE, finish_fields, usage_json};
use crate::{Head, issuer};

mod frames;
mod waiting;

use frames::MESSAGES;
pub(crate) use frames::put_json;
use waiting::{Item, Waiting};

/// How an API writes what this one puts into frames: Converse has the same blocks in the same order,
/// in other words.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) dialect: Dialect,
    /// Appends a frame, given as the event of this API: its name and its data.
    pub(crate) frame: fn(&str, &Value, &mut Vec<u8>),
    /// Appends a delta: the block's index, the field of the piece (`text`, `thinking`, `signature`,
    /// `partial_json`), and the piece. Called for each token.
    pub(crate) piece: fn(u64, &str, &str, &mut Vec<u8>),
    /// Appends what ends a broken stream; the text is our id of the request.
    pub(crate) failure: fn(&Failure, &str, &mut Vec<u8>),
    pub(crate) keep_alive: &'static [u8],
    /// The id of a call as clients of the API know it.
    pub(crate) call_id: fn(&str) -> Cow<'_, str>,
}

/// Turns events into frames.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    form: &'static Form,
    head: Head,
    /// The model by the provider's account.
    model: String,
    progress: Progress,
    next_index: u64,
    /// The block that is open at the client; its index is `next_index - 1`.
    open: Option<Open>,
    waiting: Waiting,
    calls: usize,
    refused: bool,
    usage: Usage,
    finish: Option<Finish>,
    /// The client has the reason from the provider itself.
    finish_noted: bool,
}

/// How much of the frame around the blocks the client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waiting,
    Started,
    Done,
}

impl StreamWriter {
    pub(crate) fn new(head: Head) -> Self {
        Self::of(&MESSAGES, head)
    }

    /// A writer of an API that says the same in other words.
    pub(crate) fn of(form: &'static Form, head: Head) -> Self {
        Self {
            form,
            head,
            model: String::new(),
            progress: Progress::Waiting,
            next_index: 0,
            open: None,
            waiting: Waiting::default(),
            calls: 0,
            refused: false,
            usage: Usage::default(),
            finish: None,
            finish_noted: false,
        }
    }

    pub(crate) fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.progress == Progress::Done {
            return;
        }
        match event {
            // Written with the first content, when the input's usage is known.
            Event::Start { model, .. } => {
                if self.progress == Progress::Waiting {
                    self.model.clone_from(model);
                }
            }
            Event::Usage(usage) => self.take_usage(*usage),
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::Ping => out.extend_from_slice(self.form.keep_alive),
            Event::Done => self.end(out),
            Event::Failed(failure) => self.fail(failure, out),
            Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Refusal(_)
            | Event::Foreign { .. } => {
                self.start(out);
                self.content(event, out);
            }
        }
    }

    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Start { id, model } => {
                id.strip_prefix("msg_").unwrap_or(id).clone_into(&mut self.head.id);
                self.head.model.clone_from(model);
                self.progress = Progress::Started;
            }
            // The client's own block counts, whatever we know of it.
            Event::Foreign { .. } => {
                self.open = Some(Open::Other);
                self.next_index += 1;
            }
            Event::Done => self.progress = Progress::Done,
            Event::Failed(_) | Event::Ping => {}
            Event::Usage(usage) => self.take_usage(*usage),
            Event::Finish(finish) => {
                self.finish = Some(finish.clone());
                self.finish_noted = true;
            }
            Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::ToolEnd { .. }
            | Event::Refusal(_) => self.note_content(event),
        }
    }

    /// Takes over where the provider's own bytes stand. Events do not tell one text block from the
    /// next, so the blocks of the provider are counted by their reader.
    pub(crate) fn note_place(&mut self, reader: &StreamReader) {
        self.take_place(reader.place());
    }

    /// How many blocks have begun, and what is open of the last.
    pub(crate) fn take_place(&mut self, place: (u64, Option<Open>)) {
        (self.next_index, self.open) = place;
    }

    pub(crate) fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        if self.progress != Progress::Done {
            self.progress = Progress::Done;
            let request_id = format!("req_{}", self.head.id);
            (self.form.failure)(failure, &request_id, out);
        }
    }

    /// The events change the state as if they were written, and the bytes go nowhere. Text, the bulk
    /// of a stream, costs nothing.
    fn note_content(&mut self, event: &Event) {
        let more_of_the_same = match (event, &self.open) {
            (Event::Text(_), Some(Open::Text))
            | (Event::Reasoning(_), Some(Open::Thinking { signed: false })) => true,
            (Event::ToolArguments { ordinal, .. }, Some(Open::Call { ordinal: open, .. })) => {
                ordinal == open
            }
            _ => false,
        };
        if !more_of_the_same {
            self.progress = Progress::Started;
            self.content(event, &mut Vec::new());
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.progress != Progress::Waiting {
            return;
        }
        self.progress = Progress::Started;
        let message = json!({
            "id": format!("msg_{}", self.head.id),
            "type": "message",
            "role": "assistant",
            "model": model_of(&self.head, &self.model),
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage_json(&self.usage),
        });
        (self.form.frame)(
            "message_start",
            &json!({ "type": "message_start", "message": message }),
            out,
        );
    }

    fn content(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.must_wait(event) {
            self.waiting.push(event);
            return;
        }
        match event {
            Event::Text(text) => self.text(text, out),
            Event::Refusal(text) => {
                self.refused = true;
                self.text(text, out);
            }
            Event::Reasoning(text) => {
                if self.open != Some(Open::Thinking { signed: false }) {
                    let block = json!({ "type": "thinking", "thinking": "", "signature": "" });
                    self.open_block(Open::Thinking { signed: false }, &block, out);
                }
                self.piece("thinking", text, out);
            }
            Event::ReasoningSignature(artefact) => {
                self.sign(&issuer::write(artefact, self.form.dialect), out);
            }
            Event::ReasoningOpaque(artefact) => {
                let data = issuer::write(artefact, self.form.dialect);
                let block = json!({ "type": "redacted_thinking", "data": data });
                self.open_block(Open::Other, &block, out);
                self.close(out);
            }
            Event::ToolStart { ordinal, id, name, kind } => {
                self.calls += 1;
                let custom = *kind == ToolKind::Custom;
                let id = (self.form.call_id)(id);
                let block = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                self.open_block(Open::Call { ordinal: *ordinal, custom }, &block, out);
                if custom {
                    self.piece("partial_json", "{\"input\":\"", out);
                }
            }
            Event::ToolArguments { fragment, .. } => self.arguments(fragment, out),
            Event::ToolEnd { ordinal } => self.end_call(*ordinal, out),
            // Only the provider's own bytes can show it; `Ping` and kin never come here.
            Event::Foreign { .. }
            | Event::Start { .. }
            | Event::Usage(_)
            | Event::Finish(_)
            | Event::Ping
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    /// Whether a call is open and the event is not of that call.
    fn must_wait(&self, event: &Event) -> bool {
        let Some(Open::Call { ordinal: open, .. }) = &self.open else { return false };
        match event {
            Event::ToolArguments { ordinal, .. } | Event::ToolEnd { ordinal } => ordinal != open,
            Event::Start { .. }
            | Event::Text(_)
            | Event::Reasoning(_)
            | Event::ReasoningSignature(_)
            | Event::ReasoningOpaque(_)
            | Event::ToolStart { .. }
            | Event::Refusal(_)
            | Event::Foreign { .. }
            | Event::Usage(_)
            | Event::Finish(_)
            | Event::Ping
            | Event::Done
            | Event::Failed(_) => true,
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if self.open != Some(Open::Text) {
            self.open_block(Open::Text, &json!({ "type": "text", "text": "" }), out);
        }
        self.piece("text", text, out);
    }

    fn sign(&mut self, signature: &str, out: &mut Vec<u8>) {
        // A signature without text before it is a thought whose text is withheld: keep it.
        if self.open != Some(Open::Thinking { signed: false }) {
            let block = json!({ "type": "thinking", "thinking": "", "signature": "" });
            self.open_block(Open::Thinking { signed: false }, &block, out);
        }
        self.piece("signature", signature, out);
        self.open = Some(Open::Thinking { signed: true });
    }

    fn arguments(&mut self, fragment: &str, out: &mut Vec<u8>) {
        match self.open {
            Some(Open::Call { custom: true, .. }) => {
                let quoted = Value::from(fragment).to_string();
                let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
                self.piece("partial_json", inner, out);
            }
            Some(Open::Call { custom: false, .. }) => self.piece("partial_json", fragment, out),
            Some(Open::Text | Open::Thinking { .. } | Open::Other) | None => {}
        }
    }

    fn end_call(&mut self, ordinal: u32, out: &mut Vec<u8>) {
        let Some(Open::Call { ordinal: open, .. }) = self.open else { return };
        if open == ordinal {
            self.close(out);
            self.catch_up(out);
        }
    }

    /// Writes what has waited, up to a call that goes on.
    fn catch_up(&mut self, out: &mut Vec<u8>) {
        while !matches!(self.open, Some(Open::Call { .. })) {
            match self.waiting.pop() {
                None => return,
                Some(Item::Other(event)) => self.content(&event, out),
                Some(Item::Call { start, arguments, ended }) => {
                    self.content(&start, out);
                    if !arguments.is_empty() {
                        self.arguments(&arguments, out);
                    }
                    if ended {
                        self.close(out);
                    }
                }
            }
        }
    }

    fn open_block(&mut self, open: Open, block: &Value, out: &mut Vec<u8>) {
        self.close(out);
        let start = json!({ "type": "content_block_start", "index": self.next_index, "content_block": block });
        (self.form.frame)("content_block_start", &start, out);
        self.open = Some(open);
        self.next_index += 1;
    }

    /// Ends the open block. Thoughts without a signature get one of ours, because clients want one.
    fn close(&mut self, out: &mut Vec<u8>) {
        match self.open {
            None => return,
            Some(Open::Thinking { signed: false }) => self.piece("signature", OWN_SIGNATURE, out),
            Some(Open::Call { custom: true, .. }) => self.piece("partial_json", "\"}", out),
            Some(
                Open::Text | Open::Thinking { signed: true } | Open::Call { .. } | Open::Other,
            ) => {}
        }
        self.open = None;
        let index = self.next_index.saturating_sub(1);
        (self.form.frame)(
            "content_block_stop",
            &json!({ "type": "content_block_stop", "index": index }),
            out,
        );
    }

    fn piece(&self, field: &'static str, piece: &str, out: &mut Vec<u8>) {
        (self.form.piece)(self.next_index.saturating_sub(1), field, piece, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.close(out);
        while !self.waiting.is_empty() {
            self.catch_up(out);
            self.close(out);
        }
        self.progress = Progress::Done;
        if !self.finish_noted {
            self.finish(out);
        }
        (self.form.frame)("message_stop", &json!({ "type": "message_stop" }), out);
    }

    /// Says why the answer ended, and what it cost.
    fn finish(&self, out: &mut Vec<u8>) {
        let refusal = Finish::Refused { category: None };
        let finish = match &self.finish {
            None | Some(Finish::End) if self.refused => Some(&refusal),
            finish => finish.as_ref(),
        };
        let (reason, sequence, details) = finish_fields(finish, self.calls);
        let mut delta = json!({ "stop_reason": reason, "stop_sequence": sequence });
        if !details.is_null() {
            delta["stop_details"] = details;
        }
        let end =
            json!({ "type": "message_delta", "delta": delta, "usage": usage_json(&self.usage) });
        (self.form.frame)("message_delta", &end, out);
    }

    /// Later figures replace earlier ones; zero means "not said".
    fn take_usage(&mut self, said: Usage) {
        let slots = [
            (&mut self.usage.input_uncached, said.input_uncached),
            (&mut self.usage.cache_read, said.cache_read),
            (&mut self.usage.cache_write, said.cache_write),
            (&mut self.usage.output, said.output),
            (&mut self.usage.reasoning, said.reasoning),
        ];
        for (slot, said) in slots {
            if said > 0 {
                *slot = said;
            }
        }
        self.usage.basis = said.basis;
    }
}

#[cfg(test)]
mod tests;

//! Events → the ladder of events this dialect's clients climb: each item is added, each part of it
//! added, filled and done, each item done, and the answer completed with all of it once more.
//!
//! One message or thought is open at a time; calls stay open until they end.

mod frames;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use backstop_exchange::{Artefact, Event, Finish, ToolKind};
use backstop_vocabulary::{Dialect, Failure, Usage};

use super::stream_read::StreamReader;
use super::track::{Body, Item, Part, Track};
use super::wire::{CALL_ID_BYTES_MAX, ID_PREFIX, Said, Shell, ending};
use super::{KEEP_ALIVE, errors};
use crate::tool_names::fit_id;
use crate::{Head, issuer};

use frames::{Piece, put_frame, put_piece};

/// Turns events into frames with one id, model and time, across providers.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    head: Head,
    id: String,
    phase: Phase,
    track: Track,
    /// The message or thought that is open.
    spoken: Option<u64>,
    /// The open calls, by their ordinals.
    calls: BTreeMap<u32, u64>,
    refused: Said,
    finish: Option<Finish>,
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `response.created` has not been sent.
    Before,
    Open,
    Over,
}

impl StreamWriter {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            id: format!("{ID_PREFIX}{}", head.id),
            head,
            phase: Phase::Before,
            track: Track::default(),
            spoken: None,
            calls: BTreeMap::new(),
            refused: Said::No,
            finish: None,
            usage: None,
        }
    }

    /// Appends the frames this event completes.
    pub(crate) fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        match event {
            Event::Start { model, .. } => {
                if self.head.model.is_empty() {
                    self.head.model.clone_from(model);
                }
                self.begin(out);
            }
            Event::Text(text) => self.piece(Part::Text, text, out),
            Event::Refusal(text) => self.piece(Part::Refusal, text, out),
            Event::Reasoning(text) => self.piece(Part::Summary, text, out),
            Event::ReasoningSignature(state) => self.sign(state, out),
            Event::ReasoningOpaque(state) => {
                self.end_spoken("completed", None, out);
                self.sign(state, out);
            }
            Event::ToolStart { ordinal, id, name, kind } => {
                self.start_call((*ordinal, kind), id, name, out);
            }
            Event::ToolArguments { ordinal, fragment } => self.arguments(*ordinal, fragment, out),
            Event::ToolEnd { ordinal } => self.end_call(*ordinal, out),
            Event::Ping => out.extend_from_slice(KEEP_ALIVE),
            Event::Done => self.done(out),
            Event::Failed(failure) => self.fail(failure, out),
            // Only the provider's own bytes can show it.
            Event::Foreign { .. } | Event::Usage(_) | Event::Finish(_) => {}
        }
        self.remember(event);
    }

    /// Takes an event whose bytes the client already has from the provider; where they stand,
    /// [`Self::note_place`] tells.
    pub(crate) fn note(&mut self, event: &Event) {
        if let Event::Start { id, model } = event {
            if self.phase == Phase::Before && !id.is_empty() {
                self.id.clone_from(id);
            }
            if self.phase == Phase::Before && !model.is_empty() {
                self.head.model.clone_from(model);
            }
            self.phase = Phase::Open;
        }
        if matches!(event, Event::Done) {
            self.phase = Phase::Over;
        }
        self.remember(event);
    }

    /// Takes over where the provider's own bytes stand: numbers, ids, and the text so far, which is
    /// said once more at the end.
    pub(crate) fn note_place(&mut self, reader: &StreamReader) {
        self.track.catch_up(reader.place());
        let spoken = self.track.open.iter().rev().find(|(_, item)| item.is_spoken());
        self.spoken = spoken.map(|(index, _)| *index);
        self.calls.clear();
        for (index, item) in &self.track.open {
            if let Body::Call { ordinal, .. } = item.body {
                self.calls.insert(ordinal, *index);
            }
        }
        if let Some(created) = self.track.created {
            self.head.created_unix = created;
        }
    }

    /// Appends the frame that ends a broken answer, with the items that were done.
    pub(crate) fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        self.begin(out);
        self.phase = Phase::Over;
        let shell = Shell { status: "failed", ..self.shell() };
        let response = shell.json(self.track.output(), &errors::stream_error(failure));
        self.frame("response.failed", json!({ "response": response }), out);
    }

    /// The part of the state that is the same whoever sent the bytes.
    fn remember(&mut self, event: &Event) {
        match event {
            Event::Refusal(_) => self.refused = Said::Yes,
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
            | Event::Foreign { .. }
            | Event::Ping
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    fn shell(&self) -> Shell<'_> {
        Shell {
            id: &self.id,
            model: &self.head.model,
            created: self.head.created_unix,
            status: "in_progress",
            incomplete: None,
            usage: None,
            kept: self.head.kept,
        }
    }

    /// The answer is announced once.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Open;
            let response = self.shell().json(Vec::new(), &Value::Null);
            self.frame("response.created", json!({ "response": response }), out);
            self.frame("response.in_progress", json!({ "response": response }), out);
        }
    }

    /// A piece of a part, which is opened first if another is open or none.
    fn piece(&mut self, part: Part, text: &str, out: &mut Vec<u8>) {
        self.begin(out);
        let body = if part == Part::Summary { Body::Reasoning } else { Body::Message };
        let open = self.spoken.and_then(|index| self.track.open.get(&index));
        if open.is_none_or(|item| item.body != body) {
            self.end_spoken("completed", None, out);
            let prefix = if part == Part::Summary { "rs" } else { "msg" };
            self.spoken = Some(self.open_item(prefix, body, out));
        }
        let Some(at) = self.spoken else { return };
        if self.track.open.get(&at).is_some_and(|item| item.part != Some(part)) {
            self.end_part(at, out);
            self.open_part(at, part, out);
        }
        let sequence = self.count();
        if let Some(item) = self.track.open.get_mut(&at) {
            item.text.push_str(text);
            let within = item.parts.len();
            let (id, index) = (item.id.as_str(), item.index);
            put_piece(Piece { part: Some(part), id, index, within, sequence }, text, out);
        }
    }

    /// Opens an item, says so, and gives its index.
    fn open_item(&mut self, prefix: &str, body: Body, out: &mut Vec<u8>) -> u64 {
        let index = self.track.next_index();
        let id = format!("{prefix}_{}{index}", self.head.id);
        let item = Item::new(index, id, body);
        let json = item.json("in_progress", None);
        self.track.open.insert(index, item);
        let added = json!({ "output_index": index, "item": json });
        self.frame("response.output_item.added", added, out);
        index
    }

    fn open_part(&mut self, at: u64, part: Part, out: &mut Vec<u8>) {
        let Some(item) = self.track.open.get_mut(&at) else { return };
        item.part = Some(part);
        let (kind, within) = part.names();
        let added = json!({
            "item_id": item.id, "output_index": item.index, within: item.parts.len(),
            "part": part.json(""),
        });
        self.frame(&format!("{kind}_part.added"), added, out);
    }

    fn end_part(&mut self, at: u64, out: &mut Vec<u8>) {
        let Some(item) = self.track.open.get_mut(&at) else { return };
        let (id, index, nth) = (item.id.clone(), item.index, item.parts.len());
        let Some((part, text, json)) = item.end_part() else { return };
        let (kind, within) = part.names();
        let place = json!({ "item_id": id, "output_index": index, within: nth });
        let (name, field) = part.done_names();
        let mut done = place.clone();
        done[field] = text.into();
        if part == Part::Text {
            done["logprobs"] = json!([]);
        }
        self.frame(name, done, out);
        let mut done = place;
        done["part"] = json;
        self.frame(&format!("{kind}_part.done"), done, out);
    }

    /// Ends the open message or thought.
    fn end_spoken(&mut self, status: &str, state: Option<&Artefact>, out: &mut Vec<u8>) {
        if let Some(at) = self.spoken.take() {
            self.end_part(at, out);
            self.end_item(at, status, state, out);
        }
    }

    fn end_item(&mut self, at: u64, status: &str, state: Option<&Artefact>, out: &mut Vec<u8>) {
        let Some(item) = self.track.open.remove(&at) else { return };
        let state = state.map(|state| issuer::write(state, Dialect::OpenaiResponses));
        let json = item.json(status, state.as_deref());
        self.track.done.insert(item.index, json.clone());
        let done = json!({ "output_index": item.index, "item": json });
        self.frame("response.output_item.done", done, out);
    }

    /// Ends a thought with what only its issuer can read; one without words is a thought, too.
    fn sign(&mut self, state: &Artefact, out: &mut Vec<u8>) {
        self.begin(out);
        let open = self.spoken.and_then(|index| self.track.open.get(&index));
        if open.is_none_or(|item| item.body != Body::Reasoning) {
            self.end_spoken("completed", None, out);
            self.spoken = Some(self.open_item("rs", Body::Reasoning, out));
        }
        self.end_spoken("completed", Some(state), out);
    }

    fn start_call(
        &mut self,
        (ordinal, kind): (u32, &ToolKind),
        id: &str,
        name: &str,
        out: &mut Vec<u8>,
    ) {
        self.begin(out);
        self.end_spoken("completed", None, out);
        self.end_call(ordinal, out);
        let custom = *kind == ToolKind::Custom;
        let call_id = fit_id(id, "call_", CALL_ID_BYTES_MAX).into_owned();
        let body = Body::Call { ordinal, call_id, name: name.to_owned(), custom };
        let index = self.open_item(if custom { "ctc" } else { "fc" }, body, out);
        self.calls.insert(ordinal, index);
    }

    fn arguments(&mut self, ordinal: u32, fragment: &str, out: &mut Vec<u8>) {
        let Some(at) = self.calls.get(&ordinal).copied() else { return };
        let sequence = self.count();
        let Some(item) = self.track.open.get_mut(&at) else { return };
        item.text.push_str(fragment);
        let custom = matches!(item.body, Body::Call { custom: true, .. });
        let (id, index, within) = (item.id.as_str(), item.index, usize::from(custom));
        put_piece(Piece { part: None, id, index, within, sequence }, fragment, out);
    }

    fn end_call(&mut self, ordinal: u32, out: &mut Vec<u8>) {
        let Some(at) = self.calls.get(&ordinal).copied() else { return };
        let custom = self.track.open.get(&at).is_some_and(Item::is_custom);
        let silent = self.track.open.get(&at).is_some_and(|item| item.text.is_empty());
        if silent && !custom {
            // Clients parse the arguments, and nothing is no JSON.
            self.arguments(ordinal, "{}", out);
        }
        let Some(item) = self.track.open.get(&at) else { return };
        let (name, field) = if custom {
            ("response.custom_tool_call_input.done", "input")
        } else {
            ("response.function_call_arguments.done", "arguments")
        };
        let status = item.call_status();
        let mut done = json!({ "item_id": item.id, "output_index": item.index });
        done[field] = item.text.as_str().into();
        self.frame(name, done, out);
        self.end_item(at, status, None, out);
        self.calls.remove(&ordinal);
    }

    fn done(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        let finish = self.finish.take();
        let ending = ending(finish.as_ref(), self.refused);
        while let Some(ordinal) = self.calls.first_key_value().map(|(ordinal, _)| *ordinal) {
            self.end_call(ordinal, out);
            self.calls.remove(&ordinal);
        }
        self.end_spoken(ending.status, None, out);
        let shell = Shell {
            status: ending.status,
            incomplete: ending.incomplete,
            usage: self.usage.as_ref(),
            ..self.shell()
        };
        let response = shell.json(self.track.output(), &Value::Null);
        let name =
            if ending.incomplete.is_some() { "response.incomplete" } else { "response.completed" };
        self.frame(name, json!({ "response": response }), out);
        self.phase = Phase::Over;
    }

    /// The number of the event that is written next.
    fn count(&mut self) -> u64 {
        let sequence = self.track.sequence;
        self.track.sequence += 1;
        sequence
    }

    fn frame(&mut self, name: &str, fields: Value, out: &mut Vec<u8>) {
        let sequence = self.count();
        put_frame(name, sequence, fields, out);
    }
}

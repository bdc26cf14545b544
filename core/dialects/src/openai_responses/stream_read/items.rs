//! Items and their parts, in pieces or whole.

use backstop_exchange::{Event, ToolKind};
use backstop_vocabulary::Failure;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::namespace;
use super::super::track::{Body, Item, Part};
use super::super::wire::{Wire, encrypted, joined_texts};
use super::{StreamReader, bad};
use crate::hash::fnv64;
use crate::issuer;

impl StreamReader {
    pub(super) fn item_added(
        &mut self,
        wire: &Wire<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        self.start_unnamed(events);
        let item = value_of(wire.item)?;
        let index = wire.output_index.unwrap_or_else(|| self.track.next_index());
        self.begin(index, &item, events)
    }

    /// Opens an item.
    fn begin(&mut self, index: u64, item: &Value, events: &mut Vec<Event>) -> Result<(), Failure> {
        let body = match string(item, "type") {
            "message" => Body::Message,
            "reasoning" => {
                self.paragraph = false;
                Body::Reasoning
            }
            "function_call" => self.begin_call(item, ToolKind::Function, events)?,
            "custom_tool_call" => self.begin_call(item, ToolKind::Custom, events)?,
            kind => {
                events.push(Event::Foreign { kind: kind.to_owned() });
                Body::Other
            }
        };
        self.track.open.insert(index, Item::new(index, string(item, "id").to_owned(), body));
        Ok(())
    }

    fn begin_call(
        &mut self,
        item: &Value,
        kind: ToolKind,
        events: &mut Vec<Event>,
    ) -> Result<Body, Failure> {
        let name = string(item, "name");
        if name.is_empty() {
            return Err(bad("a tool call without a name"));
        }
        let ordinal = self.calls;
        self.calls += 1;
        let call_id = match (string(item, "call_id"), string(item, "id")) {
            ("", id) => format!("call_{:016x}", fnv64(format!("{id}/{ordinal}/{name}").as_bytes())),
            (call_id, _) => call_id.to_owned(),
        };
        let custom = kind == ToolKind::Custom;
        let namespace = item.get("namespace").and_then(Value::as_str);
        let (id, name) = (call_id.clone(), namespace::joined(namespace, name).into_owned());
        events.push(Event::ToolStart { ordinal, id, name: name.clone(), kind });
        Ok(Body::Call { ordinal, call_id, name, custom })
    }

    pub(super) fn item_done(
        &mut self,
        wire: &Wire<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        self.start_unnamed(events);
        let item = value_of(wire.item)?;
        let index = wire.output_index.unwrap_or_else(|| {
            let open = self.track.open.first_key_value().map(|(index, _)| *index);
            open.unwrap_or_else(|| self.track.next_index())
        });
        self.whole_item(index, item, events)
    }

    /// Takes a whole item: what deltas have not brought of it.
    pub(super) fn whole_item(
        &mut self,
        index: u64,
        item: Value,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        if self.track.done.contains_key(&index) {
            return Ok(());
        }
        if !self.track.open.contains_key(&index) {
            self.begin(index, &item, events)?;
        }
        let Some(mut open) = self.track.open.remove(&index) else { return Ok(()) };
        open.end_part();
        match &open.body {
            Body::Message if open.parts.is_empty() => self.whole_message(&item, events),
            Body::Reasoning => whole_reasoning(&open, &item, events),
            Body::Call { ordinal, custom, .. } => {
                let field = if *custom { "input" } else { "arguments" };
                let text = string(&item, field).to_owned();
                self.end_call((*ordinal, *custom), &mut open.text, &text, events);
            }
            Body::Message | Body::Other => {}
        }
        self.track.done.insert(index, item);
        Ok(())
    }

    fn whole_message(&mut self, item: &Value, events: &mut Vec<Event>) {
        for part in item.get("content").and_then(Value::as_array).into_iter().flatten() {
            match string(part, "type") {
                "refusal" => {
                    self.refused = true;
                    push(Event::Refusal, string(part, "refusal"), events);
                }
                _ => push(Event::Text, string(part, "text"), events),
            }
        }
    }

    /// Ends a call. Its item says what the arguments are, if no piece did.
    fn end_call(
        &mut self,
        (ordinal, custom): (u32, bool),
        seen: &mut String,
        whole: &str,
        events: &mut Vec<Event>,
    ) {
        if seen.is_empty() && !whole.is_empty() {
            whole.clone_into(seen);
            events.push(Event::ToolArguments { ordinal, fragment: whole.to_owned() });
        }
        let complete = custom || seen.trim().is_empty() || is_object(seen);
        if complete {
            events.push(Event::ToolEnd { ordinal });
        } else {
            self.garbled.push(ordinal);
        }
    }

    /// Ends what no event ended: the answer is over.
    pub(super) fn end_open_items(&mut self, events: &mut Vec<Event>) {
        for (_, mut item) in std::mem::take(&mut self.track.open) {
            item.end_part();
            if let Body::Call { ordinal, custom, .. } = item.body {
                self.end_call((ordinal, custom), &mut item.text.clone(), "", events);
            }
            self.track.done.insert(item.index, item.json("incomplete", None));
        }
    }

    /// The item an event speaks of. Servers that leave the number out have one open.
    fn open_item(&mut self, index: Option<u64>) -> Option<&mut Item> {
        match index {
            Some(index) => self.track.open.get_mut(&index),
            None => self
                .track
                .open
                .last_entry()
                .map(std::collections::btree_map::OccupiedEntry::into_mut),
        }
    }

    /// A piece of a part; the item and the part are opened if nothing announced them.
    pub(super) fn piece(&mut self, wire: &Wire<'_>, part: Part, events: &mut Vec<Event>) {
        let piece = wire.delta.get();
        if piece.is_empty() {
            return;
        }
        self.start_unnamed(events);
        self.refused |= part == Part::Refusal;
        if self.open_item(wire.output_index).is_none() {
            let index = wire.output_index.unwrap_or_else(|| self.track.next_index());
            let body = if part == Part::Summary { Body::Reasoning } else { Body::Message };
            self.track.open.insert(index, Item::new(index, String::new(), body));
        }
        let parted = std::mem::take(&mut self.paragraph);
        let Some(item) = self.open_item(wire.output_index) else { return };
        if item.part != Some(part) {
            item.end_part();
            item.part = Some(part);
        }
        item.text.push_str(piece);
        if part == Part::Summary && parted {
            events.push(Event::Reasoning("\n\n".to_owned()));
        }
        push(event_of(part), piece, events);
    }

    /// The whole of a part: news only if no piece of it came.
    pub(super) fn part_done(&mut self, wire: &Wire<'_>, whole: &str, events: &mut Vec<Event>) {
        let part = match wire.kind.get() {
            "response.refusal.done" => Part::Refusal,
            "response.output_text.done" => Part::Text,
            _ => Part::Summary,
        };
        let seen = self.open_item(wire.output_index).is_none_or(|item| !item.text.is_empty());
        if !seen && !whole.is_empty() {
            self.refused |= part == Part::Refusal;
            if let Some(item) = self.open_item(wire.output_index) {
                item.part = Some(part);
                item.text.push_str(whole);
            }
            push(event_of(part), whole, events);
        }
        if let Some(item) = self.open_item(wire.output_index) {
            item.end_part();
        }
        self.paragraph |= part == Part::Summary;
    }

    pub(super) fn part_added(&mut self, wire: &Wire<'_>) -> Result<(), Failure> {
        let part = value_of(wire.part)?;
        let part = match string(&part, "type") {
            "refusal" => Part::Refusal,
            "output_text" => Part::Text,
            _ => return Ok(()),
        };
        self.begin_part(wire.output_index, part);
        Ok(())
    }

    pub(super) fn summary_added(&mut self, wire: &Wire<'_>) {
        self.begin_part(wire.output_index, Part::Summary);
    }

    fn begin_part(&mut self, index: Option<u64>, part: Part) {
        if let Some(item) = self.open_item(index) {
            item.end_part();
            item.part = Some(part);
        }
    }

    pub(super) fn arguments(
        &mut self,
        index: Option<u64>,
        fragment: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let Some(item) = self.open_item(index) else {
            return Err(bad("arguments of a tool call that has not begun"));
        };
        // Tools that the provider runs itself have arguments, too.
        let Body::Call { ordinal, .. } = item.body else { return Ok(()) };
        if !fragment.is_empty() {
            item.text.push_str(fragment);
            events.push(Event::ToolArguments { ordinal, fragment: fragment.to_owned() });
        }
        Ok(())
    }

    /// All of a call's arguments: news only if no piece of them came.
    pub(super) fn arguments_done(
        &mut self,
        index: Option<u64>,
        whole: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let seen = self.open_item(index).is_none_or(|item| !item.text.is_empty());
        if seen { Ok(()) } else { self.arguments(index, whole, events) }
    }
}

/// The thought of an item: its text if no piece of it came, and what only its issuer can read.
fn whole_reasoning(open: &Item, item: &Value, events: &mut Vec<Event>) {
    if open.parts.is_empty() {
        let list = |name: &str| item.get(name).and_then(Value::as_array).map(Vec::as_slice);
        let raw = joined_texts(list("content").unwrap_or_default());
        let summary = joined_texts(list("summary").unwrap_or_default());
        push(Event::Reasoning, if raw.is_empty() { &summary } else { &raw }, events);
    }
    let data = string(item, "encrypted_content");
    if !data.is_empty() {
        let state = issuer::read(encrypted(data.to_owned()));
        events.extend(state.map(Event::ReasoningSignature));
    }
}

const fn event_of(part: Part) -> fn(String) -> Event {
    match part {
        Part::Text => Event::Text,
        Part::Refusal => Event::Refusal,
        Part::Summary => Event::Reasoning,
    }
}

fn push(event: fn(String) -> Event, text: &str, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(event(text.to_owned()));
    }
}

fn value_of(raw: Option<&RawValue>) -> Result<Value, Failure> {
    let value = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    value.ok_or_else(|| bad("an event without its item or part"))
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_object(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{')
        && text.ends_with('}')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

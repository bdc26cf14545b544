//! Where the items of an answer stand: what is done, what is open, and by what numbers and ids the
//! client knows them.
//!
//! The reader of a provider's stream keeps such a track, and so does the writer for a client. When a
//! stream whose own bytes went to the client breaks, the writer goes on in the provider's numbers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::namespace;
use super::wire::{message_item, reasoning_item, refusal_part, text_part};

/// The items of one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// The number of the next event.
    pub(super) sequence: u64,
    /// When the answer began by the provider's account, in seconds since 1970-01-01.
    pub(super) created: Option<u64>,
    /// The items that are done, by their index.
    pub(super) done: BTreeMap<u64, Value>,
    /// The items that are not, by theirs.
    pub(super) open: BTreeMap<u64, Item>,
}

/// An item in the making.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) index: u64,
    pub(super) id: String,
    pub(super) body: Body,
    /// The parts of a message, or the paragraphs of a thought, that are done.
    pub(super) parts: Vec<Value>,
    /// What is open of it.
    pub(super) part: Option<Part>,
    /// The text of the open part; of a call its arguments.
    pub(super) text: String,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Message,
    Reasoning,
    Call {
        ordinal: u32,
        call_id: String,
        name: String,
        custom: bool,
    },
    /// One that only the provider's own bytes can fill.
    Other,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text,
    Refusal,
    Summary,
}

impl Track {
    /// Takes over another's state, of which this one is an earlier copy.
    pub(super) fn catch_up(&mut self, other: &Self) {
        (self.sequence, self.created) = (other.sequence, other.created);
        let last = self.done.last_key_value().map(|(index, _)| *index);
        if self.done.len() != other.done.len() {
            let fresh =
                other.done.iter().filter(|(index, _)| last.is_none_or(|last| **index > last));
            self.done.extend(fresh.map(|(index, item)| (*index, item.clone())));
            for (index, item) in &other.done {
                self.done.entry(*index).or_insert_with(|| item.clone());
            }
        }
        let same = self.open.len() == other.open.len()
            && self
                .open
                .values()
                .zip(other.open.values())
                .all(|(own, other)| own.is_earlier(other));
        if same {
            for (own, other) in self.open.values_mut().zip(other.open.values()) {
                let fresh = other.text.get(own.text.len()..).unwrap_or_default();
                own.text.push_str(fresh);
            }
        } else {
            self.open.clone_from(&other.open);
        }
    }

    /// The index of the next item.
    pub(super) fn next_index(&self) -> u64 {
        let done = self.done.last_key_value().map(|(index, _)| *index);
        let open = self.open.last_key_value().map(|(index, _)| *index);
        done.max(open).map_or(0, |last| last.saturating_add(1))
    }

    /// The items that are done, in order.
    pub(super) fn output(&self) -> Vec<Value> {
        self.done.values().cloned().collect()
    }
}

impl Item {
    /// An item of which nothing has come yet.
    pub(super) const fn new(index: u64, id: String, body: Body) -> Self {
        Self { index, id, body, parts: Vec::new(), part: None, text: String::new() }
    }

    /// Whether `later` is this item with perhaps more text.
    fn is_earlier(&self, later: &Self) -> bool {
        self.index == later.index
            && self.part == later.part
            && self.parts.len() == later.parts.len()
            && self.body == later.body
            && self.text.len() <= later.text.len()
    }

    /// Ends the open part: what it adds up to, if one was open.
    pub(super) fn end_part(&mut self) -> Option<(Part, String, Value)> {
        let part = self.part.take()?;
        let text = std::mem::take(&mut self.text);
        let json = part.json(&text);
        self.parts.push(json.clone());
        Some((part, text, json))
    }

    /// Whether it is for people to read.
    pub(super) const fn is_spoken(&self) -> bool {
        matches!(self.body, Body::Message | Body::Reasoning)
    }

    /// Whether it is a call with free text.
    pub(super) const fn is_custom(&self) -> bool {
        matches!(self.body, Body::Call { custom: true, .. })
    }

    /// Whether a call can be made as it stands: an answer that was cut may end in half a call.
    pub(super) fn call_status(&self) -> &'static str {
        let whole = || serde_json::from_str::<serde::de::IgnoredAny>(&self.text).is_ok();
        if self.is_custom() || whole() { "completed" } else { "incomplete" }
    }

    /// The item as it stands.
    pub(super) fn json(&self, status: &str, encrypted: Option<&str>) -> Value {
        match &self.body {
            Body::Message => message_item(&self.id, status, self.parts.clone()),
            Body::Reasoning => {
                let text =
                    |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
                let paragraphs: Vec<String> = self.parts.iter().filter_map(text).collect();
                reasoning_item(&self.id, &paragraphs, encrypted)
            }
            Body::Call { call_id, name, custom, .. } => {
                call_item((&self.id, status), call_id, name, (&self.text, *custom))
            }
            Body::Other => Value::Null,
        }
    }
}

impl Part {
    /// The part with this text.
    pub(super) fn json(self, text: &str) -> Value {
        match self {
            Self::Text => text_part(text),
            Self::Refusal => refusal_part(text),
            Self::Summary => json!({ "type": "summary_text", "text": text }),
        }
    }
}

/// A call of a function, or of a custom tool.
pub(super) fn call_item(
    (id, status): (&str, &str),
    call_id: &str,
    name: &str,
    (text, custom): (&str, bool),
) -> Value {
    let (kind, field) =
        if custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
    let mut item = json!({ "id": id, "type": kind, "status": status, "call_id": call_id });
    namespace::write(&mut item, name);
    item[field] = text.into();
    item
}

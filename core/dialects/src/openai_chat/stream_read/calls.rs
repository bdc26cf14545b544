//! Puts the pieces of tool calls together, whatever the server does with indices and ids.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use backstop_exchange::{Event, ToolKind};
use backstop_vocabulary::{Class, Failure};

use super::super::wire::CallPiece;
use crate::hash::fnv64;

/// More calls than this in one answer are not an answer any more.
const CALLS_MAX: usize = 1024;

/// The calls of one answer, in the order they appeared on the wire.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    started: u32,
}

#[derive(Clone, Debug)]
struct Call {
    wire_index: Option<i64>,
    wire_id: String,
    name: String,
    arguments: String,
    kind: ToolKind,
    /// Given with `ToolStart`, which waits for the name.
    ordinal: Option<u32>,
    ended: bool,
}

/// A piece in one form, function or custom.
struct Piece<'a> {
    index: Option<i64>,
    id: &'a str,
    name: &'a str,
    fragment: Cow<'a, str>,
    kind: ToolKind,
}

impl Calls {
    /// Whether the answer called any tool.
    pub(super) const fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a piece. `salt` makes minted ids differ between answers.
    pub(super) fn take(
        &mut self,
        piece: &CallPiece<'_>,
        salt: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let piece = Piece::of(piece)?;
        let at = match self.place(&piece) {
            Some(at) => at,
            None => self.begin(&piece, events)?,
        };
        let started = self.started;
        let Some(call) = self.calls.get_mut(at) else { return Ok(()) };
        if call.wire_id.is_empty() {
            piece.id.clone_into(&mut call.wire_id);
        }
        if call.name.is_empty() {
            piece.name.clone_into(&mut call.name);
        }
        if call.ordinal.is_none() && !call.name.is_empty() {
            call.start(started, salt, events);
            self.started += 1;
        }
        call.add(&piece.fragment, events)
    }

    /// Ends all open calls. `cut` says that the answer ran into a limit, so that unfinished
    /// arguments are no fault.
    pub(super) fn finish(&mut self, cut: Cut, events: &mut Vec<Event>) -> Result<(), Failure> {
        for call in &mut self.calls {
            if call.ended {
                continue;
            }
            if cut == Cut::No && !call.is_complete() {
                return Err(broken("the provider sent tool arguments that are not a json object"));
            }
            call.end(events)?;
        }
        Ok(())
    }

    /// Which call a piece belongs to; `None` is a new one.
    fn place(&self, piece: &Piece<'_>) -> Option<usize> {
        let by_id = |call: &Call| !piece.id.is_empty() && call.wire_id == piece.id;
        let same = |call: &Call| by_id(call) && call.wire_index == piece.index;
        let last = self.calls.len().checked_sub(1);
        let known = self.calls.iter().rposition(same).or_else(|| match piece.index {
            Some(_) => self.calls.iter().rposition(|call| call.wire_index == piece.index),
            None => self.calls.iter().rposition(by_id).or(last),
        })?;
        let fresh = self.calls.get(known).is_none_or(|call| call.is_other_than(piece));
        (!fresh).then_some(known)
    }

    fn begin(&mut self, piece: &Piece<'_>, events: &mut Vec<Event>) -> Result<usize, Failure> {
        if self.calls.len() >= CALLS_MAX {
            return Err(broken("the provider called more tools than an answer may hold"));
        }
        // Servers that interleave calls leave earlier ones unfinished here; a finished one can go.
        for call in &mut self.calls {
            if !call.ended && call.has_object() {
                call.end(events)?;
            }
        }
        self.calls.push(Call {
            wire_index: piece.index,
            wire_id: String::new(),
            name: String::new(),
            arguments: String::new(),
            kind: piece.kind.clone(),
            ordinal: None,
            ended: false,
        });
        Ok(self.calls.len() - 1)
    }
}

/// Whether the answer ran into a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    No,
    Yes,
}

impl<'a> Piece<'a> {
    fn of(piece: &'a CallPiece<'_>) -> Result<Self, Failure> {
        let (index, id) = (piece.index, piece.id.get());
        if let Some(custom) = &piece.custom {
            let (name, fragment) = (custom.name.get(), Cow::Borrowed(custom.input.get()));
            return Ok(Self { index, id, name, fragment, kind: ToolKind::Custom });
        }
        let function = piece.function.as_ref();
        let name = function.map_or("", |function| function.name.get());
        let fragment = match function.and_then(|function| function.arguments) {
            Some(raw) => fragment_of(raw)?,
            None => Cow::Borrowed(""),
        };
        Ok(Self { index, id, name, fragment, kind: ToolKind::Function })
    }
}

impl Call {
    /// Whether a piece with the same index, or with none, begins another call. Some servers give
    /// every call index 0, some repeat id and name in every piece, some invent an id per piece.
    fn is_other_than(&self, piece: &Piece<'_>) -> bool {
        if piece.name.is_empty() || self.name.is_empty() {
            return false;
        }
        if !piece.id.is_empty() && !self.wire_id.is_empty() {
            return piece.id != self.wire_id;
        }
        piece.name != self.name || (!piece.fragment.is_empty() && self.has_object())
    }

    fn start(&mut self, ordinal: u32, salt: &str, events: &mut Vec<Event>) {
        self.ordinal = Some(ordinal);
        let id = if self.wire_id.is_empty() {
            let seed = format!("{salt}/{ordinal}/{}", self.name);
            format!("call_{:016x}", fnv64(seed.as_bytes()))
        } else {
            self.wire_id.clone()
        };
        let (name, kind) = (self.name.clone(), self.kind.clone());
        events.push(Event::ToolStart { ordinal, id, name, kind });
        if !self.arguments.is_empty() {
            events.push(Event::ToolArguments { ordinal, fragment: self.arguments.clone() });
        }
    }

    fn add(&mut self, fragment: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        // Nothing, no arguments in other words, or the whole call once more in the last chunk.
        if fragment.is_empty()
            || (self.arguments.is_empty() && fragment == "null" && !self.is_custom())
            || (fragment == self.arguments && self.has_object())
        {
            return Ok(());
        }
        if self.ended {
            let blank = fragment.trim().is_empty();
            return if blank {
                Ok(())
            } else {
                Err(broken("the provider went on with a tool call that was complete"))
            };
        }
        self.arguments.push_str(fragment);
        if let Some(ordinal) = self.ordinal {
            events.push(Event::ToolArguments { ordinal, fragment: fragment.to_owned() });
        }
        Ok(())
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        let Some(ordinal) = self.ordinal else {
            return Err(broken("the provider called a tool without naming it"));
        };
        self.ended = true;
        events.push(Event::ToolEnd { ordinal });
        Ok(())
    }

    const fn is_custom(&self) -> bool {
        match self.kind {
            ToolKind::Custom => true,
            ToolKind::Function | ToolKind::Hosted { .. } => false,
        }
    }

    /// Whether the arguments may stand as they are; no text at all means no arguments.
    fn is_complete(&self) -> bool {
        self.is_custom() || self.arguments.trim().is_empty() || self.has_object()
    }

    fn has_object(&self) -> bool {
        let text = self.arguments.trim();
        // The cheap look first: this is asked for whole calls and repeated pieces.
        text.starts_with('{')
            && text.ends_with('}')
            && serde_json::from_str::<IgnoredAny>(text).is_ok()
    }
}

/// The text of an `arguments` value: the string's content, or an object as it was written.
fn fragment_of(raw: &RawValue) -> Result<Cow<'_, str>, Failure> {
    let text = raw.get();
    if text == "null" {
        return Ok(Cow::Borrowed(""));
    }
    if !text.starts_with('"') {
        return Ok(Cow::Borrowed(text));
    }
    let content = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match content {
        Some(content) if !content.contains('\\') => Ok(Cow::Borrowed(content)),
        _ => serde_json::from_str::<String>(text)
            .map(Cow::Owned)
            .map_err(|_| broken("the provider sent tool arguments that are not a string")),
    }
}

fn broken(message: &'static str) -> Failure {
    Failure::new(Class::BadAnswer, message)
}

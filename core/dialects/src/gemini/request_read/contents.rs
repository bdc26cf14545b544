//! `systemInstruction` and `contents` → system texts and turns.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use backstop_exchange::{Block, Loss, Request, Role, Text, Turn};
use backstop_vocabulary::Failure;

use super::super::keys;
use super::super::wire::MINTED;
use super::parts::read_part;
use crate::json::Fields;

/// Reads all contents.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    read_system(fields, request)?;
    let contents = match fields.value("contents") {
        None => return Err(fields.wrong("contents", "given, as a list of contents")),
        Some(Value::String(text)) => {
            request.turns.push(Turn::text(Role::User, text));
            return Ok(());
        }
        Some(Value::Array(contents)) => contents,
        Some(only) => vec![only],
    };
    let mut calls = Calls::default();
    for (index, content) in contents.into_iter().enumerate() {
        let turn = read_content(&format!("contents[{index}]"), content, &mut calls, request)?;
        match last_of_model(request).filter(|_| turn.role == Role::Assistant) {
            Some(last) => last.blocks.extend(turn.blocks),
            None => request.turns.push(turn),
        }
    }
    Ok(())
}

/// The turn that goes on when the model's next content comes: chats of the official SDKs keep each
/// chunk of a stream as a content of its own, and send them all back.
fn last_of_model(request: &mut Request) -> Option<&mut Turn> {
    request.turns.last_mut().filter(|last| last.role == Role::Assistant)
}

/// The instructions: a content, or what stands for one.
fn read_system(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let place = fields.place_of("systemInstruction");
    let parts = match fields.value("systemInstruction") {
        None => return Ok(()),
        Some(Value::String(text)) => {
            request.system.push(Text::plain(text));
            return Ok(());
        }
        Some(Value::Array(parts)) => parts,
        Some(content) => {
            let mut content = keys::at(&place, content)?;
            keys::list(&mut content, "parts").unwrap_or_default()
        }
    };
    for part in parts {
        let text = part.as_str().or_else(|| part.get("text").and_then(Value::as_str));
        match text {
            Some(text) => request.system.push(Text::plain(text)),
            None => request.lost.push(Loss::new("systemInstruction", "only text is taken here")),
        }
    }
    Ok(())
}

fn read_content(
    place: &str,
    content: Value,
    calls: &mut Calls,
    request: &mut Request,
) -> Result<Turn, Failure> {
    if let Value::String(text) = content {
        return Ok(Turn::text(Role::User, text));
    }
    let mut content = keys::at(place, content)?;
    let role = match content.string("role")?.as_deref() {
        Some("model") => Role::Assistant,
        None | Some("user" | "function" | "") => Role::User,
        Some(_) => return Err(content.wrong("role", "`user` or `model`")),
    };
    if role == Role::Assistant && last_of_model(request).is_none() {
        calls.begin();
    }
    let parts = keys::list(&mut content, "parts").unwrap_or_default();
    let mut blocks = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let place = format!("{place}.parts[{index}]");
        read_part(&place, part, &mut blocks, (&mut *calls, &mut *request))?;
    }
    if blocks.is_empty() {
        // The turn must not vanish: the next one would look like its answer.
        blocks.push(Block::Text(Text::default()));
    }
    Ok(Turn { role, blocks, name: None })
}

/// Takes the first of these calls that has no result yet.
fn next_open(open: &mut [Option<String>], places: &mut VecDeque<usize>) -> Option<String> {
    while let Some(place) = places.pop_front() {
        if let Some(call) = open.get_mut(place).and_then(Option::take) {
            return Some(call);
        }
    }
    None
}

/// Which call a result answers. Calls need no ids here: by name, in their order, is enough.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The ids of the calls of the last turn of the model; empty once there is a result.
    open: Vec<Option<String>>,
    /// The places of calls in `open`, by id and by name.
    by_id: BTreeMap<String, VecDeque<usize>>,
    by_name: BTreeMap<String, VecDeque<usize>>,
    /// How many calls there were without an id.
    minted: u32,
}

impl Calls {
    /// The model speaks: what was not answered before never will be.
    fn begin(&mut self) {
        self.open.clear();
        self.by_id.clear();
        self.by_name.clear();
    }

    /// The id of a call; the same one at every replay of the conversation.
    pub(super) fn call(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.mint());
        let place = self.open.len();
        self.by_id.entry(id.clone()).or_default().push_back(place);
        self.by_name.entry(name.to_owned()).or_default().push_back(place);
        self.open.push(Some(id.clone()));
        id
    }

    /// The id of the call that a result is for.
    pub(super) fn answer(&mut self, id: Option<String>, name: &str) -> String {
        let by_id = id.as_ref().and_then(|id| self.by_id.get_mut(id));
        let call = by_id.and_then(|places| next_open(&mut self.open, places)).or_else(|| {
            self.by_name.get_mut(name).and_then(|places| next_open(&mut self.open, places))
        });
        match (call, id) {
            (Some(call), _) => call,
            (None, Some(id)) if !id.is_empty() => id,
            (None, _) => self.mint(),
        }
    }

    fn mint(&mut self) -> String {
        self.minted += 1;
        format!("{MINTED}{}", self.minted)
    }
}

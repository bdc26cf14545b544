//! `instructions` and `input` → system texts and turns.

use serde_json::Value;

use backstop_exchange::{
    Artefact, Block, Request, Role, Text, ToolCall, ToolKind, ToolResult, Turn,
};
use backstop_vocabulary::{Dialect, Failure};

use super::super::namespace;
use super::super::wire::{ENCRYPTED, joined_texts};
use super::parts::{read_content, read_parts};
use crate::issuer;
use crate::json::Fields;
use crate::losses::Losses;

/// The prefix of the kind of a foreign block that is a field of the message, not an item.
pub(in super::super) const FIELD: &str = "message.";

/// Items that stand for something only their provider has.
const HELD: [&str; 3] = ["item_reference", "compaction", "compaction_trigger"];

/// Reads all items. Instructions before the first turn become `system`; what the model did in one go
/// becomes one turn, and so does a run of results.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    if let Some(text) = fields.string("instructions")? {
        request.system.push(Text::plain(text));
    }
    match fields.value("input") {
        // What is asked may be kept by the provider.
        None if request.bound.is_some() => {}
        None => return Err(fields.wrong("input", "given, as a string or a list of items")),
        Some(Value::String(text)) => request.turns.push(Turn::text(Role::User, text)),
        Some(Value::Array(items)) => {
            for (index, item) in items.into_iter().enumerate() {
                read_item(&format!("input[{index}]"), item, request)?;
            }
        }
        Some(_) => return Err(fields.wrong("input", "a string or a list of items")),
    }
    Ok(())
}

fn read_item(place: &str, item: Value, request: &mut Request) -> Result<(), Failure> {
    // A reference needs no type: it is what has an id and no role.
    let refers = item.get("role").is_none() && item.get("id").is_some();
    let untyped = if refers { "item_reference" } else { "message" };
    let kind = item.get("type").and_then(Value::as_str).unwrap_or(untyped).to_owned();
    match kind.as_str() {
        "message" => read_message(Fields::at(place, item)?, request),
        "function_call" => {
            read_call(Fields::at(place, item)?, (ToolKind::Function, "arguments"), request)
        }
        "custom_tool_call" => {
            read_call(Fields::at(place, item)?, (ToolKind::Custom, "input"), request)
        }
        "function_call_output" | "custom_tool_call_output" => {
            read_result(Fields::at(place, item)?, request)
        }
        "reasoning" => {
            push_assistant(read_reasoning(Fields::at(place, item)?)?, request);
            Ok(())
        }
        _ => {
            if HELD.contains(&kind.as_str()) {
                request.bound.get_or_insert_with(|| kind.clone());
            }
            let dialect = Dialect::OpenaiResponses;
            push_assistant(Block::Foreign { dialect, kind, json: item }, request);
            Ok(())
        }
    }
}

fn read_message(mut message: Fields, request: &mut Request) -> Result<(), Failure> {
    let role = message.needed_string("role")?;
    let mut losses = Losses::resumed(&mut request.lost);
    let mut blocks = read_content(&mut message, "content", &mut losses)?;
    request.lost = losses.into_list();
    match role.as_str() {
        "user" => push(Role::User, blocks, request),
        "assistant" => {
            if let Some(phase) = message.string("phase")? {
                let (dialect, kind) = (Dialect::OpenaiResponses, format!("{FIELD}phase"));
                blocks.push(Block::Foreign { dialect, kind, json: phase.into() });
            }
            for block in blocks {
                push_assistant(block, request);
            }
        }
        "system" | "developer" => read_system(blocks, request),
        _ => return Err(message.wrong("role", "one of developer, system, user and assistant")),
    }
    lose_rest(message, request);
    Ok(())
}

fn read_system(blocks: Vec<Block>, request: &mut Request) {
    let texts: Option<Vec<Text>> = blocks
        .iter()
        .map(|block| if let Block::Text(text) = block { Some(text.clone()) } else { None })
        .collect();
    match texts {
        Some(texts) if request.turns.is_empty() => request.system.extend(texts),
        Some(_) | None => push(Role::System, blocks, request),
    }
}

fn push(role: Role, mut blocks: Vec<Block>, request: &mut Request) {
    if blocks.is_empty() {
        // Valid here, and the turn must not vanish: the next one would look like its answer.
        blocks.push(Block::Text(Text::default()));
    }
    request.turns.push(Turn { role, blocks, name: None });
}

/// Adds what the model did to the turn it is doing it in.
fn push_assistant(block: Block, request: &mut Request) {
    match request.turns.last_mut() {
        Some(turn) if turn.role == Role::Assistant => turn.blocks.push(block),
        Some(_) | None => {
            request.turns.push(Turn { role: Role::Assistant, blocks: vec![block], name: None });
        }
    }
}

fn read_call(
    mut item: Fields,
    (kind, arguments): (ToolKind, &str),
    request: &mut Request,
) -> Result<(), Failure> {
    let namespace = item.string("namespace")?;
    let name = item.needed_string("name")?;
    let call = ToolCall {
        id: item.needed_string("call_id")?,
        name: namespace::joined(namespace.as_deref(), &name).into_owned(),
        arguments: item.string(arguments)?.unwrap_or_default(),
        kind,
        cache_hint: None,
    };
    lose_rest(item, request);
    push_assistant(Block::ToolCall(call), request);
    Ok(())
}

/// Lists what an item says beyond what was read. Its own id and state are the provider's notes.
fn lose_rest(mut item: Fields, request: &mut Request) {
    item.rest.retain(|name, _| !matches!(name.as_str(), "id" | "status" | "name"));
    if !item.rest.is_empty() {
        let mut losses = Losses::after(&request.lost);
        losses.add_rest("input", &item);
        request.lost = losses.into_list();
    }
}

fn read_result(mut item: Fields, request: &mut Request) -> Result<(), Failure> {
    let call_id = item.needed_string("call_id")?;
    let mut losses = Losses::resumed(&mut request.lost);
    let blocks = match item.value("output") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![Block::Text(Text::plain(text))],
        Some(Value::Array(parts)) => read_parts(&item.place_of("output"), parts, &mut losses)?,
        Some(_) => return Err(item.wrong("output", "a string or a list of parts")),
    };
    request.lost = losses.into_list();
    lose_rest(item, request);
    let result = ToolResult { call_id, blocks, is_error: false, cache_hint: None };
    let ends_in_result = |turn: &Turn| matches!(turn.blocks.last(), Some(Block::ToolResult(_)));
    match request.turns.last_mut() {
        Some(turn) if turn.role == Role::User && ends_in_result(turn) => {
            turn.blocks.push(Block::ToolResult(result));
        }
        Some(_) | None => push(Role::User, vec![Block::ToolResult(result)], request),
    }
    Ok(())
}

/// A thought: its raw text where a server shows that, else its summary.
fn read_reasoning(mut item: Fields) -> Result<Block, Failure> {
    let raw = joined_texts(&item.list("content")?.unwrap_or_default());
    let summary = joined_texts(&item.list("summary")?.unwrap_or_default());
    let encrypted = item.string("encrypted_content")?.filter(|data| !data.is_empty());
    let artefact = encrypted.and_then(|data| {
        let (dialect, kind) = (Dialect::OpenaiResponses, ENCRYPTED.to_owned());
        issuer::read(Artefact { dialect, kind, data })
    });
    Ok(Block::Reasoning { text: if raw.is_empty() { summary } else { raw }, artefact })
}

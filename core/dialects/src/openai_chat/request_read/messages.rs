//! `messages` → system texts and turns.

use serde_json::Value;

use backstop_exchange::{Block, Request, Role, Text, ToolCall, ToolKind, ToolResult, Turn};
use backstop_vocabulary::{Dialect, Failure};

use super::parts::read_content;
use crate::hash::fnv64;
use crate::json::{Fields, invalid};
use crate::losses::Losses;

/// Reads all messages. Instructions before the first turn become `system`; a run of tool messages
/// becomes one turn of results.
pub(super) fn read(
    fields: &mut Fields,
    request: &mut Request,
    losses: &mut Losses,
) -> Result<(), Failure> {
    let messages = fields.list("messages")?.filter(|messages| !messages.is_empty());
    let messages =
        messages.ok_or_else(|| invalid("`messages` must be a list with at least one message"))?;
    // The deprecated function calls have no ids; one is made of the place, for call and result.
    let mut last_function = String::new();
    for (index, message) in messages.into_iter().enumerate() {
        let mut message = Fields::at(&format!("messages[{index}]"), message)?;
        match message.needed_string("role")?.as_str() {
            "system" | "developer" => read_system(message, request, losses)?,
            "user" => {
                let blocks = read_content(&mut message, "content", losses)?;
                push(message, Role::User, blocks, request)?;
            }
            "assistant" => {
                last_function = format!("call_{:016x}", fnv64(&index.to_le_bytes()));
                let blocks = read_assistant(&mut message, &last_function, losses)?;
                push(message, Role::Assistant, blocks, request)?;
            }
            "tool" => {
                let id = message.needed_string("tool_call_id")?;
                read_result(message, id, request, losses)?;
            }
            "function" => read_result(message, last_function.clone(), request, losses)?,
            _ => {
                let roles = "one of developer, system, user, assistant and tool";
                return Err(message.wrong("role", roles));
            }
        }
    }
    Ok(())
}

fn read_system(
    mut message: Fields,
    request: &mut Request,
    losses: &mut Losses,
) -> Result<(), Failure> {
    let blocks = read_content(&mut message, "content", losses)?;
    let name = message.string("name")?;
    // A named system message is an example conversation (`example_user`), not an instruction.
    let leads = request.turns.is_empty() && name.is_none() && message.rest.is_empty();
    let texts: Option<Vec<Text>> = blocks
        .iter()
        .map(|block| if let Block::Text(text) = block { Some(text.clone()) } else { None })
        .collect();
    match texts {
        Some(texts) if leads => request.system.extend(texts),
        Some(_) | None => {
            if let Some(name) = name {
                message.rest.insert("name".to_owned(), name.into());
            }
            push(message, Role::System, blocks, request)?;
        }
    }
    Ok(())
}

/// The blocks of an assistant message: thought, text, refusal, calls, in this order.
fn read_assistant(
    message: &mut Fields,
    function_id: &str,
    losses: &mut Losses,
) -> Result<Vec<Block>, Failure> {
    let mut blocks = Vec::new();
    let thought = message.string("reasoning_content")?;
    let other = message.string("reasoning")?;
    if let Some(text) = thought.or(other).filter(|text| !text.is_empty()) {
        blocks.push(Block::Reasoning { text, artefact: None });
    }
    let content = read_content(message, "content", losses)?;
    blocks.extend(content.into_iter().filter(|block| !is_empty_text(block)));
    if let Some(refusal) = message.string("refusal")?.filter(|text| !text.is_empty()) {
        blocks.push(Block::Refusal(refusal));
    }
    for (index, call) in message.list("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        let place = message.place_of(&format!("tool_calls[{index}]"));
        blocks.push(Block::ToolCall(read_call(Fields::at(&place, call)?)?));
    }
    if let Some(mut call) = message.nested("function_call")? {
        let (id, name) = (function_id.to_owned(), call.needed_string("name")?);
        let arguments = arguments_of(&mut call, "arguments");
        let kind = ToolKind::Function;
        blocks.push(Block::ToolCall(ToolCall { id, name, arguments, kind, cache_hint: None }));
    }
    Ok(blocks)
}

fn is_empty_text(block: &Block) -> bool {
    matches!(block, Block::Text(Text { text, cache_hint: None }) if text.is_empty())
}

fn read_call(mut call: Fields) -> Result<ToolCall, Failure> {
    let id = call.needed_string("id")?;
    if let Some(mut custom) = call.nested("custom")? {
        let (name, arguments) = (custom.needed_string("name")?, arguments_of(&mut custom, "input"));
        return Ok(ToolCall { id, name, arguments, kind: ToolKind::Custom, cache_hint: None });
    }
    let mut function = call
        .nested("function")?
        .ok_or_else(|| call.wrong("function", "given, with `name` and `arguments`"))?;
    let name = function.needed_string("name")?;
    let arguments = arguments_of(&mut function, "arguments");
    Ok(ToolCall { id, name, arguments, kind: ToolKind::Function, cache_hint: None })
}

/// Arguments are a string; clients of lenient servers replay the object itself.
fn arguments_of(fields: &mut Fields, name: &str) -> String {
    match fields.value(name) {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
    }
}

fn read_result(
    mut message: Fields,
    call_id: String,
    request: &mut Request,
    losses: &mut Losses,
) -> Result<(), Failure> {
    let mut blocks = read_content(&mut message, "content", losses)?;
    // The tool's name, which the call has already.
    message.rest.shift_remove("name");
    blocks.extend(leftovers(message));
    let result = ToolResult { call_id, blocks, is_error: false, cache_hint: None };
    match request.turns.last_mut() {
        Some(turn) if turn.role == Role::User && ends_in_result(turn) => {
            turn.blocks.push(Block::ToolResult(result));
        }
        Some(_) | None => {
            let blocks = vec![Block::ToolResult(result)];
            request.turns.push(Turn { role: Role::User, blocks, name: None });
        }
    }
    Ok(())
}

fn ends_in_result(turn: &Turn) -> bool {
    matches!(turn.blocks.last(), Some(Block::ToolResult(_)))
}

fn push(
    mut message: Fields,
    role: Role,
    mut blocks: Vec<Block>,
    request: &mut Request,
) -> Result<(), Failure> {
    let name = message.string("name")?;
    blocks.extend(leftovers(message));
    if blocks.is_empty() {
        // Valid here, and the turn must not vanish: the next one would look like its answer.
        blocks.push(Block::Text(Text::default()));
    }
    request.turns.push(Turn { role, blocks, name });
    Ok(())
}

/// The prefix of the kind of a foreign block that is a field of the message, not a part of it.
pub(in super::super) const FIELD: &str = "message.";

/// Fields of the message that the neutral form has no place for; empty ones carry nothing.
fn leftovers(message: Fields) -> impl Iterator<Item = Block> {
    let carries =
        |value: &Value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty());
    message.rest.into_iter().filter(move |(_, value)| carries(value)).map(|(name, json)| {
        Block::Foreign { dialect: Dialect::OpenaiChat, kind: format!("{FIELD}{name}"), json }
    })
}

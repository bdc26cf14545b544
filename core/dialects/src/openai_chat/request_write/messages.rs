//! System texts and turns → `messages`.
//!
//! This dialect wants each assistant message with calls to be followed at once by one `tool` message
//! for each call, and knows no other place for results. So the turns up to the next assistant turn
//! are taken together: first the results in the order of the calls, then pictures that results held,
//! then what else was said.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use backstop_exchange::{Block, Role, Text, ToolCall, Turn};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::super::request_read::FIELD;
use super::Draft;
use super::assistant::write_assistant;
use super::parts::{content, media_part, text_part};
use super::results::write_results;

pub(crate) const CONTINUE: &str = "Continue your previous message exactly where it stopped. \
    Give only the continuation, without repeating anything and without a preamble.";

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let mut messages = Vec::new();
    write_system(draft, &mut messages);
    let turns = &draft.request.turns;
    let mut at = 0;
    while let Some(turn) = turns.get(at) {
        if turn.role == Role::Assistant {
            let run = run_length(turns, at);
            let spoken: Vec<&Turn> = turns.iter().skip(at).take(run).collect();
            at += run;
            write_assistant(draft, &spoken, &mut messages);
            let calls = calls_of(&spoken);
            let answers = turns.iter().skip(at).take_while(|turn| turn.role != Role::Assistant);
            let answers: Vec<&Turn> = answers.collect();
            at += answers.len();
            write_results(draft, &calls, &answers, &mut messages)?;
            write_others(draft, &answers, &mut messages)?;
        } else {
            at += 1;
            write_results(draft, &[], &[turn], &mut messages)?;
            write_others(draft, &[turn], &mut messages)?;
        }
    }
    emulate_prefill(draft, &mut messages);
    if messages.is_empty() {
        return Err(Failure::new(Class::InvalidRequest, "no message is left to send"));
    }
    draft.set("messages", messages);
    Ok(())
}

/// How many assistant turns from `at` on make one message: a turn with calls takes in those that
/// follow it, whose results would otherwise come too late.
fn run_length(turns: &[Turn], at: usize) -> usize {
    let mut run = 1;
    while turns.get(at + run - 1).is_some_and(has_call)
        && turns.get(at + run).is_some_and(|turn| turn.role == Role::Assistant)
    {
        run += 1;
    }
    run
}

fn has_call(turn: &Turn) -> bool {
    turn.blocks.iter().any(|block| matches!(block, Block::ToolCall(_)))
}

fn calls_of<'a>(turns: &[&'a Turn]) -> Vec<&'a ToolCall> {
    let blocks = turns.iter().flat_map(|turn| &turn.blocks);
    blocks
        .filter_map(|block| if let Block::ToolCall(call) = block { Some(call) } else { None })
        .collect()
}

fn write_system(draft: &mut Draft<'_>, messages: &mut Vec<Value>) {
    let texts = &draft.request.system;
    if texts.is_empty() {
        return;
    }
    let role = if draft.is_original() { "developer" } else { "system" };
    let plain: Vec<&Text> = texts.iter().collect();
    let content = content(draft, &plain, "\n\n");
    messages.push(json!({ "role": role, "content": content }));
}

/// What the turns say beside results, each under its role and in its place.
fn write_others(
    draft: &mut Draft<'_>,
    turns: &[&Turn],
    messages: &mut Vec<Value>,
) -> Result<(), Failure> {
    for turn in turns {
        let lowered;
        let turn = if turn.role == Role::System && !takes_system_turn(draft, messages) {
            draft.lose("messages.system", "became a marked user text");
            lowered = marked(turn);
            &lowered
        } else {
            turn
        };
        let rest = turn.blocks.iter().filter(|block| !matches!(block, Block::ToolResult(_)));
        let rest: Vec<Cow<'_, Block>> = rest.filter_map(|block| known(draft, block)).collect();
        let rest: Vec<&Block> = rest.iter().map(AsRef::as_ref).collect();
        if rest.is_empty() {
            continue;
        }
        let mut message = Map::new();
        let role = match turn.role {
            Role::System if draft.is_original() => "developer",
            Role::System => "system",
            Role::User | Role::Assistant => "user",
        };
        message.insert("role".to_owned(), role.into());
        let content = user_content(draft, &rest, &mut message)?;
        if content.as_array().is_some_and(Vec::is_empty) && message.len() == 1 {
            continue;
        }
        message.insert("content".to_owned(), content);
        add_name(draft, turn.name.as_ref(), &mut message);
        messages.push(message.into());
    }
    Ok(())
}

/// The block, or what stands for one of another dialect.
fn known<'a>(draft: &mut Draft<'_>, block: &'a Block) -> Option<Cow<'a, Block>> {
    if let Block::Foreign { dialect, kind, json } = block
        && *dialect != Dialect::OpenaiChat
    {
        let text = draft.text_for(*dialect, kind, json)?;
        return Some(Cow::Owned(Block::Text(Text::plain(text))));
    }
    Some(Cow::Borrowed(block))
}

/// Whether an instruction may stand here. The templates of many open models refuse one that is not
/// the first message.
fn takes_system_turn(draft: &Draft<'_>, messages: &[Value]) -> bool {
    draft.target.abilities.system_turns || messages.is_empty()
}

/// The instruction as user text, marked as what it is, at the same place: at the top it would say
/// something else.
fn marked(turn: &Turn) -> Turn {
    let mut turn = Turn { role: Role::User, ..turn.clone() };
    for block in &mut turn.blocks {
        if let Block::Text(text) = block {
            text.text = format!("<system-reminder>\n{}\n</system-reminder>", text.text);
        }
    }
    turn
}

fn user_content(
    draft: &mut Draft<'_>,
    blocks: &[&Block],
    message: &mut Map<String, Value>,
) -> Result<Value, Failure> {
    let texts: Option<Vec<&Text>> = blocks
        .iter()
        .filter(|block| !is_field(block))
        .map(|block| if let Block::Text(text) = block { Some(text) } else { None })
        .collect();
    if let Some(texts) = texts {
        fields_of(blocks, message);
        return Ok(content(draft, &texts, "\n\n"));
    }
    fields_of(blocks, message);
    let mut parts = Vec::new();
    for block in blocks {
        match block {
            Block::Text(text) => parts.push(text_part(draft, text)),
            Block::Media(media) => parts.push(media_part(draft, media)?),
            Block::Refusal(text) => parts.push(json!({ "type": "text", "text": text })),
            Block::Foreign { dialect: Dialect::OpenaiChat, kind, .. }
                if kind.starts_with(FIELD) => {}
            Block::Foreign { json, .. } => parts.push(json.clone()),
            Block::Reasoning { .. } | Block::ToolCall(_) | Block::ToolResult(_) => {
                draft.lose("messages", "a user turn holds a block of an assistant");
            }
        }
    }
    Ok(parts.into())
}

fn is_field(block: &Block) -> bool {
    matches!(block, Block::Foreign { dialect: Dialect::OpenaiChat, kind, .. }
        if kind.starts_with(FIELD))
}

fn fields_of(blocks: &[&Block], message: &mut Map<String, Value>) {
    for block in blocks {
        if let Block::Foreign { dialect: Dialect::OpenaiChat, kind, json } = block
            && let Some(name) = kind.strip_prefix(FIELD)
        {
            message.insert(name.to_owned(), json.clone());
        }
    }
}

pub(super) fn add_name(
    draft: &mut Draft<'_>,
    name: Option<&String>,
    message: &mut Map<String, Value>,
) {
    let Some(name) = name.filter(|_| draft.is_native()) else { return };
    if draft.target.abilities.habits.refuse("messages.name") {
        draft.lose("messages.name", "not taken by this server");
    } else {
        message.insert("name".to_owned(), name.as_str().into());
    }
}

/// This dialect begins a new message where others continue the last one.
fn emulate_prefill(draft: &mut Draft<'_>, messages: &mut Vec<Value>) {
    let last = messages.last().and_then(|message| message.get("role")).and_then(Value::as_str);
    if last == Some("assistant") && !draft.target.abilities.prefill {
        messages.push(json!({ "role": "user", "content": CONTINUE }));
        draft.lose("prefill", "emulated by an instruction to continue");
    }
}

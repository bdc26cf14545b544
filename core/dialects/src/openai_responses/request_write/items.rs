//! System texts and turns → `instructions` and `input`.
//!
//! This dialect wants a result for every call, and a call for every result; results come first of
//! what follows the calls.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use backstop_exchange::{
    Artefact, Block, ReasoningForm, Role, Text, ToolCall, ToolKind, ToolResult, Turn,
};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::super::namespace;
use super::super::request_read::FIELD;
use super::super::wire::ENCRYPTED;
use super::parts::{content, parts, result_output};
use super::{Draft, call_id};
use crate::openai_chat::CONTINUE;

/// The conversation in the making.
struct Items<'a> {
    list: Vec<Value>,
    /// The calls that wait for a result, in their order.
    unanswered: BTreeMap<usize, &'a ToolCall>,
    /// Where the calls stand among them, by their ids.
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Items<'a> {
    fn call(&mut self, call: &'a ToolCall) {
        let place = self.unanswered.last_key_value().map_or(0, |(last, _)| last + 1);
        self.unanswered.insert(place, call);
        self.places.entry(&call.id).or_insert(place);
    }

    /// The call that a result answers, which then waits no more.
    fn answered(&mut self, id: &str) -> Option<&'a ToolCall> {
        let place = self.places.remove(id)?;
        self.unanswered.remove(&place)
    }
}

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let mut items =
        Items { list: Vec::new(), unanswered: BTreeMap::new(), places: BTreeMap::new() };
    write_system(draft, &mut items.list);
    let request = draft.request;
    for turn in &request.turns {
        match turn.role {
            Role::Assistant => {
                write_missing(draft, &mut items);
                write_assistant(draft, turn, &mut items);
            }
            Role::User | Role::System => {
                write_results(draft, turn, &mut items)?;
                write_message(draft, turn, &mut items.list)?;
            }
        }
    }
    write_missing(draft, &mut items);
    emulate_prefill(draft, &mut items.list);
    if items.list.is_empty() && request.bound.is_none() {
        return Err(Failure::new(Class::InvalidRequest, "no message is left to send"));
    }
    draft.set("input", items.list);
    Ok(())
}

/// The first text is the instructions; to who speaks this dialect the others stay messages.
fn write_system(draft: &mut Draft<'_>, items: &mut Vec<Value>) {
    let texts = &draft.request.system;
    if texts.is_empty() {
        return;
    }
    if !draft.is_native() {
        if texts.iter().any(|text| text.cache_hint.is_some()) {
            draft.lose_cache_hint();
        }
        let texts: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
        draft.set("instructions", texts.join("\n\n"));
        return;
    }
    let marked = texts.first().is_some_and(|text| text.cache_hint.is_some());
    let mut rest: &[Text] = texts;
    if let Some((first, others)) = texts.split_first().filter(|_| !marked) {
        draft.set("instructions", first.text.as_str());
        rest = others;
    }
    for text in rest {
        let content = content(draft, &[text]);
        items.push(json!({ "role": "developer", "content": content }));
    }
}

fn write_results<'a>(
    draft: &mut Draft<'a>,
    turn: &'a Turn,
    items: &mut Items<'a>,
) -> Result<(), Failure> {
    for block in &turn.blocks {
        let Block::ToolResult(result) = block else { continue };
        match items.answered(&result.call_id) {
            Some(call) => {
                let output = output_item(draft, call, result)?;
                items.list.push(output);
            }
            // The call may be among what the provider holds.
            None if draft.request.bound.is_some() => {
                let call = ToolCall {
                    id: result.call_id.clone(),
                    name: String::new(),
                    arguments: String::new(),
                    kind: ToolKind::Function,
                    cache_hint: None,
                };
                let output = output_item(draft, &call, result)?;
                items.list.push(output);
            }
            None => draft.lose("tool_result", "answers no call of the turn before: dropped"),
        }
    }
    write_missing(draft, items);
    Ok(())
}

fn output_item(
    draft: &mut Draft<'_>,
    call: &ToolCall,
    result: &ToolResult,
) -> Result<Value, Failure> {
    let output = result_output(draft, result)?;
    let kind = output_kind(draft, call);
    Ok(json!({ "type": kind, "call_id": call_id(&call.id), "output": output }))
}

fn output_kind(draft: &Draft<'_>, call: &ToolCall) -> &'static str {
    if is_custom(draft, call) { "custom_tool_call_output" } else { "function_call_output" }
}

/// Whether a call is one with free text here, too.
fn is_custom(draft: &Draft<'_>, call: &ToolCall) -> bool {
    call.kind == ToolKind::Custom && draft.is_original()
}

/// Calls that nobody answered get an error, because a call without a result is refused.
fn write_missing(draft: &mut Draft<'_>, items: &mut Items<'_>) {
    items.places.clear();
    for call in std::mem::take(&mut items.unanswered).into_values() {
        draft.lose("tool_result", "missing for a call: an error was put in its place");
        let output = "Error: no result of this call is available.";
        let kind = output_kind(draft, call);
        items.list.push(json!({ "type": kind, "call_id": call_id(&call.id), "output": output }));
    }
}

/// What the model did: thoughts, messages and calls in their order.
fn write_assistant<'a>(draft: &mut Draft<'a>, turn: &'a Turn, items: &mut Items<'a>) {
    if turn.name.is_some() {
        draft.lose("messages.name", "not in openai_responses");
    }
    let (mut said, mut phase) = (Vec::new(), None);
    for (at, block) in turn.blocks.iter().enumerate() {
        match block {
            Block::Text(text) => {
                if text.cache_hint.is_some() && !draft.is_native() {
                    draft.lose_cache_hint();
                }
                if !text.text.is_empty() {
                    said.push(json!({ "type": "output_text", "text": text.text }));
                }
            }
            Block::Refusal(text) => said.push(json!({ "type": "refusal", "refusal": text })),
            Block::Foreign { dialect: Dialect::OpenaiResponses, kind, json }
                if kind.starts_with(FIELD) =>
            {
                phase = Some(json);
                end_message(&mut said, phase.take(), &mut items.list);
            }
            Block::Foreign { dialect: Dialect::OpenaiResponses, json, .. } => {
                end_message(&mut said, phase.take(), &mut items.list);
                items.list.push(json.clone());
            }
            Block::Foreign { kind, .. } => draft.lose(kind, "not in openai_responses"),
            Block::Reasoning { text, artefact } => {
                end_message(&mut said, phase.take(), &mut items.list);
                let last = turn.blocks.get(at + 1).is_none();
                items.list.extend(thought(draft, text, artefact.as_ref().filter(|_| !last)));
            }
            Block::ToolCall(call) => {
                end_message(&mut said, phase.take(), &mut items.list);
                let item = call_item(draft, call);
                items.list.push(item);
                items.call(call);
            }
            Block::Media(_) => draft.lose("image", "not in a message of the model"),
            Block::ToolResult(_) => draft.lose("tool_result", "not from an assistant"),
        }
    }
    end_message(&mut said, None, &mut items.list);
}

fn end_message(said: &mut Vec<Value>, phase: Option<&Value>, items: &mut Vec<Value>) {
    if said.is_empty() {
        return;
    }
    let mut message = Map::new();
    message.insert("type".to_owned(), "message".into());
    message.insert("role".to_owned(), "assistant".into());
    message.insert("content".to_owned(), std::mem::take(said).into());
    if let Some(phase) = phase {
        message.insert("phase".to_owned(), phase.clone());
    }
    items.push(message.into());
}

/// A thought goes only to who had it, and only before what came of it.
fn thought(draft: &mut Draft<'_>, text: &str, artefact: Option<&Artefact>) -> Option<Value> {
    let reasons = draft.target.abilities.reasoning != ReasoningForm::None;
    let own = artefact.filter(|state| {
        reasons && state.dialect == Dialect::OpenaiResponses && state.kind == ENCRYPTED
    });
    let Some(state) = own else {
        let field = draft.word("reasoning");
        draft.lose(field, "reasoning of another issuer stripped");
        return None;
    };
    let summary: Vec<Value> = Some(text)
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(|text| json!({ "type": "summary_text", "text": text }))
        .collect();
    Some(json!({ "type": "reasoning", "summary": summary, "encrypted_content": state.data }))
}

fn call_item(draft: &mut Draft<'_>, call: &ToolCall) -> Value {
    if call.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    let mut item = json!({ "type": "function_call", "call_id": call_id(&call.id) });
    if draft.has_namespaces() {
        namespace::write(&mut item, &call.name);
    } else {
        item["name"] = draft.fit_name(&call.name).into();
    }
    if is_custom(draft, call) {
        item["type"] = "custom_tool_call".into();
        item["input"] = call.arguments.as_str().into();
    } else if call.kind == ToolKind::Custom {
        item["arguments"] = json!({ "input": call.arguments }).to_string().into();
    } else {
        let nothing = call.arguments.trim().is_empty();
        item["arguments"] = if nothing { "{}" } else { call.arguments.as_str() }.into();
    }
    item
}

/// What a turn says beside results.
fn write_message(
    draft: &mut Draft<'_>,
    turn: &Turn,
    items: &mut Vec<Value>,
) -> Result<(), Failure> {
    if turn.name.is_some() {
        draft.lose("messages.name", "not in openai_responses");
    }
    let rest: Vec<&Block> =
        turn.blocks.iter().filter(|block| !matches!(block, Block::ToolResult(_))).collect();
    if rest.is_empty() {
        return Ok(());
    }
    let role = match turn.role {
        Role::System if draft.is_original() || draft.is_native() => "developer",
        Role::System => "system",
        Role::User | Role::Assistant => "user",
    };
    let texts: Option<Vec<&Text>> = rest
        .iter()
        .map(|block| if let Block::Text(text) = block { Some(text) } else { None })
        .collect();
    let content = match texts {
        Some(texts) => content(draft, &texts),
        None => parts(draft, &rest)?.into(),
    };
    if content.as_array().is_none_or(|parts| !parts.is_empty()) {
        items.push(json!({ "role": role, "content": content }));
    }
    Ok(())
}

/// This dialect begins a new message where others continue the last one.
fn emulate_prefill(draft: &mut Draft<'_>, items: &mut Vec<Value>) {
    let last = items.last().and_then(|item| item.get("role")).and_then(Value::as_str);
    if last == Some("assistant") {
        items.push(json!({ "role": "user", "content": CONTINUE }));
        draft.lose("prefill", "emulated by an instruction to continue");
    }
}

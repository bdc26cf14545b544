//! System texts and turns → `systemInstruction` and `contents`.
//!
//! This dialect wants roles that alternate, a user first, and for the calls of a turn as many results
//! in the next, in their order. A model of the newer generation wants the first call of each step of
//! the present turn signed.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use backstop_exchange::{Artefact, Block, Role, ToolCall, ToolKind, Turn};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::super::signature::{self, PLACEHOLDER};
use super::super::wire::MINTED;
use super::Draft;
use super::parts::{media_part, result_parts};
use crate::anthropic_messages::OPENING;
use crate::dispatch::text_elsewhere;
use crate::json::arguments_object;
use crate::openai_chat::CONTINUE;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    write_system(draft);
    let request = draft.request;
    let mut contents = Contents::default();
    for turn in &request.turns {
        if turn.name.is_some() {
            draft.lose("messages.name", super::NOT_HERE);
        }
        match turn.role {
            Role::Assistant => {
                contents.settle(draft);
                write_assistant(draft, turn, &mut contents)?;
            }
            Role::User => write_user(draft, turn, &mut contents)?,
            Role::System => write_reminder(draft, turn, &mut contents),
        }
    }
    contents.settle(draft);
    settle_ends(draft, &mut contents.list);
    if contents.list.is_empty() {
        return Err(Failure::new(Class::InvalidRequest, "no message is left to send"));
    }
    if draft.is_newer() {
        sign_calls(draft, &mut contents.list);
    }
    let write = |content: Content| json!({ "role": content.role, "parts": content.parts });
    draft.set("contents", contents.list.into_iter().map(write).collect::<Vec<_>>());
    Ok(())
}

fn write_system(draft: &mut Draft<'_>) {
    let request = draft.request;
    if request.system.iter().any(|text| text.cache_hint.is_some()) {
        draft.lose_cache_hint();
    }
    let texts = request.system.iter().filter(|text| !text.text.is_empty());
    let parts: Vec<Value> = texts.map(|text| json!({ "text": text.text })).collect();
    if !parts.is_empty() {
        draft.set("systemInstruction", json!({ "parts": parts }));
    }
}

/// One content in the making.
struct Content {
    role: &'static str,
    parts: Vec<Value>,
}

/// The conversation in the making.
#[derive(Default)]
struct Contents<'a> {
    list: Vec<Content>,
    /// The calls that wait for a result, in their order.
    open: Vec<&'a ToolCall>,
    /// The places of those without a result, by id.
    waiting: BTreeMap<&'a str, VecDeque<usize>>,
    /// The results that came, by the place of their call.
    came: BTreeMap<usize, Vec<Value>>,
}

impl<'a> Contents<'a> {
    fn call(&mut self, call: &'a ToolCall) {
        self.waiting.entry(&call.id).or_default().push_back(self.open.len());
        self.open.push(call);
    }

    fn push(&mut self, role: &'static str, mut parts: Vec<Value>) {
        match self.list.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == role => last.parts.append(&mut parts),
            Some(_) | None => self.list.push(Content { role, parts }),
        }
    }

    /// Writes the results of all open calls, one that failed for each that is missing.
    fn settle(&mut self, draft: &mut Draft<'_>) {
        let (mut results, mut shown) = (Vec::new(), Vec::new());
        self.waiting.clear();
        for (place, call) in std::mem::take(&mut self.open).into_iter().enumerate() {
            let mut parts = self.came.remove(&place).unwrap_or_else(|| {
                draft.lose("tool_result", "missing for a call: an error was put in its place");
                let error = json!({ "error": "no result of this call is available" });
                vec![json!({ "functionResponse": { "name": "", "response": error } })]
            });
            if let Some(result) = parts.first_mut() {
                result["functionResponse"]["name"] = draft.fit_name(&call.name).into();
                if let Some(id) = kept_id(draft, &call.id) {
                    result["functionResponse"]["id"] = id.into();
                }
            }
            shown.extend(parts.drain(1..));
            results.append(&mut parts);
        }
        // As many results as there were calls, and what they show after them.
        results.append(&mut shown);
        self.push("user", results);
    }

    fn result(&mut self, call_id: &str) -> Option<usize> {
        self.waiting.get_mut(call_id)?.pop_front()
    }
}

/// An id that somebody gave the call, in this dialect: others' ids need not be known here.
fn kept_id<'a>(draft: &Draft<'_>, id: &'a str) -> Option<&'a str> {
    (draft.is_native() && !id.starts_with(MINTED)).then_some(id)
}

fn write_user<'a>(
    draft: &mut Draft<'a>,
    turn: &'a Turn,
    contents: &mut Contents<'a>,
) -> Result<(), Failure> {
    let mut said = Vec::new();
    for block in &turn.blocks {
        match block {
            Block::ToolResult(result) => match contents.result(&result.call_id) {
                Some(place) => {
                    let parts = result_parts(draft, result)?;
                    contents.came.insert(place, parts);
                }
                None => draft.lose("tool_result", "answers no call of the turn before: dropped"),
            },
            Block::Text(text) => {
                if text.cache_hint.is_some() {
                    draft.lose_cache_hint();
                }
                said.extend(text_part(&text.text));
            }
            Block::Refusal(text) => said.extend(text_part(text)),
            Block::Media(media) => said.push(media_part(draft, media)?),
            Block::Foreign { dialect, kind, json } => {
                said.extend(foreign(draft, *dialect, (kind, json)));
            }
            Block::Reasoning { .. } | Block::ToolCall(_) => {
                draft.lose("messages", "a user turn holds a block of an assistant");
            }
        }
    }
    if !said.is_empty() {
        contents.settle(draft);
        contents.push("user", said);
    }
    Ok(())
}

/// An instruction in the middle: marked user text at the same place. Hoisting it to the top would
/// change its meaning.
fn write_reminder<'a>(draft: &mut Draft<'a>, turn: &'a Turn, contents: &mut Contents<'a>) {
    let field = match draft.request.dialect {
        Some(Dialect::OpenaiResponses) => "input.developer",
        _ => "messages.system",
    };
    draft.lose(field, "became a marked user text");
    let texts = turn.blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.text.as_str()),
        Block::Refusal(text) => Some(text.as_str()),
        Block::Media(_)
        | Block::ToolCall(_)
        | Block::ToolResult(_)
        | Block::Reasoning { .. }
        | Block::Foreign { .. } => None,
    });
    let marked = texts.map(|text| format!("<system-reminder>\n{text}\n</system-reminder>"));
    let parts: Vec<Value> = marked.map(|text| json!({ "text": text })).collect();
    contents.settle(draft);
    contents.push("user", parts);
}

/// What the model did: thoughts, texts and calls in their order.
fn write_assistant<'a>(
    draft: &mut Draft<'a>,
    turn: &'a Turn,
    contents: &mut Contents<'a>,
) -> Result<(), Failure> {
    let mut parts: Vec<Value> = Vec::new();
    // The signature of the call that comes next.
    let mut next: Option<&str> = None;
    for block in &turn.blocks {
        match block {
            Block::Text(text) => {
                if text.cache_hint.is_some() {
                    draft.lose_cache_hint();
                }
                parts.extend(text_part(&text.text));
            }
            Block::Refusal(text) => parts.extend(text_part(text)),
            Block::Reasoning { text, artefact } => {
                next = thought(draft, (text, artefact.as_ref()), &mut parts).or(next);
            }
            Block::ToolCall(call) => {
                let mut part = call_part(draft, call);
                if let Some(signature) = next.take() {
                    part["thoughtSignature"] = signature.into();
                }
                parts.push(part);
                contents.call(call);
            }
            Block::Media(media) if draft.is_native() => parts.push(media_part(draft, media)?),
            Block::Media(_) => draft.lose("image", "not in a message of the model"),
            Block::Foreign { dialect, kind, json } => {
                parts.extend(foreign(draft, *dialect, (kind, json)));
            }
            Block::ToolResult(_) => draft.lose("tool_result", "not from an assistant"),
        }
    }
    contents.push("model", parts);
    Ok(())
}

fn text_part(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({ "text": text }))
}

/// A part that only one dialect has: as it is here, as text where it can be one elsewhere.
fn foreign(draft: &mut Draft<'_>, dialect: Dialect, (kind, part): (&str, &Value)) -> Option<Value> {
    if dialect == Dialect::Gemini {
        return Some(part.clone());
    }
    let text = text_elsewhere(dialect, kind, part);
    let reason = if text.is_some() { "became text" } else { super::NOT_HERE };
    draft.lose(&format!("messages.{kind}"), reason);
    text.as_deref().and_then(text_part)
}

/// A thought goes only to who had it. Gives the signature that belongs to the next call.
fn thought<'b>(
    draft: &mut Draft<'_>,
    (text, artefact): (&str, Option<&'b Artefact>),
    parts: &mut Vec<Value>,
) -> Option<&'b str> {
    let own = artefact.filter(|state| state.dialect == Dialect::Gemini);
    let Some(state) = own else {
        if artefact.is_none() && draft.is_native() {
            // A summary without state: this dialect's own clients send it back, too.
            parts.extend((!text.is_empty()).then(|| json!({ "text": text, "thought": true })));
            return None;
        }
        let field = match draft.request.dialect {
            Some(Dialect::OpenaiChat) => "reasoning_content",
            _ => draft.word("thinkingConfig"),
        };
        draft.lose(field, "reasoning of another issuer stripped");
        return None;
    };
    if !text.is_empty() {
        parts.push(json!({ "text": text, "thought": true }));
    }
    match state.kind.as_str() {
        signature::CALL => return Some(&state.data),
        signature::TEXT | signature::THOUGHT
            if (state.kind == signature::THOUGHT && !text.is_empty())
                || (state.kind == signature::TEXT && ends_in_text(parts)) =>
        {
            if let Some(last) = parts.last_mut() {
                last["thoughtSignature"] = state.data.as_str().into();
            }
        }
        _ => parts.push(json!({ "text": "", "thoughtSignature": state.data })),
    }
    None
}

/// Whether the last part is a visible text that nobody has signed.
fn ends_in_text(parts: &[Value]) -> bool {
    parts.last().is_some_and(|last| {
        last.get("text").is_some()
            && last.get("thought").is_none()
            && last.get("thoughtSignature").is_none()
    })
}

fn call_part(draft: &mut Draft<'_>, call: &ToolCall) -> Value {
    if call.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    let args = match call.kind {
        ToolKind::Custom => json!({ "input": call.arguments }),
        ToolKind::Function | ToolKind::Hosted { .. } => arguments_object(&call.arguments),
    };
    let mut function = serde_json::Map::new();
    if let Some(id) = kept_id(draft, &call.id) {
        function.insert("id".to_owned(), id.into());
    }
    function.insert("name".to_owned(), draft.fit_name(&call.name).into());
    function.insert("args".to_owned(), args);
    json!({ "functionCall": function })
}

/// The first and the last content.
fn settle_ends(draft: &mut Draft<'_>, contents: &mut Vec<Content>) {
    if contents.first().is_some_and(|first| first.role == "model") {
        let field = draft.word("contents");
        draft.lose(field, "a user turn was put first");
        contents.insert(0, Content { role: "user", parts: vec![json!({ "text": OPENING })] });
    }
    let ends_in_model = contents.last().is_some_and(|last| last.role == "model");
    if ends_in_model && !draft.target.abilities.prefill {
        draft.lose("prefill", "emulated by an instruction to continue");
        contents.push(Content { role: "user", parts: vec![json!({ "text": CONTINUE })] });
    }
}

/// The calls of the present turn that were made elsewhere get the stand-in for a signature: without
/// one they are refused. A turn begins with what a user says.
fn sign_calls(draft: &mut Draft<'_>, contents: &mut [Content]) {
    let says = |part: &Value| part.get("functionResponse").is_none();
    let begins = |content: &Content| content.role == "user" && content.parts.iter().any(says);
    let begin = contents.iter().rposition(begins).unwrap_or(0);
    for content in contents.iter_mut().skip(begin).filter(|content| content.role == "model") {
        let first = content.parts.iter_mut().find(|part| part.get("functionCall").is_some());
        if let Some(call) = first.filter(|call| call.get("thoughtSignature").is_none()) {
            call["thoughtSignature"] = PLACEHOLDER.into();
            draft.lose("thoughtSignature", "a stand-in for a call that another model made");
        }
    }
}

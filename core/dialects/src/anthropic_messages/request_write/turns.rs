//! The conversation as this dialect demands it: user first, roles alternating, every call answered in
//! the next turn, results first.

use std::collections::BTreeSet;

use backstop_exchange::{Block, Role, Text, Turn};
use backstop_vocabulary::Failure;
use serde_json::{Value, json};

use super::Writer;

/// Opens a conversation that begins with the model, and stands in for a turn that had to go.
pub(crate) const OPENING: &str = "(The conversation goes on.)";

/// Asks a model that cannot continue a begun answer to do so all the same.
const CONTINUE: &str = "Continue your previous message exactly where it stopped. Output only the \
                        continuation: no preamble and nothing of what is already there.";

struct Message {
    role: Role,
    blocks: Vec<Value>,
}

impl Writer<'_> {
    /// The instructions and the messages.
    pub(super) fn messages(&mut self) -> Result<(Vec<Text>, Vec<Value>), Failure> {
        let mut system = self.request.system.clone();
        let mut messages: Vec<Message> = Vec::with_capacity(self.request.turns.len() + 1);
        for turn in &self.request.turns {
            if turn.name.is_some() {
                self.lose("messages.name", self.tongue.not_here);
            }
            match turn.role {
                Role::User | Role::Assistant => {
                    let blocks = self.blocks(&turn.blocks)?;
                    push(&mut messages, turn.role, blocks);
                }
                // Before the first turn it is an instruction like those of `system`.
                Role::System if messages.is_empty() => {
                    system.extend(turn.blocks.iter().filter_map(text_in));
                }
                Role::System => self.system_turn(turn, &mut messages)?,
            }
        }
        let mut messages = self.answer_every_call(messages);
        self.settle_ends(&mut messages);
        let messages = messages.into_iter().map(write).collect();
        Ok((system, messages))
    }

    /// An instruction in the middle: as it is where the model takes it, else as marked user text at
    /// the same place. Hoisting it to the top would change its meaning.
    fn system_turn(&mut self, turn: &Turn, messages: &mut Vec<Message>) -> Result<(), Failure> {
        let after_user = messages.last().is_some_and(|last| last.role != Role::Assistant);
        if self.target.abilities.system_turns && after_user {
            let blocks = self.blocks(&turn.blocks)?;
            push(messages, Role::System, blocks);
            return Ok(());
        }
        self.lose("messages.system", "became a marked user text");
        let mut blocks = Vec::new();
        for mut text in turn.blocks.iter().filter_map(text_in) {
            text.text = format!("<system-reminder>\n{}\n</system-reminder>", text.text);
            blocks.extend(self.text("messages", &text));
        }
        push(messages, Role::User, blocks);
        Ok(())
    }

    /// Puts results first in the turn after their calls, makes up for missing ones, and drops those
    /// that answer nothing.
    fn answer_every_call(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let mut settled: Vec<Message> = Vec::with_capacity(messages.len() + 1);
        for message in messages {
            let calls = settled.last().map(call_ids).unwrap_or_default();
            match message.role {
                Role::User => {
                    let blocks = self.results_first(message.blocks, &calls);
                    push(&mut settled, Role::User, blocks);
                }
                Role::Assistant | Role::System => {
                    let blocks = self.results_first(Vec::new(), &calls);
                    push(&mut settled, Role::User, blocks);
                    push(&mut settled, message.role, message.blocks);
                }
            }
        }
        let calls = settled.last().map(call_ids).unwrap_or_default();
        let blocks = self.results_first(Vec::new(), &calls);
        push(&mut settled, Role::User, blocks);
        settled
    }

    fn results_first(&mut self, blocks: Vec<Value>, calls: &[String]) -> Vec<Value> {
        let mut open: BTreeSet<&str> = calls.iter().map(String::as_str).collect();
        let (mut results, mut others) = (Vec::new(), Vec::new());
        for block in blocks {
            if block["type"] != "tool_result" {
                others.push(block);
                continue;
            }
            if block["tool_use_id"].as_str().is_some_and(|id| open.remove(id)) {
                if !others.is_empty() {
                    self.lose("messages.tool_result", "moved before the other content");
                }
                results.push(block);
            } else {
                self.lose("messages.tool_result", "answers no call and was dropped");
            }
        }
        for id in calls.iter().filter(|id| open.contains(id.as_str())) {
            self.lose("messages.tool_use", "had no result and was given an error");
            results.push(json!({
                "type": "tool_result",
                "tool_use_id": id,
                "content": "The result of this call is not available.",
                "is_error": true,
            }));
        }
        results.append(&mut others);
        results
    }

    /// The first and the last turn.
    fn settle_ends(&mut self, messages: &mut Vec<Message>) {
        for message in messages.iter_mut() {
            self.trim_thinking(message);
        }
        messages.retain(|message| !message.blocks.is_empty());
        if messages.first().is_some_and(|first| first.role == Role::Assistant) {
            self.lose("messages", "a user turn was put first");
            let opening = json!({ "type": "text", "text": OPENING });
            messages.insert(0, Message { role: Role::User, blocks: vec![opening] });
        }
        if messages.last().is_none_or(|last| last.role != Role::Assistant) {
            return;
        }
        if self.target.abilities.prefill {
            self.trim_end(messages);
        } else {
            self.lose("messages", "begun answer continued by an instruction");
            let ask = json!({ "type": "text", "text": CONTINUE });
            messages.push(Message { role: Role::User, blocks: vec![ask] });
        }
    }

    /// A turn of the model may not end in thoughts: an answer that broke off there has said nothing.
    fn trim_thinking(&mut self, message: &mut Message) {
        let is_thought =
            |block: &Value| block["type"] == "thinking" || block["type"] == "redacted_thinking";
        while message.role == Role::Assistant && message.blocks.last().is_some_and(is_thought) {
            self.lose("thinking", "thoughts without an answer dropped");
            message.blocks.pop();
        }
    }

    /// A begun answer may not end in white space.
    fn trim_end(&mut self, messages: &mut [Message]) {
        let Some(block) = messages.last_mut().and_then(|last| last.blocks.last_mut()) else {
            return;
        };
        if let Some(Value::String(text)) = block.get_mut("text") {
            let length = text.trim_end().len();
            if length < text.len() {
                text.truncate(length);
                self.lose("messages", "white space at the end of the begun answer dropped");
            }
        }
    }
}

/// Adds blocks to the conversation, in the last turn if it has the same role.
fn push(messages: &mut Vec<Message>, role: Role, mut blocks: Vec<Value>) {
    match messages.last_mut() {
        _ if blocks.is_empty() => {}
        Some(last) if last.role == role => last.blocks.append(&mut blocks),
        Some(_) | None => messages.push(Message { role, blocks }),
    }
}

fn call_ids(message: &Message) -> Vec<String> {
    let calls = message.blocks.iter().filter(|block| block["type"] == "tool_use");
    calls.filter_map(|block| block["id"].as_str().map(str::to_owned)).collect()
}

fn text_in(block: &Block) -> Option<Text> {
    match block {
        Block::Text(text) => Some(text.clone()),
        Block::Refusal(text) => Some(Text::plain(text.as_str())),
        Block::Media(_)
        | Block::ToolCall(_)
        | Block::ToolResult(_)
        | Block::Reasoning { .. }
        | Block::Foreign { .. } => None,
    }
}

fn write(message: Message) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    };
    let content = match message.blocks.as_slice() {
        [only] if only["type"] == "text" && only.get("cache_control").is_none() => {
            only["text"].clone()
        }
        _ => Value::Array(message.blocks),
    };
    json!({ "role": role, "content": content })
}

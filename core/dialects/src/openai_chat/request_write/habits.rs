//! What is known of the server beyond its dialect: a body that says no more than it takes.

use serde_json::Value;

use backstop_exchange::{Prefill, ToolCall};

use super::Draft;

/// Whose absence changes nothing: usage comes without being asked for, one answer is the usual number.
const SAYS_NOTHING: [&str; 2] = ["stream_options", "n"];

/// Leaves out the fields that the server refuses, and asks it in its own way to continue.
pub(super) fn write(draft: &mut Draft<'_>) {
    let habits = draft.target.abilities.habits;
    for field in habits.refuses {
        if draft.fields.remove(*field).is_some() && !SAYS_NOTHING.contains(field) {
            let word = draft.word(field);
            draft.lose(word, "not taken by this server");
        }
    }
    if habits.prefill == Some(Prefill::Flags) && ends_in_assistant(draft) {
        draft.set("continue_final_message", true);
        draft.set("add_generation_prompt", false);
    }
}

fn ends_in_assistant(draft: &Draft<'_>) -> bool {
    let messages = draft.fields.get("messages").and_then(Value::as_array);
    messages.and_then(|all| all.last()).is_some_and(|last| last["role"] == "assistant")
}

/// What stands for the thought before these calls at a server that wants it back, where the model
/// that made the calls kept it to itself. It differs from turn to turn: models fall into repeating
/// one that does not.
pub(super) fn stand_in_thought(calls: &[&ToolCall]) -> String {
    let called: Vec<String> =
        calls.iter().map(|call| format!("{} ({})", call.name, call.id)).collect();
    format!("Next: {}.", called.join(", "))
}

#[cfg(test)]
mod tests;

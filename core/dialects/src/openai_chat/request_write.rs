//! A request → the body for a target.

mod assistant;
mod habits;
mod messages;
mod options;
mod parts;
mod results;
mod strict;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::{Map, Value};

use backstop_exchange::{CallIds, Request};
use backstop_vocabulary::{Class, Dialect, Failure};

pub(crate) use self::messages::CONTINUE;
pub(crate) use self::options::{effort_word, format_name};
pub(crate) use self::parts::{data_url, document_text};
pub(crate) use self::strict::{Root, is_strict};
use crate::dispatch::text_elsewhere;
use crate::json;
use crate::losses::Losses;
use crate::tool_names::{fit_id, nine};
use crate::{Renames, TargetForm, Written};

/// Longer call ids have been refused.
const ID_BYTES_MAX: usize = 40;
/// Longer tool names are refused.
const NAME_BYTES_MAX: usize = 64;

/// Writes a request for a target. What the target cannot carry is emulated or dropped and listed, or
/// refused where leaving it out would change the answer's worth.
pub(crate) fn write_request(
    request: &Request,
    target: &TargetForm<'_>,
) -> Result<Written, Failure> {
    let mut draft = Draft {
        request,
        target,
        fields: Map::new(),
        losses: Losses::after(&request.lost),
        renames: Renames::default(),
    };
    if let Some(field) = request.bound.as_ref().filter(|_| !draft.is_native()) {
        return Err(unsupported(format!("`{field}` is held by the provider it was made for")));
    }
    draft.set("model", target.model);
    messages::write(&mut draft)?;
    tools::write(&mut draft)?;
    options::write(&mut draft)?;
    write_extras(&mut draft);
    habits::write(&mut draft);
    let body = json::bytes(&Value::Object(draft.fields));
    Ok(Written { body, losses: draft.losses.into_list(), renames: draft.renames })
}

/// A body in the making.
struct Draft<'a> {
    request: &'a Request,
    target: &'a TargetForm<'a>,
    fields: Map<String, Value>,
    losses: Losses,
    renames: Renames,
}

impl Draft<'_> {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    fn set_if(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Lists a loss once, however often it occurs.
    fn lose(&mut self, field: &str, reason: &str) {
        self.losses.add(field, reason);
    }

    /// Whether the client speaks this dialect too, so that `extras` and the like are ours.
    fn is_native(&self) -> bool {
        self.request.dialect == Some(Dialect::OpenaiChat)
    }

    /// Whether the target is `OpenAI` itself (or Azure), which is strict about fields that compatible
    /// servers ignore, and has some that they refuse.
    const fn is_original(&self) -> bool {
        self.target.abilities.completion_tokens_field
    }

    /// A field's name in the client's dialect, for losses.
    fn word(&self, ours: &'static str) -> &'static str {
        match (self.request.dialect, ours) {
            (Some(Dialect::AnthropicMessages), "stop") => "stop_sequences",
            (Some(Dialect::AnthropicMessages), "reasoning_effort" | "reasoning_content") => {
                "thinking"
            }
            (Some(Dialect::AnthropicMessages), "user") => "metadata.user_id",
            (Some(Dialect::AnthropicMessages), "response_format") => "output_config.format",
            (Some(Dialect::AnthropicMessages), "reasoning.summary") => "thinking.display",
            (Some(Dialect::AnthropicMessages), "prompt_cache_breakpoint") => "cache_control",
            (Some(Dialect::OpenaiResponses), "reasoning_effort" | "reasoning_content") => {
                "reasoning"
            }
            (Some(Dialect::OpenaiResponses), "response_format") => "text.format",
            (Some(Dialect::Gemini), "stop") => "stopSequences",
            (Some(Dialect::Gemini), "reasoning_effort" | "reasoning_content") => "thinkingConfig",
            (Some(Dialect::Gemini), "response_format") => "responseSchema",
            (_, ours) => ours,
        }
    }

    fn fit_name(&mut self, name: &str) -> String {
        self.renames.fit(name, NAME_BYTES_MAX)
    }

    /// The text that stands for a block of another dialect, where there is one; the loss is listed
    /// in either case.
    fn text_for(&mut self, dialect: Dialect, kind: &str, json: &Value) -> Option<String> {
        let text = text_elsewhere(dialect, kind, json);
        let field = format!("messages.{kind}");
        self.lose(&field, if text.is_some() { "became text" } else { "not in openai_chat" });
        text
    }

    fn lose_cache_hint(&mut self) {
        let field = self.word("prompt_cache_breakpoint");
        self.lose(field, "not in openai_chat");
    }
}

/// Fields that Responses shares with this dialect. `store` is not among them: here it is no promise
/// that the answer can be referred to.
const SHARED: [&str; 4] =
    ["prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "moderation"];

/// What only this dialect has goes back as it came; what only another has is lost, except state that
/// the other provider holds: without it the request would mean something else.
fn write_extras(draft: &mut Draft<'_>) {
    let request = draft.request;
    let from_responses = request.dialect == Some(Dialect::OpenaiResponses);
    for (name, value) in &request.extras {
        if draft.is_native() {
            match (draft.fields.get_mut(name), value) {
                (Some(Value::Object(ours)), Value::Object(theirs)) => ours.extend(theirs.clone()),
                (Some(_), _) => draft.lose(name, "the model is told otherwise"),
                (None, Value::Object(_)) if name == "stream_options" && !draft.target.stream => {}
                (None, value) => draft.set(name, value.clone()),
            }
        } else if from_responses && draft.is_original() && SHARED.contains(&name.as_str()) {
            draft.set(name, value.clone());
        } else if !json::says_nothing(name, value) {
            draft.lose(name, "not in openai_chat");
        }
    }
}

/// A call id as the target takes it.
fn call_id(draft: &Draft<'_>, id: &str) -> String {
    match draft.target.abilities.habits.call_ids {
        CallIds::Usual => fit_id(id, "call_", ID_BYTES_MAX).into_owned(),
        CallIds::Nine => nine(id).into_owned(),
    }
}

fn unsupported(message: impl Into<Box<str>>) -> Failure {
    Failure::new(Class::UnsupportedFeature, message)
}

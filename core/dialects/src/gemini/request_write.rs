//! A request → the body for a target. Model and stream go into the path.

mod contents;
mod options;
mod parts;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::{Map, Value};

use backstop_exchange::{ReasoningForm, Request};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::wire::NAME_BYTES_MAX;
use crate::json;
use crate::losses::Losses;
use crate::{Renames, TargetForm, Written};

/// Why a field is lost that this dialect does not have.
const NOT_HERE: &str = "not in gemini";

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
        config: Map::new(),
        losses: Losses::after(&request.lost),
        renames: Renames::default(),
    };
    if let Some(held) = request.bound.as_ref().filter(|_| !draft.is_native()) {
        return Err(unsupported(format!("`{held}` is held by the provider it was made for")));
    }
    contents::write(&mut draft)?;
    tools::write(&mut draft)?;
    options::write(&mut draft)?;
    write_extras(&mut draft);
    let body = json::bytes(&Value::Object(draft.fields));
    Ok(Written { body, losses: draft.losses.into_list(), renames: draft.renames })
}

/// A body in the making.
struct Draft<'a> {
    request: &'a Request,
    target: &'a TargetForm<'a>,
    fields: Map<String, Value>,
    /// `generationConfig`.
    config: Map<String, Value>,
    losses: Losses,
    renames: Renames,
}

impl Draft<'_> {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    fn configure(&mut self, name: &str, value: impl Into<Value>) {
        self.config.insert(name.to_owned(), value.into());
    }

    /// Lists a loss once, however often it occurs.
    fn lose(&mut self, field: &str, reason: &str) {
        self.losses.add(field, reason);
    }

    /// Whether the client speaks this dialect too, so that `extras` and the like are ours.
    fn is_native(&self) -> bool {
        self.request.dialect == Some(Dialect::Gemini)
    }

    /// Whether the model is of the generation that takes levels of thinking, wants its calls signed
    /// and takes pictures in results.
    const fn is_newer(&self) -> bool {
        matches!(self.target.abilities.reasoning, ReasoningForm::Effort | ReasoningForm::Adaptive)
    }

    /// A field's name in the client's dialect, for losses.
    fn word(&self, ours: &'static str) -> &'static str {
        match (self.request.dialect, ours) {
            (Some(Dialect::Gemini) | None, ours) => ours,
            (Some(Dialect::AnthropicMessages), "stopSequences") => "stop_sequences",
            (Some(Dialect::AnthropicMessages), "thinkingConfig") => "thinking",
            (Some(Dialect::AnthropicMessages), "user") => "metadata.user_id",
            (Some(Dialect::AnthropicMessages), "maxOutputTokens") => "max_tokens",
            (Some(Dialect::AnthropicMessages), "responseSchema") => "output_config.format",
            (Some(Dialect::OpenaiChat), "thinkingConfig") => "reasoning_effort",
            (Some(Dialect::OpenaiChat), "maxOutputTokens") => "max_completion_tokens",
            (Some(Dialect::OpenaiChat), "responseSchema") => "response_format",
            (Some(Dialect::OpenaiResponses), "thinkingConfig") => "reasoning",
            (Some(Dialect::OpenaiResponses), "maxOutputTokens") => "max_output_tokens",
            (Some(Dialect::OpenaiResponses), "responseSchema") => "text.format",
            (Some(Dialect::OpenaiResponses), "contents") => "input",
            (_, "stopSequences") => "stop",
            (_, "contents") => "messages",
            (_, ours) => ours,
        }
    }

    /// A name that the target takes: letters, digits, `_`, `-`, `.` and `:`, a letter or `_` first.
    fn fit_name(&mut self, name: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
        let fits = name.as_bytes().first().is_some_and(first)
            && name.len() <= NAME_BYTES_MAX
            && name.bytes().all(plain);
        if fits { name.to_owned() } else { self.renames.refit(name) }
    }

    fn lose_cache_hint(&mut self) {
        let field = match self.request.dialect {
            Some(Dialect::AnthropicMessages) => "cache_control",
            _ => "prompt_cache_breakpoint",
        };
        self.lose(field, NOT_HERE);
    }
}

/// What only this dialect has goes back as it came; what only another has is lost.
fn write_extras(draft: &mut Draft<'_>) {
    let request = draft.request;
    for (name, value) in &request.extras {
        if !draft.is_native() {
            if !json::says_nothing(name, value) {
                draft.lose(name, NOT_HERE);
            }
            continue;
        }
        match (draft.fields.get_mut(name), value) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => merge(ours, theirs),
            (Some(_), _) => draft.lose(name, "the model is told otherwise"),
            (None, value) => draft.set(name, value.clone()),
        }
    }
}

/// Adds fields, one level deep; where both have an object, its fields.
fn merge(ours: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    for (name, value) in theirs {
        match (ours.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => inner.extend(more.clone()),
            _ => {
                ours.insert(name.clone(), value.clone());
            }
        }
    }
}

fn unsupported(message: impl Into<Box<str>>) -> Failure {
    Failure::new(Class::UnsupportedFeature, message)
}

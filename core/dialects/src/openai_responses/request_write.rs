//! A request → the body for a target.

mod items;
mod options;
mod parts;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::{Map, Value};

use backstop_exchange::Request;
use backstop_vocabulary::{Class, Dialect, Failure};

use super::wire::CALL_ID_BYTES_MAX;
use crate::json;
use crate::losses::Losses;
use crate::tool_names::fit_id;
use crate::{Renames, TargetForm, Written};

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
    if let Some(held) = request.bound.as_ref().filter(|_| !draft.is_native()) {
        return Err(unsupported(format!("`{held}` is held by the provider it was made for")));
    }
    draft.set("model", target.model);
    items::write(&mut draft)?;
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

    /// Sets a field of an object at the top level, which is made if need be.
    fn set_in(&mut self, object: &str, name: &str, value: impl Into<Value>) {
        let whole = self.fields.entry(object).or_insert_with(|| Value::Object(Map::new()));
        if let Some(fields) = whole.as_object_mut() {
            fields.insert(name.to_owned(), value.into());
        }
    }

    /// Lists a loss once, however often it occurs.
    fn lose(&mut self, field: &str, reason: &str) {
        self.losses.add(field, reason);
    }

    /// Whether the client speaks this dialect too, so that `extras` and the like are ours.
    fn is_native(&self) -> bool {
        self.request.dialect == Some(Dialect::OpenaiResponses)
    }

    /// Whether the target is `OpenAI` itself (or Azure), which has what compatible servers lack.
    const fn is_original(&self) -> bool {
        self.target.abilities.completion_tokens_field
    }

    /// A field's name in the client's dialect, for losses.
    fn word(&self, ours: &'static str) -> &'static str {
        match (self.request.dialect, ours) {
            (Some(Dialect::AnthropicMessages), "stop") => "stop_sequences",
            (Some(Dialect::AnthropicMessages), "reasoning") => "thinking",
            (Some(Dialect::AnthropicMessages), "user") => "metadata.user_id",
            (Some(Dialect::AnthropicMessages), "text.format") => "output_config.format",
            (Some(Dialect::AnthropicMessages), "prompt_cache_breakpoint") => "cache_control",
            (Some(Dialect::AnthropicMessages), "max_output_tokens") => "max_tokens",
            (Some(Dialect::OpenaiChat), "reasoning") => "reasoning_effort",
            (Some(Dialect::OpenaiChat), "text.format") => "response_format",
            (Some(Dialect::OpenaiChat), "max_output_tokens") => "max_completion_tokens",
            (Some(Dialect::Gemini), "stop") => "stopSequences",
            (Some(Dialect::Gemini), "reasoning") => "thinkingConfig",
            (Some(Dialect::Gemini), "text.format") => "responseSchema",
            (Some(Dialect::Gemini), "max_output_tokens") => "maxOutputTokens",
            (_, ours) => ours,
        }
    }

    /// Whether tools go in the client's own namespaces; elsewhere each bears both names.
    fn has_namespaces(&self) -> bool {
        self.is_native() && self.is_original()
    }

    fn fit_name(&mut self, name: &str) -> String {
        self.renames.fit(name, NAME_BYTES_MAX)
    }

    fn lose_cache_hint(&mut self) {
        let field = self.word("prompt_cache_breakpoint");
        self.lose(field, "not in openai_responses");
    }
}

/// Fields that Chat Completions shares with this dialect.
const SHARED: [&str; 5] =
    ["store", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "moderation"];

/// What only this dialect has goes back as it came; what only another has is lost.
fn write_extras(draft: &mut Draft<'_>) {
    let request = draft.request;
    let from_chat = request.dialect == Some(Dialect::OpenaiChat);
    for (name, value) in &request.extras {
        if draft.is_native() {
            match (draft.fields.get_mut(name), value) {
                (Some(Value::Object(ours)), Value::Object(theirs)) => ours.extend(theirs.clone()),
                (Some(Value::Array(ours)), Value::Array(theirs)) => ours.extend(theirs.clone()),
                (Some(_), _) => draft.lose(name, "the model is told otherwise"),
                (None, Value::Object(_)) if name == "stream_options" && !draft.target.stream => {}
                (None, value) => draft.set(name, value.clone()),
            }
        } else if from_chat && draft.is_original() && SHARED.contains(&name.as_str()) {
            draft.set(name, value.clone());
        } else if !json::says_nothing(name, value) {
            draft.lose(name, "not in openai_responses");
        }
    }
    if !draft.is_native() && !draft.fields.contains_key("store") {
        // Here an answer is kept for a month unless told otherwise, elsewhere it is not.
        draft.set("store", false);
    }
}

/// A call id as the target takes it.
fn call_id(id: &str) -> String {
    fit_id(id, "call_", CALL_ID_BYTES_MAX).into_owned()
}

fn unsupported(message: impl Into<Box<str>>) -> Failure {
    Failure::new(Class::UnsupportedFeature, message)
}

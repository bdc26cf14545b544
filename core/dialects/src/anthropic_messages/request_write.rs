use std::borrow::Cow;

use backstop_exchange::{Request, Text};
use backstop_vocabulary::{Class, Dialect, Failure};
use serde_json::{Map, Value, json};

use super::wire::{CALL_ID_BYTES_MAX, CALL_ID_PREFIX, TOOL_NAME_BYTES_MAX};
use crate::json::{bytes, says_nothing};
use crate::losses::{Losses, WATCHED};
use crate::tool_names::fit_id;
use crate::{Renames, TargetForm, Written};

mod blocks;
mod format;
mod reasoning;
mod tools;
mod turns;

pub(crate) use self::blocks::sniff;
pub(crate) use self::turns::OPENING;

/// The output limit of a target whose limit nobody knows; this dialect demands one.
const OUTPUT_TOKENS_DEFAULT: u64 = 8_192;

/// This API.
const MESSAGES: Tongue = Tongue {
    dialect: Dialect::AnthropicMessages,
    not_here: "not in anthropic_messages",
    tool_name_bytes_max: TOOL_NAME_BYTES_MAX,
    call_id: |id| fit_id(id, CALL_ID_PREFIX, CALL_ID_BYTES_MAX),
    media: Media::Some,
};

pub(crate) fn write_request(
    request: &Request,
    target: &TargetForm<'_>,
) -> Result<Written, Failure> {
    let draft = write_fields(request, target, &MESSAGES)?;
    let body = bytes(&Value::Object(draft.body));
    Ok(Written { body, losses: draft.losses.into_list(), renames: draft.renames })
}

/// An API whose requests have the shape of this one's, as far as they differ inside: Converse says
/// the same in other words.
#[derive(Debug)]
pub(crate) struct Tongue {
    pub(crate) dialect: Dialect,
    /// Why a field of another dialect is lost.
    pub(crate) not_here: &'static str,
    pub(crate) tool_name_bytes_max: usize,
    /// The id of a call as this API takes it.
    pub(crate) call_id: fn(&str) -> Cow<'_, str>,
    pub(crate) media: Media,
}

/// Which media an API takes, if the model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// Images, PDF and text; also at an address.
    Some,
    /// Documents of any kind and sound too; only by their bytes.
    Bytes,
}

/// A request in the shape of this API, before it becomes bytes.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) body: Map<String, Value>,
    pub(crate) losses: Losses,
    pub(crate) renames: Renames,
}

/// Writes a request in the shape of this API, with what `tongue` takes inside.
pub(crate) fn write_fields(
    request: &Request,
    target: &TargetForm<'_>,
    tongue: &Tongue,
) -> Result<Draft, Failure> {
    let mut writer = Writer {
        request,
        target,
        tongue,
        native: request.dialect == Some(tongue.dialect),
        losses: Losses::after(&request.lost),
        renames: Renames::default(),
        body: Map::new(),
    };
    writer.write()?;
    Ok(Draft { body: writer.body, losses: writer.losses, renames: writer.renames })
}

/// Builds the body field by field and lists what gets lost.
struct Writer<'a> {
    request: &'a Request,
    target: &'a TargetForm<'a>,
    tongue: &'a Tongue,
    /// Whether the request came in this dialect, so that its extras and marks may go out again.
    native: bool,
    losses: Losses,
    renames: Renames,
    body: Map<String, Value>,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), Failure> {
        self.refuse_what_cannot_be()?;
        let request = self.request;
        let tokens_max = self.output_tokens_max();
        self.put("model", json!(self.target.model));
        self.put("max_tokens", json!(tokens_max));
        let (mut system, messages) = self.messages()?;
        let thinking = self.thinking(tokens_max, &messages);
        let format = self.format(&mut system);
        if !system.is_empty() {
            let system = self.texts("system", &system);
            self.put("system", system);
        }
        self.put("messages", Value::Array(messages));
        self.tools()?;
        self.stop();
        self.sampling(&thinking);
        self.put("thinking", thinking);
        self.output_config(format);
        self.rest();
        if self.target.stream {
            self.put("stream", json!(true));
        }
        if request.verbosity.is_some() {
            self.lose(self.word("verbosity"), self.tongue.not_here);
        }
        Ok(())
    }

    fn refuse_what_cannot_be(&self) -> Result<(), Failure> {
        let request = self.request;
        if request.sampling.answers.is_some_and(|answers| answers > 1) {
            return Err(unsupported("several answers to one request"));
        }
        if request.sampling.logprobs.is_some() {
            return Err(unsupported("log probabilities"));
        }
        if let Some(field) = request.bound.as_ref().filter(|_| !self.native) {
            return Err(unsupported(&format!("`{field}` of another provider")));
        }
        if !request.tools.is_empty() && !self.target.abilities.tools {
            return Err(unsupported("tools"));
        }
        Ok(())
    }

    /// The limit of output tokens, which must be there and within the target's own.
    fn output_tokens_max(&mut self) -> u64 {
        let ability = self.target.abilities.output_tokens_max;
        let Some(asked) = self.request.output_tokens_max else {
            return ability.unwrap_or(OUTPUT_TOKENS_DEFAULT);
        };
        match ability {
            Some(most) if asked > most => {
                let field = self.word("max_tokens");
                self.lose(field, &format!("clamped to {most}"));
                most
            }
            Some(_) | None => asked,
        }
    }

    /// Text blocks, or a plain string where that says the same.
    fn texts(&mut self, field: &str, texts: &[Text]) -> Value {
        let mut blocks: Vec<Value> = Vec::with_capacity(texts.len());
        for text in texts {
            blocks.extend(self.text(field, text));
        }
        match blocks.as_slice() {
            [only] if only.get("cache_control").is_none() => only["text"].clone(),
            _ => Value::Array(blocks),
        }
    }

    /// A text block; `None` for a blank one, which this dialect refuses.
    fn text(&mut self, field: &str, text: &Text) -> Option<Value> {
        if text.text.trim().is_empty() {
            self.lose(field, "blank text dropped");
            return None;
        }
        let block = json!({ "type": "text", "text": text.text });
        Some(self.with_hint(block, text.cache_hint.as_ref()))
    }

    /// The value with its prompt-cache mark, if the mark is one of this dialect.
    fn with_hint(&mut self, mut value: Value, hint: Option<&Value>) -> Value {
        let Some(hint) = hint else { return value };
        let known = hint.get("type").and_then(Value::as_str) == Some("ephemeral");
        if self.native || known {
            value["cache_control"] = hint.clone();
        } else {
            self.lose("prompt_cache_breakpoint", self.tongue.not_here);
        }
        value
    }

    fn stop(&mut self) {
        let field = if self.native { "stop_sequences" } else { "stop" };
        let mut stop: Vec<&str> = self.request.stop.iter().map(String::as_str).collect();
        stop.retain(|stop| !stop.trim().is_empty());
        stop.truncate(usize::try_from(self.target.abilities.stop_max).unwrap_or(usize::MAX));
        // Blank ones are refused here, and so are too many.
        if stop.len() < self.request.stop.len() {
            self.lose(field, WATCHED);
            self.renames.watch(&self.request.stop);
        }
        if !stop.is_empty() {
            self.put("stop_sequences", json!(stop));
        }
    }

    fn sampling(&mut self, thinking: &Value) {
        let asked = &self.request.sampling;
        let here = [
            ("temperature", asked.temperature.map(|value| json!(value.clamp(0.0, 1.0)))),
            ("top_p", asked.top_p.map(|value| json!(value))),
            ("top_k", asked.top_k.map(|value| json!(value))),
        ];
        // While it thinks, in whatever form, the defaults must stand.
        let thinks = thinking.get("type").is_some_and(|form| form != "disabled");
        for (field, value) in here {
            let Some(value) = value else { continue };
            if !self.target.abilities.sampling {
                self.lose(field, "the model takes no sampling settings");
            } else if thinks {
                self.lose(field, "not together with thinking");
            } else if field == "top_p" && asked.temperature.is_some() && !self.native {
                self.lose(field, "not together with temperature");
            } else {
                self.put(field, value);
            }
        }
        let sent = self.target.abilities.sampling && !thinks;
        if sent && asked.temperature.is_some_and(|value| value > 1.0) {
            self.lose("temperature", "clamped to 1");
        }
        let elsewhere = [
            ("presence_penalty", asked.presence_penalty.is_some()),
            ("frequency_penalty", asked.frequency_penalty.is_some()),
            ("seed", asked.seed.is_some()),
            ("logit_bias", asked.logit_bias.is_some()),
        ];
        for (field, given) in elsewhere {
            if given {
                self.lose(field, self.tongue.not_here);
            }
        }
    }

    /// User, metadata, tier and the fields only one dialect knows.
    fn rest(&mut self) {
        let request = self.request;
        let mut metadata = if self.native { request.metadata.clone() } else { Map::new() };
        if !self.native && !request.metadata.is_empty() {
            self.lose("metadata", self.tongue.not_here);
        }
        if let Some(user) = &request.user {
            if !self.native && is_personal(user) {
                self.lose("user", "withheld: it names a person");
            } else {
                metadata.insert("user_id".to_owned(), json!(user));
            }
        }
        if !metadata.is_empty() {
            self.put("metadata", Value::Object(metadata));
        }
        match request.service_tier.as_deref() {
            Some(tier) if self.native => self.put("service_tier", json!(tier)),
            Some("auto" | "default") | None => {}
            Some(_) => self.lose("service_tier", self.tongue.not_here),
        }
        for (field, value) in &request.extras {
            let written = self.body.contains_key(field);
            if !self.native {
                if !says_nothing(field, value) {
                    self.lose(field, self.tongue.not_here);
                }
            } else if !written && matches!(field.as_str(), "thinking" | "output_config") {
                // What is left of a field that was read has no meaning without the rest.
                self.lose(field, "not at this model");
            } else if !written && self.tongue.dialect == Dialect::AnthropicMessages {
                // Who speaks another adds its own in its own words.
                self.put(field, value.clone());
            }
        }
    }

    /// Adds a field; `null` is left out.
    fn put(&mut self, field: &str, value: Value) {
        if !value.is_null() {
            self.body.insert(field.to_owned(), value);
        }
    }

    /// Lists a loss, once.
    fn lose(&mut self, field: &str, reason: &str) {
        self.losses.add(field, reason);
    }

    /// The field that asks for a form of the answer, as the client calls it.
    fn format_field(&self) -> &'static str {
        self.word("output_config.format")
    }

    /// A field as the client's dialect calls it.
    fn word(&self, ours: &'static str) -> &'static str {
        match (self.request.dialect, ours) {
            (Some(Dialect::OpenaiChat), "max_tokens") => "max_completion_tokens",
            (Some(Dialect::OpenaiChat), "output_config.format") => "response_format",
            (Some(Dialect::OpenaiChat), "thinking") => "reasoning_effort",
            (Some(Dialect::BedrockConverse), "max_tokens") => "inferenceConfig.maxTokens",
            (Some(Dialect::BedrockConverse), "output_config.format") => "outputConfig.textFormat",
            (Some(Dialect::OpenaiResponses), "max_tokens") => "max_output_tokens",
            (Some(Dialect::OpenaiResponses), "output_config.format") => "text.format",
            (Some(Dialect::OpenaiResponses), "thinking") => "reasoning",
            (Some(Dialect::OpenaiResponses), "verbosity") => "text.verbosity",
            (Some(Dialect::Gemini), "max_tokens") => "maxOutputTokens",
            (Some(Dialect::Gemini), "output_config.format") => "responseSchema",
            (Some(Dialect::Gemini), "thinking") => "thinkingConfig",
            (_, ours) => ours,
        }
    }
}

/// This target cannot do it; another may.
fn unsupported(what: &str) -> Failure {
    Failure::new(Class::UnsupportedFeature, format!("the target does not take {what}"))
}

/// Whether an end user's id looks like an e-mail address or a telephone number, which the provider
/// forbids in this field.
fn is_personal(user: &str) -> bool {
    let mail = user.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let phone = user.starts_with('+')
        && digits >= 7
        && user.bytes().all(|b| b.is_ascii_digit() || b"+-() ".contains(&b));
    mail || phone
}

#[cfg(test)]
mod tests;

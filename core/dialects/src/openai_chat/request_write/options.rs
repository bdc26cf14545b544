//! Everything but messages and tools: limits, sampling, reasoning, format, identity.

use serde_json::{Map, Value, json};

use backstop_exchange::{Effort, Format, JsonSchema, ReasoningForm};
use backstop_vocabulary::{Dialect, Failure};

use super::strict::{Root, is_strict};
use super::{Draft, unsupported};
use crate::hash::fnv64;
use crate::losses::{REWRITTEN, WATCHED};
use crate::schema::{Subset, lower};

/// Below this a reasoning model may spend all it has on thinking and answer nothing.
const REASONING_TOKENS_MIN: u64 = 2_048;
/// The longest user id the original takes.
const USER_BYTES_MAX: usize = 64;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let effort = write_effort(draft);
    if draft.request.reasoning.visible == Some(true) {
        let field = draft.word("reasoning.summary");
        draft.lose(field, "not in openai_chat");
    }
    write_limit(draft, effort)?;
    write_sampling(draft, effort)?;
    write_stop(draft);
    write_format(draft);
    write_identity(draft);
    if draft.target.stream {
        draft.set("stream", true);
        // Always: what an answer costs is known only from here.
        draft.set("stream_options", json!({ "include_usage": true }));
        if !draft.request.stream_usage {
            draft.renames.ask_usage();
        }
    }
    Ok(())
}

/// Writes the reasoning effort, and says which it is; `None` leaves it to the provider.
fn write_effort(draft: &mut Draft<'_>) -> Option<Effort> {
    let abilities = draft.target.abilities;
    let wanted = wanted_effort(draft);
    let field = draft.word("reasoning_effort");
    if abilities.reasoning == ReasoningForm::None {
        if wanted.is_some_and(|effort| effort != Effort::None) {
            draft.lose(field, "the model takes no reasoning settings");
        }
        return Some(Effort::None);
    }
    let effort = if draft.fields.contains_key("tools") && !abilities.tools_with_reasoning {
        if wanted != Some(Effort::None) {
            draft.lose(field, "the model takes no tools while it reasons: none");
        }
        Some(Effort::None)
    } else {
        wanted
    };
    if let Some(effort) = effort {
        draft.set("reasoning_effort", effort_word(effort));
    }
    effort
}

/// The effort the client's settings amount to, in this dialect's steps.
fn wanted_effort(draft: &mut Draft<'_>) -> Option<Effort> {
    let reasoning = &draft.request.reasoning;
    let field = draft.word("reasoning_effort");
    if reasoning.enabled == Some(false) || reasoning.effort == Some(Effort::None) {
        let abilities = draft.target.abilities;
        if abilities.reasoning == ReasoningForm::None || abilities.reasoning_optional {
            return Some(Effort::None);
        }
        draft.lose(field, "cannot be switched off: low");
        return Some(Effort::Low);
    }
    if draft.is_native() {
        return reasoning.effort;
    }
    match (reasoning.effort, reasoning.budget_tokens) {
        (Some(Effort::Max), _) => {
            draft.lose(field, "max is not in openai_chat: xhigh");
            Some(Effort::Xhigh)
        }
        (Some(effort), _) => Some(effort),
        (None, Some(budget)) => Some(match budget {
            0..2_000 => Effort::Low,
            2_000..8_000 => Effort::Medium,
            8_000..24_000 => Effort::High,
            24_000.. => Effort::Xhigh,
        }),
        (None, None) => None,
    }
}

pub(crate) const fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Xhigh => "xhigh",
        Effort::Max => "max",
    }
}

fn write_limit(draft: &mut Draft<'_>, effort: Option<Effort>) -> Result<(), Failure> {
    let Some(wanted) = draft.request.output_tokens_max else { return Ok(()) };
    if wanted == 0 {
        return Err(unsupported("this api cannot warm a cache: `max_tokens` must be 1 or more"));
    }
    let mut limit = wanted;
    if effort != Some(Effort::None) && !draft.is_native() && limit < REASONING_TOKENS_MIN {
        limit = REASONING_TOKENS_MIN;
        draft.lose("max_tokens", "raised to 2048: reasoning counts");
    }
    if let Some(max) = draft.target.abilities.output_tokens_max
        && limit > max
    {
        limit = max;
        draft.lose("max_tokens", &format!("clamped to {max}"));
    }
    let name = if draft.is_original() { "max_completion_tokens" } else { "max_tokens" };
    draft.set(name, limit);
    Ok(())
}

fn write_sampling(draft: &mut Draft<'_>, effort: Option<Effort>) -> Result<(), Failure> {
    let sampling = &draft.request.sampling;
    let free = draft.target.abilities.sampling || effort_is_off(draft, effort);
    let numbers = [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
    ];
    for (name, value) in numbers {
        match value {
            Some(value) if free => draft.set(name, value),
            Some(_) => draft.lose(name, "the model takes no sampling settings"),
            None => {}
        }
    }
    match &sampling.logit_bias {
        Some(bias) if free => draft.set("logit_bias", bias.clone()),
        Some(_) => draft.lose("logit_bias", "the model takes no sampling settings"),
        None => {}
    }
    if let Some(top) = sampling.logprobs {
        if !free {
            return Err(unsupported("the model reports no probabilities of tokens"));
        }
        draft.set("logprobs", true);
        if top > 0 {
            draft.set("top_logprobs", top);
        }
    }
    if let Some(k) = sampling.top_k {
        if draft.is_native() && !draft.is_original() {
            draft.set("top_k", k);
        } else {
            draft.lose("top_k", "not in openai_chat");
        }
    }
    draft.set_if(draft.target.abilities.habits.seed, sampling.seed);
    draft.set_if("n", sampling.answers);
    Ok(())
}

/// Whether a model that samples only while it does not reason was told not to.
fn effort_is_off(draft: &Draft<'_>, effort: Option<Effort>) -> bool {
    draft.target.abilities.reasoning != ReasoningForm::None && effort == Some(Effort::None)
}

/// The stop strings, as many as the target takes; where there are more, the gateway looks for all.
fn write_stop(draft: &mut Draft<'_>) {
    let stop = &draft.request.stop;
    let max = usize::try_from(draft.target.abilities.stop_max).unwrap_or(usize::MAX);
    if stop.len() > max {
        let field = draft.word("stop");
        draft.lose(field, WATCHED);
        draft.renames.watch(stop);
    }
    if !stop.is_empty() && max > 0 {
        let kept: Vec<&String> = stop.iter().take(max).collect();
        draft.set("stop", json!(kept));
    }
}

fn write_format(draft: &mut Draft<'_>) {
    match &draft.request.format {
        Format::Text => {}
        Format::Json => draft.set("response_format", json!({ "type": "json_object" })),
        Format::Schema(schema) => {
            let (strict, lowered) = strictness(draft, schema);
            let mut inner = Map::new();
            inner.insert("name".to_owned(), format_name(schema.name.as_deref()).into());
            if let Some(description) = &schema.description {
                inner.insert("description".to_owned(), description.as_str().into());
            }
            inner.insert("schema".to_owned(), lowered.unwrap_or_else(|| schema.schema.clone()));
            if let Some(strict) = strict {
                inner.insert("strict".to_owned(), strict.into());
            }
            let format = json!({ "type": "json_schema", "json_schema": Value::Object(inner) });
            draft.set("response_format", format);
        }
    }
}

/// Whether to ask for enforcement, and the schema where it had to be lowered for that. A dialect that
/// always enforces says nothing about it; a schema that the strict subset cannot hold would be
/// refused, so the model is only told of it.
fn strictness(draft: &mut Draft<'_>, schema: &JsonSchema) -> (Option<bool>, Option<Value>) {
    let always = draft.request.dialect == Some(Dialect::AnthropicMessages);
    let wanted = if always { schema.strict.or(Some(true)) } else { schema.strict };
    if wanted != Some(true) || is_strict(&schema.schema, Root::Format) {
        return (wanted, None);
    }
    let field = draft.word("response_format");
    let Some(lowered) = lower(&schema.schema, Subset::Openai) else {
        draft.lose(field, "the schema is outside the strict subset: not enforced");
        return (Some(false), None);
    };
    draft.lose(field, REWRITTEN);
    draft.renames.lower_answer(&schema.schema);
    (wanted, Some(lowered))
}

/// A name of 1 to 64 letters, digits, `_` and `-`.
pub(crate) fn format_name(name: Option<&str>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.unwrap_or_default().chars().take(64).map(plain).collect();
    if name.is_empty() { "answer".to_owned() } else { name }
}

fn write_identity(draft: &mut Draft<'_>) {
    let request = draft.request;
    if let Some(user) = &request.user {
        let name = if draft.is_original() { "safety_identifier" } else { "user" };
        let id = if user.len() > USER_BYTES_MAX {
            let field = draft.word("user");
            draft.lose(field, "longer than 64 bytes: a digest of it");
            format!("user_{:016x}", fnv64(user.as_bytes()))
        } else {
            user.clone()
        };
        draft.set(name, id);
    }
    draft.set_if("verbosity", request.verbosity.as_deref());
    // `OpenAI`'s two dialects share tiers and pairs; compatible servers may refuse them.
    let from_responses = request.dialect == Some(Dialect::OpenaiResponses);
    if draft.is_native() || (from_responses && draft.is_original()) {
        draft.set_if("service_tier", request.service_tier.as_deref());
        if !request.metadata.is_empty() {
            draft.set("metadata", request.metadata.clone());
        }
        return;
    }
    if !request.metadata.is_empty() {
        draft.lose("metadata", "not in openai_chat");
    }
    if request.service_tier.as_deref().is_some_and(|tier| tier != "auto") {
        draft.lose("service_tier", "tiers differ between providers: the default");
    }
}

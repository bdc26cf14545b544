//! Everything but items and tools: limits, sampling, reasoning, format, identity.

use serde_json::{Map, Value, json};

use backstop_exchange::{Effort, Format, JsonSchema, ReasoningForm};
use backstop_vocabulary::{Dialect, Failure};

use super::super::wire::{INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS};
use super::{Draft, unsupported};
use crate::hash::fnv64;
use crate::losses::{REWRITTEN, WATCHED};
use crate::openai_chat::{Root, effort_word, format_name, is_strict};
use crate::schema::{Subset, lower};

/// Below this a reasoning model may spend all it has on thinking and answer nothing.
const REASONING_TOKENS_MIN: u64 = 2_048;
/// The least the API takes.
const OUTPUT_TOKENS_MIN: u64 = 16;
/// The longest user id the original takes.
const USER_BYTES_MAX: usize = 64;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let effort = write_reasoning(draft);
    write_limit(draft, effort)?;
    write_sampling(draft, effort)?;
    if !draft.request.stop.is_empty() {
        let field = draft.word("stop");
        draft.lose(field, WATCHED);
        draft.renames.watch(&draft.request.stop);
    }
    write_format(draft);
    write_identity(draft);
    if draft.target.stream {
        draft.set("stream", true);
    }
    Ok(())
}

/// Writes the reasoning settings, and says the effort; `None` leaves it to the provider.
fn write_reasoning(draft: &mut Draft<'_>) -> Option<Effort> {
    let effort = wanted_effort(draft);
    if draft.target.abilities.reasoning == ReasoningForm::None {
        if effort.is_some_and(|effort| effort != Effort::None) {
            let field = draft.word("reasoning");
            draft.lose(field, "the model takes no reasoning settings");
        }
        return Some(Effort::None);
    }
    if let Some(effort) = effort {
        draft.set_in("reasoning", "effort", effort_word(effort));
    }
    if draft.request.reasoning.visible == Some(true) {
        draft.set_in("reasoning", "summary", "auto");
    }
    // Without it a thought cannot go back to who had it.
    draft.set("include", json!([INCLUDE_ENCRYPTED]));
    effort
}

/// The effort the client's settings amount to, in this dialect's steps.
fn wanted_effort(draft: &mut Draft<'_>) -> Option<Effort> {
    let reasoning = &draft.request.reasoning;
    let abilities = draft.target.abilities;
    if reasoning.enabled == Some(false) && !draft.is_native() {
        // Models that take tools while they reason elsewhere may refuse `none`; all take `low`.
        if abilities.reasoning == ReasoningForm::None || !abilities.tools_with_reasoning {
            return Some(Effort::None);
        }
        let field = draft.word("reasoning");
        draft.lose(field, "cannot be switched off for certain: low");
        return Some(Effort::Low);
    }
    match (reasoning.effort, reasoning.budget_tokens) {
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

fn write_limit(draft: &mut Draft<'_>, effort: Option<Effort>) -> Result<(), Failure> {
    let Some(wanted) = draft.request.output_tokens_max else { return Ok(()) };
    if wanted == 0 {
        return Err(unsupported("this api cannot warm a cache: `max_tokens` must be 1 or more"));
    }
    let field = draft.word("max_output_tokens");
    let mut limit = wanted;
    if !draft.is_native() {
        if effort != Some(Effort::None) && limit < REASONING_TOKENS_MIN {
            limit = REASONING_TOKENS_MIN;
            draft.lose(field, "raised to 2048: reasoning counts");
        } else if limit < OUTPUT_TOKENS_MIN {
            limit = OUTPUT_TOKENS_MIN;
            draft.lose(field, "raised to 16: the least there is");
        }
    }
    if let Some(max) = draft.target.abilities.output_tokens_max
        && limit > max
    {
        limit = max;
        draft.lose(field, &format!("clamped to {max}"));
    }
    draft.set("max_output_tokens", limit);
    Ok(())
}

fn write_sampling(draft: &mut Draft<'_>, effort: Option<Effort>) -> Result<(), Failure> {
    let sampling = &draft.request.sampling;
    let abilities = draft.target.abilities;
    let quiet = abilities.reasoning != ReasoningForm::None && effort == Some(Effort::None);
    let free = abilities.sampling || quiet;
    for (name, value) in [("temperature", sampling.temperature), ("top_p", sampling.top_p)] {
        match value {
            Some(value) if free => draft.set(name, value),
            Some(_) => draft.lose(name, "the model takes no sampling settings"),
            None => {}
        }
    }
    if let Some(top) = sampling.logprobs {
        if !free {
            return Err(unsupported("the model reports no probabilities of tokens"));
        }
        draft.set("top_logprobs", top);
        let mut include = draft.fields.get("include").cloned().unwrap_or_else(|| json!([]));
        if let Some(words) = include.as_array_mut() {
            words.push(INCLUDE_LOGPROBS.into());
        }
        draft.set("include", include);
    }
    if sampling.answers.is_some_and(|answers| answers > 1) {
        return Err(unsupported("this api gives one answer to one request"));
    }
    let elsewhere = [
        ("top_k", sampling.top_k.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("seed", sampling.seed.is_some()),
        ("logit_bias", sampling.logit_bias.is_some()),
    ];
    for (field, given) in elsewhere {
        if given {
            draft.lose(field, "not in openai_responses");
        }
    }
    Ok(())
}

fn write_format(draft: &mut Draft<'_>) {
    let request = draft.request;
    match &request.format {
        Format::Text => {}
        Format::Json => draft.set_in("text", "format", json!({ "type": "json_object" })),
        Format::Schema(schema) => {
            let (strict, lowered) = strictness(draft, schema);
            let mut format = Map::new();
            format.insert("type".to_owned(), "json_schema".into());
            format.insert("name".to_owned(), format_name(schema.name.as_deref()).into());
            if let Some(description) = &schema.description {
                format.insert("description".to_owned(), description.as_str().into());
            }
            format.insert("schema".to_owned(), lowered.unwrap_or_else(|| schema.schema.clone()));
            if let Some(strict) = strict {
                format.insert("strict".to_owned(), strict.into());
            }
            draft.set_in("text", "format", Value::Object(format));
        }
    }
    if let Some(verbosity) = &request.verbosity {
        draft.set_in("text", "verbosity", verbosity.as_str());
    }
}

/// Whether to ask for enforcement, and the schema where it had to be lowered for that. A dialect that
/// always enforces says nothing about it; a schema that the strict subset cannot hold would be
/// refused, so the model is only told of it.
fn strictness(draft: &mut Draft<'_>, schema: &JsonSchema) -> (Option<bool>, Option<Value>) {
    let always = draft.request.dialect == Some(Dialect::AnthropicMessages);
    let wanted = if always { schema.strict.or(Some(true)) } else { schema.strict };
    let strict = draft.is_native() || is_strict(&schema.schema, Root::Format);
    if wanted != Some(true) || strict {
        return (wanted, None);
    }
    let field = draft.word("text.format");
    let Some(lowered) = lower(&schema.schema, Subset::Openai) else {
        draft.lose(field, "the schema is outside the strict subset: not enforced");
        return (Some(false), None);
    };
    draft.lose(field, REWRITTEN);
    draft.renames.lower_answer(&schema.schema);
    (wanted, Some(lowered))
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
    // `OpenAI`'s two dialects share tiers and pairs.
    let shared = draft.is_native() || request.dialect == Some(Dialect::OpenaiChat);
    if shared {
        draft.set_if("service_tier", request.service_tier.as_deref());
        if !request.metadata.is_empty() {
            draft.set("metadata", request.metadata.clone());
        }
        return;
    }
    if !request.metadata.is_empty() {
        draft.lose("metadata", "not in openai_responses");
    }
    if request.service_tier.as_deref().is_some_and(|tier| tier != "auto") {
        draft.lose("service_tier", "tiers differ between providers: the default");
    }
}

//! `GET /v1/models` of everything compatible with `OpenAI`: few say more than names, each in its own
//! words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Found, day, known, modalities, per, per_million, supported, tokens};
use crate::{Facts, Modality, Price};

/// Where servers put the context window: `OpenRouter`, Together, Fireworks; vLLM and `SGLang`; Groq;
/// Mistral and LM Studio.
const CONTEXT: [&str; 5] = [
    "context_length",
    "max_model_len",
    "context_window",
    "max_context_length",
    "loaded_context_length",
];
/// Where servers put the output limit.
const OUTPUT: [&str; 2] = ["max_completion_tokens", "max_output_tokens"];

pub(super) fn read(value: &Value, vendor: &str) -> Vec<Found> {
    let list = value.get("data").unwrap_or(value);
    let models = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = |model: &Value| {
        let name = model.get("id")?.as_str()?.to_owned();
        Some(Found { vendor: vendor.to_owned(), name, facts: facts(model) })
    };
    models.iter().filter_map(found).collect()
}

fn facts(model: &Value) -> Facts {
    let first = |keys: &[&str]| keys.iter().find_map(|key| tokens(model.get(key)));
    let top = |key| tokens(model.get("top_provider").and_then(|top| top.get(key)));
    let mut facts = Facts {
        // What a server has loaded is less than what the model could do.
        context_tokens_max: tokens(model.get("loaded_context_length"))
            .or_else(|| first(&CONTEXT))
            .or_else(|| tokens(model.get("meta").and_then(|meta| meta.get("n_ctx")))),
        output_tokens_max: first(&OUTPUT).or_else(|| top("max_completion_tokens")),
        retires_at: ["shutdown_date", "deprecation", "expiration_date"]
            .iter()
            .find_map(|key| day(model.get(key))),
        price: model.get("pricing").and_then(price),
        ..Facts::default()
    };
    if let Some(kinds) = model.get("architecture") {
        if let Some(inputs) = modalities(kinds.get("input_modalities")) {
            facts.reads(inputs);
        }
        facts.outputs =
            modalities(kinds.get("output_modalities")).map(|all| all.into_iter().collect());
    }
    if let Some(takes) = model.get("supported_parameters").and_then(Value::as_array) {
        let takes = |name: &str| Some(takes.iter().any(|one| one.as_str() == Some(name)));
        facts.tools = takes("tools");
        facts.schema = takes("structured_outputs");
        facts.sampling = takes("temperature");
        facts.parallel_tools = takes("parallel_tool_calls").filter(|takes| *takes);
    }
    if let Some(can) = model.get("capabilities").filter(|can| can.is_object()) {
        facts.tools = facts.tools.or_else(|| supported(can.get("function_calling")));
        facts.images = facts.images.or_else(|| supported(can.get("vision")));
        of_azure(model, can, &mut facts);
    }
    facts
}

/// What Azure's list says: whether a model answers or embeds, and until when it is served.
fn of_azure(model: &Value, can: &Value, facts: &mut Facts) {
    let can = |what: &str| can.get(what).and_then(Value::as_bool) == Some(true);
    if can("embeddings") && !can("chat_completion") && !can("completion") {
        facts.tools = Some(false);
        facts.outputs = Some(BTreeSet::from([Modality::Embedding]));
    }
    let ends = model.get("deprecation").and_then(|ends| ends.get("inference")?.as_u64());
    facts.retires_at = facts.retires_at.take().or_else(|| ends.and_then(day_of));
}

/// The day of a time in seconds since 1970, by Howard Hinnant's `civil_from_days`; `None` past 9999.
fn day_of(unix_secs: u64) -> Option<String> {
    let days = unix_secs / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year < 10_000).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// `OpenRouter` prices a token, as text; Together and its kin price a million, as a number.
fn price(pricing: &Value) -> Option<Price> {
    let by_token = |key| per_million(pricing.get(key));
    let by_million = |key| per(pricing.get(key), 1.0);
    known(Price {
        input: by_token("prompt").or_else(|| by_million("input")),
        output: by_token("completion").or_else(|| by_million("output")),
        cached_input: by_token("input_cache_read").or_else(|| by_million("cached_input")),
        cache_write: by_token("input_cache_write"),
        ..Price::default()
    })
}

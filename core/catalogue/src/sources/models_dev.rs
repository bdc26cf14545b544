//! `api.json` of models.dev: providers by name, each with its models; prices per million tokens.

use serde_json::Value;

use super::{Found, known, modalities, per, tokens};
use crate::{Facts, LongPrice, Price, names};

/// The step of its price for long inputs, in tokens.
const LONG: u64 = 200_000;

pub(super) fn read(value: &Value) -> Vec<Found> {
    let providers = value.as_object().into_iter().flatten();
    providers
        .flat_map(|(provider, entry)| {
            let models = entry.get("models").and_then(Value::as_object).into_iter().flatten();
            models.map(move |(key, model)| found(vendor(provider), key, model))
        })
        .collect()
}

fn found(vendor: &str, key: &str, model: &Value) -> Found {
    let name = model.get("id").and_then(Value::as_str).unwrap_or(key);
    let cloud = matches!(vendor, "aws" | "google");
    let name = if cloud { names::canonical(name) } else { name.to_owned() };
    Found { vendor: vendor.to_owned(), name, facts: facts(model) }
}

/// Our word for a provider of theirs.
fn vendor(provider: &str) -> &str {
    match provider {
        "amazon-bedrock" => "aws",
        "google-vertex" | "google-vertex-anthropic" => "google",
        "azure-cognitive-services" => "azure",
        "togetherai" => "together",
        other => other,
    }
}

fn facts(model: &Value) -> Facts {
    let can = |key: &str| model.get(key).and_then(Value::as_bool);
    let limit = |key| tokens(model.get("limit").and_then(|limit| limit.get(key)));
    let mut facts = Facts {
        context_tokens_max: limit("context"),
        output_tokens_max: limit("output"),
        tools: can("tool_call"),
        schema: can("structured_output"),
        price: model.get("cost").and_then(price),
        ..Facts::default()
    };
    if let Some(kinds) = model.get("modalities") {
        if let Some(inputs) = modalities(kinds.get("input")) {
            facts.reads(inputs);
        }
        facts.outputs = modalities(kinds.get("output")).map(|all| all.into_iter().collect());
    }
    facts
}

fn price(cost: &Value) -> Option<Price> {
    let of = |cost: &Value, key: &str| per(cost.get(key), 1.0);
    let long = cost.get("context_over_200k").and_then(|long| {
        Some(LongPrice {
            above_tokens: LONG,
            input: of(long, "input")?,
            output: of(long, "output")?,
            cached_input: of(long, "cache_read"),
        })
    });
    known(Price {
        input: of(cost, "input"),
        output: of(cost, "output"),
        cached_input: of(cost, "cache_read"),
        cache_write: of(cost, "cache_write"),
        long,
        ..Price::default()
    })
}

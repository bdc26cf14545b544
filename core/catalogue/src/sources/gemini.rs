//! `models.list` of the Gemini API: limits and which methods a model serves.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Found, tokens};
use crate::{Facts, Modality};

pub(super) fn read(value: &Value, vendor: &str) -> Vec<Found> {
    let models =
        value.get("models").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let found = |model: &Value| {
        let name = model.get("name")?.as_str()?.trim_start_matches("models/").to_owned();
        Some(Found { vendor: vendor.to_owned(), name, facts: facts(model)? })
    };
    models.iter().filter_map(found).collect()
}

/// `None` for a model that neither answers nor embeds: pictures, film, speech.
fn facts(model: &Value) -> Option<Facts> {
    let methods = model.get("supportedGenerationMethods").and_then(Value::as_array);
    let serves =
        |method: &str| methods.is_none_or(|all| all.iter().any(|one| one.as_str() == Some(method)));
    let mut facts =
        Facts { context_tokens_max: tokens(model.get("inputTokenLimit")), ..Facts::default() };
    if serves("generateContent") {
        facts.output_tokens_max = tokens(model.get("outputTokenLimit"));
        return Some(facts);
    }
    if !serves("embedContent") {
        return None;
    }
    // Its output limit is 1: a vector.
    facts.tools = Some(false);
    facts.outputs = Some(BTreeSet::from([Modality::Embedding]));
    Some(facts)
}

//! `GET /foundation-models` of AWS: which kinds of content a model reads and gives, and until when.
//!
//! It knows of texts and images only: that a model is not said to read PDF says nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Found, day};
use crate::{Facts, Modality};

pub(super) fn read(value: &Value, vendor: &str) -> Vec<Found> {
    let models = value.get("modelSummaries").and_then(Value::as_array);
    let found = |model: &Value| {
        let name = model.get("modelId")?.as_str()?.to_owned();
        Some(Found { vendor: vendor.to_owned(), name, facts: facts(model)? })
    };
    models.into_iter().flatten().filter_map(found).collect()
}

/// `None` for a model that gives neither text nor vectors.
fn facts(model: &Value) -> Option<Facts> {
    let has = |list: &str, kind: &str| {
        let kinds = model.get(list).and_then(Value::as_array);
        kinds.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(kind)))
    };
    let ends = model.get("modelLifecycle").and_then(|life| day(life.get("endOfLifeTime")));
    let mut facts = Facts {
        images: Some(has("inputModalities", "IMAGE")),
        retires_at: ends,
        ..Facts::default()
    };
    if has("outputModalities", "TEXT") {
        return Some(facts);
    }
    if !has("outputModalities", "EMBEDDING") {
        return None;
    }
    facts.tools = Some(false);
    facts.outputs = Some(BTreeSet::from([Modality::Embedding]));
    Some(facts)
}

//! Made-up values: weighted choices, log-normal times, JSON that obeys a schema.

use std::time::Duration;

use backstop_vocabulary::Chance;
use serde_json::{Map, Number, Value};

use crate::Spread;

/// Deeper than this, a schema is answered with `null`: schemas may refer to themselves.
const DEPTH_MAX: u8 = 12;

/// One of the choices, by weight; `None` when all weights are zero.
pub(crate) fn weighted<'a, T>(choices: &'a [(T, f64)], chance: &mut Chance) -> Option<&'a T> {
    let total: f64 = choices.iter().map(|(_, weight)| weight.max(0.0)).sum();
    let mut left = chance.unit() * total;
    let mut last = None;
    for (choice, weight) in choices {
        if *weight > 0.0 {
            last = Some(choice);
            if left < *weight {
                break;
            }
            left -= weight;
        }
    }
    last
}

/// A time of a log-normal law, never more than four times its 95th percentile.
pub(crate) fn duration(spread: Spread, chance: &mut Chance) -> Duration {
    let median = spread.median.as_secs_f64().max(1e-6);
    let p95 = spread.p95.as_secs_f64().max(median);
    let sigma = (p95 / median).ln() / 1.644_853_6;
    let drawn = median * (sigma * normal(chance)).exp();
    Duration::from_secs_f64(drawn.min(4.0 * p95))
}

/// A standard normal number (Box and Muller 1958).
fn normal(chance: &mut Chance) -> f64 {
    let radius = (-2.0 * (1.0 - chance.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * chance.unit()).cos()
}

/// A value that obeys the schema, the same for the same seed.
pub(crate) fn instance(schema: &Value, seed: u64) -> Value {
    let mut chance = Chance::from_seed(seed);
    value(schema, schema, &mut chance, DEPTH_MAX)
}

fn value(root: &Value, schema: &Value, chance: &mut Chance, depth: u8) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = target.trim_start_matches('#');
        let found = root.pointer(pointer).unwrap_or(&Value::Null);
        return value(root, found, chance, depth - 1);
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return one_of(choices, chance).cloned().unwrap_or(Value::Null);
    }
    let alternatives = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key));
    if let Some(first) = alternatives.and_then(Value::as_array).and_then(|list| list.first()) {
        return value(root, first, chance, depth - 1);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    match kind {
        Some("string") => Value::String(word(chance)),
        Some("integer") => Value::Number(Number::from(within(schema, chance))),
        Some("number") => Number::from_f64(as_f64(within(schema, chance)) + 0.5)
            .map_or(Value::Null, Value::Number),
        Some("boolean") => Value::Bool(chance.happens(0.5)),
        Some("array") => array(root, schema, chance, depth),
        Some("null") => Value::Null,
        _ => object(root, schema, chance, depth),
    }
}

fn object(root: &Value, schema: &Value, chance: &mut Chance, depth: u8) -> Value {
    let mut made = Map::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, inner) in properties {
            made.insert(name.clone(), value(root, inner, chance, depth - 1));
        }
    }
    Value::Object(made)
}

fn array(root: &Value, schema: &Value, chance: &mut Chance, depth: u8) -> Value {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).min(8);
    let Some(items) = schema.get("items") else { return Value::Array(Vec::new()) };
    (0..least.max(1)).map(|_| value(root, items, chance, depth - 1)).collect()
}

fn within(schema: &Value, chance: &mut Chance) -> u64 {
    let least = schema.get("minimum").and_then(Value::as_u64).unwrap_or(0);
    let most = schema.get("maximum").and_then(Value::as_u64).unwrap_or(least + 99);
    least + chance.below(most.saturating_sub(least) + 1)
}

/// A small whole number as a double.
fn as_f64(number: u64) -> f64 {
    u32::try_from(number).map_or(0.0, f64::from)
}

/// A short word.
pub(crate) fn word(chance: &mut Chance) -> String {
    one_of(WORDS, chance).map_or_else(String::new, |word| (*word).to_owned())
}

fn one_of<'a, T>(choices: &'a [T], chance: &mut Chance) -> Option<&'a T> {
    let bound = u64::try_from(choices.len()).unwrap_or(0);
    choices.get(usize::try_from(chance.below(bound)).unwrap_or(0))
}

/// Words of answers: some with letters outside ASCII and JSON's own signs, which break bad writers.
pub(crate) const WORDS: &[&str] = &[
    "harbour",
    "ledger",
    "quiet",
    "signal",
    "copper",
    "meadow",
    "ticket",
    "lantern",
    "river",
    "window",
    "orchard",
    "engine",
    "paper",
    "winter",
    "garden",
    "bridge",
    "café",
    "naïve",
    "\"quoted\"",
    "back\\slash",
    "größer",
    "tide",
    "stone",
    "market",
    "clock",
    "thread",
    "yellow",
    "северный",
    "harvest",
    "violet",
    "anchor",
    "candle",
    "日本",
    "🙂",
    "ember",
    "summit",
];

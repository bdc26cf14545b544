//! What a target is asked otherwise (`parameters`, `system`, `system_note`).

use std::ops::RangeInclusive;

use backstop_exchange::{Adjustment, Effort};

use crate::faults::Faults;
use crate::section::{Field, Keys, Section};
use crate::yaml::Value;

pub(crate) const PARAMETER_KEYS: Keys = Keys {
    section: "parameters",
    names: &[
        "temperature",
        "top_p",
        "top_k",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "max_tokens",
        "reasoning_effort",
        "verbosity",
    ],
};

/// How hard a model thinks, in the words of the APIs.
const EFFORTS: [(&str, Effort); 7] = [
    ("none", Effort::None),
    ("minimal", Effort::Minimal),
    ("low", Effort::Low),
    ("medium", Effort::Medium),
    ("high", Effort::High),
    ("xhigh", Effort::Xhigh),
    ("max", Effort::Max),
];

/// The adjustment of a target; nothing where its map has no such keys.
pub(crate) fn adjustment(target: &Section<'_>, faults: &mut Faults) -> Adjustment {
    let mut text = |key| {
        let text = target.get(key)?.text(faults, "Answer in one paragraph.")?;
        Some(text.value.clone())
    };
    let (system, system_note) = (text("system"), text("system_note"));
    let asked = Adjustment { system, system_note, ..Adjustment::default() };
    let Some(field) = target.get("parameters") else { return asked };
    let Some(section) = field.section(faults, PARAMETER_KEYS) else { return asked };
    let mut number = |key, range| section.get(key).and_then(|field| number(&field, faults, range));
    let temperature = number("temperature", 0.0..=2.0);
    let top_p = number("top_p", 0.0..=1.0);
    let presence_penalty = number("presence_penalty", -2.0..=2.0);
    let frequency_penalty = number("frequency_penalty", -2.0..=2.0);
    let mut whole = |key, range| section.get(key).and_then(|field| field.whole(faults, range));
    let top_k = whole("top_k", 1..=1_000_000);
    let seed = whole("seed", 0..=i64::MAX.unsigned_abs());
    let max_tokens = whole("max_tokens", 1..=1_000_000_000);
    let effort = section.get("reasoning_effort");
    let reasoning_effort = effort.and_then(|field| field.word(faults, &EFFORTS));
    let words = [("low", "low"), ("medium", "medium"), ("high", "high")];
    let verbosity = section.get("verbosity").and_then(|field| field.word(faults, &words));
    Adjustment {
        temperature,
        top_p,
        top_k,
        presence_penalty,
        frequency_penalty,
        seed,
        max_tokens,
        reasoning_effort,
        verbosity: verbosity.map(str::to_owned),
        ..asked
    }
}

/// A number, possibly with a fraction, within a range.
fn number(field: &Field<'_>, faults: &mut Faults, range: RangeInclusive<f64>) -> Option<f64> {
    let read = match &field.node.value {
        // Nothing near the range loses anything here.
        Value::Whole(number) => number.to_string().parse().ok(),
        Value::Fraction(number) => Some(*number),
        Value::Text(text) => text.value.trim().parse().ok(),
        Value::Empty | Value::Switch(_) | Value::List(_) | Value::Map(_) => None,
    };
    let within = read.filter(|number| range.contains(number));
    if within.is_none() {
        let cure = format!("write a number from {} to {}", range.start(), range.end());
        field.fault(faults, "this is not a number that fits here", cure);
    }
    within
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use backstop_catalogue::Catalogue;

    use super::*;
    use crate::Rung;

    fn read(target: &str) -> Result<Adjustment, String> {
        let yaml = format!(
            "providers: {{ anthropic: {{ api_key: k }} }}\nroutes: [{{ name: a, models: [\"*\"], \
             ladder: [{{ targets: [{{ target: anthropic/m, {target} }}] }}] }}]\n"
        );
        let settings = crate::read(&yaml, &BTreeMap::new(), &Catalogue::built_in());
        let settings = settings.map_err(|errors| errors[0].to_string())?;
        let Rung::Targets(targets) = &settings.routes[0].ladder[0];
        Ok(targets[0].adjustment.clone())
    }

    #[test]
    fn reads_every_parameter_within_its_range() {
        let read_all = read(
            "system_note: \"be kind\", parameters: { temperature: 0.2, top_p: 1, top_k: 5, seed: 7, \
             presence_penalty: -1.5, frequency_penalty: 2, max_tokens: 100, \
             reasoning_effort: low, verbosity: high }",
        );
        let adjustment = read_all.unwrap();
        assert_eq!(adjustment.names().len(), PARAMETER_KEYS.names.len() + 1, "{adjustment:?}");
        assert_eq!((adjustment.temperature, adjustment.top_p), (Some(0.2), Some(1.0)));
        assert_eq!(adjustment.reasoning_effort, Some(Effort::Low));
        assert_eq!(adjustment.presence_penalty, Some(-1.5));
    }

    #[test]
    fn refuses_what_no_model_takes_and_names_it() {
        for (wrong, said) in [
            ("parameters: { temperature: 3 }", "from 0 to 2"),
            ("parameters: { temperature: hot }", "from 0 to 2"),
            ("parameters: { reasoning_effort: hard }", "reasoning_effort"),
            ("parameters: { temprature: 1 }", "temperature"),
            ("system: \"\"", "system"),
        ] {
            let refused = read(wrong).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }
}

//! The file as it stands: every value with its place, nothing understood yet.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A number or a text, as written.
#[derive(Clone, Debug)]
pub(super) struct Scalar(pub(super) String);

/// A value with its place.
pub(super) type At<T> = Spanned<T>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) kind: At<String>,
    pub(super) start: At<String>,
    pub(super) length: At<Scalar>,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) workload: Workload,
    pub(super) providers: Vec<At<Provider>>,
    pub(super) ladder: Vec<At<Rung>>,
    #[serde(default)]
    pub(super) phases: Vec<At<Phase>>,
    pub(super) continuation: Option<BTreeMap<String, At<Scalar>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Workload {
    pub(super) requests_per_second: At<Scalar>,
    pub(super) streamed: At<Scalar>,
    pub(super) tools: At<Scalar>,
    pub(super) schema: At<Scalar>,
    pub(super) deadline: At<Scalar>,
    pub(super) silence_max: Option<At<Scalar>>,
    pub(super) populations: Vec<Population>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Population {
    pub(super) name: String,
    pub(super) share: At<Scalar>,
    pub(super) models: BTreeMap<String, At<Scalar>>,
    pub(super) dialects: BTreeMap<String, At<Scalar>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) dialect: Option<At<String>>,
    pub(super) vendor: String,
    #[serde(default)]
    pub(super) models: Vec<String>,
    #[serde(default)]
    pub(super) keys: Vec<String>,
    pub(super) tokens: Option<At<Scalar>>,
    pub(super) login: Option<At<String>>,
    pub(super) latency: Option<Latency>,
    pub(super) concurrency_max: Option<u32>,
    pub(super) queue_wait_max: Option<At<Scalar>>,
    pub(super) base: Option<Base>,
    pub(super) requests_per_minute: Option<u32>,
    pub(super) ramp: Option<Ramp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Latency {
    pub(super) first_token: Option<SpreadRaw>,
    pub(super) tokens_per_second: Option<f64>,
    pub(super) piece_tokens: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpreadRaw {
    pub(super) median: At<Scalar>,
    pub(super) p95: At<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Base {
    pub(super) server_errors: At<Scalar>,
    pub(super) rate_limits: At<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ramp {
    pub(super) free_per_minute: u32,
    pub(super) growth: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rung {
    pub(super) target: String,
    #[serde(default)]
    pub(super) tier: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) from: At<Scalar>,
    pub(super) to: Option<At<Scalar>>,
    #[serde(rename = "for")]
    pub(super) lasting: Option<At<Scalar>>,
    #[serde(default)]
    pub(super) scope: ScopeRaw,
    pub(super) symptom: At<Symptoms>,
    pub(super) share: At<Three>,
    pub(super) ramp_from: Option<At<Three>>,
    pub(super) period: Option<At<Scalar>>,
    pub(super) duty: Option<At<Scalar>>,
    pub(super) evidence: At<String>,
    pub(super) source: String,
    pub(super) demo: Option<At<Scalar>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScopeRaw {
    pub(super) providers: Vec<String>,
    pub(super) models: Vec<String>,
    pub(super) populations: Vec<String>,
    pub(super) credentials: Vec<String>,
    pub(super) regions: Vec<String>,
    pub(super) methods: Vec<String>,
}

/// One share, or one for each severity.
#[derive(Debug)]
pub(super) enum Three {
    One(Scalar),
    Each(BTreeMap<String, Scalar>),
}

/// Names of symptoms with their knobs.
#[derive(Debug)]
pub(super) struct Symptoms(pub(super) Vec<SymptomRaw>);

#[derive(Debug, Default)]
pub(super) struct SymptomRaw {
    pub(super) kind: String,
    pub(super) knobs: BTreeMap<String, Scalar>,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text such as 30s or 10%")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }
}

impl<'de> Deserialize<'de> for Three {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ThreeVisitor)
    }
}

struct ThreeVisitor;

impl<'de> Visitor<'de> for ThreeVisitor {
    type Value = Three;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share such as 10%, or { low, mid, high }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Three, E> {
        ScalarVisitor.visit_str(text).map(Three::One)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Three, E> {
        ScalarVisitor.visit_u64(number).map(Three::One)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Three, E> {
        ScalarVisitor.visit_f64(number).map(Three::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Three, A::Error> {
        let mut each = BTreeMap::new();
        while let Some((name, share)) = map.next_entry()? {
            each.insert(name, share);
        }
        Ok(Three::Each(each))
    }
}

impl<'de> Deserialize<'de> for SymptomRaw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SymptomVisitor)
    }
}

struct SymptomVisitor;

impl<'de> Visitor<'de> for SymptomVisitor {
    type Value = SymptomRaw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a symptom, or { kind: …, and its numbers }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SymptomRaw, E> {
        Ok(SymptomRaw { kind: text.to_owned(), knobs: BTreeMap::new() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SymptomRaw, A::Error> {
        let mut raw = SymptomRaw::default();
        while let Some((name, value)) = map.next_entry::<String, Scalar>()? {
            if name == "kind" {
                raw.kind = value.0;
            } else {
                raw.knobs.insert(name, value);
            }
        }
        Ok(raw)
    }
}

impl<'de> Deserialize<'de> for Symptoms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SymptomsVisitor)
    }
}

struct SymptomsVisitor;

impl<'de> Visitor<'de> for SymptomsVisitor {
    type Value = Symptoms;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symptom, or a list of symptoms")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Symptoms, E> {
        SymptomVisitor.visit_str(text).map(|one| Symptoms(vec![one]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Symptoms, A::Error> {
        SymptomVisitor.visit_map(map).map(|one| Symptoms(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Symptoms, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        Ok(Symptoms(all))
    }
}

use std::collections::BTreeMap;

use backstop_exchange::{Abilities, ReasoningForm};
use serde::Deserialize;

use crate::{Family, Model, Size};

/// One data file: the models of one vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    vendor: String,
    as_of: String,
    profiles: BTreeMap<String, Partial>,
    models: Vec<Entry>,
    /// The model that stands for the vendor in each size.
    pub(crate) stand_ins: BTreeMap<Size, String>,
    #[serde(default)]
    families: Vec<Kin>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kin {
    name: String,
    size: Size,
    models: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    /// Who makes it, where that is not the file's vendor.
    vendor: Option<String>,
    size: Size,
    /// The profile it starts from; without one, the safe assumptions.
    like: Option<String>,
    #[serde(default)]
    abilities: Partial,
    #[serde(default)]
    listed: bool,
    source: String,
    #[serde(default)]
    estimated: Vec<String>,
}

/// The abilities that differ from what they are laid over.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partial {
    tools: Option<bool>,
    images: Option<bool>,
    documents: Option<bool>,
    audio: Option<bool>,
    schema: Option<bool>,
    prefill: Option<bool>,
    sampling: Option<bool>,
    stop_max: Option<u32>,
    tools_with_reasoning: Option<bool>,
    reasoning_optional: Option<bool>,
    system_turns: Option<bool>,
    completion_tokens_field: Option<bool>,
    reasoning: Option<Reasoning>,
    context_tokens_max: Option<u64>,
    output_tokens_max: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reasoning {
    None,
    Budget,
    Adaptive,
    Effort,
}

impl From<Reasoning> for ReasoningForm {
    fn from(reasoning: Reasoning) -> Self {
        match reasoning {
            Reasoning::None => Self::None,
            Reasoning::Budget => Self::Budget,
            Reasoning::Adaptive => Self::Adaptive,
            Reasoning::Effort => Self::Effort,
        }
    }
}

impl Partial {
    fn over(&self, base: &Abilities) -> Abilities {
        Abilities {
            tools: self.tools.unwrap_or(base.tools),
            images: self.images.unwrap_or(base.images),
            documents: self.documents.unwrap_or(base.documents),
            audio: self.audio.unwrap_or(base.audio),
            schema: self.schema.unwrap_or(base.schema),
            prefill: self.prefill.unwrap_or(base.prefill),
            sampling: self.sampling.unwrap_or(base.sampling),
            stop_max: self.stop_max.unwrap_or(base.stop_max),
            tools_with_reasoning: self.tools_with_reasoning.unwrap_or(base.tools_with_reasoning),
            reasoning_optional: self.reasoning_optional.unwrap_or(base.reasoning_optional),
            system_turns: self.system_turns.unwrap_or(base.system_turns),
            completion_tokens_field: self
                .completion_tokens_field
                .unwrap_or(base.completion_tokens_field),
            reasoning: self.reasoning.map_or(base.reasoning, Into::into),
            context_tokens_max: self.context_tokens_max.or(base.context_tokens_max),
            output_tokens_max: self.output_tokens_max.or(base.output_tokens_max),
        }
    }
}

impl File {
    /// The file of this text; the error says where it is wrong.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let lost = file.models.iter().find(|entry| {
            entry.like.as_ref().is_some_and(|like| !file.profiles.contains_key(like))
        });
        lost.map_or(Ok(()), |entry| Err(format!("{}: no such profile", entry.name)))?;
        Ok(file)
    }

    pub(crate) fn vendor(&self) -> &str {
        &self.vendor
    }

    /// The families in the order of the file.
    pub(crate) fn families(&self) -> impl Iterator<Item = Family> + '_ {
        self.families.iter().map(|kin| Family {
            name: kin.name.clone(),
            vendor: self.vendor.clone(),
            size: kin.size,
            patterns: kin.models.clone(),
        })
    }

    /// The models in the order of the file.
    pub(crate) fn models(&self) -> impl Iterator<Item = Model> + '_ {
        self.models.iter().map(|entry| {
            let profile = entry.like.as_ref().and_then(|like| self.profiles.get(like));
            let base = profile
                .map_or_else(Abilities::default, |profile| profile.over(&Abilities::default()));
            Model {
                name: entry.name.clone(),
                vendor: entry.vendor.as_ref().unwrap_or(&self.vendor).clone(),
                size: entry.size,
                abilities: entry.abilities.over(&base),
                listed: entry.listed,
                source: entry.source.clone(),
                as_of: self.as_of.clone(),
                estimated: entry.estimated.clone(),
            }
        })
    }
}

use std::collections::BTreeMap;

use backstop_exchange::Abilities;
use backstop_vocabulary::Tier;
use serde::{Deserialize, Serialize};

use crate::{Facts, Price, names};

/// How strong a model is, in steps wide enough to compare vendors.
///
/// Models of one size stand in for each other; the steps are ours, not the vendors'.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// A vendor's strongest: Opus, Fable, GPT-6, Gemini Pro.
    Flagship,
    /// A vendor's everyday model: Sonnet, GPT-5.4, Gemini Flash.
    Main,
    /// A vendor's quick and cheap one: Haiku, the minis, Flash-Lite.
    Small,
    /// Open weights that run on one's own machine.
    Local,
    /// One that nobody has compared, or that answers no questions (embeddings): nothing stands in.
    Unknown,
}

impl Size {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flagship => "flagship",
            Self::Main => "main",
            Self::Small => "small",
            Self::Local => "local",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known of a model, or of a family of models that share a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The name, or the beginning of the names it stands for with a `*` at its end.
    pub name: String,
    /// Who makes it: `anthropic`, `openai`, `google`, or `open` for open weights.
    pub vendor: String,
    /// The vendor of the providers this entry speaks of; `None` is everywhere.
    pub at: Option<String>,
    /// How strong it is.
    pub size: Size,
    /// What it can do on its vendor's own dialect.
    pub abilities: Abilities,
    /// Everything that is known of it: abilities, limits, modalities, price.
    pub facts: Facts,
    /// What clouds call it: `bedrock`, `vertex`.
    pub names: BTreeMap<String, String>,
    /// Whether the name without its `*` is a model one can ask for.
    pub listed: bool,
    /// Where the facts come from.
    pub source: String,
    /// The day they were collected, `2026-11-21`.
    pub as_of: String,
    /// The facts that are estimates; `all` when everything is.
    pub estimated: Vec<String>,
    /// The facts that come from somewhere else than `source`, by name; `price` is all of the price.
    pub origins: BTreeMap<String, Origin>,
}

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// An address, a file, or a sentence.
    pub source: String,
    /// The day it was collected, `2026-11-21`.
    pub as_of: String,
}

impl Model {
    /// What its answers are worth beside a vendor's hosted model, unless the settings say otherwise.
    pub const fn tier(&self) -> Tier {
        match self.size {
            Size::Flagship | Size::Main | Size::Small | Size::Unknown => Tier::Full,
            Size::Local => Tier::Degraded,
        }
    }

    /// The name a client may ask for, where the entry stands for one model and not only for a
    /// family; for lists of models.
    pub fn listed_name(&self) -> Option<&str> {
        self.listed.then(|| self.name.trim_end_matches('*'))
    }

    /// Whether this entry speaks of the model called `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.name.strip_suffix('*').map_or(self.name == name, |start| name.starts_with(start))
    }

    /// Whether this entry speaks of a model of which `name` is an alias or a snapshot.
    pub(crate) fn is_kin_of(&self, name: &str) -> bool {
        !self.name.ends_with('*') && names::same_weights(&self.name, name)
    }

    /// Whether `fact` (a field of [`Facts`], `price.input` for one price) is an estimate.
    pub fn is_estimated(&self, fact: &str) -> bool {
        let group = fact.split('.').next().unwrap_or(fact);
        let named = |estimate: &String| estimate == "all" || estimate == fact || estimate == group;
        !self.origins.contains_key(group) && self.estimated.iter().any(named)
    }

    /// Where `fact` comes from, and of which day it is.
    pub fn origin(&self, fact: &str) -> Origin {
        let group = fact.split('.').next().unwrap_or(fact);
        self.origins
            .get(group)
            .cloned()
            .unwrap_or_else(|| Origin { source: self.source.clone(), as_of: self.as_of.clone() })
    }

    /// What it costs, where that is known.
    pub fn price(&self) -> Option<&Price> {
        self.facts.price.as_ref().filter(|price| !price.is_empty())
    }

    /// Whether it makes vectors, not answers.
    pub const fn embeds(&self) -> bool {
        self.facts.dimensions.is_some()
    }

    /// Lays what another source says over what is known.
    pub(crate) fn learn(&mut self, facts: &Facts, origin: &Origin) {
        self.facts = self.facts.under(facts);
        self.abilities = facts.over(&self.abilities);
        for (fact, _) in facts.listed() {
            let group = fact.split('.').next().unwrap_or(&fact).to_owned();
            self.origins.insert(group, origin.clone());
        }
    }
}

use backstop_exchange::Abilities;
use backstop_vocabulary::Tier;
use serde::Deserialize;

/// How strong a model is, in steps wide enough to compare vendors.
///
/// Models of one size stand in for each other; the steps are ours, not the vendors'.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// A vendor's strongest: Opus, Fable, GPT-6.
    Flagship,
    /// A vendor's everyday model: Sonnet, GPT-5.4.
    Main,
    /// A vendor's quick and cheap one: Haiku, the minis.
    Small,
    /// Open weights that run on one's own machine.
    Local,
}

/// What is known of a model, or of a family of models that share a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The name, or the beginning of the names it stands for with a `*` at its end.
    pub name: String,
    /// Who makes it: `anthropic`, `openai`, or `open` for open weights.
    pub vendor: String,
    /// How strong it is.
    pub size: Size,
    /// What it can do on its vendor's own dialect.
    pub abilities: Abilities,
    /// Whether the name without its `*` is a model one can ask for.
    pub listed: bool,
    /// Where the facts come from.
    pub source: String,
    /// The day they were collected, `2026-11-21`.
    pub as_of: String,
    /// The abilities that are estimates rather than facts; `all` when everything is.
    pub estimated: Vec<String>,
}

impl Model {
    /// What its answers are worth beside a vendor's hosted model, unless the settings say otherwise.
    pub const fn tier(&self) -> Tier {
        match self.size {
            Size::Flagship | Size::Main | Size::Small => Tier::Full,
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

    /// Whether `ability` of this model (a field of [`Abilities`]) is an estimate.
    pub fn is_estimated(&self, ability: &str) -> bool {
        self.estimated.iter().any(|estimate| estimate == "all" || estimate == ability)
    }
}

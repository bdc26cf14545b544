use backstop_exchange::Abilities;

use crate::{Catalogue, Collected, Facts, Model, Origin, Size, names};

/// What the settings say of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// Its name, or the beginning of names with a `*` at its end.
    pub model: String,
    /// The vendor of the providers this is said of; `None` is everywhere.
    pub vendor: Option<String>,
    /// A model it is like: what is known of that counts where nothing else is said.
    pub like: Option<String>,
    /// How strong it is.
    pub size: Option<Size>,
    /// What is said.
    pub facts: Facts,
    /// Where that stands: the settings' file and line.
    pub source: String,
}

impl Catalogue {
    /// This catalogue, with what was collected since on top.
    #[must_use]
    pub fn with(mut self, collected: &Collected) -> Self {
        let mut laid = Vec::new();
        for (vendor, name, said) in collected.models() {
            let mut model = self.entry(vendor, name);
            model.at = Some(vendor.to_owned());
            for one in said {
                let origin = Origin { source: one.source.clone(), as_of: one.as_of.clone() };
                model.learn(&one.facts, &origin);
            }
            // A maker's own list is what one can ask for; a reseller's is not everybody's.
            model.listed = !model.embeds() && model.vendor == vendor && self.makes(vendor);
            laid.push(model);
        }
        self.lay(laid);
        self
    }

    /// This catalogue, with what the settings say on top. Of several that speak of a model the first
    /// counts.
    #[must_use]
    pub fn with_own(mut self, own: &[Own]) -> Self {
        let mut laid = Vec::new();
        for one in own {
            let vendor = one.vendor.as_deref().unwrap_or_default();
            let origin = Origin { source: one.source.clone(), as_of: String::new() };
            let speaks = |model: &Model| {
                one.vendor
                    .as_deref()
                    .is_none_or(|vendor| model.at.as_deref().unwrap_or(&model.vendor) == vendor)
            };
            // A pattern changes what it matches, so that finer entries keep what they know.
            if let Some(start) = one.model.strip_suffix('*').filter(|_| one.like.is_none()) {
                self.teach(
                    |model| speaks(model) && model.name.starts_with(start),
                    &one.facts,
                    &origin,
                );
                let known = self.models().iter().any(|model| speaks(model) && model.matches(start));
                if known {
                    continue;
                }
            }
            // A snapshot that was collected is still the model the settings speak of.
            let kin = named(&one.model);
            self.teach(
                |model| speaks(model) && model.at.is_some() && model.is_kin_of(&kin),
                &one.facts,
                &origin,
            );
            let mut model = match &one.like {
                Some(like) => self.entry(vendor, like),
                None => self.entry(vendor, one.model.trim_end_matches('*')),
            };
            model.name = named(&one.model);
            model.at.clone_from(&one.vendor);
            model.size = one.size.unwrap_or(model.size);
            model.listed = !one.model.ends_with('*');
            model.learn(&one.facts, &origin);
            laid.push(model);
        }
        self.lay(laid);
        self
    }

    /// A new entry for a model: what is known of it, or nothing but the safe assumptions.
    fn entry(&self, vendor: &str, name: &str) -> Model {
        let name = named(name);
        match self.model(vendor, &name).cloned() {
            Some(known) => Model { name, ..known },
            None => unknown(vendor, name),
        }
    }
}

/// The form of a name in which it is looked up.
fn named(name: &str) -> String {
    name.strip_suffix('*')
        .map_or_else(|| names::canonical(name), |start| format!("{}*", start.to_ascii_lowercase()))
}

fn unknown(vendor: &str, name: String) -> Model {
    Model {
        name,
        vendor: vendor.to_owned(),
        at: None,
        size: Size::Unknown,
        abilities: Abilities::default(),
        facts: Facts::default(),
        names: std::collections::BTreeMap::new(),
        listed: false,
        source: "the safe assumptions about a model nobody has described".to_owned(),
        as_of: String::new(),
        estimated: vec!["all".to_owned()],
        origins: std::collections::BTreeMap::new(),
    }
}

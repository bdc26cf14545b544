use std::collections::BTreeMap;

use backstop_exchange::Abilities;

use crate::data::File;
use crate::{Facts, Model, Origin, Size, names};

const FILES: [&str; 5] = [
    include_str!("../data/anthropic.json"),
    include_str!("../data/openai.json"),
    include_str!("../data/google.json"),
    include_str!("../data/open.json"),
    include_str!("../data/embeddings.json"),
];

/// Every model we know something about.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// What was laid on top, then the files in their order: the first that matches is the one.
    models: Vec<Model>,
    /// How many of them were laid on top.
    laid: usize,
    /// The model that stands for a vendor in each size.
    best: BTreeMap<(Size, String), String>,
    families: Vec<Family>,
}

/// Models of one vendor and one size, by the patterns that routes use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// A name fit for a route.
    pub name: String,
    /// Who makes them.
    pub vendor: String,
    /// How strong they are.
    pub size: Size,
    /// The model names, with `*` for any run of characters; earlier families take precedence.
    pub patterns: Vec<String>,
}

/// A model that may answer for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn<'a> {
    /// Who makes it.
    pub vendor: &'a str,
    /// Its name at that vendor.
    pub model: &'a str,
}

impl Catalogue {
    /// The catalogue built into the binary. Parses a few kilobytes: keep the value.
    pub fn built_in() -> Self {
        // That every file reads is proved by a test, so a broken one is only ever left out here.
        let mut catalogue = Self::default();
        for file in FILES.iter().filter_map(|text| File::read(text).ok()) {
            catalogue.models.extend(file.models());
            catalogue.families.extend(file.families());
            for (size, model) in &file.stand_ins {
                catalogue.best.insert((*size, file.vendor().to_owned()), model.clone());
            }
        }
        catalogue
    }

    /// What is known of `name` at `vendor`.
    ///
    /// The vendor's own models come first; a name that the vendor does not make is looked up among
    /// all (a cloud, or an `OpenAI`-compatible proxy, serves everybody's models). A name counts
    /// under each form that [`names::canonical`] knows.
    pub fn model(&self, vendor: &str, name: &str) -> Option<&Model> {
        let name = &names::canonical(name);
        let (laid, built_in) = self.models.split_at(self.laid.min(self.models.len()));
        let here = |model: &&Model| model.at.as_deref().is_none_or(|at| at == vendor);
        let maker = |model: &&Model| {
            model.at.as_deref().is_some_and(|at| at == model.vendor && self.makes(at))
        };
        let own = built_in.iter().filter(|model| model.vendor == vendor);
        find(laid.iter().filter(here), name)
            .or_else(|| own.clone().find(|model| model.matches(name)))
            .or_else(|| find(laid.iter().filter(maker), name))
            .or_else(|| built_in.iter().find(|model| model.matches(name)))
    }

    /// What `name` at `vendor` can do; the safe assumptions when nobody has described it.
    pub fn abilities(&self, vendor: &str, name: &str) -> Abilities {
        self.model(vendor, name).map(|model| model.abilities.clone()).unwrap_or_default()
    }

    /// The models of other vendors that stand in for `name`, one per vendor.
    ///
    /// Open weights have none: which of them runs where is the operator's knowledge.
    pub fn stand_ins(&self, name: &str) -> Vec<StandIn<'_>> {
        self.model("", name)
            .map(|model| self.best_of(model.size, &model.vendor))
            .unwrap_or_default()
    }

    /// The model that each vendor but `except` would send for a model of this size.
    pub fn best_of(&self, size: Size, except: &str) -> Vec<StandIn<'_>> {
        self.best
            .iter()
            .filter(|((of_size, vendor), _)| *of_size == size && vendor != except)
            .map(|((_, vendor), model)| StandIn { vendor, model })
            .collect()
    }

    /// The families a vendor's models fall into; the first whose pattern matches is the one.
    pub fn families(&self, vendor: &str) -> impl Iterator<Item = &Family> {
        self.families.iter().filter(move |family| family.vendor == vendor)
    }

    /// What a cloud (`bedrock`, `vertex`) calls the model of this name, where that is known.
    pub fn name_at(&self, cloud: &str, name: &str) -> Option<&str> {
        self.model("", name)?.names.get(cloud).map(String::as_str)
    }

    /// Whether this vendor makes models that the files describe.
    pub(crate) fn makes(&self, vendor: &str) -> bool {
        self.best.keys().any(|(_, maker)| maker == vendor)
    }

    /// Puts these entries before all others.
    pub(crate) fn lay(&mut self, models: Vec<Model>) {
        self.laid += models.len();
        self.models.splice(0..0, models);
    }

    /// Tells these facts to the entries they are about.
    pub(crate) fn teach(&mut self, about: impl Fn(&Model) -> bool, facts: &Facts, origin: &Origin) {
        self.models
            .iter_mut()
            .filter(|model| about(model))
            .for_each(|model| model.learn(facts, origin));
    }

    /// Every entry, in the order they are looked at.
    pub fn models(&self) -> &[Model] {
        &self.models
    }
}

/// The entry of this name, else one of which it is an alias or a snapshot.
fn find<'a>(models: impl Iterator<Item = &'a Model> + Clone, name: &str) -> Option<&'a Model> {
    let mut exact = models.clone();
    exact.find(|model| model.matches(name)).or_else(|| {
        let mut kin = models;
        kin.find(|model| model.is_kin_of(name))
    })
}

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Catalogue, Facts, Found, Origin};

/// The form of the file; one that says another number is not read.
const FORM: u32 = 1;
/// The most models of a file; the largest public list has a tenth of it.
const MODELS_MAX: usize = 50_000;

/// What was learnt of models since the catalogue was built: the file `backstop models refresh`
/// writes.
///
/// Each model keeps what each source said, in the order they were asked: where two speak of the same
/// fact the later one holds, and every fact knows its source and its day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// By the vendor of the providers they are served at, then by name.
    models: BTreeMap<(String, String), Vec<Said>>,
}

/// What one source said of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// An address or the name of a file.
    pub source: String,
    /// The day it was asked, `2026-11-21`.
    pub as_of: String,
    /// What it said.
    pub facts: Facts,
}

/// A difference between what was known before and what is known now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A model nothing was known of.
    Added {
        /// Vendor and name.
        model: (String, String),
        /// What is known now, as text, by the name of the fact.
        facts: Vec<(String, String)>,
    },
    /// Facts that differ.
    Changed {
        /// Vendor and name.
        model: (String, String),
        /// The name of the fact, what was known, what is known now; empty is nothing.
        facts: Vec<(String, String, String)>,
    },
    /// A model that its source does not name any more.
    Gone {
        /// Vendor and name.
        model: (String, String),
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    backstop_models: u32,
    models: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    vendor: String,
    name: String,
    said: Vec<Said>,
}

impl Collected {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// What is wrong with it and where; then nothing of it counts.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if file.backstop_models != FORM {
            return Err(format!("this is form {}, and form {FORM} is known", file.backstop_models));
        }
        if file.models.len() > MODELS_MAX {
            return Err(format!("it holds more than {MODELS_MAX} models"));
        }
        let mut models = BTreeMap::new();
        for entry in file.models {
            let named = Found::is_name(&entry.name) && Found::is_name(&entry.vendor);
            let wrong = entry.said.iter().find_map(|said| said.facts.implausible());
            match wrong {
                Some(wrong) => return Err(format!("{}/{}: {wrong}", entry.vendor, entry.name)),
                None if !named => return Err(format!("`{}` is no name of a model", entry.name)),
                None => drop(models.insert((entry.vendor, entry.name), entry.said)),
            }
        }
        Ok(Self { models })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let models = self.models.iter().map(|((vendor, name), said)| Entry {
            vendor: vendor.clone(),
            name: name.clone(),
            said: said.clone(),
        });
        let file = File { backstop_models: FORM, models: models.collect() };
        // A model a line: such a file is read by people, and compared by tools.
        let lines: Vec<String> =
            file.models.iter().filter_map(|entry| serde_json::to_string(entry).ok()).collect();
        format!("{{\"backstop_models\":{FORM},\"models\":[\n{}\n]}}\n", lines.join(",\n"))
    }

    /// How many models it speaks of.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether it speaks of none.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// How many models this source spoke of.
    pub fn said_by(&self, source: &str) -> usize {
        let by = |said: &&Vec<Said>| said.iter().any(|one| one.source == source);
        self.models.values().filter(by).count()
    }

    /// Takes in all that a source says now; what it said before counts no more.
    #[must_use]
    pub fn with(&self, found: &[Found], origin: &Origin) -> Self {
        let mut models = self.models.clone();
        for said in models.values_mut() {
            said.retain(|one| one.source != origin.source);
        }
        for one in found {
            let said = models.entry((one.vendor.clone(), one.name.clone())).or_default();
            // Where a source names a model twice, its first word holds.
            if said.last().is_none_or(|last| last.source != origin.source) {
                let (source, as_of) = (origin.source.clone(), origin.as_of.clone());
                said.push(Said { source, as_of, facts: one.facts.clone() });
            }
        }
        models.retain(|_, said| !said.is_empty());
        Self { models }
    }

    /// Each model with what was said of it, by vendor and name.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str, &[Said])> {
        self.models.iter().map(|((vendor, name), said)| (&**vendor, &**name, &**said))
    }

    /// The oldest day on which a source was asked; `None` when none was.
    pub fn oldest(&self) -> Option<&str> {
        self.models.values().flatten().map(|said| &*said.as_of).min()
    }

    /// What is different once this stands in the place of `before`, both on top of `base`.
    pub fn changes_since(&self, before: &Self, base: &Catalogue) -> Vec<Change> {
        let (old, new) = (base.clone().with(before), base.clone().with(self));
        let keys: BTreeSet<_> = before.models.keys().chain(self.models.keys()).collect();
        let mut changes = Vec::new();
        for key @ (vendor, name) in keys {
            if !self.models.contains_key(key) {
                changes.push(Change::Gone { model: key.clone() });
                continue;
            }
            let now = shown(&new, vendor, name);
            if !before.models.contains_key(key) && old.model(vendor, name).is_none() {
                changes
                    .push(Change::Added { model: key.clone(), facts: now.into_iter().collect() });
                continue;
            }
            let was = shown(&old, vendor, name);
            let facts: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
            let get =
                |all: &BTreeMap<String, String>, fact| all.get(fact).cloned().unwrap_or_default();
            let differ = facts.into_iter().filter(|fact| was.get(*fact) != now.get(*fact));
            let facts: Vec<_> =
                differ.map(|fact| (fact.clone(), get(&was, fact), get(&now, fact))).collect();
            if !facts.is_empty() {
                changes.push(Change::Changed { model: key.clone(), facts });
            }
        }
        changes
    }
}

/// The facts of a model as text.
fn shown(catalogue: &Catalogue, vendor: &str, name: &str) -> BTreeMap<String, String> {
    let facts = catalogue.model(vendor, name).map(|model| model.facts.listed()).unwrap_or_default();
    facts
        .into_iter()
        .map(|(fact, value)| {
            (fact, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect()
}

#[cfg(test)]
mod tests;

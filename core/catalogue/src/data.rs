use std::collections::BTreeMap;

use backstop_exchange::Abilities;
use serde::Deserialize;

use crate::{Facts, Family, Model, Origin, Size};

/// One data file: the models of one vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    vendor: String,
    as_of: String,
    /// Where the prices come from, unless an entry says otherwise.
    #[serde(default)]
    price_source: Option<String>,
    profiles: BTreeMap<String, Facts>,
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
    facts: Facts,
    /// What clouds call it.
    #[serde(default)]
    names: BTreeMap<String, String>,
    #[serde(default)]
    listed: bool,
    source: String,
    price_source: Option<String>,
    #[serde(default)]
    estimated: Vec<String>,
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
            let facts = profile.cloned().unwrap_or_default().under(&entry.facts);
            Model {
                name: entry.name.clone(),
                vendor: entry.vendor.as_ref().unwrap_or(&self.vendor).clone(),
                at: None,
                size: entry.size,
                abilities: facts.over(&Abilities::default()),
                origins: self.origins(entry, &facts),
                facts,
                names: entry.names.clone(),
                listed: entry.listed,
                source: entry.source.clone(),
                as_of: self.as_of.clone(),
                estimated: entry.estimated.clone(),
            }
        })
    }

    /// Where the price comes from; an estimated one comes from nowhere else than the rest.
    fn origins(&self, entry: &Entry, facts: &Facts) -> BTreeMap<String, Origin> {
        let source = entry.price_source.as_ref().or(self.price_source.as_ref());
        let estimated = entry.estimated.iter().any(|fact| fact == "all" || fact == "price");
        let Some(source) = source.filter(|_| facts.price.is_some() && !estimated) else {
            return BTreeMap::new();
        };
        let origin = Origin { source: source.clone(), as_of: self.as_of.clone() };
        BTreeMap::from([("price".to_owned(), origin)])
    }
}

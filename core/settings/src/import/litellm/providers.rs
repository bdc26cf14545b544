use std::collections::BTreeMap;

use crate::address::Address;
use crate::import::written::{in_flow, quoted};

/// The providers found so far, each once.
#[derive(Debug, Default)]
pub(super) struct Providers(Vec<Found>);

/// A provider as it will be written.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    name: String,
    site: Site,
    /// Our names of models, where the provider has others.
    models: BTreeMap<String, String>,
    /// Whether a route begins with it: then its answers are what was asked for, wherever it runs.
    first: bool,
}

/// Where a provider is and how it knows us: what two deployments at one provider have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Site {
    /// The name it would like, and its kind where that is one.
    pub(super) stem: &'static str,
    /// Whether the stem is a kind that Backstop knows.
    pub(super) is_kind: bool,
    /// Its keys, in order: values as YAML.
    pub(super) keys: Vec<(&'static str, String)>,
}

impl Site {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(name, _)| *name == key).map(|(_, value)| &**value)
    }

    /// Whether it has those models only that it names: Azure's deployments.
    fn lists_models(&self) -> bool {
        self.stem == "azure"
    }

    /// Whether it is on this machine or in its network.
    pub(super) fn is_local(&self) -> bool {
        let address =
            self.get("base_url").and_then(|url| Address::read(url.trim_matches('"')).ok());
        address.map_or(matches!(self.stem, "ollama" | "vllm" | "lmstudio"), |it| it.is_local())
    }
}

impl Providers {
    /// The number of the provider at this site, for a model that it calls `theirs`.
    pub(super) fn at(&mut self, site: Site, (ours, theirs): (&str, &str)) -> usize {
        let fits = |found: &Found| {
            found.site == site && found.models.get(ours).is_none_or(|known| known == theirs)
        };
        let at = self.0.iter().position(fits).unwrap_or_else(|| {
            let name = self.free(site.stem);
            self.0.push(Found { name, site, models: BTreeMap::new(), first: false });
            self.0.len() - 1
        });
        let only = self.0.get(at).is_some_and(|found| found.site.lists_models());
        if (ours != theirs || only)
            && let Some(found) = self.0.get_mut(at)
        {
            found.models.insert(ours.to_owned(), theirs.to_owned());
        }
        at
    }

    fn free(&self, stem: &str) -> String {
        let taken = |name: &str| self.0.iter().any(|found| found.name == name);
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        std::iter::once(stem.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    /// The provider's name.
    pub(super) fn name(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |found| &found.name)
    }

    /// Notes that a route begins with this provider.
    pub(super) fn begins(&mut self, at: usize) {
        if let Some(found) = self.0.get_mut(at) {
            found.first = true;
        }
    }

    /// The lines under `providers:`.
    pub(super) fn written(&self) -> Vec<String> {
        self.0.iter().flat_map(Found::written).collect()
    }
}

impl Found {
    fn written(&self) -> Vec<String> {
        let mut lines = vec![format!("  {}:", quoted(&self.name))];
        if self.site.is_kind && self.name != self.site.stem {
            lines.push(format!("    kind: {}", self.site.stem));
        }
        lines.extend(self.site.keys.iter().map(|(key, value)| format!("    {key}: {value}")));
        if self.first && self.site.is_local() {
            lines.push("    tier: full   # a route begins with it".to_owned());
        }
        if !self.models.is_empty() {
            lines.push("    models:".to_owned());
            lines.extend(
                self.models
                    .iter()
                    .map(|(ours, theirs)| format!("      {}: {}", quoted(ours), in_flow(theirs))),
            );
        }
        if lines.len() == 1 {
            lines[0].push_str(" {}");
        }
        lines
    }
}

//! Whether the rungs below stand when the first one falls, and can do what it does.

use std::collections::BTreeSet;

use backstop_catalogue::{Catalogue, Model};
use backstop_exchange::Abilities;
use backstop_vocabulary::Tier;

use super::models;
use super::reach::rung_place;
use crate::address::Address;
use crate::finding::{Finding, Severity};
use crate::{Provider, Route, Rung, Settings, TargetChoice, TargetModel};

pub(super) fn check(settings: &Settings, route: &Route, findings: &mut Vec<Finding>) {
    let ladder = Ladder { settings, route, catalogue: &settings.catalogue };
    findings.extend(ladder.single_vendor());
    findings.extend(ladder.no_fallback_for());
    models::lesser(&ladder, findings);
    for (at, rung) in route.ladder.iter().enumerate() {
        let Rung::Targets(targets) = rung;
        if at > 0 {
            findings.extend(ladder.shared_domain(at, targets));
            findings.extend(ladder.untested(at, targets));
        }
        for target in targets {
            findings.extend(ladder.unknown_model(at, target));
            findings.extend(ladder.not_offered(at, target));
            findings.extend(ladder.asked_elsewhere(at, target));
            findings.extend(ladder.tools_refused(at, target));
        }
    }
}

/// A route's ladder and what is needed to judge it.
pub(super) struct Ladder<'a> {
    settings: &'a Settings,
    pub(super) route: &'a Route,
    catalogue: &'a Catalogue,
}

/// What a request may need, as the words of a message and how to see it.
pub(super) type Need = (&'static str, fn(&Abilities) -> bool);
pub(super) const NEEDS: [Need; 5] = [
    ("tools", |abilities| abilities.tools),
    ("images", |abilities| abilities.images),
    ("documents", |abilities| abilities.documents),
    ("sound", |abilities| abilities.audio),
    ("structured output", |abilities| abilities.schema),
];

impl Ladder<'_> {
    fn provider(&self, target: &TargetChoice) -> Option<&Provider> {
        self.settings.providers.get(&target.provider)
    }

    fn targets(&self, at: usize) -> &[TargetChoice] {
        self.route.ladder.get(at).map_or(&[], |Rung::Targets(targets)| targets)
    }

    fn vendors(&self, targets: &[TargetChoice]) -> BTreeSet<&str> {
        targets.iter().filter_map(|target| self.provider(target)).map(|one| &*one.vendor).collect()
    }

    fn hosts(&self, targets: &[TargetChoice]) -> BTreeSet<String> {
        let providers = targets.iter().filter_map(|target| self.provider(target));
        let addresses = providers.filter_map(|provider| Address::read(&provider.base_url).ok());
        addresses
            .map(
                |address| {
                    if address.is_loopback() { "this machine".to_owned() } else { address.host }
                },
            )
            .collect()
    }

    fn single_vendor(&self) -> Option<Finding> {
        let all: Vec<TargetChoice> =
            self.route.ladder.iter().flat_map(|Rung::Targets(targets)| targets.clone()).collect();
        let vendors = self.vendors(&all);
        let vendor = vendors.first().filter(|_| vendors.len() == 1)?;
        let here = self.hosts(&all).iter().all(|host| host == "this machine");
        let severity = if here { Severity::Note } else { Severity::Warning };
        let finding = Finding::new(severity, "single_vendor", format!("route {}", self.route.name));
        Some(
            finding
                .what(format!("everything depends on {vendor}: when it fails, nothing is left"))
                .cure("add a rung of another vendor, or a local model"),
        )
    }

    /// A rung that falls together with one above it.
    fn shared_domain(&self, at: usize, targets: &[TargetChoice]) -> Option<Finding> {
        let (vendors, hosts) = (self.vendors(targets), self.hosts(targets));
        let finding = |code| Finding::new(Severity::Warning, code, rung_place(self.route, at));
        let above = |falls: &dyn Fn(&[TargetChoice]) -> bool| {
            (0..at).find(|above| falls(self.targets(*above)))
        };
        let by_vendor = above(&|targets| vendors.is_subset(&self.vendors(targets)));
        if let Some(above) = by_vendor {
            let names: Vec<&str> = vendors.into_iter().collect();
            return Some(
                finding("shared_failure_domain")
                    .what(format!(
                        "falls together with rung {}: both depend on {}",
                        above + 1,
                        names.join(", ")
                    ))
                    .cure("put a target of another vendor between or below them"),
            );
        }
        let above = above(&|targets| hosts.is_subset(&self.hosts(targets)))?;
        let names: Vec<String> = hosts.into_iter().collect();
        Some(
            finding("shared_host")
                .what(format!(
                    "is reached at the same place as rung {}: {}",
                    above + 1,
                    names.join(", ")
                ))
                .cure("put one of them elsewhere"),
        )
    }

    /// Full rungs below the first see no traffic on good days without a share or a trickle.
    fn untested(&self, at: usize, targets: &[TargetChoice]) -> Option<Finding> {
        let full = targets.iter().any(|target| target.tier == Tier::Full);
        (full && self.route.policy.trickle <= 0.0).then(|| {
            Finding::new(Severity::Note, "untested_rung", rung_place(self.route, at))
                .what("gets no traffic while all is well: nobody knows whether it works")
                .cure("leave `trickle` at 1%")
        })
    }

    /// What the first rung serves and no rung below does.
    fn no_fallback_for(&self) -> Option<Finding> {
        if self.route.ladder.len() < 2 {
            return None;
        }
        let first = self.abilities_of(0);
        let below: Vec<Abilities> =
            (1..self.route.ladder.len()).flat_map(|at| self.abilities_of(at)).collect();
        let lost: Vec<&str> = NEEDS
            .iter()
            .filter(|(_, has)| first.iter().any(has) && !below.iter().any(has))
            .map(|(need, _)| *need)
            .collect();
        (!lost.is_empty()).then(|| {
            Finding::new(Severity::Warning, "no_fallback_for", format!("route {}", self.route.name))
                .what(format!(
                    "no rung below the first takes {}: such requests have no fallback",
                    lost.join(", ")
                ))
                .cure("add a target that does, or correct its `abilities`")
        })
    }

    pub(super) fn abilities_of(&self, at: usize) -> Vec<Abilities> {
        self.targets(at).iter().flat_map(|target| self.abilities(target)).collect()
    }

    /// What a target of a certain name can do, where the settings or the catalogue say.
    pub(super) fn known(&self, target: &TargetChoice) -> Option<Abilities> {
        let TargetModel::Named(model) = &target.model else { return None };
        let provider = self.provider(target)?;
        let known = || {
            let model = self.catalogue.model(&provider.vendor, model)?;
            Some(model.abilities.clone().at(provider.habits))
        };
        target.abilities.clone().or_else(known)
    }

    /// What a target can do: one answer, or one per model it may be asked for.
    fn abilities(&self, target: &TargetChoice) -> Vec<Abilities> {
        let habits = self.provider(target).map(|provider| provider.habits).unwrap_or_default();
        let vendor = self.provider(target).map(|provider| &*provider.vendor).unwrap_or_default();
        match (&target.abilities, &target.model) {
            (Some(abilities), _) => vec![abilities.clone()],
            (None, TargetModel::Named(model)) => {
                vec![self.catalogue.abilities(vendor, model).at(habits)]
            }
            (None, TargetModel::AsAsked) => {
                let models = self.asked_for().into_iter();
                models.map(|model| model.abilities.clone().at(habits)).collect()
            }
        }
    }

    /// The models of the catalogue that the route's patterns mean.
    fn asked_for(&self) -> Vec<&Model> {
        let meant = |pattern: &crate::Pattern| {
            let plain = pattern.as_str().replace('*', "");
            let wild = pattern.as_str().contains('*');
            let named: Vec<&Model> = self
                .catalogue
                .models()
                .iter()
                .filter(|model| wild && pattern.matches(&model.name.replace('*', "")))
                .collect();
            // `gpt-*` means the vendor's models, not the open weights of that name.
            let hosted = |model: &&Model| {
                named.iter().all(|one| one.vendor == "open") || model.vendor != "open"
            };
            let known: Vec<&Model> = named.iter().copied().filter(hosted).collect();
            if known.is_empty() {
                self.catalogue.model("", &plain).into_iter().collect()
            } else {
                known
            }
        };
        self.route.models.iter().flat_map(meant).collect()
    }

    fn unknown_model(&self, at: usize, target: &TargetChoice) -> Option<Finding> {
        let TargetModel::Named(model) = &target.model else { return None };
        let provider = self.provider(target)?;
        let known =
            target.abilities.is_some() || self.catalogue.model(&provider.vendor, model).is_some();
        (!known).then(|| {
            Finding::new(Severity::Note, "unknown_model", rung_place(self.route, at))
                .what(format!(
                    "nothing is known of {}/{model}: it is taken to read text and tools, and neither images nor schemas",
                    target.provider
                ))
                .cure("say what it can do with `abilities`")
        })
    }

    /// A target that is never asked, because nobody knows what the provider calls the model, or it
    /// has none in a dialect spoken here.
    fn not_offered(&self, at: usize, target: &TargetChoice) -> Option<Finding> {
        let TargetModel::Named(model) = &target.model else { return None };
        let provider = self.provider(target)?;
        let spoken = provider.dialect_for(provider.dialect, model).is_some();
        (!provider.may_offer(model) || !spoken).then(|| {
            let (name, own) = (&target.provider, provider.kind.name());
            Finding::new(Severity::Problem, "not_offered", rung_place(self.route, at))
                .what(format!("{name}/{model} is never asked: {own} is not known to offer it"))
                .cure(format!("give its own name there: `models: {{ {model}: … }}` at `{name}`"))
        })
    }

    /// `openai/*` cannot know a model that only Anthropic makes.
    fn asked_elsewhere(&self, at: usize, target: &TargetChoice) -> Option<Finding> {
        let provider = self.provider(target).filter(|_| target.model == TargetModel::AsAsked)?;
        let vendor = provider.kind.weights()?;
        let asked = self.asked_for();
        let stranger = asked.iter().find(|model| model.vendor != vendor)?;
        let all = asked.iter().all(|model| model.vendor != vendor);
        let severity = if all { Severity::Problem } else { Severity::Warning };
        Some(
            Finding::new(severity, "model_elsewhere", rung_place(self.route, at))
                .what(format!(
                    "{}/* passes on model names it does not know, such as `{}`",
                    target.provider,
                    stranger.name.trim_end_matches('*')
                ))
                .cure(format!(
                    "name a model of its own, like `{}/{}`",
                    target.provider,
                    self.own_model(stranger, vendor)
                )),
        )
    }

    fn own_model(&self, stranger: &Model, vendor: &str) -> String {
        let best = self.catalogue.best_of(stranger.size, "");
        let own = best.iter().find(|stand_in| stand_in.vendor == vendor);
        own.map_or_else(|| "…".to_owned(), |stand_in| stand_in.model.to_owned())
    }

    /// A model that takes no tools while it reasons, and cannot stop reasoning.
    fn tools_refused(&self, at: usize, target: &TargetChoice) -> Option<Finding> {
        let TargetModel::Named(name) = &target.model else { return None };
        let provider = self.provider(target).filter(|_| target.abilities.is_none())?;
        let model = self.catalogue.model(&provider.vendor, name)?;
        (!model.abilities.tools_with_reasoning && !model.abilities.reasoning_optional).then(|| {
            Finding::new(Severity::Warning, "tools_refused", rung_place(self.route, at))
                .what(format!("{name} cannot stop reasoning and then takes no tools on Chat Completions (reported, not verified): requests with tools pass it by"))
                .cure(format!("use `{}/{}`, or set `abilities: {{ tools: true }}` once you have tried it", target.provider, self.own_model(model, &model.vendor)))
        })
    }
}

//! The targets of one set of settings: resolved, numbered, with their health at hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use backstop_catalogue::Catalogue;
use backstop_dialects::Delivery;
use backstop_exchange::Abilities;
use backstop_identity::Pass;
use backstop_providers::Endpoint;
use backstop_resilience::{Outlook, State};
use backstop_settings::{Credential, Provider, ProviderKind};
use backstop_vocabulary::{Dialect, Moment, TargetKey};

use crate::cell::Cell;
use crate::health::Registry;
use crate::metrics::{Metrics, TargetMetrics};

/// The most models remembered per credential, not counting those that settings or the catalogue
/// name: a client may invent names without end.
const MODELS_MAX: usize = 512;
/// How many shapes of requests are told apart when a refusal is judged ([`crate::asked::Asked::shape`]).
pub(crate) const SHAPES: usize = 16;

/// Where each dialect is served at a provider, if it is the same for every model.
pub(crate) type Paths = [Option<http::uri::PathAndQuery>; Dialect::ALL.len()];

/// A provider as the request path needs it.
#[derive(Debug)]
pub(crate) struct ProviderRow {
    pub(crate) settings: Provider,
    pub(crate) endpoint: Arc<Endpoint>,
    /// The path of each dialect that has one for all requests, prefix included.
    pub(crate) paths: Paths,
    /// Number of the provider among all.
    pub(crate) number: u16,
    /// Number of its vendor among all.
    pub(crate) vendor: u16,
    /// Its credentials with the models asked of them so far.
    pub(crate) stems: Vec<Arc<Stem>>,
    /// Attempts under way, over all models and credentials.
    pub(crate) in_flight: Arc<AtomicU32>,
}

/// A place among the attempts that a provider may have under way; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Berth(Arc<AtomicU32>);

impl Berth {
    /// One of `max` places, unless all are taken.
    pub(crate) fn take(places: &Arc<AtomicU32>, max: u32) -> Option<Self> {
        let before = places.fetch_add(1, Ordering::Relaxed);
        let berth = Self(Arc::clone(places));
        (before < max).then_some(berth)
    }

    /// A place nobody counts.
    pub(crate) fn free() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ProviderRow {
    /// A place for one more attempt, while the settings allow one.
    pub(crate) fn berth(&self) -> Option<Berth> {
        Berth::take(&self.in_flight, self.settings.concurrency_max.unwrap_or(u32::MAX))
    }

    /// Where the dialect is served for this model, by the provider's own name; made anew only where it depends on the model.
    pub(crate) fn path(
        &self,
        dialect: Dialect,
        model: &str,
        delivery: Delivery,
    ) -> Option<http::uri::PathAndQuery> {
        let fixed = self.paths.get(dialect as usize)?.clone();
        let made = || self.settings.surface.path(dialect, model, delivery);
        fixed.or_else(|| self.endpoint.path(&made()?).ok())
    }

    /// Where another call beside the dialect's own is served.
    pub(crate) fn beside(
        &self,
        path: &'static str,
        model: &str,
    ) -> Option<http::uri::PathAndQuery> {
        self.endpoint.path(&self.settings.surface.beside(path, model)?).ok()
    }

    /// Where vectors are asked for in this form.
    pub(crate) fn vectors(
        &self,
        form: backstop_dialects::VectorForm,
        model: &str,
    ) -> Option<http::uri::PathAndQuery> {
        self.endpoint.path(&self.settings.surface.vector_path(form, model)?).ok()
    }

    pub(crate) fn kind(&self) -> ProviderKind {
        self.settings.kind
    }
}

/// One credential of a provider, and its models.
#[derive(Debug)]
pub(crate) struct Stem {
    pub(crate) credential: Credential,
    /// Its token, where it is one that is renewed.
    pub(crate) pass: Option<Arc<Pass>>,
    /// Number of the credential among all of all providers.
    pub(crate) number: u16,
    models: RwLock<HashMap<Box<str>, Arc<Target>>>,
}

/// One model at one provider with one credential.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) key: TargetKey,
    /// `key` as text, for headers, journal and metrics.
    pub(crate) name: Arc<str>,
    /// Its number among all targets, for the life of the process.
    pub(crate) number: usize,
    /// The number of its model at its provider, whatever the credential.
    pub(crate) model_number: u16,
    pub(crate) abilities: Arc<Abilities>,
    /// The token of its credential, where that is one that is renewed.
    pub(crate) pass: Option<Arc<Pass>>,
    /// When it last answered a request of each shape, in nanoseconds; 0 is never.
    pub(crate) worked_at: [AtomicU64; SHAPES],
    pub(crate) cell: Arc<Cell>,
    pub(crate) metrics: TargetMetrics,
    /// When a client last asked for it, in nanoseconds: what nobody asks for is not probed.
    pub(crate) asked_at: AtomicU64,
    /// Whether it was asked for vectors last, and not for a conversation: so it is probed.
    pub(crate) gives_vectors: AtomicBool,
    /// How many probes it has had, so that each tries another thing.
    pub(crate) probes: AtomicU8,
    /// Attempts under way although it is open.
    pub(crate) last_resorts: Arc<AtomicU32>,
}

/// Who gave a model its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The settings or the catalogue: there are only so many, and each is tracked by itself.
    Us,
    /// A client, which may invent names.
    Client,
}

impl Target {
    /// How it looks now. Without a token it is blocked, whatever its own health: until the next
    /// renewal, and no moment longer.
    pub(crate) fn outlook(&self, now: Moment) -> Outlook {
        let outlook = self.cell.outlook(now);
        match self.pass.as_ref().and_then(|pass| pass.dead_until(now)) {
            None => outlook,
            Some(until) => {
                let until = outlook.until.map_or(until, |other| other.max(until));
                Outlook { state: State::Blocked, share: 0.0, until: Some(until), ..outlook }
            }
        }
    }
}

impl Stem {
    pub(crate) fn new(credential: Credential, number: u16, pass: Option<Arc<Pass>>) -> Self {
        Self { credential, pass, number, models: RwLock::default() }
    }

    /// The name by which targets know the credential.
    pub(crate) fn name(&self) -> Arc<str> {
        credential_name(&self.credential)
    }

    /// The target of this model, made on first sight. Past [`MODELS_MAX`] models, and where the
    /// registry is full, targets of clients' names are made for the request only: they share number
    /// and health of the model `*`.
    pub(crate) fn target(
        &self,
        provider: &Provider,
        (model, named_by): (&str, NamedBy),
        parts: &Parts<'_>,
    ) -> Arc<Target> {
        if let Some(known) = read(&self.models).get(model) {
            return Arc::clone(known);
        }
        let full = named_by == NamedBy::Client
            && (read(&self.models).len() >= MODELS_MAX || !parts.registry.has_room());
        let health_model = if full { "*" } else { model };
        let made = Arc::new(self.make(provider, model, health_model, parts));
        if full {
            return made;
        }
        Arc::clone(write(&self.models).entry(model.into()).or_insert(made))
    }

    /// None of its targets is wanted until a request asks for it again: the routes may have changed.
    pub(crate) fn rest(&self) {
        read(&self.models).values().for_each(|target| target.asked_at.store(0, Ordering::Relaxed));
    }

    /// Every target seen so far, in order.
    pub(crate) fn targets(&self) -> Vec<Arc<Target>> {
        let mut targets: Vec<_> = read(&self.models).values().map(Arc::clone).collect();
        targets.sort_by(|a, b| a.key.cmp(&b.key));
        targets
    }

    fn make(
        &self,
        provider: &Provider,
        model: &str,
        health_model: &str,
        parts: &Parts<'_>,
    ) -> Target {
        let credential = self.name();
        let key_of = |model: &str| TargetKey {
            credential: Arc::clone(&credential),
            ..TargetKey::new(&provider.name, model)
        };
        let (key, health_key) = (key_of(model), key_of(health_model));
        let name: Arc<str> = key.to_string().into();
        let (number, model_number) = parts.registry.numbers(&health_key);
        Target {
            number,
            model_number,
            worked_at: Default::default(),
            metrics: parts.metrics.target(&health_key.to_string().into()),
            abilities: provider.abilities(parts.catalogue, model).into(),
            cell: parts.registry.cell(&health_key),
            name,
            key,
            pass: self.pass.clone(),
            asked_at: AtomicU64::new(0),
            gives_vectors: AtomicBool::new(false),
            probes: AtomicU8::new(0),
            last_resorts: Arc::default(),
        }
    }
}

/// The name by which targets know a credential.
pub(crate) fn credential_name(credential: &Credential) -> Arc<str> {
    match credential {
        Credential::Key { name, .. } | Credential::Identity { name, .. } => Arc::clone(name),
        Credential::FromClient | Credential::None => TargetKey::DEFAULT_CREDENTIAL.into(),
    }
}

/// What a target is made from.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) metrics: &'a Metrics,
}

pub(crate) fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use backstop_providers::TlsTrust;
    use backstop_resilience::Tuning;

    use crate::clock::Clock;
    use crate::live::Live;

    use super::*;

    #[tokio::test]
    async fn invented_names_share_one_number_and_one_health_in_the_end() {
        let yaml = "providers: { own: { dialect: openai_chat, base_url: \"http://127.0.0.1:1\" } }\n\
                    routes: [{ name: all, models: [\"*\"], ladder: [{ targets: [own/*] }] }]\n";
        let catalogue = Catalogue::built_in();
        let settings = backstop_settings::read(yaml, &BTreeMap::default(), &catalogue).unwrap();
        let registry = Registry::new(&Tuning::default(), 7, 1, Clock::start());
        let around = (&TlsTrust::system(), &registry);
        let live = Live::new(settings, around).unwrap();
        let metrics = Metrics::default();
        let parts = Parts { registry: &registry, catalogue: &live.catalogue, metrics: &metrics };
        let row = &live.providers["own"];
        let target = |model: &str, by| row.stems[0].target(&row.settings, (model, by), &parts);
        let first = target("m0", NamedBy::Client);
        let numbers: BTreeSet<_> = (0..2 * MODELS_MAX)
            .map(|nth| target(&format!("m{nth}"), NamedBy::Client))
            .map(|target| (target.number, target.model_number))
            .collect();
        assert_eq!(numbers.len(), MODELS_MAX + 1);
        assert_eq!(registry.all().len(), MODELS_MAX + 1);
        assert_eq!(target("m0", NamedBy::Client).number, first.number);
        let ours = target("ours", NamedBy::Us);
        assert!(!numbers.contains(&(ours.number, ours.model_number)));
        assert!(Arc::ptr_eq(&ours, &target("ours", NamedBy::Client)));
    }
}

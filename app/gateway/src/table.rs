//! The targets of one set of settings: resolved, numbered, with their health at hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use backstop_catalogue::Catalogue;
use backstop_exchange::Abilities;
use backstop_providers::Endpoint;
use backstop_settings::{Credential, Provider, ProviderKind};
use backstop_vocabulary::TargetKey;

use crate::cell::Cell;
use crate::health::Registry;
use crate::metrics::{Metrics, TargetMetrics};

/// The most models remembered per credential: a client may invent names without end.
const MODELS_MAX: usize = 512;
/// How many shapes of requests are told apart when a refusal is judged ([`crate::asked::Asked::shape`]).
pub(crate) const SHAPES: usize = 16;

/// A provider as the request path needs it.
#[derive(Debug)]
pub(crate) struct ProviderRow {
    pub(crate) settings: Provider,
    pub(crate) endpoint: Arc<Endpoint>,
    /// The path its dialect is served at, prefix included.
    pub(crate) path: http::uri::PathAndQuery,
    /// Number of the provider among all.
    pub(crate) number: u16,
    /// Number of its vendor among all.
    pub(crate) vendor: u16,
    /// Its credentials with the models asked of them so far.
    pub(crate) stems: Vec<Stem>,
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

    pub(crate) fn kind(&self) -> ProviderKind {
        self.settings.kind
    }
}

/// One credential of a provider, and its models.
#[derive(Debug)]
pub(crate) struct Stem {
    pub(crate) credential: Credential,
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
    /// When it last answered a request of each shape, in nanoseconds; 0 is never.
    pub(crate) worked_at: [AtomicU64; SHAPES],
    pub(crate) cell: Arc<Cell>,
    pub(crate) metrics: TargetMetrics,
    /// When a client last asked for it, in nanoseconds: what nobody asks for is not probed.
    pub(crate) asked_at: AtomicU64,
    /// How many probes it has had, so that each tries another thing.
    pub(crate) probes: AtomicU8,
    /// Attempts under way although it is open.
    pub(crate) last_resorts: Arc<AtomicU32>,
}

impl Stem {
    pub(crate) fn new(credential: Credential, number: u16) -> Self {
        Self { credential, number, models: RwLock::default() }
    }

    /// The target of this model, made on first sight. Past [`MODELS_MAX`] models, targets are made
    /// for the request only, and share the health of the model `*`.
    pub(crate) fn target(
        &self,
        provider: &Provider,
        model: &str,
        parts: &Parts<'_>,
    ) -> Arc<Target> {
        if let Some(known) = read(&self.models).get(model) {
            return Arc::clone(known);
        }
        let full = read(&self.models).len() >= MODELS_MAX;
        let health_model = if full { "*" } else { model };
        let made = Arc::new(self.make(provider, model, health_model, parts));
        if full {
            return made;
        }
        Arc::clone(write(&self.models).entry(model.into()).or_insert(made))
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
        let credential = match &self.credential {
            Credential::Key { name, .. } => Arc::clone(name),
            Credential::FromClient | Credential::None => TargetKey::DEFAULT_CREDENTIAL.into(),
        };
        let key_of = |model: &str| TargetKey {
            credential: Arc::clone(&credential),
            ..TargetKey::new(&provider.name, model)
        };
        let (key, health_key) = (key_of(model), key_of(health_model));
        let name: Arc<str> = key.to_string().into();
        let (number, model_number) = parts.registry.numbers(&key);
        Target {
            number,
            model_number,
            worked_at: Default::default(),
            metrics: parts.metrics.target(&health_key.to_string().into()),
            abilities: parts.catalogue.abilities(&provider.vendor, model).into(),
            cell: parts.registry.cell(&health_key),
            name,
            key,
            asked_at: AtomicU64::new(0),
            probes: AtomicU8::new(0),
            last_resorts: Arc::default(),
        }
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

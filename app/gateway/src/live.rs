//! One set of settings, resolved: what a request keeps for its whole life, also over a reload.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use backstop_catalogue::Catalogue;
use backstop_dialects::{Delivery, Lesson};
use backstop_listener::Cors;
use backstop_providers::{Endpoint, EndpointError, TlsTrust};
use backstop_settings::{Credential, Provider, Route, Settings};
use backstop_vocabulary::{Dialect, Moment};

use crate::asked::Asked;
use crate::fitness::lessons::{Key, Lessons, Pupil};
use crate::health::Registry;
use crate::plan::Roster;
use crate::table::{ProviderRow, Stem, credential_name, read, write};

/// The most rosters remembered per dialect: one for each model name asked for, and more for callers
/// whom targets taught.
const ROSTERS_MAX: usize = 1024;

/// Rosters by who was taught, if anything, and by the model asked for.
type Rosters = HashMap<Option<Pupil>, HashMap<Box<str>, Arc<Roster>>>;

/// Settings with everything that follows from them.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) settings: Settings,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) cors: Cors,
    pub(crate) providers: BTreeMap<Arc<str>, ProviderRow>,
    /// What targets taught since these settings are in force.
    pub(crate) lessons: Lessons,
    /// One map per dialect; a second one for requests with tools, as far as that matters.
    rosters: [[RwLock<Rosters>; Dialect::ALL.len()]; 2],
}

impl Live {
    /// Resolves settings. Fails where a provider's address or proxy cannot be understood.
    pub(crate) fn new(
        settings: Settings,
        (trust, registry): (&TlsTrust, &Registry),
    ) -> Result<Self, EndpointError> {
        let ways = ways(&settings, None, trust)?;
        Ok(Self::along(ways, settings, (None, registry)))
    }

    /// Resolves the settings that follow these. A provider that stays where it was keeps its
    /// connections and its numbers, and its credentials that stay the same keep their targets; what
    /// is known of others is forgotten. When it fails, nothing is.
    pub(crate) fn succeed(
        &self,
        settings: Settings,
        (trust, registry): (&TlsTrust, &Registry),
    ) -> Result<Self, EndpointError> {
        let ways = ways(&settings, Some(self), trust)?;
        Ok(Self::along(ways, settings, (Some(self), registry)))
    }

    fn along(
        ways: Vec<Way>,
        settings: Settings,
        (before, registry): (Option<&Self>, &Registry),
    ) -> Self {
        let providers = settings.providers.values().zip(ways).map(|(provider, way)| {
            let before = before.and_then(|live| live.providers.get(&provider.name));
            (Arc::clone(&provider.name), row(provider, way, before, registry))
        });
        let providers = providers.collect();
        registry.passes.keep_only(&settings);
        let cors = Cors::new(settings.cors_origins.iter().map(String::as_str));
        let catalogue = Arc::clone(&settings.catalogue);
        let lessons = Lessons::default();
        Self { settings, catalogue, cors, providers, lessons, rosters: Default::default() }
    }

    /// The route of a model name, and whether an operator meant it so.
    pub(crate) fn route(&self, dialect: Dialect, model: &str) -> Option<(&Route, Match)> {
        let named = self.settings.route(model).map(|route| (route, Match::Named));
        named.or_else(|| Some((self.settings.catch_all(dialect)?, Match::Fallback)))
    }

    /// The targets for a model, made once per name and until something that was learnt is forgotten.
    pub(crate) fn roster(
        &self,
        asked: &Asked,
        make: impl FnOnce() -> Option<Roster>,
    ) -> Option<Arc<Roster>> {
        let model = &*asked.scan.model_name;
        let with_tools = asked.scan.tools && self.lessons.are_of_tools();
        let rosters = &self.rosters[usize::from(with_tools)][asked.dialect as usize];
        let pupil = self.pupil(asked);
        let known = read(rosters).get(&pupil).and_then(|of| of.get(model)).map(Arc::clone);
        if let Some(known) = known.filter(|known| asked.started < known.good_until) {
            return Some(known);
        }
        let made = Arc::new(make()?);
        let mut rosters = write(rosters);
        if rosters.values().map(HashMap::len).sum::<usize>() >= ROSTERS_MAX {
            // Names that clients invent must not keep out those that are asked for all the time.
            rosters.clear();
        }
        rosters.entry(pupil).or_default().insert(model.into(), Arc::clone(&made));
        Some(made)
    }

    /// Who asks, if targets taught that one anything.
    pub(crate) fn pupil(&self, asked: &Asked) -> Option<Pupil> {
        let pupil = self.lessons.are_any().then(|| asked.pupil());
        pupil.filter(|pupil| self.lessons.knows(pupil))
    }

    /// What each target taught, by its name and in words.
    pub(crate) fn taught(&self, now: Moment) -> BTreeMap<Arc<str>, Vec<String>> {
        let mut all = BTreeMap::<Arc<str>, Vec<String>>::new();
        let lessons = self.lessons.by_target(now);
        let stems = self.providers.values().flat_map(|row| &row.stems);
        for target in stems.flat_map(|stem| stem.targets()) {
            for dialect in Dialect::ALL {
                let lessons = lessons.get(&(target.number, dialect)).into_iter().flatten();
                let words = lessons.map(|lesson| format!("{dialect}: {lesson}"));
                all.entry(Arc::clone(&target.name)).or_default().extend(words);
            }
        }
        all.retain(|_, taught| !taught.is_empty());
        all
    }

    /// A target has taught somebody something: the rosters for that one are made anew.
    pub(crate) fn learn(&self, key: Key, lesson: Lesson, now: Moment) {
        self.lessons.learn(key, lesson, now);
        for rosters in self.rosters.iter().flatten() {
            write(rosters).remove(&Some(key.0));
        }
    }
}

/// How a request found its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// A pattern of the route matched.
    Named,
    /// No route knew the model.
    Fallback,
}

/// How a provider is reached.
struct Way {
    endpoint: Arc<Endpoint>,
    paths: crate::table::Paths,
}

/// The way to each provider, in their order.
fn ways(
    settings: &Settings,
    before: Option<&Live>,
    trust: &TlsTrust,
) -> Result<Vec<Way>, EndpointError> {
    let way = |provider: &Provider| {
        let before = before.and_then(|live| live.providers.get(&provider.name));
        let endpoint = match before.filter(|row| is_where_it_was(&row.settings, provider)) {
            Some(row) => Arc::clone(&row.endpoint),
            None => Endpoint::new(&provider.base_url, provider.proxy.as_deref(), trust)?.into(),
        };
        // Fails now what would fail at every request.
        if let Some(path) = provider.surface.path(provider.dialect, "model", Delivery::Whole) {
            endpoint.path(&path)?;
        }
        let path = |dialect| endpoint.path(&provider.surface.fixed_path(dialect)?).ok();
        let paths = Dialect::ALL.map(path);
        Ok(Way { endpoint, paths })
    };
    settings.providers.values().map(way).collect()
}

/// Whether what is known of a provider, and the connections to it, are good for the new one.
fn is_where_it_was(old: &Provider, new: &Provider) -> bool {
    let site = |of: &Provider| (of.base_url.clone(), of.proxy.clone(), of.surface.clone());
    (site(old), old.dialect, &old.also, old.kind) == (site(new), new.dialect, &new.also, new.kind)
}

fn row(
    provider: &Provider,
    Way { endpoint, paths }: Way,
    before: Option<&ProviderRow>,
    registry: &Registry,
) -> ProviderRow {
    let kept = before.filter(|row| is_where_it_was(&row.settings, provider));
    if before.is_some() && kept.is_none() {
        registry.forget_provider(&provider.name);
    }
    let stems = provider.credentials.iter().map(|it| stem(provider, it, kept, registry)).collect();
    ProviderRow {
        settings: provider.clone(),
        endpoint,
        paths,
        number: registry.provider(&provider.name),
        vendor: registry.vendor(&provider.vendor),
        stems,
        in_flight: kept.map_or_else(Arc::default, |row| Arc::clone(&row.in_flight)),
    }
}

fn stem(
    provider: &Provider,
    credential: &Credential,
    before: Option<&ProviderRow>,
    registry: &Registry,
) -> Arc<Stem> {
    let name = credential_name(credential);
    let namesake = before.and_then(|row| row.stems.iter().find(|stem| stem.name() == name));
    // What was learnt of a model by one name says nothing of another by that name.
    let same_models = before.is_some_and(|row| row.settings.models == provider.models);
    let kept = namesake.filter(|stem| stem.credential == *credential && same_models);
    if namesake.is_some() && kept.is_none() {
        registry.forget_credential(&provider.name, &name);
    }
    // What a vendor's models can do is known by vendor.
    let same_vendor = before.is_some_and(|row| row.settings.vendor == provider.vendor);
    if let Some(stem) = kept.filter(|_| same_vendor) {
        stem.rest();
        return Arc::clone(stem);
    }
    let number = registry.credential(&provider.name, &name);
    let pass = match credential {
        Credential::Identity { identity, .. } => {
            Some(registry.passes.pass(&provider.name, &name, identity))
        }
        Credential::Key { .. } | Credential::FromClient | Credential::None => None,
    };
    Arc::new(Stem::new(credential.clone(), number, pass))
}

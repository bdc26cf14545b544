//! One set of settings, resolved: what a request keeps for its whole life, also over a reload.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use backstop_catalogue::Catalogue;
use backstop_listener::Cors;
use backstop_providers::{Endpoint, EndpointError, TlsTrust};
use backstop_settings::{Provider, Route, Settings};
use backstop_vocabulary::Dialect;

use crate::plan::Roster;
use crate::table::{ProviderRow, Stem, read, write};

/// The most rosters remembered per dialect: one for each model name asked for.
const ROSTERS_MAX: usize = 1024;

/// Rosters by the model asked for.
type Rosters = HashMap<Box<str>, Arc<Roster>>;

/// Settings with everything that follows from them.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) settings: Settings,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) cors: Cors,
    pub(crate) providers: BTreeMap<Arc<str>, ProviderRow>,
    /// One map per dialect.
    rosters: [RwLock<Rosters>; Dialect::ALL.len()],
}

impl Live {
    /// Resolves settings. Fails where a provider's address or proxy cannot be understood.
    pub(crate) fn new(
        settings: Settings,
        catalogue: Arc<Catalogue>,
        trust: &TlsTrust,
    ) -> Result<Self, EndpointError> {
        let mut vendors: Vec<Arc<str>> = Vec::new();
        let mut providers = BTreeMap::new();
        let mut credentials = 0_u16;
        for (number, (name, provider)) in (0_u16..).zip(&settings.providers) {
            let vendor = number_of(&mut vendors, &provider.vendor);
            let mut row = row(provider, (number, vendor), trust)?;
            for credential in &provider.credentials {
                row.stems.push(Stem::new(credential.clone(), credentials));
                credentials = credentials.saturating_add(1);
            }
            providers.insert(Arc::clone(name), row);
        }
        let cors = Cors::new(settings.cors_origins.iter().map(String::as_str));
        Ok(Self { settings, catalogue, cors, providers, rosters: Default::default() })
    }

    /// The route of a model name, and whether an operator meant it so.
    pub(crate) fn route(&self, dialect: Dialect, model: &str) -> Option<(&Route, Match)> {
        let named = self.settings.route(model).map(|route| (route, Match::Named));
        named.or_else(|| Some((self.settings.catch_all(dialect)?, Match::Fallback)))
    }

    /// The targets for a model, made once per name.
    pub(crate) fn roster(
        &self,
        dialect: Dialect,
        model: &str,
        make: impl FnOnce() -> Option<Roster>,
    ) -> Option<Arc<Roster>> {
        let rosters = &self.rosters[dialect as usize];
        if let Some(known) = read(rosters).get(model) {
            return Some(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        let mut rosters = write(rosters);
        if rosters.len() >= ROSTERS_MAX {
            // Names that clients invent must not keep out those that are asked for all the time.
            rosters.clear();
        }
        rosters.insert(model.into(), Arc::clone(&made));
        Some(made)
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

fn row(
    provider: &Provider,
    (number, vendor): (u16, u16),
    trust: &TlsTrust,
) -> Result<ProviderRow, EndpointError> {
    let endpoint = Endpoint::new(&provider.base_url, provider.proxy.as_deref(), trust)?;
    let path = endpoint.path(backstop_dialects::path(provider.dialect))?;
    Ok(ProviderRow {
        settings: provider.clone(),
        endpoint: Arc::new(endpoint),
        path,
        number,
        vendor,
        stems: Vec::new(),
        in_flight: Arc::default(),
    })
}

/// The number of `name` in `names`, which grows by it if it is new.
pub(crate) fn number_of(names: &mut Vec<Arc<str>>, name: &Arc<str>) -> u16 {
    let at = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(Arc::clone(name));
        names.len() - 1
    });
    u16::try_from(at).unwrap_or(u16::MAX)
}

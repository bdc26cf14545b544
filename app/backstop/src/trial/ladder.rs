//! The gateway's settings for a trial: the scenario's own ladder, or the user's routes with the
//! scenario's providers behind them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstop_exchange::{Abilities, Habits};
use backstop_scenarios::{Base, Latency, ProviderSettings, Scenario, Spread};
use backstop_settings::{
    Credential, Giver, Identity, Oauth, OauthShown, Passthrough, Pattern, Policy, Provider,
    ProviderKind, Proxies, Route, Rung, Secret, Settings, TargetChoice, TargetModel,
};
use backstop_surfaces::Surface;
use backstop_vocabulary::Tier;

/// What a trial plays on: the providers, and the gateway before them.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// The scenario, with every provider and model that the settings name.
    pub(crate) scenario: Scenario,
    pub(crate) settings: Settings,
    /// Whose ladder is played, for people: a file's routes, or the scenario's own.
    pub(crate) played: String,
    /// What the reader of the result should know about it.
    pub(crate) notes: Vec<String>,
}

/// The settings that a scenario's own ladder asks for; `base_url` says where a provider is.
pub(crate) fn of_scenario(scenario: &Scenario, base_url: &dyn Fn(&str) -> String) -> Stage {
    let mut providers = BTreeMap::new();
    let mut ladder = Vec::new();
    for rung in &scenario.ladder {
        let Some(simulated) = scenario.provider(&rung.provider) else { continue };
        let name: Arc<str> = rung.provider.as_str().into();
        providers
            .entry(Arc::clone(&name))
            .or_insert_with(|| provider(simulated, rung.tier, base_url));
        let model = rung.model.as_deref();
        let model = model.map_or(TargetModel::AsAsked, |model| TargetModel::Named(model.into()));
        let mut choice = TargetChoice::new(name, model, rung.tier);
        choice.abilities = abilities(simulated);
        ladder.push(Rung::Targets(vec![choice]));
    }
    let route = Route {
        name: "scenario".into(),
        models: vec![Pattern::new("*")],
        ladder,
        policy: Policy::default(),
        objective: None,
        built_in: false,
    };
    let settings = Settings { providers, routes: vec![route], ..bare(Settings::default()) };
    let played = format!("the scenario's own ladder, {}", own_ladder(scenario));
    Stage { scenario: scenario.clone(), settings, played, notes: Vec::new() }
}

/// `anthropic/* → openai/gpt-5.6`.
fn own_ladder(scenario: &Scenario) -> String {
    let rungs = scenario.ladder.iter();
    let targets =
        rungs.map(|rung| format!("{}/{}", rung.provider, rung.model.as_deref().unwrap_or("*")));
    targets.collect::<Vec<_>>().join(" → ")
}

/// The settings of the user's file, each provider replaced by the scenario's of the same vendor. A vendor that
/// the scenario does not know is played in good health.
pub(crate) fn of_settings(
    (settings, file): (Settings, &Path),
    scenario: &Scenario,
    base_url: &dyn Fn(&str) -> String,
) -> Stage {
    let played = format!("the routes of {}", file.display());
    let (scenario, settings) = (scenario.clone(), bare(settings));
    let mut stage = Stage { scenario, settings, played, notes: Vec::new() };
    let names: Vec<Arc<str>> = stage.settings.providers.keys().cloned().collect();
    for name in names {
        let Some(provider) = stage.settings.providers.get(&name).cloned() else { continue };
        let simulated = stage.simulated_for(&provider);
        let models = models_of(&stage.settings, &name);
        if let Some(played) =
            stage.scenario.providers.iter_mut().find(|played| played.name == simulated)
        {
            played.models.extend(models);
            played.models.sort();
            played.models.dedup();
        }
        if let Some(provider) = stage.settings.providers.get_mut(&name) {
            provider.base_url = base_url(&simulated);
            provider.proxy = None;
            as_simulated(provider);
            let login = stage.scenario.provider(&simulated).and_then(|it| it.login.as_deref());
            log_in_here(provider, login.map(base_url).as_deref());
        }
    }
    stage
}

/// Simulated providers offer their dialects plainly, whichever cloud they stand for.
fn as_simulated(provider: &mut Provider) {
    provider.surface = Surface::Plain;
    provider.models.clear();
    provider.kind = match provider.kind {
        ProviderKind::Gemini => ProviderKind::Gemini,
        ProviderKind::Anthropic => ProviderKind::Anthropic,
        ProviderKind::Openai => ProviderKind::Openai,
        ProviderKind::Azure
        | ProviderKind::Foundry
        | ProviderKind::Bedrock
        | ProviderKind::Vertex
        | ProviderKind::Compatible => ProviderKind::Compatible,
    };
}

/// No real token endpoint is asked: the scenario's own, at this address, or a key stands for it.
fn log_in_here(provider: &mut Provider, login: Option<&str>) {
    for credential in &mut provider.credentials {
        let Credential::Identity { name, .. } = credential else { continue };
        let name = Arc::clone(name);
        *credential = match login {
            Some(login) => Credential::Identity { name, identity: Arc::new(identity(login)) },
            None => Credential::Key { name, secret: Secret::new("sk-simulated") },
        };
    }
}

/// Tokens of the endpoint at this address.
fn identity(base_url: &str) -> Identity {
    let giver = Giver::Oauth(Oauth {
        token_url: format!("{base_url}/token"),
        client_id: "simulated".to_owned(),
        client_secret: Secret::new("sk-simulated"),
        scope: None,
        audience: None,
        shown: OauthShown::Post,
    });
    Identity { giver, deadline: Identity::DEADLINE, proxies: Proxies::Direct }
}

impl Stage {
    /// The name of the simulated provider that plays this one.
    fn simulated_for(&mut self, provider: &Provider) -> String {
        let speaks = |it: &&ProviderSettings| it.dialect == provider.dialect;
        let of_vendor =
            |it: &&ProviderSettings| speaks(it) && *it.vendor.as_str() == *provider.vendor;
        if let Some(found) = self.scenario.providers.iter().find(of_vendor) {
            return found.name.clone();
        }
        self.notes.push(format!(
            "the scenario says nothing about `{}` ({}): it is played in good health",
            provider.name, provider.vendor
        ));
        let name = provider.name.to_string();
        self.scenario.providers.push(healthy(provider, &name));
        name
    }
}

/// What simulated models of nobody's can do beyond the safe assumptions, as an operator would write
/// it beside the target: they obey schemas, as local servers do.
fn abilities(simulated: &ProviderSettings) -> Option<Abilities> {
    let known = ["anthropic", "openai", "google", "vertex", "azure"];
    let known = known.contains(&simulated.vendor.as_str());
    (!known).then(|| Abilities { schema: true, ..Abilities::default() })
}

/// A provider that the scenario does not know.
fn healthy(provider: &Provider, name: &str) -> ProviderSettings {
    let first_token = Spread { median: Duration::from_millis(700), p95: Duration::from_secs(2) };
    ProviderSettings {
        name: name.to_owned(),
        dialect: provider.dialect,
        vendor: provider.vendor.to_string(),
        models: Vec::new(),
        keys: Vec::new(),
        tokens: None,
        login: None,
        latency: Latency { first_token, tokens_per_second: 80.0, piece_tokens: 16 },
        concurrency_max: 200,
        queue_wait_max: Duration::ZERO,
        base: Base { server_errors: 0.005, rate_limits: 0.01 },
        requests_per_minute: None,
        ramp: None,
    }
}

/// The models that routes ask of this provider by name.
fn models_of(settings: &Settings, provider: &str) -> Vec<String> {
    let mut models = Vec::new();
    for rung in settings.routes.iter().flat_map(|route| &route.ladder) {
        let Rung::Targets(choices) = rung else { continue };
        for choice in choices.iter().filter(|choice| *choice.provider == *provider) {
            if let TargetModel::Named(model) = &choice.model {
                models.push(model.to_string());
            }
        }
    }
    models
}

/// Settings without what a trial must not touch: doors, files, keys.
fn bare(mut settings: Settings) -> Settings {
    settings.console = None;
    settings.store = None;
    settings.tls = None;
    settings.keys = Vec::new();
    settings.ca_file = None;
    settings
}

/// Clouds are asked as clouds; the simulator reads their paths too.
fn surface(kind: ProviderKind) -> Surface {
    match kind {
        ProviderKind::Azure => Surface::AzureV1 { api_version: None },
        ProviderKind::Vertex => {
            Surface::Vertex { project: "simulated".into(), location: "us-central1".into() }
        }
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Foundry
        | ProviderKind::Bedrock
        | ProviderKind::Compatible => Surface::Plain,
    }
}

fn provider(
    simulated: &ProviderSettings,
    tier: Tier,
    base_url: &dyn Fn(&str) -> String,
) -> Provider {
    let kind = match simulated.vendor.as_str() {
        "anthropic" => ProviderKind::Anthropic,
        "openai" => ProviderKind::Openai,
        "google" => ProviderKind::Gemini,
        "vertex" => ProviderKind::Vertex,
        "azure" => ProviderKind::Azure,
        _ => ProviderKind::Compatible,
    };
    let key = simulated.keys.first().map_or("sk-simulated", String::as_str);
    let credential = Credential::Key { name: "default".into(), secret: Secret::new(key) };
    let keyless = kind == ProviderKind::Compatible && simulated.keys.is_empty();
    let login = simulated.login.as_deref().map(|login| Credential::Identity {
        name: "login".into(),
        identity: Arc::new(identity(&base_url(login))),
    });
    let keyed = login.is_none() || !simulated.keys.is_empty();
    let key = keyed.then_some(if keyless { Credential::None } else { credential });
    Provider {
        name: simulated.name.as_str().into(),
        kind,
        dialect: simulated.dialect,
        also: Vec::new(),
        base_url: base_url(&simulated.name),
        surface: surface(kind),
        region: None,
        models: BTreeMap::new(),
        credentials: login.into_iter().chain(key).collect(),
        habits: Habits::PLAIN,
        vendor: simulated.vendor.as_str().into(),
        tier,
        // Whoever runs a server knows how much it takes, with a few that wait there; a vendor does
        // not say.
        concurrency_max: keyless.then_some(simulated.concurrency_max * 3 / 2),
        connect_max: Provider::CONNECT_MAX,
        status_page: None,
        passthrough: Passthrough::Closed,
        takes_urls: true,
        proxy: None,
    }
}

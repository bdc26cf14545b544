//! The routes the gateway makes by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstop_catalogue::{Catalogue, Family, Model, StandIn};
use backstop_exchange::Allowed;
use backstop_vocabulary::{Dialect, Tier};

use crate::{
    Credential, Pattern, Policy, Provider, ProviderKind, Route, Rung, TargetChoice, TargetModel,
};

type Providers = BTreeMap<Arc<str>, Provider>;

/// The vendors whose families have routes of their own.
const VENDORS: [ProviderKind; 3] =
    [ProviderKind::Anthropic, ProviderKind::Openai, ProviderKind::Gemini];

/// The model of a local server, when one is known to be there.
pub(crate) type LocalModel = (Arc<str>, Arc<str>);

/// Routes for providers that no route was written for: the local models by name, then one per family
/// of each hosted vendor: as asked where a provider of the vendor is set up, the same weights at
/// clouds, the other vendors' stand-ins, a local model.
pub(crate) fn routes(
    providers: &Providers,
    local_models: &[LocalModel],
    catalogue: &Catalogue,
) -> Vec<Route> {
    let mut routes = Vec::new();
    let local = local_rung(local_models, catalogue);
    for (provider, _) in
        providers.iter().filter(|(name, _)| local_models.iter().any(|(of, _)| of == *name))
    {
        let models = local_models.iter().filter(|(of, _)| of == provider);
        let models = models.map(|(_, model)| Pattern::new(&**model)).collect();
        let ladder = vec![as_asked(vec![Arc::clone(provider)])];
        routes.push(route(provider, models, ladder));
    }
    for kind in VENDORS {
        let own = of_kind(providers, kind);
        for family in catalogue.families(vendor_of(kind)) {
            let mut ladder = Vec::new();
            if !own.is_empty() {
                ladder.push(as_asked(own.clone()));
            }
            let elsewhere = elsewhere(providers, family, catalogue);
            if !elsewhere.is_empty() {
                ladder.push(as_asked(elsewhere));
            }
            ladder.extend(stand_in_rung(providers, family, catalogue));
            ladder.extend(local.clone());
            let models = family.patterns.iter().map(Pattern::new).collect();
            if !ladder.is_empty() {
                routes.push(route(&family.name, models, ladder));
            }
        }
    }
    routes
}

/// One route per dialect for models that no route matches: to the dialect's own provider, then down
/// the ladder of the first route of that dialect. They bear the dialect's name and no pattern.
pub(crate) fn catch_all(providers: &Providers, routes: &[Route]) -> Vec<Route> {
    let speaks = |target: &TargetChoice, dialect| {
        providers.get(&target.provider).is_some_and(|provider| provider.speaks(dialect))
    };
    let mut made = Vec::new();
    for dialect in Dialect::ALL {
        let (kind, family) = match dialect {
            Dialect::AnthropicMessages => (ProviderKind::Anthropic, "claude-"),
            Dialect::OpenaiChat | Dialect::OpenaiResponses => (ProviderKind::Openai, "gpt-"),
            Dialect::Gemini => (ProviderKind::Gemini, "gemini-"),
            // Every kind of model is there, under names of its own.
            Dialect::BedrockConverse => (ProviderKind::Compatible, "bedrock-"),
        };
        let mut own = of_kind(providers, kind);
        if kind == ProviderKind::Compatible {
            own.retain(|name| providers.get(name).is_some_and(|it| it.speaks(dialect)));
        }
        let fits = |route: &&Route| {
            let first = route.ladder.first().and_then(|Rung::Targets(targets)| targets.first());
            let written = first.is_some_and(|target| speaks(target, dialect));
            if route.built_in { route.name.starts_with(family) } else { written }
        };
        let written = routes.iter().find(|route| !route.built_in && fits(route));
        // Of the gateway's own routes the last of a vendor is its most general one.
        let first =
            written.or_else(|| routes.iter().rev().find(|route| route.built_in && fits(route)));
        let mut ladder = Vec::new();
        if !own.is_empty() {
            ladder.push(as_asked(own));
        }
        let policy = first.map(|route| route.policy.clone()).unwrap_or_default();
        for rung in first.map(|route| route.ladder.as_slice()).unwrap_or_default() {
            ladder.extend(without(rung, &ladder));
        }
        if !ladder.is_empty() {
            made.push(Route { policy, ..route(dialect.name(), Vec::new(), ladder) });
        }
    }
    made
}

/// The rung less the targets that stand above it already; nothing if nothing is left.
fn without(rung: &Rung, above: &[Rung]) -> Option<Rung> {
    let Rung::Targets(targets) = rung;
    let known = |target: &TargetChoice| {
        above.iter().any(|Rung::Targets(targets)| {
            targets
                .iter()
                .any(|one| (&one.provider, &one.model) == (&target.provider, &target.model))
        })
    };
    let left: Vec<TargetChoice> = targets.iter().filter(|target| !known(target)).cloned().collect();
    (!left.is_empty()).then_some(Rung::Targets(left))
}

fn route(name: &str, models: Vec<Pattern>, ladder: Vec<Rung>) -> Route {
    Route {
        name: name.into(),
        models,
        ladder,
        // Agents offer a vendor's own tools beside those that they run themselves: going on without
        // the former is what whoever wrote no route wants.
        policy: Policy {
            allow_loss: Allowed::new(["hosted_tools".to_owned()]),
            ..Policy::default()
        },
        objective: None,
        built_in: true,
    }
}

fn vendor_of(kind: ProviderKind) -> &'static str {
    kind.weights().unwrap_or("open")
}

/// The clouds that have models of a family, the same weights in another failure domain.
fn elsewhere(providers: &Providers, family: &Family, catalogue: &Catalogue) -> Vec<Arc<str>> {
    let fits =
        |model: &str| family.patterns.iter().any(|pattern| Pattern::new(&**pattern).matches(model));
    let listed: Vec<&str> = catalogue
        .models()
        .iter()
        .filter_map(Model::listed_name)
        .filter(|name| fits(name))
        .collect();
    let has = |provider: &Provider| {
        provider.models.keys().any(|model| fits(model))
            || (provider.models.is_empty() && listed.iter().any(|model| provider.may_offer(model)))
    };
    let serves = |provider: &&Provider| match provider.kind {
        ProviderKind::Azure | ProviderKind::Foundry => {
            provider.kind.weights() == Some(&*family.vendor)
        }
        ProviderKind::Bedrock | ProviderKind::Vertex => family.vendor == "anthropic",
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Compatible => false,
    };
    let usable = providers.values().filter(|it| is_usable(it)).filter(serves).filter(|it| has(it));
    usable.map(|provider| Arc::clone(&provider.name)).collect()
}

/// The providers of that kind that we can use by ourselves: those with a credential, or without one
/// at a local address.
fn of_kind(providers: &Providers, kind: ProviderKind) -> Vec<Arc<str>> {
    let usable = providers.values().filter(|provider| provider.kind == kind && is_usable(provider));
    usable.map(|provider| Arc::clone(&provider.name)).collect()
}

fn is_usable(provider: &Provider) -> bool {
    let local = provider.base_url.starts_with("http://");
    local || provider.credentials.iter().any(|one| *one != Credential::None)
}

fn as_asked(providers: Vec<Arc<str>>) -> Rung {
    let target = |provider| choice(provider, TargetModel::AsAsked, Tier::Full);
    Rung::Targets(providers.into_iter().map(target).collect())
}

fn choice(provider: Arc<str>, model: TargetModel, tier: Tier) -> TargetChoice {
    TargetChoice::new(provider, model, tier)
}

/// The other vendors' models of the family's size, where a provider of theirs has a key: what a
/// client brings opens its own vendor's door only.
fn stand_in_rung(providers: &Providers, family: &Family, catalogue: &Catalogue) -> Option<Rung> {
    let own_key = |name: &Arc<str>| {
        let provider = providers.get(name);
        provider.is_some_and(|provider| !provider.credentials.contains(&Credential::FromClient))
    };
    let target = |stand_in: StandIn<'_>| {
        let kind = VENDORS.into_iter().find(|kind| vendor_of(*kind) == stand_in.vendor)?;
        let cloud = || {
            let same = catalogue.families(stand_in.vendor).find(|it| it.size == family.size)?;
            elsewhere(providers, same, catalogue).into_iter().find(own_key)
        };
        let provider = of_kind(providers, kind).into_iter().find(own_key).or_else(cloud)?;
        Some(choice(provider, TargetModel::Named(stand_in.model.into()), Tier::Full))
    };
    let targets: Vec<TargetChoice> =
        catalogue.best_of(family.size, &family.vendor).into_iter().filter_map(target).collect();
    (!targets.is_empty()).then_some(Rung::Targets(targets))
}

/// The first local model that takes tools, else the first.
fn local_rung(local_models: &[LocalModel], catalogue: &Catalogue) -> Option<Rung> {
    let able = |(_, model): &&LocalModel| {
        catalogue.model("open", model).is_some_and(|model| model.abilities.tools)
    };
    let (provider, model) = local_models.iter().find(able).or_else(|| local_models.first())?;
    let model = TargetModel::Named(Arc::clone(model));
    Some(Rung::Targets(vec![choice(Arc::clone(provider), model, Tier::Degraded)]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use backstop_catalogue::Catalogue;
    use backstop_exchange::Forfeit;

    #[test]
    fn an_agents_hosted_tools_keep_it_from_no_other_provider_where_no_route_is_written() {
        let text = "providers: { anthropic: { api_key: a }, openai: { api_key: b } }";
        let settings = crate::read(text, &BTreeMap::new(), &Catalogue::built_in()).unwrap();
        let search = Forfeit::hosted("web_search");
        let routes = &settings.routes;
        assert!(routes.len() > 1 && routes.iter().all(|it| it.policy.allow_loss.allows(&search)));
    }
}

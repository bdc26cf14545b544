//! `backstop models list`: what is known of the models that the routes use.

use std::collections::{BTreeMap, BTreeSet};

use backstop_catalogue::{Catalogue, Model, Price};
use backstop_exchange::Abilities;
use backstop_settings::{Provider, Route, Rung, Settings, TargetChoice, TargetModel};
use serde_json::{Map, Value, json};

use crate::cli;
use crate::configuration::Configuration;
use crate::exit::{Exit, UsageError};
use crate::out::say;
use crate::text::{Align, columns};

/// A model at a provider, and who uses it.
struct Used {
    routes: BTreeSet<String>,
    /// What the settings say of it in a route.
    abilities: Option<Abilities>,
}

/// By provider and model.
type Targets = BTreeMap<(String, String), Used>;

/// Runs the command.
pub(crate) fn run(args: &cli::ListModels) -> anyhow::Result<Exit> {
    let settings = Configuration::find(args.config.config.as_deref())?.settings;
    if let Some(name) =
        args.route.as_ref().filter(|name| !settings.routes.iter().any(|it| *it.name == ***name))
    {
        return Err(UsageError(format!("there is no route `{name}`")).into());
    }
    if let Some(name) =
        args.provider.as_ref().filter(|name| !settings.providers.contains_key(name.as_str()))
    {
        return Err(UsageError(format!("there is no provider `{name}`")).into());
    }
    let mut targets = targets(&settings, args.route.as_deref());
    targets.retain(|(provider, _), _| args.provider.as_ref().is_none_or(|only| only == provider));
    if args.json {
        let list: Vec<Value> =
            targets.iter().map(|(target, used)| as_json(&settings, target, used)).collect();
        say!("{:#}", json!({ "targets": list }));
    } else {
        print(&settings, &targets);
    }
    Ok(Exit::Success)
}

/// Every model that a route names, and for `provider/*` those that its names mean.
fn targets(settings: &Settings, only: Option<&str>) -> Targets {
    let mut targets = Targets::new();
    let routes = settings.routes.iter().filter(|route| !route.models.is_empty());
    for route in routes.filter(|route| only.is_none_or(|only| *route.name == *only)) {
        for rung in &route.ladder {
            let Rung::Targets(choices) = rung else { continue };
            for choice in choices {
                let Some(provider) = settings.providers.get(&choice.provider) else { continue };
                for model in models(route, choice, provider, &settings.catalogue) {
                    let used =
                        targets.entry((choice.provider.to_string(), model)).or_insert_with(|| {
                            Used { routes: BTreeSet::new(), abilities: choice.abilities.clone() }
                        });
                    used.routes.insert(route.name.to_string());
                }
            }
        }
    }
    targets
}

fn models(
    route: &Route,
    choice: &TargetChoice,
    provider: &Provider,
    catalogue: &Catalogue,
) -> Vec<String> {
    if let TargetModel::Named(name) = &choice.model {
        return vec![name.to_string()];
    }
    // What its own names say it has; what its maker makes; of a server of everybody's models, all.
    let weights = provider.kind.weights().unwrap_or(&provider.vendor);
    let makes = |model: &&Model| model.vendor == *weights;
    let own = catalogue.models().iter().any(|model| makes(&model));
    let known = catalogue.models().iter().filter(|model| !own || makes(model));
    let mut known: Vec<&str> = known.filter_map(Model::listed_name).collect();
    if !provider.models.is_empty() {
        known = provider.models.keys().map(|name| &**name).collect();
    }
    let mut names = Vec::new();
    for pattern in &route.models {
        if pattern.as_str().contains('*') {
            names.extend(
                known.iter().filter(|name| pattern.matches(name)).map(|name| (*name).to_owned()),
            );
        } else {
            names.push(pattern.as_str().to_owned());
        }
    }
    names
}

fn known<'a>(settings: &'a Settings, (provider, name): &(String, String)) -> Option<&'a Model> {
    let vendor = &settings.providers.get(provider.as_str())?.vendor;
    settings.catalogue.model(vendor, name)
}

/// What a route's own words say, else the catalogue, else the safe assumptions.
fn abilities(used: &Used, model: Option<&Model>) -> Abilities {
    let known = || model.map(|model| model.abilities.clone());
    used.abilities.clone().or_else(known).unwrap_or_default()
}

fn print(settings: &Settings, targets: &Targets) {
    if targets.is_empty() {
        say!("no route names a model");
        return;
    }
    let titles = ["target", "context", "output", "takes", "in", "out", "cached", "as of"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    let mut sources = BTreeSet::new();
    for (target, used) in targets {
        let model = known(settings, target);
        rows.push(row(target, used, model));
        // Of an estimate the source is a sentence; `--json` has it.
        let priced = model.filter(|model| !model.is_estimated("price"));
        sources.extend(
            priced.filter(|model| model.price().is_some()).map(|it| it.origin("price").source),
        );
    }
    let (left, right) = (Align::Left, Align::Right);
    for line in columns(&rows, &[left, right, right, left, right, right, right, left]) {
        say!("{line}");
    }
    say!(
        "\n~ an estimate, ? unknown; prices per million tokens, in US dollars unless said otherwise"
    );
    for source in sources {
        say!("prices: {source}");
    }
}

fn row((provider, name): &(String, String), used: &Used, model: Option<&Model>) -> Vec<String> {
    let can = abilities(used, model);
    let estimated =
        |fact: &str| used.abilities.is_none() && model.is_some_and(|it| it.is_estimated(fact));
    let mark = |fact: &str, text: Option<String>| match text {
        Some(text) if estimated(fact) => format!("~{text}"),
        Some(text) => text,
        None => "?".to_owned(),
    };
    let takes = [
        (can.tools, "tools"),
        (can.images, "images"),
        (can.documents, "pdf"),
        (can.audio, "sound"),
        (can.schema, "schema"),
        (model.is_some_and(Model::embeds), "vectors"),
    ];
    let takes: Vec<&str> = takes.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
    let price = model.and_then(Model::price);
    let currency = price.map(Price::currency).filter(|currency| *currency != "USD");
    let amount = |fact: &str| {
        let parts = price.into_iter().flat_map(Price::parts);
        let amount = parts.into_iter().find(|(name, _)| *name == fact).map(|(_, amount)| amount)?;
        Some(currency.map_or_else(|| amount.to_string(), |currency| format!("{amount} {currency}")))
    };
    vec![
        format!("{provider}/{name}"),
        mark("context_tokens_max", can.context_tokens_max.map(shortened)),
        mark("output_tokens_max", can.output_tokens_max.map(shortened)),
        if model.is_some() || used.abilities.is_some() {
            takes.join(" ")
        } else {
            format!("{} (assumed)", takes.join(" "))
        },
        mark("price.input", amount("price.input")),
        mark("price.output", amount("price.output")),
        mark("price.cached_input", amount("price.cached_input")),
        model
            .map(|model| model.origin("price").as_of)
            .filter(|day| !day.is_empty())
            .unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Tokens as people write them: `8192`, `200k`, `1.05M`.
fn shortened(tokens: u64) -> String {
    if tokens < 10_000 {
        return tokens.to_string();
    }
    if tokens < 1_000_000 {
        return format!("{}k", tokens / 1000);
    }
    match (tokens / 1_000_000, tokens / 10_000 % 100) {
        (millions, 0) => format!("{millions}M"),
        (millions, hundredths) => format!("{millions}.{hundredths:02}M"),
    }
}

fn as_json(settings: &Settings, target: &(String, String), used: &Used) -> Value {
    let (provider, name) = target;
    let model = known(settings, target);
    let mut facts = Map::new();
    for (fact, value) in model.map(|model| model.facts.listed()).unwrap_or_default() {
        let origin = model.map(|model| model.origin(&fact));
        let estimated = model.is_some_and(|model| model.is_estimated(&fact));
        let entry = json!({
            "value": value,
            "source": origin.as_ref().map(|origin| &origin.source),
            "as_of": origin.as_ref().map(|origin| &origin.as_of),
            "estimated": estimated,
        });
        facts.insert(fact, entry);
    }
    json!({
        "target": format!("{provider}/{name}"),
        "model": backstop_catalogue::names::canonical(name),
        "routes": used.routes,
        "known": model.is_some(),
        "maker": model.map(|model| &model.vendor),
        "size": model.map(|model| model.size.name()),
        "currency": model.and_then(Model::price).map(Price::currency),
        "overridden_in_route": used.abilities.is_some(),
        "facts": facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_tokens_as_people_do() {
        let shown =
            [8192, 32_768, 200_000, 1_000_000, 1_048_576, 1_050_000, 10_000_000].map(shortened);
        assert_eq!(shown, ["8192", "32k", "200k", "1M", "1.04M", "1.05M", "10M"]);
    }
}

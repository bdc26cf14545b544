use std::sync::Arc;
use std::time::Duration;

use backstop_vocabulary::Dialect;

use super::Around;
use super::losses::allow_loss;
use super::providers::Providers;
use super::targets::rung;
use crate::faults::{Faults, closest};
use crate::section::{Field, Keys, Section};
use crate::yaml::Value;
use crate::{Delivery, Objective, OnBreak, Pattern, Policy, Route, Rung};

pub(crate) const KEYS: Keys = Keys {
    section: "route",
    names: &[
        "name",
        "models",
        "ladder",
        "deadline",
        "total",
        "attempts_max",
        "patience",
        "on_break",
        "delivery",
        "first_token_max",
        "gap_max",
        "never",
        "allow_loss",
        "trickle",
        "sessions",
        "objective",
    ],
};
pub(crate) const DEADLINE_KEYS: Keys = Keys { section: "deadline", names: &["stream", "whole"] };
pub(crate) const SESSIONS_KEYS: Keys = Keys { section: "sessions", names: &["stay"] };
pub(crate) const OBJECTIVE_KEYS: Keys =
    Keys { section: "objective", names: &["answered", "full", "first_token_p95"] };

/// The most rungs a ladder has.
const RUNGS_MAX: usize = 32;

/// The routes, in the order they are matched.
pub(crate) fn routes(
    field: &Field<'_>,
    providers: &Providers,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for item in field.list(faults, "[{ name: support, models: [claude-*], ladder: […] }]") {
        let Some(route) = route(&item, providers, around, faults) else { continue };
        if routes.iter().any(|one| one.name == route.name) {
            let what = format!("a route named `{}` stands above", route.name);
            item.fault(faults, what, "give each route a name of its own");
        } else if Dialect::from_name(&route.name).is_some() {
            let what = format!("`{}` is the name of the gateway's own route", route.name);
            item.fault(faults, what, "give this one another name");
        }
        routes.push(route);
    }
    routes
}

/// The names of all routes, also of those with a fault of their own, and beside each what a message
/// may quote of it: a variable may hold a name.
pub(crate) fn declared(section: &Section<'_>, read: &[Route]) -> Vec<(String, String)> {
    let made = read.iter().filter(|route| route.built_in).map(|route| route.name.to_string());
    let mut names: Vec<(String, String)> = made.map(|name| (name.clone(), name)).collect();
    let list = section.get("routes");
    let items = match list.as_ref().map(|field| &field.node.value) {
        Some(Value::List(items)) => items.as_slice(),
        Some(_) | None => &[],
    };
    for item in items {
        let Value::Map(entries) = &item.value else { continue };
        for (key, value) in entries {
            if let ("name", Value::Text(text)) = (key.text.as_str(), &value.value) {
                names.push((text.value.clone(), text.written.clone()));
                names.sort();
                names.dedup();
            }
        }
    }
    names
}

fn route(
    item: &Field<'_>,
    providers: &Providers,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Route> {
    let section = item.section(faults, KEYS)?;
    let name =
        section.need(faults, "name", "support").and_then(|field| field.text(faults, "support"));
    let models = section.need(faults, "models", "[claude-*]").map(|field| models(&field, faults));
    let policy = policy(&section, providers, faults);
    let objective = section.get("objective").and_then(|field| objective(&field, faults));
    let ladder = section.need(faults, "ladder", "[{ targets: [anthropic/*] }]");
    let ladder = ladder.map(|field| ladder_of(&field, &policy, providers, around, faults));
    Some(Route {
        name: name?.value.as_str().into(),
        models: models?,
        ladder: ladder?,
        policy,
        objective,
        built_in: false,
    })
}

fn models(field: &Field<'_>, faults: &mut Faults) -> Vec<Pattern> {
    let items = field.list(faults, "[claude-*]");
    if items.is_empty() && matches!(field.node.value, Value::List(_)) {
        let cure = "name the models applications ask for, like `claude-*`";
        field.fault(faults, "this route answers no model", cure);
    }
    let texts = items.iter().filter_map(|item| item.text(faults, "claude-*"));
    texts.map(|text| Pattern::new(text.value.trim())).collect()
}

fn ladder_of(
    field: &Field<'_>,
    policy: &Policy,
    providers: &Providers,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Vec<Rung> {
    let items = field.list(faults, "[{ targets: [anthropic/*] }]");
    if items.len() > RUNGS_MAX {
        field.fault(faults, format!("this ladder has more than {RUNGS_MAX} rungs"), "shorten it");
        return Vec::new();
    }
    let ladder: Vec<Rung> =
        items.iter().filter_map(|item| rung(item, providers, around, faults)).collect();
    let whole = matches!(field.node.value, Value::List(_)) && ladder.len() == items.len();
    let allowed = |provider: &Arc<str>| {
        providers.get(provider).is_some_and(|provider| !policy.never.contains(&provider.vendor))
    };
    let reachable = ladder.iter().any(|Rung::Targets(targets)| {
        targets.is_empty() || targets.iter().any(|target| allowed(&target.provider))
    });
    if whole && !reachable {
        let what = "no rung of this ladder can ever answer";
        field.fault(faults, what, "add targets, or allow a vendor that `never` forbids");
    }
    ladder
}

fn policy(section: &Section<'_>, providers: &Providers, faults: &mut Faults) -> Policy {
    let mut policy = Policy::default();
    if let Some(field) = section.get("deadline") {
        deadline(&field, &mut policy, faults);
    }
    let mut time = |key| section.get(key).and_then(|field| field.some_time(faults));
    policy.total = time("total");
    policy.first_token_max = time("first_token_max");
    policy.gap_max = time("gap_max");
    if let Some(field) = section.get("patience") {
        policy.patience = field.duration(faults).unwrap_or(Duration::ZERO);
    }
    if let Some(most) = section.get("attempts_max").and_then(|field| field.whole(faults, 1..=50)) {
        policy.attempts_max = u8::try_from(most).unwrap_or(policy.attempts_max);
    }
    if let Some(field) = section.get("on_break") {
        let words = [("resume", OnBreak::Resume), ("error", OnBreak::Error)];
        policy.on_break = field.word(faults, &words).unwrap_or(policy.on_break);
    }
    if let Some(field) = section.get("delivery") {
        let words = [("as_asked", Delivery::AsAsked), ("whole", Delivery::Whole)];
        policy.delivery = field.word(faults, &words).unwrap_or(policy.delivery);
    }
    if let Some(share) = section.get("trickle").and_then(|field| field.share(faults)) {
        policy.trickle = share;
    }
    if let Some(stay) = section
        .get("sessions")
        .and_then(|field| field.section(faults, SESSIONS_KEYS))
        .and_then(|sessions| sessions.get("stay")?.duration(faults))
    {
        policy.stay = stay;
    }
    if let Some(field) = section.get("never") {
        policy.never = never(&field, providers, faults);
    }
    policy.allow_loss = allow_loss(section, faults);
    policy
}

/// One value is for streams and whole answers alike; a map sets them apart.
fn deadline(field: &Field<'_>, policy: &mut Policy, faults: &mut Faults) {
    if !matches!(field.node.value, Value::Map(_)) {
        if let Some(both) = field.some_time(faults) {
            (policy.deadline_stream, policy.deadline_whole) = (both, both);
        }
        return;
    }
    let Some(section) = field.section(faults, DEADLINE_KEYS) else { return };
    let mut time = |key| section.get(key).and_then(|field| field.some_time(faults));
    policy.deadline_stream = time("stream").unwrap_or(policy.deadline_stream);
    policy.deadline_whole = time("whole").unwrap_or(policy.deadline_whole);
}

/// The vendors that must never see the route's requests. A word that is no vendor here is refused:
/// a slip of the pen would otherwise send them what they must not see.
fn never(field: &Field<'_>, providers: &Providers, faults: &mut Faults) -> Vec<Arc<str>> {
    let mut vendors = Vec::new();
    for item in field.list(faults, "[openai]") {
        let Some(text) = item.text(faults, "openai") else { continue };
        let known = providers.vendors();
        if known.contains(text.value.as_str()) || crate::known::known(&text.value).is_some() {
            vendors.push(text.value.as_str().into());
            continue;
        }
        let cure = closest(&text.value, known.iter().copied()).map_or_else(
            || {
                format!(
                    "the vendors are `{}`",
                    known.iter().copied().collect::<Vec<_>>().join("`, `")
                )
            },
            |guess| format!("did you mean `{guess}`?"),
        );
        item.fault(faults, format!("no provider here is of the vendor `{}`", text.written), cure);
    }
    vendors
}

fn objective(field: &Field<'_>, faults: &mut Faults) -> Option<Objective> {
    let section = field.section(faults, OBJECTIVE_KEYS)?;
    Some(Objective {
        answered: section.get("answered").and_then(|field| field.share(faults)),
        full: section.get("full").and_then(|field| field.share(faults)),
        first_token_p95: section.get("first_token_p95").and_then(|field| field.some_time(faults)),
    })
}

use std::collections::BTreeMap;
use std::sync::Arc;

use backstop_vocabulary::Tier;

use super::Around;
use super::abilities::abilities;
use super::adjustments::adjustment;
use super::losses::allow_loss;
use super::providers::{Providers, TIERS};
use crate::faults::{Faults, closest};
use crate::later;
use crate::section::{Field, Keys};
use crate::yaml::Value;
use crate::{Rung, TargetChoice, TargetModel};

pub(crate) const RUNG_KEYS: Keys = Keys { section: "rung", names: &["targets", "share"] };
pub(crate) const TARGET_KEYS: Keys = Keys {
    section: "target",
    names: &[
        "target",
        "tier",
        "share",
        "abilities",
        "allow_loss",
        "parameters",
        "system",
        "system_note",
    ],
};

/// One rung of a ladder.
pub(crate) fn rung(
    field: &Field<'_>,
    providers: &Providers,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Rung> {
    let section = field.section(faults, RUNG_KEYS)?;
    let Some(list) = section.get("targets") else {
        // A rung of a later version has already been named as such.
        let later = match &field.node.value {
            Value::Map(entries) => {
                entries.iter().any(|(name, _)| later::key("rung", &name.text).is_some())
            }
            Value::Empty
            | Value::Switch(_)
            | Value::Whole(_)
            | Value::Fraction(_)
            | Value::Text(_)
            | Value::List(_) => false,
        };
        if !later {
            section.need(faults, "targets", "[anthropic/*]");
        }
        return None;
    };
    let mut targets: Vec<TargetChoice> = Vec::new();
    for item in list.list(faults, "[anthropic/*]") {
        let Some(target) = target(&item, providers, around, faults) else { continue };
        let same =
            |one: &TargetChoice| (&one.provider, &one.model) == (&target.provider, &target.model);
        if targets.iter().any(same) {
            item.fault(
                faults,
                "this target stands in this rung already",
                "leave one of the two out",
            );
            continue;
        }
        targets.push(target);
    }
    if let Some(field) = section.get("share") {
        spread(&field, &mut targets, providers, faults);
    }
    if !targets.is_empty() && targets.iter().all(|target| target.share == 0) {
        list.fault(faults, "no target of this rung has a share", "give at least one more than 0");
    }
    Some(Rung::Targets(targets))
        .filter(|_| matches!(&list.node.value, Value::List(items) if !items.is_empty()))
        .or_else(|| {
            list.fault(faults, "no target stands here", "name one, like `anthropic/*`");
            None
        })
}

fn target(
    item: &Field<'_>,
    providers: &Providers,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<TargetChoice> {
    if !matches!(item.node.value, Value::Map(_)) {
        return named(item, providers, faults);
    }
    let section = item.section(faults, TARGET_KEYS)?;
    let field = section.need(faults, "target", "openai/gpt-5.6");
    let target = field.and_then(|field| named(&field, providers, faults));
    let tier = section.get("tier").and_then(|field| field.word(faults, &TIERS));
    let share = section.get("share").and_then(|field| field.whole(faults, 0..=10_000));
    let allow_loss = allow_loss(&section, faults);
    let adjustment = adjustment(&section, faults);
    let mut target = target?;
    target.allow_loss = allow_loss;
    target.adjustment = adjustment;
    target.tier = tier.unwrap_or(target.tier);
    target.share = share.and_then(|share| u32::try_from(share).ok()).unwrap_or(target.share);
    if let Some(field) = section.get("abilities") {
        let provider = providers.get(&target.provider);
        let known = |model| match provider {
            Some(provider) => provider.abilities(around.catalogue, model),
            None => around.catalogue.abilities("", model),
        };
        let base = match &target.model {
            TargetModel::Named(model) => known(model),
            TargetModel::AsAsked => {
                let cure = "name the model, or leave `abilities` out";
                field.fault(faults, "the abilities of `*` are those of the model asked for", cure);
                return None;
            }
        };
        target.abilities = Some(abilities(&field, base, faults));
    }
    Some(target)
}

/// A target written `provider/model` or `provider/*`.
fn named(field: &Field<'_>, providers: &Providers, faults: &mut Faults) -> Option<TargetChoice> {
    let text = field.text(faults, "openai/gpt-5.6")?;
    let Some((name, model)) = text.value.split_once('/').filter(|(_, model)| !model.is_empty())
    else {
        let what = format!("`{}` is not a target", text.written);
        field.fault(
            faults,
            what,
            "write `provider/model`, or `provider/*` for the model asked for",
        );
        return None;
    };
    let model = match model {
        "*" => TargetModel::AsAsked,
        model if model.contains('*') => {
            let cure = "write the whole name, or `*` alone for the model asked for";
            field.fault(faults, "a target's model has a `*` within its name", cure);
            return None;
        }
        model => TargetModel::Named(model.into()),
    };
    let Some(provider) = providers.get(name) else {
        // What a variable holds is not ours to print.
        let written = text.written.split_once('/').map_or("${…}", |(name, _)| name);
        unknown_provider(field, (name, written), providers, faults);
        return None;
    };
    // The model that was asked for is never a lesser answer.
    let tier = if model == TargetModel::AsAsked { Tier::Full } else { provider.tier };
    let provider = Arc::clone(&provider.name);
    Some(TargetChoice::new(provider, model, tier))
}

/// Notes a provider that is not there, quoting it as `written`: a variable may hold its name.
fn unknown_provider(
    field: &Field<'_>,
    (name, written): (&str, &str),
    providers: &Providers,
    faults: &mut Faults,
) {
    if providers.is_declared(name) {
        return;
    }
    let known = providers.names();
    let cure = closest(name, known.iter().copied()).map_or_else(
        || format!("add it under `providers`; there are `{}`", known.join("`, `")),
        |guess| format!("did you mean `{guess}`?"),
    );
    field.fault(faults, format!("no provider is named `{written}`"), cure);
}

/// The `share` of a rung: by provider, split evenly among its targets there; 0 for the others.
fn spread(
    field: &Field<'_>,
    targets: &mut [TargetChoice],
    providers: &Providers,
    faults: &mut Faults,
) {
    let mut shares: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, share) in field.map(faults, "{ anthropic: 80, openai: 20 }") {
        if providers.get(&name.text).is_none() {
            unknown_provider(&share, (&name.text, &name.text), providers, faults);
        } else if targets.iter().all(|target| *target.provider != *name.text) {
            let what = format!("no target of this rung is at `{}`", name.text);
            share.fault(faults, what, "leave it out, or add such a target");
        } else if let Some(weight) = share.whole(faults, 0..=10_000) {
            shares.insert(&name.text, u32::try_from(weight).unwrap_or_default());
        }
    }
    let count =
        |provider: &str| targets.iter().filter(|target| &*target.provider == provider).count();
    let each: Vec<u32> = targets
        .iter()
        .map(|target| {
            let many = u32::try_from(count(&target.provider)).unwrap_or(1).max(1);
            let share = shares.get(&*target.provider).copied().unwrap_or(0);
            if share == 0 { 0 } else { (share / many).max(1) }
        })
        .collect();
    for (target, share) in targets.iter_mut().zip(each) {
        target.share = share;
    }
}

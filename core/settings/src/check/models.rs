//! What is known of the models of a ladder: what a lower rung cannot do, what is old, what ends.

use std::collections::BTreeSet;

use backstop_catalogue::{Catalogue, Model};
use backstop_exchange::Abilities;

use super::ladders::{Ladder, NEEDS};
use super::reach::rung_place;
use crate::finding::{Finding, Severity};
use crate::{Rung, Settings, TargetModel};

/// Facts older than this are worth asking for again: new models come every few weeks.
const OLD_DAYS: i64 = 180;
/// So long before its end a model is worth a warning.
const ENDING_DAYS: i64 = 60;

/// Says of each target below the first rung what the first can do and it cannot, where another rung
/// can: requests that need it pass it by.
pub(super) fn lesser(ladder: &Ladder<'_>, findings: &mut Vec<Finding>) {
    let route = ladder.route;
    let first = ladder.abilities_of(0);
    let below: Vec<Abilities> =
        (1..route.ladder.len()).flat_map(|at| ladder.abilities_of(at)).collect();
    let window = first.iter().filter_map(|one| one.context_tokens_max).min();
    for (at, Rung::Targets(targets)) in route.ladder.iter().enumerate().skip(1) {
        for target in targets {
            let TargetModel::Named(model) = &target.model else { continue };
            let Some(own) = ladder.known(target) else { continue };
            let lacks = NEEDS
                .iter()
                .filter(|(_, has)| first.iter().any(has) && !has(&own) && below.iter().any(has));
            let mut lacks: Vec<String> = lacks.map(|(need, _)| (*need).to_owned()).collect();
            if let (Some(window), Some(own)) = (window, own.context_tokens_max)
                && own < window
            {
                lacks.push(format!(
                    "more than {own} tokens of context (the first rung takes {window})"
                ));
            }
            if !lacks.is_empty() {
                findings.push(
                    Finding::new(Severity::Note, "lesser_target", rung_place(route, at)).what(
                        format!(
                            "{}/{model} does not take {}: such requests pass it by",
                            target.provider,
                            lacks.join(", ")
                        ),
                    ),
                );
            }
        }
    }
}

/// What the passing of time does to what is known of the models in use, on the day `today`
/// (`2026-11-21`): nothing when that is no day.
pub fn check_age(settings: &Settings, today: &str) -> Vec<Finding> {
    let Some(today) = days(today) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut old = BTreeSet::new();
    let mut named = BTreeSet::new();
    for route in &settings.routes {
        for (at, Rung::Targets(targets)) in route.ladder.iter().enumerate() {
            for target in targets {
                let TargetModel::Named(name) = &target.model else { continue };
                let Some(model) = known(settings, &target.provider, name) else { continue };
                if newest(model).is_some_and(|day| today - day > OLD_DAYS) {
                    old.insert(name.to_string());
                }
                let ends = model.facts.retires_at.as_deref();
                let end = ends.and_then(days).filter(|day| day - today <= ENDING_DAYS);
                if let (Some(end), Some(day)) = (end, ends)
                    && named.insert((target.provider.to_string(), name.to_string()))
                {
                    let word = if end <= today { "ended" } else { "ends" };
                    findings.push(
                        Finding::new(Severity::Warning, "retiring_model", rung_place(route, at))
                            .what(format!("{}/{name} {word} on {day}", target.provider))
                            .cure("name its successor"),
                    );
                }
            }
        }
    }
    if !old.is_empty() {
        let names: Vec<String> = old.into_iter().collect();
        let what = format!("what is known of {} is older than {OLD_DAYS} days", names.join(", "));
        let finding = Finding::new(Severity::Note, "old_catalogue", "");
        findings.push(finding.what(what).cure("run `backstop models refresh`"));
    }
    findings
}

fn known<'a>(settings: &'a Settings, provider: &str, name: &str) -> Option<&'a Model> {
    let catalogue: &Catalogue = &settings.catalogue;
    catalogue.model(&settings.providers.get(provider)?.vendor, name)
}

/// The day of the newest fact.
fn newest(model: &Model) -> Option<i64> {
    let days_of = model.origins.values().map(|origin| origin.as_of.as_str());
    days_of.chain([model.as_of.as_str()]).filter_map(days).max()
}

/// The number of a day (Howard Hinnant's `days_from_civil`); `None` when it is none.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, shifted) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::read;

    #[test]
    fn counts_days_across_months_and_leap_years() {
        let between = |from, to| days(to).unwrap() - days(from).unwrap();
        assert_eq!(between("2026-11-21", "2026-12-01"), 10);
        assert_eq!(between("2024-02-28", "2024-03-01"), 2);
        assert_eq!(between("2026-02-28", "2026-03-01"), 1);
        assert_eq!(between("2000-01-01", "2026-01-01"), 9497);
        assert_eq!((days("soon"), days("2026-13-01"), days("2026-1")), (None, None, None));
    }

    #[test]
    fn tells_of_old_facts_and_of_models_that_end() {
        let yaml = "
catalogue: { models: [{ name: gpt-4o, retires_at: 2026-12-31 }, { name: gpt-5.4, retires_at: 2028-01-01 }] }
providers: { openai: { api_key: k } }
routes: [{ name: a, models: [x], ladder: [{ targets: [openai/gpt-4o, openai/gpt-5.4] }] }]
";
        let settings = read(yaml, &BTreeMap::new(), &Catalogue::built_in()).unwrap();
        let told = |today| -> Vec<String> {
            check_age(&settings, today)
                .iter()
                .map(|one| format!("{} {}", one.code, one.what))
                .collect()
        };
        assert_eq!(told("2026-10-01"), Vec::<String>::new());
        assert_eq!(told("2026-11-21"), ["retiring_model openai/gpt-4o ends on 2026-12-31"]);
        let later = told("2027-06-01");
        assert_eq!(later[0], "retiring_model openai/gpt-4o ended on 2026-12-31");
        assert!(
            later[1].starts_with("old_catalogue what is known of gpt-4o, gpt-5.4 is older"),
            "{later:?}"
        );
        assert_eq!(told("whenever"), Vec::<String>::new());
    }
}

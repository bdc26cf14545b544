//! Whether a route, its rungs and its second attempt can be reached at all.

use std::time::Duration;

use backstop_vocabulary::Tier;

use crate::finding::{Finding, Severity};
use crate::{Credential, Policy, Route, Rung, Settings, TargetChoice};

/// A deadline below this leaves no room for two attempts unless their clock is set.
const TWO_ATTEMPTS: Duration = Duration::from_secs(10);
/// Long whole answers take longer than this every day.
const LONG_ANSWER: Duration = Duration::from_secs(120);

pub(super) fn check(settings: &Settings, route: &Route, findings: &mut Vec<Finding>) {
    findings.extend(shadowed(settings, route));
    findings.extend(attempts(route));
    findings.extend(deadlines(route));
    let mut worst = None;
    for (at, rung) in route.ladder.iter().enumerate() {
        let Rung::Targets(targets) = rung;
        findings.extend(forbidden(settings, route, at, targets));
        findings.extend(repeated(route, at, targets));
        findings.extend(tier_order(route, at, targets, &mut worst));
        findings.extend(clients_key(settings, route, at, targets));
    }
}

fn place(route: &Route) -> String {
    format!("route {}", route.name)
}

pub(super) fn rung_place(route: &Route, at: usize) -> String {
    format!("route {}, rung {}", route.name, at + 1)
}

fn shadowed(settings: &Settings, route: &Route) -> Option<Finding> {
    let earlier = settings.routes.iter().take_while(|one| one.name != route.name);
    let above: Vec<_> =
        earlier.flat_map(|one| one.models.iter().map(move |model| (one, model))).collect();
    let hidden: Vec<_> = route
        .models
        .iter()
        .filter_map(|model| {
            // A pattern that matches another's text, star and all, matches all that one matches.
            let covers = above.iter().find(|(_, wide)| wide.matches(model.as_str()));
            covers.map(|(one, wide)| (model, one, wide))
        })
        .collect();
    let (model, by, wide) = hidden.first()?;
    let all = hidden.len() == route.models.len();
    let severity = if all { Severity::Problem } else { Severity::Warning };
    let what = if all {
        "can never be reached".to_owned()
    } else {
        format!("never sees `{}`", model.as_str())
    };
    Some(
        Finding::new(severity, "shadowed_route", place(route))
            .what(format!("{what}: `{}` of route {} takes it first", wide.as_str(), by.name))
            .cure(format!("move it above route {}", by.name)),
    )
}

fn attempts(route: &Route) -> Option<Finding> {
    let most = usize::from(route.policy.attempts_max);
    (most < route.ladder.len()).then(|| {
        Finding::new(Severity::Warning, "attempts_too_few", rung_place(route, most))
            .what(format!(
                "`attempts_max` is {most} and the ladder has {} rungs: while those above still fail one by one, this one is not reached",
                route.ladder.len()
            ))
            .cure(format!("set `attempts_max: {}` or more", route.ladder.len()))
    })
}

fn deadlines(route: &Route) -> Vec<Finding> {
    let Policy { deadline_stream, deadline_whole, first_token_max, patience, total, .. } =
        route.policy;
    let alone = route.ladder.iter().map(|Rung::Targets(targets)| targets.len()).sum::<usize>() < 2;
    let finding = |severity, code| Finding::new(severity, code, place(route));
    let mut findings = Vec::new();
    match first_token_max {
        Some(clock) if clock >= deadline_stream && !alone => findings.push(
            finding(Severity::Problem, "no_second_attempt")
                .what("the first attempt may wait as long as the whole deadline: a silent target leaves no time for another")
                .cure(format!("set `first_token_max` below {}", shown(about(deadline_stream, 2)))),
        ),
        None if deadline_stream < TWO_ATTEMPTS && !alone => findings.push(
            finding(Severity::Warning, "no_second_attempt")
                .what(format!("a deadline of {} leaves little time for a second attempt at a silent target", shown(deadline_stream)))
                .cure(format!("set `first_token_max: {}`", shown(about(deadline_stream, 3)))),
        ),
        Some(_) | None => {}
    }
    if patience >= deadline_stream.min(deadline_whole) {
        findings.push(
            finding(Severity::Problem, "patience_too_long")
                .what("`patience` may use the whole deadline up before another target is tried")
                .cure("set it to a small part of the deadline"),
        );
    }
    if total.is_some_and(|total| total <= deadline_stream) {
        findings.push(
            finding(Severity::Warning, "total_too_short")
                .what("`total` ends a stream no later than its first token may come")
                .cure("set it well above the deadline, or leave it out"),
        );
    }
    if deadline_whole < LONG_ANSWER && !route.built_in {
        findings.push(
            finding(Severity::Note, "short_whole_deadline")
                .what(format!(
                    "answers that are not streamed must be complete within {}",
                    shown(deadline_whole)
                ))
                .cure("set `deadline: { stream: …, whole: 600s }` if long ones are asked for"),
        );
    }
    findings
}

/// A part of a deadline as a person would write it.
fn about(deadline: Duration, parts: u32) -> Duration {
    let part = deadline / parts;
    if part.as_secs() == 0 { part } else { Duration::from_secs(part.as_secs()) }
}

fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
}

fn forbidden(
    settings: &Settings,
    route: &Route,
    at: usize,
    targets: &[TargetChoice],
) -> Option<Finding> {
    let never = |target: &&TargetChoice| {
        let provider = settings.providers.get(&target.provider);
        provider.is_some_and(|provider| route.policy.never.contains(&provider.vendor))
    };
    let count = targets.iter().filter(never).count();
    let finding = |severity| Finding::new(severity, "forbidden_targets", rung_place(route, at));
    match count {
        0 => None,
        all if all == targets.len() => Some(
            finding(Severity::Problem)
                .what("`never` forbids every target of this rung")
                .cure("leave the rung out, or allow the vendor"),
        ),
        some => Some(
            finding(Severity::Note)
                .what(format!("`never` forbids {some} of its {} targets", targets.len())),
        ),
    }
}

fn repeated(route: &Route, at: usize, targets: &[TargetChoice]) -> Option<Finding> {
    let same =
        |a: &TargetChoice, b: &TargetChoice| (&a.provider, &a.model) == (&b.provider, &b.model);
    let earlier = route.ladder.iter().take(at).position(|Rung::Targets(above)| {
        targets.iter().all(|target| above.iter().any(|one| same(one, target)))
    })?;
    Some(
        Finding::new(Severity::Warning, "repeated_rung", rung_place(route, at))
            .what(format!("holds only targets of rung {}: it adds nothing", earlier + 1))
            .cure("leave it out, or name other targets"),
    )
}

/// A full rung below a degraded one: `worst` is the first rung that is degraded throughout.
fn tier_order(
    route: &Route,
    at: usize,
    targets: &[TargetChoice],
    worst: &mut Option<usize>,
) -> Option<Finding> {
    let degraded = targets.iter().all(|target| target.tier == Tier::Degraded);
    if degraded {
        worst.get_or_insert(at);
        return None;
    }
    let above = (*worst)?;
    Some(
        Finding::new(Severity::Warning, "tier_order", rung_place(route, at))
            .what(format!("is full and stands below rung {}, which is degraded", above + 1))
            .cure("put full rungs above degraded ones"),
    )
}

/// A client has one credential: it opens one vendor's door, not the next one's.
fn clients_key(
    settings: &Settings,
    route: &Route,
    at: usize,
    targets: &[TargetChoice],
) -> Option<Finding> {
    let vendor_by_client = |target: &TargetChoice| {
        let provider = settings.providers.get(&target.provider)?;
        let by_client = provider.credentials.contains(&Credential::FromClient);
        by_client.then_some(&provider.vendor)
    };
    let first = route
        .ladder
        .iter()
        .flat_map(|Rung::Targets(targets)| targets)
        .find_map(vendor_by_client)?;
    let other = targets.iter().filter_map(vendor_by_client).find(|vendor| *vendor != first)?;
    Some(
        Finding::new(Severity::Problem, "clients_key", rung_place(route, at))
            .what(format!("asks the client's own credential for {other}, and its clients bring one for {first}"))
            .cure(format!("give {other} an `api_key` of its own")),
    )
}

//! What in these settings would not work on the day.

pub use models::check_age;

use crate::Settings;
use crate::finding::Finding;

mod ladders;
mod losses;
mod models;
mod providers;
mod reach;

/// Looks for what settings that read well would still not do on the day a provider fails.
///
/// The gravest come first; within a severity in the order of the settings.
pub fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    providers::check(settings, &mut findings);
    for route in settings.routes.iter().filter(|route| !route.models.is_empty()) {
        reach::check(settings, route, &mut findings);
        ladders::check(settings, route, &mut findings);
        losses::check(route, &mut findings);
    }
    join_single_vendor(&mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Says once what is true of every route in the same words.
fn join_single_vendor(findings: &mut Vec<Finding>) {
    let same = |one: &Finding, other: &Finding| (one.code, &one.what) == (other.code, &other.what);
    let first = findings.iter().position(|finding| finding.code == "single_vendor");
    let Some((at, first)) = first.and_then(|at| Some((at, findings.get(at)?.clone()))) else {
        return;
    };
    let routes: Vec<String> = findings
        .iter()
        .filter(|finding| same(finding, &first))
        .map(|finding| finding.place.trim_start_matches("route ").to_owned())
        .collect();
    if routes.len() < 2 {
        return;
    }
    findings.retain(|finding| !same(finding, &first));
    let place = format!("routes {}", routes.join(", "));
    findings.insert(at.min(findings.len()), Finding { place, ..first });
}

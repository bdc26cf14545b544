//! What in these settings would not work on the day.

use backstop_catalogue::Catalogue;

use crate::Settings;
use crate::finding::Finding;

mod ladders;
mod providers;
mod reach;

/// Looks for what settings that read well would still not do on the day a provider fails.
///
/// The gravest come first; within a severity in the order of the settings.
pub fn check(settings: &Settings, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    providers::check(settings, &mut findings);
    for route in settings.routes.iter().filter(|route| !route.models.is_empty()) {
        reach::check(settings, route, &mut findings);
        ladders::check(settings, route, catalogue, &mut findings);
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

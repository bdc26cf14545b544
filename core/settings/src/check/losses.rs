//! What routes allow to be lost, by a name that nobody knows.

use backstop_exchange::{Allowed, Forfeit};

use super::reach::rung_place;
use crate::faults::closest;
use crate::finding::{Finding, Severity};
use crate::{Route, Rung};

pub(super) fn check(route: &Route, findings: &mut Vec<Finding>) {
    unknown(&route.policy.allow_loss, &format!("route {}", route.name), findings);
    for (at, Rung::Targets(targets)) in route.ladder.iter().enumerate() {
        for target in targets {
            unknown(&target.allow_loss, &rung_place(route, at), findings);
        }
    }
}

/// Tools that providers run are new every month, so that an unknown one is no fault.
fn unknown(allowed: &Allowed, place: &str, findings: &mut Vec<Finding>) {
    let known: Vec<_> = Forfeit::names().collect();
    for name in allowed.names().filter(|name| !known.iter().any(|known| known == name)) {
        let cure = closest(name, known.iter().map(|known| &**known)).map_or_else(
            || "see that it is the `type` of the tool, without its date".to_owned(),
            |guess| format!("did you mean `{guess}`?"),
        );
        findings.push(
            Finding::new(Severity::Note, "unknown_tool", place)
                .what(format!("`allow_loss` names a tool that is not known: `{name}`"))
                .cure(cure),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use backstop_catalogue::Catalogue;

    #[test]
    fn an_unknown_tool_is_noted_with_the_likely_word() {
        let yaml = "providers: { anthropic: { api_key: k } }\n\
                    routes: [{ name: a, models: [\"*\"], \
                    allow_loss: [images, hosted_tools.web_serch, hosted_tools.mcp_toolset], \
                    ladder: [{ targets: [{ target: anthropic/*, allow_loss: [hosted_tools.of_tomorrow] }] }] }]\n";
        let settings = crate::read(yaml, &BTreeMap::new(), &Catalogue::built_in()).unwrap();
        let findings = crate::check(&settings);
        let said = findings.iter().filter(|finding| finding.code == "unknown_tool");
        let said: Vec<String> = said.map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "note: route a: `allow_loss` names a tool that is not known: \
                 `hosted_tools.web_serch`; did you mean `hosted_tools.web_search`?",
                "note: route a, rung 1: `allow_loss` names a tool that is not known: \
                 `hosted_tools.of_tomorrow`; see that it is the `type` of the tool, without its date",
            ]
        );
    }
}

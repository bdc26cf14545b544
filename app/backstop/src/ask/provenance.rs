//! Which rung answered, as the response headers say it.

use backstop_vocabulary::Tier;
use http::HeaderMap;

/// Where an answer comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Provenance {
    pub(super) target: Option<String>,
    pub(super) rung: Option<u32>,
    pub(super) tier: Option<String>,
    pub(super) route: Option<String>,
    /// Target and code of each attempt that failed.
    pub(super) attempts: Vec<(String, String)>,
    /// What the translation between dialects lost.
    pub(super) lost: Option<String>,
}

impl Provenance {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let answer = text("backstop-answer").unwrap_or_default();
        let part = |name: &str| parameter(answer, name).map(str::to_owned);
        let attempts = text("backstop-attempts").unwrap_or_default();
        let attempts = attempts.split(", ").filter(|item| !item.is_empty()).map(|item| {
            let target = item.split(';').next().unwrap_or_default().trim();
            (target.to_owned(), parameter(item, "error").unwrap_or("unknown").to_owned())
        });
        Self {
            target: part("target"),
            rung: part("rung").and_then(|rung| rung.parse().ok()),
            tier: part("tier"),
            route: part("route"),
            attempts: attempts.collect(),
            lost: text("backstop-lost").map(str::to_owned),
        }
    }

    /// What a person should know about a good answer; nothing when it is what was asked for.
    pub(super) fn remarks(&self) -> Option<String> {
        let degraded = self.tier.as_deref() == Some(Tier::Degraded.name());
        let failed_over = self.rung.is_some_and(|rung| rung > 1) || !self.attempts.is_empty();
        if !degraded && !failed_over {
            return None;
        }
        let target = self.target.as_deref().unwrap_or("another target");
        let rung = self.rung.map(|rung| format!("rung {rung}")).unwrap_or_default();
        let tier = if degraded { ", degraded" } else { "" };
        let after = self.tried().map(|tried| format!(", after {tried}")).unwrap_or_default();
        Some(format!("answered by {target} ({rung}{tier}){after}"))
    }

    /// The attempts that failed: `anthropic/claude-sonnet-5 (overloaded)`.
    pub(super) fn tried(&self) -> Option<String> {
        let list: Vec<String> =
            self.attempts.iter().map(|(target, code)| format!("{target} ({code})")).collect();
        (!list.is_empty()).then(|| list.join(", "))
    }
}

/// The value of `name` in `first; name=value; …`.
fn parameter<'a>(item: &'a str, name: &str) -> Option<&'a str> {
    item.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &'static str, attempts: &'static str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert("backstop-answer", http::HeaderValue::from_static(answer));
        if !attempts.is_empty() {
            headers.insert("backstop-attempts", http::HeaderValue::from_static(attempts));
        }
        assert_eq!(Provenance::read(&headers).remarks().as_deref(), expected);
    }

    #[test]
    fn speaks_only_of_what_was_not_asked_for() {
        check("target=anthropic/c; rung=1; attempts=1; tier=full; route=r", "", None);
        check(
            "target=local/q; rung=3; attempts=3; tier=degraded; route=r",
            "anthropic/c; purpose=first; error=overloaded; status=529; ms=3, openai/g; purpose=failover; error=connect_failed; ms=0",
            Some(
                "answered by local/q (rung 3, degraded), after anthropic/c (overloaded), openai/g (connect_failed)",
            ),
        );
        check(
            "target=openai/g; rung=2; attempts=1; tier=full; route=r",
            "",
            Some("answered by openai/g (rung 2)"),
        );
    }
}

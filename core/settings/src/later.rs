//! Keys and words that a later version will understand: refused, but never called a mistake.

use crate::units::Complaint;

/// `section`, `key`, what it will be.
const KEYS: [(&str, &str, &str); 20] = [
    ("settings", "status", "the public status page"),
    ("settings", "people", "people and rotas"),
    ("settings", "notices", "notices to people"),
    ("settings", "cache", "the answer cache"),
    ("settings", "tenants", "tenants"),
    ("settings", "cluster", "fleets of nodes"),
    ("provider", "regions", "regions"),
    ("provider", "start", "local servers started on demand"),
    ("route", "hedge", "hedging"),
    ("route", "hedge_after", "hedging"),
    ("route", "balance", "balancing by latency"),
    ("route", "stale", "the answer cache"),
    ("route", "forbid", "rungs that are not targets"),
    ("rung", "cache", "the answer cache"),
    ("rung", "rules", "answers by rules"),
    ("rung", "queue", "the queue"),
    ("rung", "handoff", "tasks for people"),
    ("rung", "local", "local servers started on demand"),
    ("key", "tokens_per_minute", "limits in tokens"),
    ("key", "budget", "budgets"),
];

/// Says that a key is known but not understood yet.
pub(crate) fn key(section: &str, name: &str) -> Option<Complaint> {
    let (_, _, feature) = KEYS.iter().find(|(of, key, _)| *of == section && *key == name)?;
    Some((
        format!("`{name}` ({feature}) is not in this version"),
        "leave it out for now".to_owned(),
    ))
}

/// Says that a store is known but not understood yet.
pub(crate) fn store(address: &str) -> Option<Complaint> {
    let scheme = address.split_once("://")?.0;
    matches!(scheme, "postgres" | "postgresql" | "redis" | "valkey").then(|| {
        (
            format!("a store at `{scheme}://` is not in this version"),
            "write the path of a file, like `backstop.db`".to_owned(),
        )
    })
}

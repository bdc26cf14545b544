//! What was aimed at, and whether it was reached.

use std::fmt;

use serde::Serialize;

use crate::report::Row;

/// The pieces of a measured stream; each is one token.
const CHUNKS: f64 = 100.0;

/// One aim and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Aim {
    what: &'static str,
    limit: f64,
    measured: f64,
    kept: bool,
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.kept { "kept  " } else { "MISSED" };
        write!(f, "{word}  {} {}: {:.2}", self.what, self.limit, self.measured)
    }
}

/// Every aim that these rows can speak to.
pub(crate) fn aims(rows: &[Row]) -> Vec<Aim> {
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    let (nginx, same, cross, direct) =
        (row("nginx"), row("backstop, same"), row("backstop, cross"), row("direct"));
    let ratio =
        |of: Option<&Row>, value: fn(&Row) -> Option<f64>| Some(value(of?)? / value(nginx?)?);
    let per_cpu_second = |row: &Row| row.cpu_us_per_request.map(|us| 1e6 / us);
    let added = |of: Option<&Row>| {
        let base = direct?.quiet_first_us?;
        Some((of?.quiet_first_us? - base) / (nginx?.quiet_first_us? - base).max(1.0))
    };
    let anthropic = row("backstop, same (anthropic)");
    // What a translation adds over the cheaper of the two requests that are passed on as they are, which
    // is the less flattering reckoning.
    let translation = |value: fn(&Row) -> Option<f64>, per: f64| {
        let passed = value(same?)?.min(value(anthropic?)?);
        Some((value(cross?)? - passed) / per)
    };
    let least = |what, limit, measured: Option<f64>| {
        measured.map(|measured| Aim { what, limit, measured, kept: measured >= limit })
    };
    let most = |what, limit, measured: Option<f64>| {
        measured.map(|measured| Aim { what, limit, measured, kept: measured <= limit })
    };
    [
        least("same dialect, requests per CPU second, × nginx ≥", 0.5, ratio(same, per_cpu_second)),
        most("same dialect, p99 at 4,000/s, × nginx ≤", 1.5, ratio(same, |row| row.paced_p99_us)),
        most(
            "same dialect, p99 at full load, × nginx ≤",
            1.5,
            ratio(same, |row| row.saturated_p99_us),
        ),
        least(
            "cross dialect, requests per CPU second, × nginx ≥",
            0.3,
            ratio(cross, per_cpu_second),
        ),
        most(
            "translation, CPU added per request, µs ≤",
            30.0,
            translation(|row| row.cpu_us_per_request, 1.0),
        ),
        most(
            "translation, CPU added per token of a stream, µs ≤",
            2.0,
            translation(|row| row.cpu_us_per_stream, CHUNKS),
        ),
        most("streams, CPU, × nginx ≤", 1.3, ratio(same, |row| row.cpu_us_per_stream)),
        most("added first token, × nginx ≤", 1.5, added(same)),
        most("memory at rest, MB ≤", 40.0, same.and_then(|row| row.rest_mb)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

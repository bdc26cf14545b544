//! What the demo must show, or it fails.

use backstop_scenarios::Tally;
use serde_json::{Value, json};

/// The least share of requests answered. With a thousand requests: all of them.
const ANSWERED_LEAST: f64 = 0.9999;
/// The least share answered by targets of full worth.
const FULL_LEAST: f64 = 0.998;
/// The most attempts per request, over the whole. A phase of seconds is over before what was learnt
/// in it pays; `replay` holds every phase of the true length to it.
const ATTEMPTS_MOST: f64 = 1.15;

/// One promise, measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Promise {
    pub(super) what: String,
    pub(super) figure: String,
    measured: f64,
    pub(super) kept: bool,
}

impl Promise {
    pub(super) fn to_json(&self) -> Value {
        let measured = (self.measured * 1e6).round() / 1e6;
        json!({ "promise": self.what, "measured": measured, "kept": self.kept })
    }
}

/// Measures them.
pub(super) fn check(tally: &Tally) -> Vec<Promise> {
    let total = tally.total();
    let share = |what: &str, measured: f64, least: f64| Promise {
        what: format!("{what} ≥ {} %", 100.0 * least),
        figure: format!("{:.2} %", 100.0 * measured),
        measured,
        kept: measured >= least,
    };
    let attempts = total.upstream_amplification();
    vec![
        share("answered", total.answered_share(), ANSWERED_LEAST),
        share("answered in full", total.full_share(), FULL_LEAST),
        Promise {
            what: format!("attempts per request ≤ {ATTEMPTS_MOST}"),
            figure: format!("{attempts:.3}"),
            measured: attempts,
            kept: attempts <= ATTEMPTS_MOST,
        },
    ]
}

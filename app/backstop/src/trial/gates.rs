//! What is promised of a scenario, and whether it was kept.

use std::fmt;

use serde_json::{Value, json};

use backstop_scenarios::{Figures, Kind, Scenario, Segment, Severity, Tally};

/// The least share answered when alternatives are independent.
const ANSWERED_LEAST: f64 = 0.9999;
/// The least share answered by full targets then.
const FULL_LEAST: f64 = 0.998;
/// The most attempts per request in any failing phase then.
const AMPLIFICATION_MOST: f64 = 1.15;
/// How far below the oracle a correlated outage may end.
const ORACLE_MARGIN: f64 = 0.001;
/// Fewer requests than this make a figure that says little.
const REQUESTS_LEAST: u64 = 10_000;

/// One promise, measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gate {
    /// What is promised, with its bound.
    promise: String,
    /// What was measured.
    measured: f64,
    /// The bound.
    bound: f64,
    pub(crate) kept: bool,
    /// How the figure is written.
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Percent,
    Times,
}

impl Gate {
    fn at_least(promise: &str, measured: f64, bound: f64) -> Self {
        let promise = format!("{promise} ≥ {}", percent(bound));
        Self { promise, measured, bound, kept: measured >= bound, unit: Unit::Percent }
    }

    /// `within`: over which requests, in words.
    fn amplification(within: &str, measured: f64) -> Self {
        let bound = AMPLIFICATION_MOST;
        let promise = format!("attempts per request ≤ {bound}{within}");
        Self { promise, measured, bound, kept: measured <= bound, unit: Unit::Times }
    }

    /// The gate as reports print it.
    pub(crate) fn to_json(&self) -> Value {
        let digits = |number: f64| (number * 1e6).round() / 1e6;
        json!({
            "promise": self.promise,
            "measured": digits(self.measured),
            "bound": digits(self.bound),
            "kept": self.kept,
        })
    }
}

impl fmt::Display for Gate {
    /// The gate for people, in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.kept { "kept  " } else { "MISSED" };
        let figure = match self.unit {
            Unit::Percent => percent(self.measured),
            Unit::Times => format!("{:.3}", self.measured),
        };
        write!(f, "{word} {}: {figure}", self.promise)
    }
}

/// Measures every promise that holds for a scenario of this kind.
pub(crate) fn check(
    scenario: &Scenario,
    severity: Severity,
    backstop: &Tally,
    oracle: Option<&Tally>,
) -> Vec<Gate> {
    let total = backstop.total();
    match (scenario.kind, oracle) {
        (Kind::Correlated, Some(oracle)) => {
            let bound = oracle.total().answered_share() - ORACLE_MARGIN;
            let promise = "answered within 0.1 % of the oracle:";
            vec![Gate::at_least(promise, total.answered_share(), bound)]
        }
        (Kind::Correlated, None) => Vec::new(),
        (Kind::Independent, _) => {
            let mut gates = shares(&total).to_vec();
            gates.extend(amplifications(scenario, severity, backstop));
            gates
        }
    }
}

/// The same for a run whose phases are over before what was learnt in them pays: attempts are counted
/// over the whole.
pub(crate) fn check_whole(total: &Figures) -> Vec<Gate> {
    let attempts = Gate::amplification("", total.upstream_amplification());
    shares(total).into_iter().chain([attempts]).collect()
}

fn shares(total: &Figures) -> [Gate; 2] {
    [
        Gate::at_least("answered", total.answered_share(), ANSWERED_LEAST),
        Gate::at_least("full", total.full_share(), FULL_LEAST),
    ]
}

/// One gate for each phase that fails at this severity.
fn amplifications(scenario: &Scenario, severity: Severity, backstop: &Tally) -> Vec<Gate> {
    let fails = |(segment, figures): &(&Segment, &Figures)| {
        figures.requests > 0
            && segment.phases.iter().filter_map(|nth| scenario.phases.get(*nth)).any(|phase| {
                phase.share.at(severity) > 0.0
                    || phase.ramp_from.is_some_and(|from| from.at(severity) > 0.0)
            })
    };
    let failing = backstop.segments().filter(fails);
    failing
        .map(|(segment, figures)| {
            Gate::amplification(
                &format!(" in `{}`", segment.name),
                figures.upstream_amplification(),
            )
        })
        .collect()
}

/// What must be said beside the figures.
pub(crate) fn notes(
    scenario: &Scenario,
    severity: Severity,
    total: &Figures,
    oracle: Option<&Figures>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let phases = scenario.phases.iter();
    let estimated = phases.filter(|it| it.evidence.name() == "estimated").count();
    if estimated > 0 {
        notes.push(format!(
            "{estimated} of {} phases have estimated severities, played as `{severity}`; times and \
             sources are in the scenario file",
            scenario.phases.len()
        ));
    }
    if total.requests < REQUESTS_LEAST {
        notes.push(format!(
            "{} requests are few for such figures: raise --rate for at least {REQUESTS_LEAST}",
            total.requests
        ));
    }
    if scenario.kind == Kind::Correlated {
        notes.extend(oracle.map(|oracle| against_oracle(total, oracle)));
        notes.push(
            "the oracle knows who is up, tries each rung once and never waits; retries and waiting \
             can do a little better"
                .to_owned(),
        );
    }
    notes
}

/// How far the answers by full targets are from what could have been known only afterwards.
fn against_oracle(total: &Figures, oracle: &Figures) -> String {
    let points = 100.0 * (total.full_share() - oracle.full_share());
    let side = if points < 0.0 { "below" } else { "above" };
    let within = if points >= -100.0 * ORACLE_MARGIN { "within" } else { "not within" };
    format!("full is {:.3} points {side} the oracle: {within} 0.1 %, and no promise", points.abs())
}

fn percent(share: f64) -> String {
    format!("{:.3} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_the_oracle_is() {
        let figures = |full_model| Figures { requests: 10_000, full_model, ..Figures::default() };
        let told = |ours, oracle| against_oracle(&figures(ours), &figures(oracle));
        let below = "full is 3.500 points below the oracle: not within 0.1 %, and no promise";
        assert_eq!(told(7_850, 8_200), below);
        let near = "full is 0.050 points below the oracle: within 0.1 %, and no promise";
        assert_eq!(told(9_990, 9_995), near);
        let above = "full is 0.700 points above the oracle: within 0.1 %, and no promise";
        assert_eq!(told(6_680, 6_610), above);
    }
}

//! Who got what: per stretch of the timeline and in total.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{Scenario, Segment, Severity, Verdict};

/// Counts of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests of clients.
    pub requests: u64,
    /// Those answered wholly and rightly in time, by a target of any worth.
    pub answered: u64,
    /// Those answered by a target of full worth.
    pub full_model: u64,
    /// All others.
    pub failed: u64,
    /// Requests sent to providers for them.
    pub attempts: u64,
    /// Requests sent to providers of our own accord, to see whether they are back.
    pub probes: u64,
}

impl Figures {
    /// Attempts for one request of a client, probes apart.
    pub fn upstream_amplification(&self) -> f64 {
        ratio(self.attempts, self.requests)
    }

    /// The share that was answered.
    pub fn answered_share(&self) -> f64 {
        ratio(self.answered, self.requests)
    }

    /// The share that was answered by a target of full worth.
    pub fn full_share(&self) -> f64 {
        ratio(self.full_model, self.requests)
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        self.full_model += other.full_model;
        self.failed += other.failed;
        self.attempts += other.attempts;
        self.probes += other.probes;
    }

    /// The figures as reports print them.
    pub fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "answered": self.answered,
            "full_model": self.full_model,
            "failed": self.failed,
            "attempts": self.attempts,
            "probes": self.probes,
            "answered_percent": percent(self.answered_share()),
            "full_model_percent": percent(self.full_share()),
            "upstream_amplification": rounded(self.upstream_amplification(), 4),
        })
    }
}

/// The account of one strategy through one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    segment: Segment,
    true_length: Duration,
    figures: Figures,
}

impl Tally {
    /// An empty account of a scenario at its full length.
    pub fn new(scenario: &Scenario) -> Self {
        let segments = scenario.segments();
        let lengths: Vec<_> = segments.iter().map(Segment::length).collect();
        Self::with_true_lengths(scenario, &lengths)
    }

    /// An empty account of a shortened scenario; `true_lengths` are those of
    /// [`Scenario::shortened`], one for each segment.
    pub fn with_true_lengths(scenario: &Scenario, true_lengths: &[Duration]) -> Self {
        let rows = scenario.segments().into_iter().enumerate().map(|(nth, segment)| {
            let true_length = true_lengths.get(nth).copied().unwrap_or_else(|| segment.length());
            Row { segment, true_length, figures: Figures::default() }
        });
        Self { rows: rows.collect() }
    }

    /// Counts a request that arrived at this time of the scenario.
    pub fn record(&mut self, arrived: Duration, verdict: &Verdict, attempts: u32) {
        let Some(row) = self.row(arrived) else { return };
        let figures = &mut row.figures;
        figures.requests += 1;
        figures.attempts += u64::from(attempts);
        match verdict {
            Verdict::Full => {
                figures.answered += 1;
                figures.full_model += 1;
            }
            Verdict::Useful => figures.answered += 1,
            Verdict::Failed(_) => figures.failed += 1,
        }
    }

    /// Counts a probe that was sent at this time of the scenario.
    pub fn record_probe(&mut self, at: Duration) {
        if let Some(row) = self.row(at) {
            row.figures.probes += 1;
        }
    }

    /// The figures of each segment, in order.
    pub fn segments(&self) -> impl Iterator<Item = (&Segment, &Figures)> {
        self.rows.iter().map(|row| (&row.segment, &row.figures))
    }

    /// The figures of the whole.
    pub fn total(&self) -> Figures {
        let mut total = Figures::default();
        self.rows.iter().for_each(|row| total.add(&row.figures));
        total
    }

    /// The shares answered, and answered by full targets, with each segment counting as long as it
    /// truly was.
    pub fn weighted(&self) -> (f64, f64) {
        let counted = self.rows.iter().filter(|row| row.figures.requests > 0);
        let (mut weight, mut answered, mut full) = (0.0, 0.0, 0.0);
        for row in counted {
            let length = row.true_length.as_secs_f64();
            weight += length;
            answered += length * row.figures.answered_share();
            full += length * row.figures.full_share();
        }
        if weight > 0.0 { (answered / weight, full / weight) } else { (0.0, 0.0) }
    }

    /// The row of this time; what comes late belongs to the last.
    fn row(&mut self, at: Duration) -> Option<&mut Row> {
        let nth = self.rows.partition_point(|row| row.segment.to <= at);
        let last = self.rows.len().checked_sub(1)?;
        self.rows.get_mut(nth.min(last))
    }

    fn total_json(&self) -> Value {
        let (answered, full) = self.weighted();
        let mut total = self.total().to_json();
        total["weighted_answered_percent"] = percent(answered);
        total["weighted_full_model_percent"] = percent(full);
        total
    }
}

/// Several strategies through the same scenario, side by side.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    scenario: &'a Scenario,
    severity: Severity,
    seed: u64,
    tallies: Vec<(&'static str, Tally)>,
}

impl<'a> Report<'a> {
    /// An empty report.
    pub const fn new(scenario: &'a Scenario, severity: Severity, seed: u64) -> Self {
        Self { scenario, severity, seed, tallies: Vec::new() }
    }

    /// Adds a strategy under its name: `direct`, `sdk_retries`, `naive`, `backstop`, `oracle`.
    pub fn add(&mut self, name: &'static str, tally: Tally) {
        self.tallies.push((name, tally));
    }

    /// The seed that everything was drawn from.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The strategies, in the order they were added.
    pub fn tallies(&self) -> &[(&'static str, Tally)] {
        &self.tallies
    }

    /// The report as one JSON object.
    pub fn to_json(&self) -> Value {
        let names = self.tallies.iter();
        let totals: Map<String, Value> =
            names.map(|(name, tally)| ((*name).to_owned(), tally.total_json())).collect();
        let first = self.tallies.first().map(|(_, tally)| tally.rows.as_slice());
        let phases: Vec<Value> = first
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(|(nth, row)| self.phase_json(nth, row))
            .collect();
        json!({
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "kind": self.scenario.kind.name(),
            "severity": self.severity.name(),
            "seed": self.seed,
            "phases": phases,
            "totals": totals,
        })
    }

    fn phase_json(&self, nth: usize, row: &Row) -> Value {
        let causes: Vec<Value> = row
            .segment
            .phases
            .iter()
            .filter_map(|phase| self.scenario.phases.get(*phase))
            .map(|phase| {
                json!({
                    "name": phase.name,
                    "share": rounded(phase.share.at(self.severity), 4),
                    "evidence": phase.evidence.name(),
                    "source": phase.source,
                })
            })
            .collect();
        let figures: Map<String, Value> = self
            .tallies
            .iter()
            .filter_map(|(name, tally)| {
                tally.rows.get(nth).map(|row| ((*name).to_owned(), row.figures.to_json()))
            })
            .collect();
        json!({
            "name": row.segment.name,
            "from_s": row.segment.from.as_secs_f64(),
            "length_s": row.segment.length().as_secs_f64(),
            "true_length_s": row.true_length.as_secs_f64(),
            "causes": causes,
            "figures": figures,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn percent(share: f64) -> Value {
    rounded(100.0 * share, 4)
}

fn rounded(number: f64, digits: i32) -> Value {
    let scale = 10_f64.powi(digits);
    json!((number * scale).round() / scale)
}

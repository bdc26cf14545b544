//! What a replay came to: the figures, the promises, and what must be said beside them.

use serde_json::{Value, json};

use backstop_scenarios::{Report, Severity};

use super::columns::{Detail, Tallies};
use crate::trial::{self, Gate, Stage};

/// Whether every promise was kept and no rule broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    No,
}

/// One scenario at one severity, played.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    stage: &'a Stage,
    severity: Severity,
    report: Report<'a>,
    gates: Vec<Gate>,
    notes: Vec<String>,
    /// What the gateway did.
    pub(crate) detail: Detail,
}

impl<'a> Outcome<'a> {
    /// Measures the promises. Fails when the gateway is not among the strategies.
    pub(crate) fn of(
        stage: &'a Stage,
        severity: Severity,
        (tallies, detail): (Tallies, Detail),
    ) -> anyhow::Result<Self> {
        let scenario = &stage.scenario;
        let tally =
            |wanted: &str| tallies.iter().find(|(name, _)| *name == wanted).map(|(_, tally)| tally);
        let Some(backstop) = tally("backstop") else { anyhow::bail!("the gateway was not played") };
        let oracle = tally("oracle");
        let gates = trial::check(scenario, severity, backstop, oracle);
        let oracle = oracle.map(backstop_scenarios::Tally::total);
        let mut notes = trial::notes(scenario, severity, &backstop.total(), oracle.as_ref());
        notes.extend(stage.notes.iter().cloned());
        notes.extend(detail.broken.iter().map(|(rule, count)| format!("BROKEN: {count} {rule}")));
        let mut report = Report::new(scenario, severity, scenario.seed);
        for (name, tally) in tallies {
            report.add(name, tally);
        }
        Ok(Self { stage, severity, report, gates, notes, detail })
    }

    /// Whether all went as promised.
    pub(crate) fn kept(&self) -> Kept {
        let kept = self.gates.iter().all(|gate| gate.kept) && self.detail.broken.is_empty();
        if kept { Kept::Yes } else { Kept::No }
    }

    /// The result for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut value = self.report.to_json();
        value["settings"] = json!(self.stage.played);
        value["gates"] = self.gates.iter().map(Gate::to_json).collect();
        value["kept"] = json!(self.kept() == Kept::Yes);
        value["broken_rules"] = json!(self.detail.broken);
        value["notes"] = json!(self.notes);
        value
    }

    /// The result for people, on a screen of this width.
    pub(crate) fn table(&self, width: usize) -> String {
        trial::table((self.stage, self.severity), &self.report, (&self.gates, &self.notes), width)
    }
}

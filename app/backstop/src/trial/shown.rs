//! A trial's result as a table for people.

use std::fmt::Write as _;
use std::time::Duration;

use backstop_scenarios::{Evidence, Figures, Report, Scenario, Segment, Severity, Tally};

use super::gates::Gate;

/// The width of a phase's name.
const NAME_WIDTH: usize = 34;
/// The width of what fails in it.
const FAULT_WIDTH: usize = 30;

/// Phases, totals, promises and notes.
pub(crate) fn table(
    (scenario, severity): (&Scenario, Severity),
    report: &Report<'_>,
    gates: &[Gate],
    notes: &[String],
) -> String {
    let mut text = String::new();
    heading(&mut text, scenario, severity, report);
    phases(&mut text, (scenario, severity), report.tallies());
    totals(&mut text, report.tallies());
    promises(&mut text, gates);
    for note in notes {
        line(&mut text, format_args!("note: {note}"));
    }
    text
}

/// Writes a line; a string takes everything.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _written = text.write_fmt(arguments);
    text.push('\n');
}

fn heading(text: &mut String, scenario: &Scenario, severity: Severity, report: &Report<'_>) {
    let requests = report.tallies().first().map_or(0, |(_, tally)| tally.total().requests);
    line(text, format_args!("{}: {}", scenario.name, scenario.title));
    line(
        text,
        format_args!(
            "{}, severity {severity}, seed {}, {} requests in {} at {} per second\n",
            scenario.kind.name(),
            report.seed(),
            thousands(requests),
            span(scenario.length),
            scenario.workload.requests_per_second,
        ),
    );
}

fn phases(
    text: &mut String,
    (scenario, severity): (&Scenario, Severity),
    tallies: &[(&'static str, Tally)],
) {
    let mut head = format!("{:NAME_WIDTH$} {:>7} {:FAULT_WIDTH$}", "phase", "length", "what fails");
    for (name, _) in tallies {
        let _written = write!(head, " {name:>11}");
    }
    line(text, format_args!("{head} {:>9} {:>8}", "attempts", "probes"));
    let Some((_, first)) = tallies.first() else { return };
    for (nth, (segment, _)) in first.segments().enumerate() {
        let fault = fault(scenario, severity, segment);
        let name = shortened(&segment.name, NAME_WIDTH);
        let length = span(segment.length());
        let mut row = format!("{name:NAME_WIDTH$} {length:>7} {fault:FAULT_WIDTH$}");
        for (_, tally) in tallies {
            let share = figures(tally, nth).filter(|it| it.requests > 0);
            let share = share.map_or_else(|| "-".to_owned(), |it| percent(it.answered_share()));
            let _written = write!(row, " {share:>11}");
        }
        let backstop = tallies.iter().find(|(name, _)| *name == "backstop");
        let ours = backstop.and_then(|(_, tally)| figures(tally, nth)).unwrap_or_default();
        let amplification = ours.upstream_amplification();
        line(text, format_args!("{row} {amplification:>9.3} {:>8}", ours.probes));
    }
    line(
        text,
        format_args!("(shares are requests answered; attempts are Backstop's per request)\n"),
    );
}

/// What the phases of a segment are, at their worst: `http_500, http_529 40 % est.`.
fn fault(scenario: &Scenario, severity: Severity, segment: &Segment) -> String {
    let mut parts = Vec::new();
    for phase in segment.phases.iter().filter_map(|nth| scenario.phases.get(*nth)) {
        let Some((symptom, _)) = phase.symptoms.first() else { continue };
        let more = if phase.symptoms.len() > 1 { "…" } else { "" };
        let mark = match phase.evidence {
            Evidence::Published => "pub",
            Evidence::Estimated => "est",
        };
        let share = 100.0 * phase.share.at(severity);
        parts.push(format!("{}{more} {share:.0} % {mark}", symptom.name()));
    }
    shortened(&parts.join(" + "), FAULT_WIDTH)
}

fn totals(text: &mut String, tallies: &[(&'static str, Tally)]) {
    line(
        text,
        format_args!(
            "{:12} {:>11} {:>11} {:>11} {:>9} {:>9} {:>8}",
            "in total", "answered", "full", "failed", "(number)", "attempts", "probes"
        ),
    );
    for (name, tally) in tallies {
        let total = tally.total();
        let failed = 1.0 - total.answered_share();
        line(
            text,
            format_args!(
                "{name:12} {:>11} {:>11} {:>11} {:>9} {:>9.3} {:>8}",
                percent(total.answered_share()),
                percent(total.full_share()),
                percent(failed),
                total.failed,
                total.upstream_amplification(),
                total.probes,
            ),
        );
    }
    text.push('\n');
}

fn promises(text: &mut String, gates: &[Gate]) {
    for gate in gates {
        let word = if gate.kept { "kept  " } else { "MISSED" };
        line(text, format_args!("{word} {}: {}", gate.promise, gate.figure()));
    }
}

fn figures(tally: &Tally, nth: usize) -> Option<Figures> {
    tally.segments().nth(nth).map(|(_, figures)| *figures)
}

fn percent(share: f64) -> String {
    format!("{:.3} %", 100.0 * share)
}

/// `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1h48m`, `34m`, `30s`.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width - 1).collect();
    short.push('…');
    short
}

//! A trial's result as a table for people.

use std::fmt::Write as _;
use std::time::Duration;

use backstop_scenarios::{Evidence, Figures, Report, Scenario, Segment, Severity, Tally};

use super::gates::Gate;
use super::ladder::Stage;
use crate::text::shortened;

/// The width of a phase's name, at least and at most.
const NAME_WIDTH: (usize, usize) = (12, 34);
/// Narrower than this no name is made for the sake of another column.
const NAME_WIDTH_GOOD: usize = 22;
/// The width of what fails in it.
const FAULT_WIDTH: usize = 30;

/// Phases, totals, promises and notes, as wide as told where the columns that matter allow it.
pub(crate) fn table(
    (stage, severity): (&Stage, Severity),
    report: &Report<'_>,
    (gates, notes): (&[Gate], &[String]),
    width: usize,
) -> String {
    let mut text = String::new();
    let scenario = &stage.scenario;
    heading(&mut text, (stage, severity), report);
    phases(&mut text, (scenario, severity), report.tallies(), width);
    totals(&mut text, report.tallies());
    promises(&mut text, gates);
    for note in notes {
        line(&mut text, format_args!("note: {note}"));
    }
    text
}

/// Which columns the phases have beside their names and shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    name: usize,
    /// How many of these there is room for: the length, the probes, what fails.
    more: usize,
}

impl Layout {
    /// The widths of the columns that may be left out, the last first.
    const MORE: [usize; 3] = [8, 7, 1 + FAULT_WIDTH];

    fn of(width: usize, tallies: &[(&'static str, Tally)]) -> Self {
        // The shares, and the attempts behind them.
        let needed: usize =
            tallies.iter().map(|(name, _)| 1 + share_width(name)).sum::<usize>() + 9;
        let mut rest = width.saturating_sub(needed);
        let mut more = 0;
        for column in Self::MORE {
            if rest < column + NAME_WIDTH_GOOD {
                break;
            }
            rest -= column;
            more += 1;
        }
        Self { name: rest.clamp(NAME_WIDTH.0, NAME_WIDTH.1), more }
    }
}

/// The width of a column of shares: `100.000 %`, and its title.
fn share_width(name: &str) -> usize {
    name.len().max(9)
}

/// Writes a line; a string takes everything.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _written = text.write_fmt(arguments);
    text.push('\n');
}

fn heading(text: &mut String, (stage, severity): (&Stage, Severity), report: &Report<'_>) {
    let scenario = &stage.scenario;
    let requests = report.tallies().first().map_or(0, |(_, tally)| tally.total().requests);
    line(text, format_args!("{}: {}", scenario.name, scenario.title));
    line(
        text,
        format_args!(
            "{}, severity {severity}, seed {}, {} requests in {} at {} per second",
            scenario.kind.name(),
            report.seed(),
            thousands(requests),
            span(scenario.length),
            scenario.workload.requests_per_second,
        ),
    );
    line(text, format_args!("played with {}\n", stage.played));
}

fn phases(
    text: &mut String,
    (scenario, severity): (&Scenario, Severity),
    tallies: &[(&'static str, Tally)],
    width: usize,
) {
    let layout = Layout::of(width, tallies);
    let titles = tallies.iter().map(|(name, _)| (*name, (*name).to_owned())).collect::<Vec<_>>();
    let ends = ("attempts".to_owned(), "probes".to_owned());
    line(text, format_args!("{}", row(layout, ["phase", "length", "what fails"], &titles, ends)));
    let Some((_, first)) = tallies.first() else { return };
    for (nth, (segment, _)) in first.segments().enumerate() {
        let fault = fault(scenario, severity, segment);
        let length = span(segment.length());
        let shares: Vec<_> = tallies
            .iter()
            .map(|(name, tally)| {
                let share = figures(tally, nth).filter(|it| it.requests > 0);
                (*name, share.map_or_else(|| "-".to_owned(), |it| percent(it.answered_share())))
            })
            .collect();
        let backstop = tallies.iter().find(|(name, _)| *name == "backstop");
        let ours = backstop.and_then(|(_, tally)| figures(tally, nth)).unwrap_or_default();
        let attempts = match ours.requests {
            0 => "-".to_owned(),
            _ => format!("{:.3}", ours.upstream_amplification()),
        };
        let ends = (attempts, ours.probes.to_string());
        line(
            text,
            format_args!("{}", row(layout, [&segment.name, &length, &fault], &shares, ends)),
        );
    }
    line(
        text,
        format_args!("(shares are requests answered; attempts are Backstop's per request)\n"),
    );
}

/// One line of the phases, with the columns that fit.
fn row(
    layout: Layout,
    [name, length, fault]: [&str; 3],
    shares: &[(&str, String)],
    (attempts, probes): (String, String),
) -> String {
    let name = shortened(name, layout.name);
    let mut row = format!("{name:0$}", layout.name);
    if layout.more > 0 {
        let _written = write!(row, " {length:>7}");
    }
    if layout.more > 2 {
        let _written = write!(row, " {fault:FAULT_WIDTH$}");
    }
    for (title, share) in shares {
        let _written = write!(row, " {share:>0$}", share_width(title));
    }
    let _written = write!(row, " {attempts:>8}");
    if layout.more > 1 {
        let _written = write!(row, " {probes:>6}");
    }
    row
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
        line(text, format_args!("{gate}"));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario_files;

    #[test]
    fn the_phases_fit_the_terminal_and_lose_what_matters_least() {
        let scenario = Arc::new(scenario_files::load(scenario_files::MARCH).unwrap());
        let severity = Severity::Mid;
        let tallies: Vec<(&str, Tally)> = ["direct", "sdk_retries", "naive", "backstop"]
            .map(|name| (name, Tally::new(&scenario)))
            .into();
        let shown = |width: usize| {
            let mut text = String::new();
            phases(&mut text, (&scenario, severity), &tallies, width);
            text
        };
        for width in [80, 100, 132, 200] {
            let text = shown(width);
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest.is_some_and(|longest| longest <= width), "{text}");
            assert!(text.contains("backstop attempts"), "{text}");
        }
        assert!(shown(200).contains("what fails") && !shown(100).contains("what fails"));
        assert!(shown(100).contains("probes") && !shown(80).contains("probes"));
    }
}

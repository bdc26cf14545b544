//! The end of the demo: one table.

use backstop_scenarios::{Figures, Report, Tally};

use super::column::Way;
use super::live::{answered, percent};
use super::short::Short;
use crate::text::{Align, columns, shortened};
use crate::trial::Gate;

/// The name of a phase is at least and at most so long.
const NAME: (usize, usize) = (12, 26);
/// What the other columns take, but for the attempts.
const REST_WIDTH: usize = 65;
/// What the column of the attempts takes.
const ATTEMPTS_WIDTH: usize = 10;

/// What the table has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    name: usize,
    attempts: bool,
}

impl Room {
    /// Names become shorter first; then the attempts of each phase are left out.
    fn of(width: usize) -> Self {
        let attempts = width >= REST_WIDTH + ATTEMPTS_WIDTH + NAME.1 - 6;
        let taken = REST_WIDTH + if attempts { ATTEMPTS_WIDTH } else { 0 };
        Self { name: width.saturating_sub(taken).clamp(NAME.0, NAME.1), attempts }
    }
}

/// The table, on a screen of this width, and whether the promise was kept.
pub(super) fn lines(
    short: &Short,
    report: &Report<'_>,
    promises: &[Gate],
    width: usize,
) -> Vec<String> {
    let room = Room::of(width);
    let tallies: Vec<(&str, &Tally)> =
        Way::ALL.iter().filter_map(|way| Some((way.title(), of(report, *way)?))).collect();
    let mut rows = vec![titles(&tallies, room)];
    rows.push(Vec::new());
    rows.extend(phases(short, &tallies, room));
    rows.push(Vec::new());
    rows.extend(totals("in all", &tallies, |tally| {
        let total = tally.total();
        (total.answered_share(), total.full_share())
    }));
    rows.push(Vec::new());
    rows.extend(totals("weighted", &tallies, Tally::weighted));
    rows.push(Vec::new());
    rows.push(row(["attempts", "per request", ""], &tallies, |tally| {
        format!("{:.3}", tally.total().upstream_amplification())
    }));
    let mut aligns = vec![Align::Left, Align::Left, Align::Left];
    aligns.extend(tallies.iter().map(|_| Align::Right));
    aligns.push(Align::Right);
    let mut lines = vec![String::new()];
    lines.extend(columns(&rows, &aligns));
    lines.push(String::new());
    lines.extend(promises.iter().map(Gate::to_string));
    lines
}

fn of<'a>(report: &'a Report<'_>, way: Way) -> Option<&'a Tally> {
    report.tallies().iter().find(|(name, _)| *name == way.name()).map(|(_, tally)| tally)
}

fn titles(tallies: &[(&str, &Tally)], room: Room) -> Vec<String> {
    let mut cells: Vec<String> = ["answered", "in each phase", ""].map(str::to_owned).to_vec();
    // The screen has named them in full.
    cells.extend(tallies.iter().map(|(title, _)| title.trim_end_matches(" breaker").to_owned()));
    cells.extend(room.attempts.then(|| "attempts".to_owned()));
    cells
}

fn phases(short: &Short, tallies: &[(&str, &Tally)], room: Room) -> Vec<Vec<String>> {
    let Some((_, first)) = tallies.first() else { return Vec::new() };
    let segments = first.segments().map(|(segment, _)| segment);
    segments
        .enumerate()
        .map(|(nth, segment)| {
            let figures = |tally: &Tally| -> Figures {
                tally.segments().nth(nth).map(|(_, figures)| *figures).unwrap_or_default()
            };
            let name = [
                &*short.clock(nth),
                &*shortened(&segment.name, room.name),
                short.evidence(segment),
            ];
            let mut cells = row(name, tallies, |tally| answered(&figures(tally)));
            let ours = tallies.last().map(|(_, tally)| figures(tally)).unwrap_or_default();
            let attempts = format!("{:.2}", ours.upstream_amplification());
            cells.extend(room.attempts.then_some(attempts));
            cells
        })
        .collect()
}

/// Answered, full and failed; `shares` are the first two.
fn totals(
    title: &str,
    tallies: &[(&str, &Tally)],
    shares: impl Fn(&Tally) -> (f64, f64),
) -> Vec<Vec<String>> {
    vec![
        row([title, "answered", ""], tallies, |tally| percent(shares(tally).0)),
        row(["", "in full", ""], tallies, |tally| percent(shares(tally).1)),
        row(["", "failed", ""], tallies, |tally| lost(1.0 - shares(tally).0)),
    ]
}

/// Never rounded down to nothing.
fn lost(share: f64) -> String {
    let tenths = (1000.0 * share - 1e-6).ceil().max(0.0);
    if tenths <= 0.0 { "0 %".to_owned() } else { format!("{:.1} %", tenths / 10.0) }
}

fn row(
    head: [&str; 3],
    tallies: &[(&str, &Tally)],
    cell: impl Fn(&Tally) -> String,
) -> Vec<String> {
    let mut cells = head.map(str::to_owned).to_vec();
    cells.extend(tallies.iter().map(|(_, tally)| cell(tally)));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_terminal_has_room_for_the_table() {
        assert_eq!(Room::of(80), Room { name: 15, attempts: false });
        assert_eq!(Room::of(100), Room { name: 25, attempts: true });
        assert_eq!(Room::of(200), Room { name: 26, attempts: true });
        assert_eq!(Room::of(20), Room { name: 12, attempts: false });
    }
}

//! What is seen while it runs: what fails upstream, what clients get, which rung answers.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_gateway::Clock;
use backstop_scenarios::{Figures, Segment, Severity};
use backstop_vocabulary::Moment;

use super::column::Column;
use super::screen::Screen;
use super::short::Short;

/// How often the screen changes.
const TICK: Duration = Duration::from_millis(250);
/// The length of a bar, in characters, at least and at most.
const BAR: (usize, usize) = (4, 32);
/// What a line with a bar has besides.
const BAR_BESIDES: usize = 51;

/// The view of a running demo.
pub(super) struct Live<'a> {
    short: &'a Short,
    severity: Severity,
    columns: &'a [Column],
    segments: Vec<Segment>,
    /// Answers by rung when the present segment began.
    rungs_before: BTreeMap<u8, u64>,
}

impl<'a> Live<'a> {
    pub(super) fn new(short: &'a Short, severity: Severity, columns: &'a [Column]) -> Self {
        let segments = short.scenario.segments();
        Self { short, severity, columns, segments, rungs_before: BTreeMap::new() }
    }

    /// Shows and keeps the books until it is dropped.
    pub(super) async fn watch(mut self, mut screen: Screen, (clock, began): (Clock, Moment)) {
        let mut present = None;
        loop {
            let at = Short::elapsed(clock.now(), began);
            self.columns.iter().for_each(|column| column.read_books(at));
            let nth = Short::segment_at(&self.segments, at);
            if present != Some(nth) {
                if let Some(over) = present {
                    screen.keep(&self.looked_back(over, screen.width()));
                }
                screen.keep(&self.heading(nth));
                self.rungs_before = self.rungs();
                present = Some(nth);
            }
            let lines = self.now(nth, at, screen.width());
            screen.change(&lines);
            tokio::time::sleep(TICK).await;
        }
    }

    /// The day's clock, what begins, and what fails in it.
    fn heading(&self, nth: usize) -> Vec<String> {
        let Some(segment) = self.segments.get(nth) else { return Vec::new() };
        let mut lines = vec![format!(
            "{}  {}  ({})",
            self.short.clock(nth),
            segment.name,
            self.short.true_length(nth)
        )];
        let faults = self.short.faults(segment, self.severity);
        lines.extend(faults.iter().map(|fault| format!("{:14}upstream: {fault}", "")));
        lines
    }

    /// What came of a segment that is over: one line, where the screen has room for it.
    fn looked_back(&self, nth: usize, width: usize) -> Vec<String> {
        let parts: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let figures = figures(column, nth);
                let title = column.way.title().trim_end_matches(" breaker");
                format!("{title} {}", answered(&figures))
            })
            .collect();
        let mut lines = vec![format!("{:14}answered:", "")];
        for (number, part) in parts.iter().enumerate() {
            let part = if number == 0 { part.clone() } else { format!("· {part}") };
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + part.chars().count() <= width => {
                    line.push(' ');
                    line.push_str(&part);
                }
                Some(_) | None => lines.push(format!("{:24}{part}", "")),
            }
        }
        lines.push(String::new());
        lines
    }

    /// The lines that change.
    fn now(&self, nth: usize, at: Duration, width: usize) -> Vec<String> {
        let bar = width.saturating_sub(BAR_BESIDES).clamp(BAR.0, BAR.1);
        let mut lines = vec![String::new()];
        let mut label = "clients get";
        for column in self.columns {
            lines.push(format!("  {label:<12}{}", standing(column, nth, bar)));
            label = "";
        }
        lines.push(format!("  {:<12}{}", "answered by", self.rung_line()));
        lines.push(format!("  {:<12}{}", "spared", self.health_line()));
        let all = self.short.scenario.length;
        lines.push(format!("  {:<12}{} of {}", "demo", mmss(at.min(all)), mmss(all)));
        lines
    }

    fn rungs(&self) -> BTreeMap<u8, u64> {
        let behind = self.columns.iter().find_map(|column| column.gateway.as_ref());
        behind.map(super::column::Behind::rungs).unwrap_or_default()
    }

    /// Which rung answered Backstop's clients in this segment.
    fn rung_line(&self) -> String {
        let now = self.rungs();
        let ladder = self.short.scenario.ladder.iter();
        let parts: Vec<String> = (1_u8..)
            .zip(ladder)
            .map(|(rung, place)| {
                let before = self.rungs_before.get(&rung).copied().unwrap_or(0);
                let count = now.get(&rung).copied().unwrap_or(0).saturating_sub(before);
                format!("rung {rung} {} {count}", place.provider)
            })
            .collect();
        parts.join(" · ")
    }

    /// Targets that Backstop spares at present.
    fn health_line(&self) -> String {
        let behind = self.columns.iter().find_map(|column| column.gateway.as_ref());
        let status = behind.map(|behind| behind.running.gateway.status()).unwrap_or_default();
        let targets = status["targets"].as_object().cloned().unwrap_or_default();
        let mut troubled: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, target) in targets.iter().filter(|(_, target)| target["state"] != "closed") {
            let model = name.split_once('/').map_or(&**name, |(_, model)| model);
            let state = target["state"].as_str().unwrap_or("?").to_owned();
            troubled.entry(state).or_default().push(model);
        }
        if troubled.is_empty() {
            return "nobody: all targets are healthy".to_owned();
        }
        let groups =
            troubled.iter().map(|(state, models)| format!("{state} {}", models.join(", ")));
        groups.collect::<Vec<_>>().join(" · ")
    }
}

/// How one column fares in this segment.
fn standing(column: &Column, nth: usize, length: usize) -> String {
    let figures = figures(column, nth);
    let share = if figures.requests == 0 { 0.0 } else { figures.answered_share() };
    let (title, bar, shown) = (column.way.title(), bar(share, length), answered(&figures));
    format!("{title:<14}{bar} {shown:>7}  {} of {}", figures.answered, figures.requests)
}

/// The share answered, where anybody asked.
pub(super) fn answered(figures: &Figures) -> String {
    if figures.requests == 0 { "-".to_owned() } else { percent(figures.answered_share()) }
}

fn figures(column: &Column, nth: usize) -> Figures {
    column.ledger.figures(nth).unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a few characters"
)]
fn bar(share: f64, length: usize) -> String {
    let full = (share.clamp(0.0, 1.0) * length as f64).floor() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(length - full))
}

/// Never rounded up to what it is not: 99.96 % is 99.9 %.
pub(super) fn percent(share: f64) -> String {
    let tenths = (1000.0 * share).floor();
    if tenths >= 1000.0 { "100 %".to_owned() } else { format!("{:.1} %", tenths / 10.0) }
}

fn mmss(length: Duration) -> String {
    format!("{}:{:02}", length.as_secs() / 60, length.as_secs() % 60)
}

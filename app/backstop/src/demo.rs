//! `backstop demo`: 2 and 3 March 2026 in two and a half minutes, over real HTTP.
//!
//! The same clients live through the same days four times at once: without a gateway, with the
//! retries of the official SDKs, behind a naive breaker, and behind this gateway. Each has
//! simulated providers of its own that fail in the same way.

mod column;
mod live;
mod screen;
mod short;
mod table;

use std::sync::Arc;
use std::time::Duration;

use backstop_gateway::Clock;
use backstop_scenarios::{Report, Severity, Tally};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::cli;
use crate::exit::Exit;
use crate::out::say;
use crate::text::{WIDTH, wrap};
use crate::trial;

use column::{Column, Way};
use live::Live;
use screen::Screen;
use short::Short;

/// Between the opening of the ports and the first request.
const WARM_UP: Duration = Duration::from_millis(200);

/// Runs the command.
pub(crate) fn run(args: &cli::Demo) -> anyhow::Result<Exit> {
    crate::logs::start_quietly();
    let severity = args.severity.severity();
    let short = Short::new(args)?;
    let screen = Screen::new(args);
    let width = screen.width();
    if !args.json {
        for paragraph in short.introduction(severity) {
            say!("{}\n", wrap(&paragraph, width.min(WIDTH)).join("\n"));
        }
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let tallies = play(&short, severity, screen, &runtime)?;
    let kept = report(args, (&short, severity), tallies, width);
    Ok(if kept { Exit::Success } else { Exit::Failure })
}

/// Plays all columns side by side and shows how they fare.
fn play(
    short: &Short,
    severity: Severity,
    screen: Screen,
    runtime: &Runtime,
) -> anyhow::Result<Vec<(&'static str, Tally)>> {
    let clock = Clock::start();
    let began = clock.now() + WARM_UP;
    let mut columns = Vec::new();
    for way in Way::ALL {
        columns.push(Column::open(short, (way, severity), (clock, began), runtime)?);
    }
    runtime.block_on(async {
        let mut playing = JoinSet::new();
        for column in &columns {
            playing.spawn(column.run(short, began));
        }
        let watching = Live::new(short, severity, &columns).watch(screen, (clock, began));
        tokio::select! {
            _all = playing.join_all() => {}
            () = watching => {}
        }
    });
    Ok(columns.into_iter().map(|column| (column.name(), column.close())).collect())
}

/// Prints the result; says whether the promise was kept.
fn report(
    args: &cli::Demo,
    (short, severity): (&Short, Severity),
    tallies: Vec<(&'static str, Tally)>,
    width: usize,
) -> bool {
    let scenario = Arc::clone(&short.scenario);
    let mut report = Report::new(&scenario, severity, scenario.seed);
    for (name, tally) in tallies {
        report.add(name, tally);
    }
    let ours = report.tallies().iter().find(|(name, _)| *name == Way::Backstop.name());
    let promises = ours.map(|(_, tally)| trial::check_whole(&tally.total())).unwrap_or_default();
    let kept = !promises.is_empty() && promises.iter().all(|promise| promise.kept);
    if args.json {
        let mut value = report.to_json();
        value["clocks"] = short.clocks();
        value["promises"] = promises.iter().map(trial::Gate::to_json).collect();
        value["kept"] = json!(kept);
        value["notes"] = json!(short.notes(severity));
        say!("{value:#}");
    } else {
        for line in table::lines(short, &report, &promises, width) {
            say!("{line}");
        }
        say!();
        for note in short.notes(severity) {
            say!("{}", wrap(&note, width.min(WIDTH)).join("\n"));
        }
    }
    kept
}

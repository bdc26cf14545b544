//! `backstop replay`: an outage in virtual time.

mod column;
mod columns;
mod pipes;

use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use backstop_scenarios::{Report, Scenario, Severity};

use crate::configuration::Configuration;
use crate::exit::{Exit, UsageError};
use crate::trial::{self, Gate, Lost, Stage};
use crate::{cli, scenario_files};
use column::Strategies;
use columns::{Columns, Detail, Progress};

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Runs the command.
pub(crate) fn run(args: &cli::Replay) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    let scenarios: Vec<Scenario> =
        args.scenarios.iter().map(|named| scenario(named, args)).collect::<Result<_, _>>()?;
    for scenario in scenarios {
        let stage = stage(args, &scenario)?;
        let severities = args.severity.one().map_or(Severity::ALL.to_vec(), |one| vec![one]);
        for severity in severities {
            if play(args, &stage, severity)? == Kept::No {
                exit = Exit::Failure;
            }
        }
    }
    Ok(exit)
}

/// Whether every promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
}

fn scenario(named: &str, args: &cli::Replay) -> anyhow::Result<Scenario> {
    let mut scenario = scenario_files::load(named)?;
    if let Some(rate) = args.rate {
        if !(0.001..=1000.0).contains(&rate) {
            return Err(UsageError("--rate must be from 0.001 to 1000".to_owned()).into());
        }
        scenario.workload.requests_per_second = rate;
    }
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    Ok(scenario)
}

fn stage(args: &cli::Replay, scenario: &Scenario) -> anyhow::Result<Stage> {
    let Some(path) = args.config.config.as_deref() else {
        return Ok(trial::of_scenario(scenario, &pipes::base_url));
    };
    let settings = Configuration::read(path)?.settings;
    Ok(trial::of_settings(settings, scenario, &pipes::base_url))
}

/// Plays one severity and prints what came of it.
fn play(args: &cli::Replay, stage: &Stage, severity: Severity) -> anyhow::Result<Kept> {
    let scenario = &stage.scenario;
    let strategies: &[Strategies] =
        if args.no_baselines { &[Strategies::Backstop] } else { &Strategies::ALL };
    let columns = Columns::new(stage, severity, strategies);
    let (results, detail) = watched(&columns, args, severity)?;
    let mut report = Report::new(scenario, severity, scenario.seed);
    for (name, tally) in results {
        report.add(name, tally);
    }
    let tally = |wanted: &str| {
        report.tallies().iter().find(|(name, _)| *name == wanted).map(|(_, tally)| tally)
    };
    let Some(backstop) = tally("backstop") else { anyhow::bail!("the gateway was not played") };
    let gates = trial::check(scenario, severity, backstop, tally("oracle"));
    let mut notes = trial::notes(scenario, severity, &backstop.total());
    notes.extend(stage.notes.iter().cloned());
    if args.json {
        println!("{}", to_json(&report, &gates, &notes));
    } else {
        println!("{}", trial::table((scenario, severity), &report, &gates, &notes));
        explain(&detail, args.failures);
    }
    Ok(if gates.iter().all(|gate| gate.kept) { Kept::Yes } else { Kept::No })
}

/// Plays with a progress bar, where somebody looks.
fn watched(
    columns: &Columns<'_>,
    args: &cli::Replay,
    severity: Severity,
) -> anyhow::Result<(columns::Tallies, Detail)> {
    let progress = Progress::new(columns);
    let bar = bar(columns, severity);
    if args.json && !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    std::thread::scope(|scope| {
        let playing = scope.spawn(|| columns.play(&progress));
        while !playing.is_finished() {
            let reached = progress.slowest().map_or(0, |reached| reached.load(Ordering::Relaxed));
            bar.set_position(reached / 1000);
            std::thread::sleep(TICK);
        }
        bar.finish_and_clear();
        playing.join().map_err(|_| anyhow::anyhow!("the replay broke off"))?
    })
}

fn bar(columns: &Columns<'_>, severity: Severity) -> ProgressBar {
    let bar = ProgressBar::new(columns.length().as_secs());
    let template = "{msg} {wide_bar} {percent:>3} % {eta:>4} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(format!("{} ({severity})", columns.name()));
    bar
}

fn to_json(report: &Report<'_>, gates: &[Gate], notes: &[String]) -> Value {
    let mut value = report.to_json();
    value["gates"] = gates.iter().map(Gate::to_json).collect();
    value["kept"] = json!(gates.iter().all(|gate| gate.kept));
    value["notes"] = json!(notes);
    value
}

/// Prints what was tried in all, and the first requests that came off badly.
fn explain(detail: &Detail, most: usize) {
    if most == 0 {
        return;
    }
    println!("attempts by target, purpose and ending:");
    detail.tried.iter().for_each(|(kind, count)| println!("  {count:>8} {kind}"));
    for list in [&detail.lost, &detail.lessened] {
        list.iter().take(most).for_each(|lost| println!("{}", shown(lost)));
    }
}

/// A request that was not answered in full, and everything that was tried for it.
fn shown(lost: &Lost) -> String {
    let mut text = format!("at {:.3} s: {:?}", lost.arrived.as_secs_f64(), lost.verdict);
    let Some(entry) = &lost.entry else { return text };
    let way = if entry.stream { "stream" } else { "whole" };
    let code = entry.class.map_or("-", |class| class.code());
    text += &format!(
        "\n  {} {} {way}, app {}, {} after {} ms ({code})",
        entry.dialect.name(),
        entry.model_asked,
        entry.app.as_deref().unwrap_or("-"),
        entry.outcome.name(),
        entry.total_us / 1000,
    );
    for row in &entry.attempts {
        let code = row.class.map_or("answered", |class| class.code());
        let status = row.status.map_or_else(String::new, |status| format!(" {status}"));
        let ms = row.total_us / 1000;
        text += &format!("\n    {} {}: {code}{status} after {ms} ms", row.target, row.purpose);
    }
    text
}

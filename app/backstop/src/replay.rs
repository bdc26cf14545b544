//! `backstop replay`: an outage in virtual time.

mod column;
mod columns;
mod explained;
mod outcome;
pub(crate) mod pipes;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backstop_scenarios::{Scenario, Severity};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::configuration::{self, Configuration};
use crate::exit::{Exit, UsageError};
use crate::out::say;
use crate::trial::{self, Stage};
use crate::{cli, platform, scenario_files};
use column::Strategies;
use columns::{Columns, Detail, Progress};
use outcome::{Kept, Outcome};

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);

/// The width of the result where no terminal says it: every column.
const WIDTH: usize = 140;

/// Runs the command.
pub(crate) fn run(args: &cli::Replay) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    let scenarios: Vec<Scenario> =
        args.scenarios.iter().map(|named| scenario(named, args)).collect::<Result<_, _>>()?;
    for scenario in scenarios {
        let stage = stage(args, &scenario)?;
        let severities =
            args.severity.one().map_or_else(|| Severity::ALL.to_vec(), |one| vec![one]);
        for severity in severities {
            if play(args, &stage, severity)? == Kept::No {
                exit = Exit::Failure;
            }
        }
    }
    Ok(exit)
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

/// The settings of the named file or of the one in this folder; without them the scenario's ladder.
fn stage(args: &cli::Replay, scenario: &Scenario) -> anyhow::Result<Stage> {
    let Some(path) = args.config.clone().or_else(configuration::default_file) else {
        return Ok(trial::of_scenario(scenario, &pipes::base_url));
    };
    let settings = Configuration::read(&path)?.settings;
    Ok(trial::of_settings((settings, &path), scenario, &pipes::base_url))
}

/// Plays one severity and prints what came of it.
fn play(args: &cli::Replay, stage: &Stage, severity: Severity) -> anyhow::Result<Kept> {
    let strategies: &[Strategies] =
        if args.no_baselines { &[Strategies::Backstop] } else { &Strategies::ALL };
    let columns = Columns::new(stage, severity, strategies);
    let (results, detail) = watched(&columns, args, severity)?;
    let result = Outcome::of(stage, severity, (results, detail))?;
    if args.json {
        say!("{}", result.to_json());
    } else {
        say!("{}", result.table(platform::terminal_width().unwrap_or(WIDTH)));
        if args.failures > 0 {
            say!("{}", explained::explained(&result.detail, args.failures));
        }
    }
    Ok(result.kept())
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

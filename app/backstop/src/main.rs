//! The `backstop` binary: one file per command.
//!
//! Absent on purpose: decisions. A command reads its arguments, joins the parts and prints.
//!
//! Start reading at [`Command`].

#![expect(clippy::print_stderr, reason = "a command line speaks to people")]

mod cli;
mod exit;

mod ask;
mod bound;
mod check;
mod completions;
mod demo;
mod explain;
mod import;
mod keys;
mod models;
mod replay;
mod run;
mod serve;
mod simulate;
mod status;

mod configuration;
mod conformance;
mod console_client;
mod environment;
mod knowledge;
mod local_models;
mod logs;
mod out;
mod platform;
mod running;
mod scenario_files;
mod text;
mod trial;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use configuration::BadSettings;
use exit::{Exit, UsageError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let ended = run(Cli::parse().command);
    logs::finish();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("backstop: {error:#}");
            status_of(&error).into()
        }
    }
}

fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Ask(args) => ask::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Explain(args) => Ok(explain::run(&args)),
        Command::Status(args) => status::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The exit status for an error that ended a command.
fn status_of(error: &anyhow::Error) -> Exit {
    let usage = error.is::<UsageError>() || error.is::<BadSettings>();
    if usage { Exit::Usage } else { Exit::Failure }
}

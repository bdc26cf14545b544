//! `backstop completions`: what a shell needs to complete our commands.

use std::io;

use clap::CommandFactory as _;

use crate::cli;
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(args: &cli::Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::Cli::command(), "backstop", &mut script);
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(Exit::Success)
}

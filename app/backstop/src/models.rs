//! `backstop models`: what is known of models, and learning more.

mod ask;
mod list;
mod refresh;
mod token;

use crate::cli;
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(args: &cli::Models) -> anyhow::Result<Exit> {
    match &args.command {
        cli::ModelsCommand::List(args) => list::run(args),
        cli::ModelsCommand::Refresh(args) => refresh::run(args),
    }
}

//! `backstop run`.

use crate::cli;
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(_args: &cli::Run) -> anyhow::Result<Exit> {
    anyhow::bail!("not built yet")
}

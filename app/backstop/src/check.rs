//! `backstop check`.

use crate::cli;
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(_args: &cli::Check) -> anyhow::Result<Exit> {
    anyhow::bail!("not built yet")
}

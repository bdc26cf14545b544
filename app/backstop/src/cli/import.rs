use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub(crate) command: ImportCommand,
}

/// Whose configuration it is.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// A `LiteLLM` proxy's config.yaml
    Litellm(ImportLitellm),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 written, 1 what was written has errors of its own, 2 no such configuration."
)]
pub(crate) struct ImportLitellm {
    /// The proxy's config.yaml
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where to write ours; without it, standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the output file if there is one
    #[arg(long)]
    pub(crate) force: bool,
    /// Text, variables and what is left as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

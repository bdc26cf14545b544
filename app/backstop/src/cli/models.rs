use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigArg;

#[derive(Args, Debug)]
pub(crate) struct Models {
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
}

/// What to do with what is known of models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Show what is known of the models that the routes use: limits, abilities, price, source
    List(ListModels),
    /// Ask the providers what they offer, or read a file that people share, and keep what is new
    Refresh(RefreshModels),
}

#[derive(Args, Debug)]
pub(crate) struct ListModels {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Only models that this route uses
    #[arg(long, value_name = "NAME")]
    pub(crate) route: Option<String>,
    /// Only models at this provider
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Everything that is known, each fact with its source and day, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 everything asked has answered, 1 something has not, 2 wrong arguments or settings."
)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a command line")]
pub(crate) struct RefreshModels {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Read this file instead of asking: `model_prices_and_context_window.json` of `LiteLLM`,
    /// `api.json` of models.dev, or a list of models that a provider gave
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Ask only this provider, or read the list as its; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Vec<String>,
    /// Of a file, take in all vendors, not only those of the settings
    #[arg(long)]
    pub(crate) all: bool,
    /// Take in a list that names less than half of what it named before
    #[arg(long)]
    pub(crate) force: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The changes as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

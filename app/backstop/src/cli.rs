//! The commands and their arguments.

mod import;
mod models;

pub(crate) use import::{Import, ImportCommand, ImportLitellm};
pub(crate) use models::{ListModels, Models, ModelsCommand, RefreshModels};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use backstop_scenarios::Severity;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Keeps applications working when their AI provider does not.
#[derive(Debug, Parser)]
#[command(name = "backstop", version, about)]
#[command(
    after_help = "Start with `backstop demo`, or `backstop serve` with your keys in the environment."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve applications: the gateway itself
    Serve(Serve),
    /// Play 2 and 3 March 2026 against this machine, with simulated providers
    Demo(Demo),
    /// Say what in a configuration would not work on the day
    Check(Check),
    /// Replay an outage in virtual time
    Replay(Replay),
    /// Serve simulated providers over HTTP that misbehave on cue
    Simulate(Simulate),
    /// Ask one question through the ladder: argument or standard input in, answer out
    Ask(Ask),
    /// Run a command behind a gateway of its own
    Run(Run),
    /// Explain an error code: whose fault, what Backstop does, what to do
    Explain(Explain),
    /// Show the health of a running gateway
    Status(Status),
    /// Write a configuration from another gateway's
    Import(Import),
    /// Show what is known of models, and learn more
    Models(Models),
    /// Make keys for applications
    Keys(Keys),
    /// Say what becomes of every kind of request at every kind of provider
    Conformance(Conformance),
    /// Print completions for a shell
    #[command(hide = true)]
    Completions(Completions),
}

/// Where the settings come from.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArg {
    /// Settings file; without it `backstop.yaml` if there is one, else the environment
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Address for applications, instead of the settings' `listen`
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Take the sockets over from the gateway that runs now, which then drains and ends
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Logs as one JSON object a line
    #[arg(long)]
    pub(crate) log_json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 every promise kept, 1 one was not.")]
pub(crate) struct Demo {
    /// One JSON object instead of the live table
    #[arg(long)]
    pub(crate) json: bool,
    /// Length of a phase
    #[arg(long, value_name = "SECONDS", default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub(crate) phase_seconds: u16,
    /// How bad the estimated severities are
    #[arg(long, value_enum, default_value_t = OneSeverityArg::Mid)]
    pub(crate) severity: OneSeverityArg,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 nothing but notes, 1 a problem or a warning, 2 settings that cannot be read."
)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How bad the estimated severities are taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityArg {
    Low,
    Mid,
    High,
    /// All three, one after the other
    Sweep,
}

impl SeverityArg {
    /// The one severity it stands for; `None` for all of them.
    pub(crate) const fn one(self) -> Option<Severity> {
        match self {
            Self::Low => Some(Severity::Low),
            Self::Mid => Some(Severity::Mid),
            Self::High => Some(Severity::High),
            Self::Sweep => None,
        }
    }
}

/// One of them, where they cannot be played after each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OneSeverityArg {
    Low,
    Mid,
    High,
}

impl OneSeverityArg {
    /// What it stands for.
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Low => Severity::Low,
            Self::Mid => Severity::Mid,
            Self::High => Severity::High,
        }
    }
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 every promise kept, 1 one was not, 2 wrong arguments, settings or scenario."
)]
pub(crate) struct Replay {
    /// Scenario file, or the name of one that ships with Backstop
    #[arg(value_name = "SCENARIO", required = true)]
    pub(crate) scenarios: Vec<String>,
    /// Settings file to play; without it `backstop.yaml` if there is one, else the scenario's own
    /// ladder
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How bad the estimated severities are
    #[arg(long, value_enum, default_value_t = SeverityArg::Mid)]
    pub(crate) severity: SeverityArg,
    /// Another seed than the scenario's
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Requests per second, instead of the scenario's
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<f64>,
    /// Leave the baselines out
    #[arg(long)]
    pub(crate) no_baselines: bool,
    /// Show the first so many requests that failed or only a lesser target answered, and what was
    /// tried for them
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) failures: usize,
    /// One JSON object per severity
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Simulate {
    /// Scenario to follow; without it all providers are healthy
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: Option<String>,
    /// Address of the first provider; the others take the ports after it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9100", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// How bad the estimated severities are
    #[arg(long, value_enum, default_value_t = OneSeverityArg::Mid)]
    pub(crate) severity: OneSeverityArg,
    /// Play the scenario this many times faster
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) speed: f64,
    /// Begin this far into the scenario: `11h30m`
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) from: Duration,
    /// Another seed than the scenario's
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Time to the first token of every provider, in milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) first_token_ms: Option<u64>,
    /// Speed of every provider
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tokens_per_second: Option<u32>,
    /// What is served as one JSON object on one line, then one for each phase that begins
    #[arg(long)]
    pub(crate) json: bool,
}

/// A duration as people write it: `90s`, `11h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration =
        text.parse().map_err(|_| "write a time with its units: `90s`, `11h30m`".to_owned())?;
    parsed.try_into().map_err(|_| "a time is not negative".to_owned())
}

/// Where to listen, written as in the settings.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let cure = "write an address and a port, like `127.0.0.1:9000`";
    local.as_deref().unwrap_or(text).parse().map_err(|_| cure.to_owned())
}

/// A factor of time.
fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.01..=100_000.0).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("write a number from 0.01 to 100000".to_owned()),
    }
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 answered, 1 the question itself was refused, 2 wrong arguments or settings,
75 no provider could answer: try again later."
)]
pub(crate) struct Ask {
    /// The question; with material on standard input, what to do with it
    #[arg(value_name = "QUESTION")]
    pub(crate) question: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Model to ask for; without it the first route's, or an everyday one
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Instructions that come before the question
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// The answer with its provenance, as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: the command's own; 128 and the number of the signal that ended it; 127 no such
command, 126 it cannot be run."
)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 explained, 1 a code that nobody knows.")]
pub(crate) struct Explain {
    /// A status (529), a provider's code (`overloaded_error`) or one of ours (`rung_exhausted`);
    /// without it the list
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// The explanations as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 shown, 1 no gateway answers, 2 no address.")]
pub(crate) struct Status {
    /// The gateway's console address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) console: String,
    /// The gateway's own report, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a fresh key: it is printed once, and the line for `backstop.yaml` with its hash
    New(NewKey),
}

#[derive(Args, Debug)]
pub(crate) struct NewKey {
    /// The key's name in journal and metrics
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The application it belongs to
    #[arg(long)]
    pub(crate) app: Option<String>,
    /// Key and hash as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 nothing is wrong, 1 something is.")]
pub(crate) struct Conformance {
    /// One JSON object instead of the page
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell: bash, zsh, fish, powershell or elvish
    pub(crate) shell: clap_complete::Shell,
}

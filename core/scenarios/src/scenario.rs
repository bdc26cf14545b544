//! A scenario: providers, clients, and what goes wrong when.

use std::time::Duration;

use backstop_vocabulary::{Dialect, Tier};

use crate::{ContinuationMix, Shares, Symptom};

mod raw;
mod read;
mod segments;

#[cfg(test)]
mod tests;

pub use read::ScenarioError;
pub use segments::{Demo, Segment};

/// An outage (or a quiet day) as data. Read from YAML, see `docs/scenarios.md`.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, the name of its file.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Whether the alternatives fail with the primary.
    pub kind: Kind,
    /// When it began, in seconds since 1970, for display only.
    pub start_unix: u64,
    /// How long it plays.
    pub length: Duration,
    /// The seed used unless another is asked for.
    pub seed: u64,
    /// Who asks, and how.
    pub workload: WorkloadSettings,
    /// Who answers, healthy.
    pub providers: Vec<ProviderSettings>,
    /// Where requests may go, best first: the ladder of the baselines and of the default settings.
    pub ladder: Vec<LadderRung>,
    /// What goes wrong, in order of time.
    pub phases: Vec<Phase>,
    /// How models behave when asked to continue a broken answer.
    pub continuation: ContinuationMix,
}

/// Whether the alternatives of a scenario fail with its primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One vendor fails, the others do not.
    Independent,
    /// What would catch the requests fails too.
    Correlated,
}

impl Kind {
    /// The name used in files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Correlated => "correlated",
        }
    }
}

/// The clients.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadSettings {
    /// Mean of the Poisson process of arrivals, over all populations.
    pub requests_per_second: f64,
    /// The share that streams.
    pub streamed: f64,
    /// The share that offers tools.
    pub tools: f64,
    /// The share that asks for JSON of a schema.
    pub schema: f64,
    /// How long a client waits: to the first token of a stream, or for a whole answer.
    pub deadline: Duration,
    /// How long a client watches a silent stream.
    pub silence_max: Duration,
    /// Kinds of clients.
    pub populations: Vec<Population>,
}

/// A kind of clients: what they ask, and how many they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Its name; phases may hit one population only.
    pub name: String,
    /// Its share of all requests.
    pub share: f64,
    /// The models it asks for, with weights.
    pub models: Vec<(String, f64)>,
    /// The dialects it speaks, with weights.
    pub dialects: Vec<(Dialect, f64)>,
}

/// A simulated provider in good health.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSettings {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Who runs it: decides the quirks of the API (`anthropic`, `openai`, anything else is lenient).
    pub vendor: String,
    /// The models it knows.
    pub models: Vec<String>,
    /// The keys it takes; empty takes any key, but not none unless the vendor is lenient.
    pub keys: Vec<String>,
    /// It is a token endpoint and gives tokens of this life, and no answers.
    pub tokens: Option<Duration>,
    /// The token endpoint whose tokens it takes, beside its keys.
    pub login: Option<String>,
    /// How fast it is.
    pub latency: Latency,
    /// How many requests it serves at once.
    pub concurrency_max: u32,
    /// How long a request may wait for a place; zero refuses at once.
    pub queue_wait_max: Duration,
    /// What goes wrong on a good day.
    pub base: Base,
    /// A limit per minute.
    pub requests_per_minute: Option<u32>,
    /// A limit of growth.
    pub ramp: Option<Ramp>,
}

impl ProviderSettings {
    /// Whether a key may be one of its own; whose tokens it takes is found out by asking it.
    pub(crate) fn may_take(&self, key: &str) -> bool {
        self.login.is_some() || self.keys.is_empty() || self.keys.iter().any(|known| known == key)
    }
}

/// Speed and length of answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Time to the first token.
    pub first_token: Spread,
    /// Speed after it.
    pub tokens_per_second: f64,
    /// Tokens in one piece of a stream: fewer pieces cost less to replay.
    pub piece_tokens: u32,
}

/// A log-normal law by two of its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Half are below this.
    pub median: Duration,
    /// 95 of 100 are below this.
    pub p95: Duration,
}

/// Errors of a good day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Base {
    /// The share answered with 500 or the dialect's overload status.
    pub server_errors: f64,
    /// The share answered with 429.
    pub rate_limits: f64,
}

/// A provider that refuses traffic which grows too fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Requests a minute that are always let in.
    pub free_per_minute: u32,
    /// How much more than in the minute before is let in: 1.5 is half as much again.
    pub growth: f64,
}

/// One rung of the scenario's own ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderRung {
    /// The provider's name.
    pub provider: String,
    /// The model there; `None` is the model that was asked for.
    pub model: Option<String>,
    /// What its answers are worth.
    pub tier: Tier,
}

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// When it begins, from the start of the scenario.
    pub from: Duration,
    /// When it is over.
    pub to: Duration,
    /// Whom it hits.
    pub scope: Scope,
    /// What they see, with weights.
    pub symptoms: Vec<(Symptom, f64)>,
    /// How many of them.
    pub share: Shares,
    /// The share it begins with, going straight to `share` at its end.
    pub ramp_from: Option<Shares>,
    /// Good and bad by turns.
    pub wave: Option<Wave>,
    /// Where the numbers come from.
    pub evidence: Evidence,
    /// Who says so.
    pub source: String,
    /// How long the demo shows it; zero leaves it out.
    pub demo: Duration,
}

/// A square wave: each period begins bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Bad and good together.
    pub period: Duration,
    /// The bad part, `0.0..=1.0`.
    pub duty: f64,
}

/// Whom a phase hits. An empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Providers by name.
    pub providers: Vec<String>,
    /// Models; a trailing `*` stands for any ending.
    pub models: Vec<String>,
    /// Populations of clients.
    pub populations: Vec<String>,
    /// Credentials.
    pub credentials: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
    /// `stream` or `unary`.
    pub methods: Vec<String>,
}

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The provider published it.
    Published,
    /// We estimated it.
    Estimated,
}

impl Evidence {
    /// The name used in files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Estimated => "estimated",
        }
    }
}

impl Scenario {
    /// Reads a scenario file. All errors at once, each with its line.
    pub fn read(text: &str) -> Result<Self, Vec<ScenarioError>> {
        read::read(text)
    }

    /// The provider of that name.
    pub fn provider(&self, name: &str) -> Option<&ProviderSettings> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

impl Scope {
    /// Whether nothing but the provider and region narrows it, so that it shows when connecting.
    pub(crate) const fn is_endpoint_wide(&self) -> bool {
        self.models.is_empty()
            && self.populations.is_empty()
            && self.credentials.is_empty()
            && self.methods.is_empty()
    }
}

/// Whether a model name fits a pattern with an optional trailing `*`.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |stem| name.starts_with(stem))
}

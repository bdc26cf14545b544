//! From the file to a scenario: every value understood, every error with its line.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use backstop_vocabulary::{Dialect, Tier};

use crate::{ContinuationMix, Shares};

use super::raw::{self, At, Scalar, Three};
use super::{
    Base, Evidence, Kind, LadderRung, Latency, Population, ProviderSettings, Ramp, Scenario,
    Spread, WorkloadSettings,
};

mod phase;
mod units;

/// Something in a scenario file that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The line, from 1; 0 when the file as a whole is at fault.
    pub line: u64,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ScenarioError {}

/// Gathers errors instead of stopping at the first.
#[derive(Debug, Default)]
struct Reader {
    errors: Vec<ScenarioError>,
    start_unix: i64,
}

pub(super) fn read(text: &str) -> Result<Scenario, Vec<ScenarioError>> {
    let file: raw::File = serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default();
        // The place is said already.
        let place = format!("line {line} column {column}: ");
        let message = message.trim_start_matches("error: ").trim_start_matches(&place).to_owned();
        vec![ScenarioError { line, message }]
    })?;
    let mut reader = Reader::default();
    reader.start_unix = reader.at(&file.start, units::timestamp).unwrap_or_default();
    let scenario = reader.scenario(file);
    if reader.errors.is_empty() { Ok(scenario) } else { Err(reader.errors) }
}

impl Reader {
    fn scenario(&mut self, file: raw::File) -> Scenario {
        let kind = self.at(&file.kind, |name| match name {
            "independent" => Ok(Kind::Independent),
            "correlated" => Ok(Kind::Correlated),
            _ => Err("`kind` is `independent` or `correlated`".to_owned()),
        });
        let length = self.duration(&file.length);
        let workload = self.workload(&file.workload);
        let continuation = file.continuation.map(|mix| self.continuation(&mix)).unwrap_or_default();
        let providers: Vec<_> = file.providers.iter().map(|it| self.provider(it)).collect();
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        self.check_logins(&file.providers);
        let ladder = file.ladder.iter().filter_map(|rung| self.rung(rung, &names)).collect();
        let mut phases = Vec::new();
        for phase in &file.phases {
            phases.push(self.phase(phase, &names));
        }
        self.check_order(&file.phases, &phases, length);
        Scenario {
            name: file.name,
            title: file.title,
            kind: kind.unwrap_or(Kind::Independent),
            start_unix: u64::try_from(self.start_unix).unwrap_or_default(),
            length,
            seed: file.seed,
            workload,
            providers,
            ladder,
            phases,
            continuation,
        }
    }

    fn workload(&mut self, raw: &raw::Workload) -> WorkloadSettings {
        let populations = raw.populations.iter().map(|it| self.population(it)).collect();
        WorkloadSettings {
            requests_per_second: self.number(&raw.requests_per_second),
            streamed: self.share(&raw.streamed),
            tools: self.share(&raw.tools),
            schema: self.share(&raw.schema),
            deadline: self.duration(&raw.deadline),
            silence_max: raw
                .silence_max
                .as_ref()
                .map_or(Duration::from_secs(60), |it| self.duration(it)),
            populations,
        }
    }

    fn population(&mut self, raw: &raw::Population) -> Population {
        let models =
            raw.models.iter().map(|(name, share)| (name.clone(), self.share(share))).collect();
        let mut dialects = Vec::new();
        for (name, share) in &raw.dialects {
            match Dialect::from_name(name) {
                Some(dialect) => dialects.push((dialect, self.share(share))),
                None => self.wrong(share, format!("`{name}` is no dialect")),
            }
        }
        Population { name: raw.name.clone(), share: self.share(&raw.share), models, dialects }
    }

    fn provider(&mut self, at: &At<raw::Provider>) -> ProviderSettings {
        let raw = &at.value;
        let dialect = raw.dialect.as_ref().and_then(|said| {
            self.at(said, |name| {
                Dialect::from_name(name).ok_or_else(|| format!("`{name}` is no dialect"))
            })
        });
        if raw.dialect.is_none() && raw.tokens.is_none() {
            let name = &raw.name;
            self.wrong(at, format!("`{name}` needs a `dialect`, or `tokens` if it gives those"));
        }
        let base = raw.base.as_ref().map(|base| Base {
            server_errors: self.share(&base.server_errors),
            rate_limits: self.share(&base.rate_limits),
        });
        let ramp = raw.ramp.as_ref();
        ProviderSettings {
            name: raw.name.clone(),
            dialect: dialect.unwrap_or(Dialect::OpenaiChat),
            vendor: raw.vendor.clone(),
            models: raw.models.clone(),
            keys: raw.keys.clone(),
            tokens: raw.tokens.as_ref().map(|life| self.duration(life)),
            login: raw.login.as_ref().map(|login| login.value.clone()),
            latency: self.latency(raw.latency.as_ref()),
            concurrency_max: raw.concurrency_max.unwrap_or(1000),
            queue_wait_max: raw
                .queue_wait_max
                .as_ref()
                .map_or(Duration::ZERO, |it| self.duration(it)),
            base: base.unwrap_or_default(),
            requests_per_minute: raw.requests_per_minute,
            ramp: ramp.map(|it| Ramp { free_per_minute: it.free_per_minute, growth: it.growth }),
        }
    }

    /// Tokens come from a provider that gives some.
    fn check_logins(&mut self, providers: &[At<raw::Provider>]) {
        let gives = |name: &str| {
            providers.iter().any(|it| it.value.name == name && it.value.tokens.is_some())
        };
        let logins = providers.iter().filter_map(|it| it.value.login.as_ref());
        for login in logins.filter(|login| !gives(&login.value)) {
            let name = &login.value;
            self.wrong(login, format!("no provider `{name}` gives `tokens`"));
        }
    }

    fn latency(&mut self, raw: Option<&raw::Latency>) -> Latency {
        let usual = Latency::default();
        let Some(raw) = raw else { return usual };
        let first_token = raw.first_token.as_ref().map(|spread| Spread {
            median: self.duration(&spread.median),
            p95: self.duration(&spread.p95),
        });
        Latency {
            first_token: first_token.unwrap_or(usual.first_token),
            tokens_per_second: raw.tokens_per_second.unwrap_or(usual.tokens_per_second),
            piece_tokens: raw.piece_tokens.unwrap_or(usual.piece_tokens),
        }
    }

    fn rung(&mut self, raw: &At<raw::Rung>, providers: &[&str]) -> Option<LadderRung> {
        let Some((provider, model)) = raw.value.target.split_once('/') else {
            self.wrong(raw, "a rung's target is `provider/model` or `provider/*`".to_owned());
            return None;
        };
        if !providers.contains(&provider) {
            self.wrong(raw, format!("no provider is called `{provider}`"));
        }
        let tier = match raw.value.tier.as_deref() {
            None | Some("full") => Tier::Full,
            Some("degraded") => Tier::Degraded,
            Some(other) => {
                self.wrong(raw, format!("a tier is `full` or `degraded`, not `{other}`"));
                Tier::Full
            }
        };
        let model = (model != "*").then(|| model.to_owned());
        Some(LadderRung { provider: provider.to_owned(), model, tier })
    }

    fn continuation(&mut self, raw: &BTreeMap<String, At<Scalar>>) -> ContinuationMix {
        let mut mix = ContinuationMix { exact: 0.0, overlap: 0.0, start_over: 0.0, rephrase: 0.0 };
        for (name, share) in raw {
            let weight = self.share(share);
            match name.as_str() {
                "exact" => mix.exact = weight,
                "overlap" => mix.overlap = weight,
                "start_over" => mix.start_over = weight,
                "rephrase" => mix.rephrase = weight,
                _ => self.wrong(
                    share,
                    format!("`{name}` is none of exact, overlap, start_over, rephrase"),
                ),
            }
        }
        mix
    }

    fn shares(&mut self, raw: &At<Three>) -> Shares {
        match &raw.value {
            Three::One(one) => {
                let share = units::share(&one.0).unwrap_or_else(|error| {
                    self.wrong(raw, error);
                    0.0
                });
                Shares::flat(share)
            }
            Three::Each(each) => {
                let mut of = |name: &str| {
                    let share = each.get(name).ok_or_else(|| format!("`{name}` is missing"));
                    share.and_then(|scalar| units::share(&scalar.0)).unwrap_or_else(|error| {
                        self.wrong(raw, error);
                        0.0
                    })
                };
                Shares { low: of("low"), mid: of("mid"), high: of("high") }
            }
        }
    }

    fn share(&mut self, raw: &At<Scalar>) -> f64 {
        self.scalar(raw, units::share).unwrap_or_default()
    }

    fn number(&mut self, raw: &At<Scalar>) -> f64 {
        self.scalar(raw, units::number).unwrap_or_default()
    }

    fn duration(&mut self, raw: &At<Scalar>) -> Duration {
        self.scalar(raw, units::duration).unwrap_or_default()
    }

    fn scalar<T>(
        &mut self,
        raw: &At<Scalar>,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        understand(&raw.value.0).map_err(|error| self.wrong(raw, error)).ok()
    }

    fn at<T>(
        &mut self,
        raw: &At<String>,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        understand(&raw.value).map_err(|error| self.wrong(raw, error)).ok()
    }

    fn wrong<T>(&mut self, raw: &At<T>, message: String) {
        self.errors.push(ScenarioError { line: raw.referenced.line(), message });
    }

    /// A point in time: a timestamp, or a duration since the start.
    fn offset(&mut self, raw: &At<Scalar>) -> Duration {
        let start = self.start_unix;
        let offset = self.scalar(raw, |text| {
            if !text.contains('T') {
                return units::duration(text);
            }
            let at = units::timestamp(text)?;
            u64::try_from(at - start)
                .map(Duration::from_secs)
                .map_err(|_| format!("{text} is before the start"))
        });
        offset.unwrap_or_default()
    }
}

impl Default for Latency {
    fn default() -> Self {
        let first_token =
            Spread { median: Duration::from_millis(600), p95: Duration::from_millis(1800) };
        Self { first_token, tokens_per_second: 80.0, piece_tokens: 16 }
    }
}

fn evidence(name: &str) -> Result<Evidence, String> {
    match name {
        "published" => Ok(Evidence::Published),
        "estimated" => Ok(Evidence::Estimated),
        _ => Err("`evidence` is `published` or `estimated`".to_owned()),
    }
}

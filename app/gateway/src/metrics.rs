//! What `/metrics` shows, in the text form of `OpenMetrics`.
//!
//! Handles are looked up once per target, so that the request path only adds to atomics.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use backstop_identity::Standing;
use backstop_store::Outcome;
use backstop_vocabulary::{Api, Timing};

/// First-token buckets in seconds: 10 ms doubled up to 164 s, because reasoning models think long.
const FIRST_TOKEN: [f64; 15] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84,
];
/// Gap buckets in seconds.
const GAP: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// How a request may end: refused before it was read, or as the journal has it.
const OUTCOMES: [&str; 4] =
    ["refused", Outcome::Answered.name(), Outcome::Failed.name(), Outcome::Left.name()];

/// Labels as a list of names and values; their order is the order of the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Labels(pub(crate) Vec<(&'static str, Arc<str>)>);

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, value) in &self.0 {
            (*name, &**value).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

use prometheus_client::encoding::EncodeLabel as _;

/// A sum of money in one currency.
pub(crate) type Money = Counter<f64, AtomicU64>;

/// Every metric of the gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    /// The counters of `requests`: looking one up costs more than all the others together.
    ready: Vec<(Api, &'static str, Counter)>,
    refused: Family<Labels, Counter>,
    attempts: Family<Labels, Counter>,
    endings: Family<Labels, Counter>,
    answers: Family<Labels, Counter>,
    first_token: Family<Labels, Histogram, fn() -> Histogram>,
    gap: Family<Labels, Histogram, fn() -> Histogram>,
    breaker: Family<Labels, Gauge>,
    share: Family<Labels, Gauge>,
    cost: Family<Labels, Money>,
    identity_expires: Family<Labels, Gauge>,
    identity_good: Family<Labels, Gauge>,
    identity_renewals: Family<Labels, Counter>,
    pub(crate) rescued: Counter,
    pub(crate) resumed: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) journal_dropped: Gauge,
    pub(crate) held_bytes: Gauge,
    pub(crate) transcripts_bytes: Gauge,
    pub(crate) background: Gauge,
    pub(crate) background_bytes: Gauge,
    pub(crate) probes: Counter,
}

/// How requests ended since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Answered in full.
    pub answered: u64,
    /// Failed at the client's eyes.
    pub failed: u64,
    /// Answered after at least one failed attempt; part of `answered`.
    pub rescued: u64,
    /// Streams that another target completed.
    pub resumed: u64,
}

/// The handles of one target.
#[derive(Clone, Debug)]
pub(crate) struct TargetMetrics {
    pub(crate) attempts: Counter,
    answered: Counter,
    first_token: Histogram,
    gap: Histogram,
    target: Arc<str>,
}

impl TargetMetrics {
    /// Counts an attempt for a client that was answered in full.
    pub(crate) fn answered(&self, timing: &Timing) {
        self.answered.inc();
        if let Some(first) = timing.first_token {
            self.first_token.observe(first.as_secs_f64());
        }
        if let Some(gap) = timing.longest_gap {
            self.gap.observe(gap.as_secs_f64());
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("backstop"),
            requests: Family::default(),
            ready: Vec::new(),
            refused: Family::default(),
            attempts: Family::default(),
            endings: Family::default(),
            answers: Family::default(),
            first_token: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN)),
            gap: Family::new_with_constructor(|| Histogram::new(GAP)),
            breaker: Family::default(),
            share: Family::default(),
            cost: Family::default(),
            identity_expires: Family::default(),
            identity_good: Family::default(),
            identity_renewals: Family::default(),
            rescued: Counter::default(),
            resumed: Counter::default(),
            in_flight: Gauge::default(),
            journal_dropped: Gauge::default(),
            held_bytes: Gauge::default(),
            transcripts_bytes: Gauge::default(),
            background: Gauge::default(),
            background_bytes: Gauge::default(),
            probes: Counter::default(),
        };
        metrics.register();
        metrics.make_ready();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("requests", "Requests by dialect and outcome", self.requests.clone());
        let help = "Requests refused before they had a route, by class";
        r.register("refused_requests", help, self.refused.clone());
        r.register(
            "attempts",
            "Attempts at providers for clients, by target",
            self.attempts.clone(),
        );
        let help = "Attempts that did not answer, by target and failure class";
        r.register("attempt_failures", help, self.endings.clone());
        r.register("answers", "Attempts that answered in full, by target", self.answers.clone());
        let help = "Time to the first meaningful delta, or to a whole answer";
        r.register_with_unit("first_token", help, Unit::Seconds, self.first_token.clone());
        let help = "The longest silence of a stream after its first token";
        r.register_with_unit("longest_gap", help, Unit::Seconds, self.gap.clone());
        let help = "Breaker of a target: 0 closed, 1 demoted or ramping, 2 half-open, 3 open, 4 paused, 5 blocked";
        r.register("breaker_state", help, self.breaker.clone());
        r.register(
            "target_share_percent",
            "Share of its traffic a target gets",
            self.share.clone(),
        );
        let help = "What answers cost at list prices, by target and currency: an estimate";
        r.register("cost_estimated", help, self.cost.clone());
        self.register_identities();
        let r = &mut self.registry;
        let help = "Requests answered after at least one failed attempt";
        r.register("rescued_requests", help, self.rescued.clone());
        r.register(
            "resumed_streams",
            "Streams that another target completed",
            self.resumed.clone(),
        );
        r.register("requests_in_flight", "Requests in progress", self.in_flight.clone());
        let help = "Journal entries dropped because the disk or queue was full";
        r.register("journal_dropped", help, self.journal_dropped.clone());
        r.register("held_bytes", "Bytes held for hold-back and resume", self.held_bytes.clone());
        let help = "Bytes of answers kept to go on from";
        r.register("transcripts_bytes", help, self.transcripts_bytes.clone());
        let help = "Answers being made in the background";
        r.register("background_answers", help, self.background.clone());
        let help = "Bytes kept of answers made in the background";
        r.register("background_bytes", help, self.background_bytes.clone());
        r.register("probes", "Synthetic probes sent, not counted as attempts", self.probes.clone());
    }

    fn register_identities(&mut self) {
        let r = &mut self.registry;
        let help = "Time until the token of a credential ends; none where it never does";
        let expires = self.identity_expires.clone();
        r.register_with_unit("identity_token_expires", help, Unit::Seconds, expires);
        let help = "Whether a credential has a token that may be used: 1 or 0";
        r.register("identity_token_good", help, self.identity_good.clone());
        let help = "Renewals of tokens, by credential and result";
        r.register("identity_renewals", help, self.identity_renewals.clone());
    }

    /// How the tokens are doing that there are now, and no others.
    pub(crate) fn identities(&self, standings: impl Iterator<Item = (String, Standing)>) {
        self.identity_expires.clear();
        self.identity_good.clear();
        self.identity_renewals.clear();
        for (name, standing) in standings {
            let credential = ("credential", Arc::from(name));
            let labels = Labels(vec![credential.clone()]);
            if let Some(left) = standing.expires_in {
                let left = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
                self.identity_expires.get_or_create(&labels).set(left);
            }
            self.identity_good.get_or_create(&labels).set(i64::from(standing.good));
            for (result, count) in [("renewed", standing.renewed), ("failed", standing.failed)] {
                let labels = Labels(vec![credential.clone(), ("result", result.into())]);
                self.identity_renewals.get_or_create(&labels).inc_by(count);
            }
        }
    }

    /// The text for a scraper.
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(8 << 10);
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }

    /// How requests ended since the start.
    pub fn totals(&self) -> Totals {
        let of = |outcome: Outcome| {
            let counts = Api::all().map(|api| {
                let labels = [("dialect", api.name()), ("outcome", outcome.name())];
                let labels = labels.map(|(name, value)| (name, value.into())).to_vec();
                self.requests.get_or_create(&Labels(labels)).get()
            });
            counts.sum()
        };
        Totals {
            answered: of(Outcome::Answered),
            failed: of(Outcome::Failed),
            rescued: self.rescued.get(),
            resumed: self.resumed.get(),
        }
    }

    pub(crate) fn target(&self, target: &Arc<str>) -> TargetMetrics {
        let labels = Labels(vec![("target", Arc::clone(target))]);
        TargetMetrics {
            attempts: self.attempts.get_or_create_owned(&labels),
            answered: self.answers.get_or_create_owned(&labels),
            first_token: self.first_token.get_or_create_owned(&labels),
            gap: self.gap.get_or_create_owned(&labels),
            target: Arc::clone(target),
        }
    }

    /// Where the costs of a target are summed up.
    pub(crate) fn cost(&self, target: &TargetMetrics, currency: &str) -> Money {
        let labels = vec![("target", Arc::clone(&target.target)), ("currency", currency.into())];
        self.cost.get_or_create_owned(&Labels(labels))
    }

    fn make_ready(&mut self) {
        for api in Api::all() {
            for outcome in OUTCOMES {
                let labels =
                    Labels(vec![("dialect", api.name().into()), ("outcome", outcome.into())]);
                let counter = self.requests.get_or_create_owned(&labels);
                self.ready.push((api, outcome, counter));
            }
        }
    }

    /// Counts a request that ended like this, one of [`OUTCOMES`].
    pub(crate) fn request(&self, api: Api, outcome: &'static str) {
        let found = self.ready.iter().find(|(of, name, _)| *of == api && *name == outcome);
        if let Some((_, _, counter)) = found {
            counter.inc();
        }
    }

    pub(crate) fn refused(&self, class: &'static str) {
        self.refused.get_or_create(&Labels(vec![("class", class.into())])).inc();
    }

    pub(crate) fn failed(&self, target: &TargetMetrics, class: &'static str) {
        let labels = vec![("target", Arc::clone(&target.target)), ("class", class.into())];
        self.endings.get_or_create(&Labels(labels)).inc();
    }

    pub(crate) fn health(&self, target: &Arc<str>, state: i64, share_percent: i64) {
        let labels = Labels(vec![("target", Arc::clone(target))]);
        self.breaker.get_or_create(&labels).set(state);
        self.share.get_or_create(&labels).set(share_percent);
    }
}

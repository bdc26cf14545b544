//! All strategies through one scenario at one severity, each on a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use backstop_scenarios::{Kind, Severity, Tally, oracle};

use super::column::{self, Strategies};
use crate::trial::{Lost, Stage};

/// The account of each strategy under its name.
pub(crate) type Tallies = Vec<(&'static str, Tally)>;

/// What the gateway did, beyond what is counted.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    /// The first requests that failed.
    pub(crate) lost: Vec<Lost>,
    /// The first that only a lesser target answered.
    pub(crate) lessened: Vec<Lost>,
    /// Rules that no gateway may break, and how often this one did.
    pub(crate) broken: BTreeMap<&'static str, u64>,
    /// Attempts by target, purpose and ending.
    pub(crate) tried: BTreeMap<String, u64>,
}

/// What is to be played.
pub(crate) struct Columns<'a> {
    stage: &'a Stage,
    severity: Severity,
    strategies: Vec<Strategies>,
}

/// How far each strategy is, in milliseconds of the scenario.
pub(crate) struct Progress(Vec<Arc<AtomicU64>>);

impl Progress {
    /// Nothing played yet.
    pub(crate) fn new(columns: &Columns<'_>) -> Self {
        Self(columns.strategies.iter().map(|_| Arc::default()).collect())
    }

    /// The counter of the gateway, which takes longest.
    pub(crate) fn slowest(&self) -> Option<&Arc<AtomicU64>> {
        self.0.last()
    }
}

impl<'a> Columns<'a> {
    /// The gateway, with or without the baselines.
    pub(crate) fn new(stage: &'a Stage, severity: Severity, strategies: &[Strategies]) -> Self {
        Self { stage, severity, strategies: strategies.to_vec() }
    }

    /// The scenario's name.
    pub(crate) fn name(&self) -> &str {
        &self.stage.scenario.name
    }

    /// How long the scenario is.
    pub(crate) const fn length(&self) -> Duration {
        self.stage.scenario.length
    }

    /// Plays everything.
    pub(crate) fn play(&self, progress: &Progress) -> anyhow::Result<(Tallies, Detail)> {
        thread::scope(|scope| {
            let mut playing = Vec::new();
            for (strategy, reached) in self.strategies.iter().zip(&progress.0) {
                let reached = Arc::clone(reached);
                let play = || column::play(self.stage, self.severity, *strategy, reached);
                playing.push((*strategy, scope.spawn(play)));
            }
            let scenario = &self.stage.scenario;
            let mut tallies = Tallies::new();
            let mut detail = Detail::default();
            let known = (scenario.kind == Kind::Correlated)
                .then(|| oracle(scenario, self.severity, scenario.seed));
            for (strategy, thread) in playing {
                let broke = |_| anyhow::anyhow!("{} broke off", strategy.name());
                let ledger = thread.join().map_err(broke)??;
                if strategy == Strategies::Backstop {
                    detail = Detail {
                        lost: ledger.lost,
                        lessened: ledger.lessened,
                        tried: ledger.tried,
                        broken: ledger.broken,
                    };
                }
                tallies.push((strategy.name(), ledger.tally));
            }
            tallies.extend(known.map(|tally| ("oracle", tally)));
            Ok((tallies, detail))
        })
    }
}

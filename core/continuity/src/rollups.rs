//! Evidence about one target that speaks against the others of its provider.
//!
//! A roll-up only reorders: it never opens, blocks or demotes anything.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use backstop_vocabulary::{Class, Failure, Moment, Weight};

use crate::Candidate;

/// How long evidence counts.
const RECENT: Duration = Duration::from_secs(60);
/// How long a provider stays suspected after the last evidence.
const SUSPECT: Duration = Duration::from_secs(30);
/// Failures on the way to the provider, without a success between, that make it suspected.
const WAY_FAILURES_MIN: usize = 2;
/// A model with fewer recent samples says nothing.
const SAMPLES_MIN: usize = 5;
/// How many samples of a model are kept.
const SAMPLES_KEPT: usize = 20;
/// From this share of failures on a model counts as failing.
const FAILING_SHARE: f64 = 0.5;

/// The suspicion against each provider, from the facts of its targets.
#[derive(Clone, Debug, Default)]
pub struct Rollups {
    providers: BTreeMap<u16, Evidence>,
    /// When each target last succeeded.
    lifted: BTreeMap<usize, Moment>,
}

#[derive(Clone, Debug, Default)]
struct Evidence {
    /// Failures of DNS, TCP or TLS since the last success.
    way: VecDeque<Moment>,
    /// When each credential of the provider was last refused, `None` while it is good.
    keys: BTreeMap<u16, Option<Moment>>,
    /// The recent endings of each model, and whether each was a failure.
    models: BTreeMap<u16, VecDeque<(Moment, bool)>>,
    suspected_at: Option<Moment>,
}

impl Rollups {
    /// No suspicion yet. The table of all targets says which credentials and models a provider has.
    pub fn new(targets: &[Candidate]) -> Self {
        let mut rollups = Self::default();
        for target in targets {
            let evidence = rollups.providers.entry(target.provider).or_default();
            evidence.keys.insert(target.credential, None);
            evidence.models.entry(target.model).or_default();
        }
        rollups
    }

    /// Takes in that `count` attempts at this target were answered.
    pub fn handle_success(&mut self, now: Moment, at: &Candidate, count: u32) {
        self.lifted.insert(at.target, now);
        let evidence = self.providers.entry(at.provider).or_default();
        evidence.way.clear();
        evidence.keys.insert(at.credential, None);
        for _ in 0..count.min(20) {
            evidence.sample(now, at.model, Health::Good);
        }
    }

    /// Takes in that an attempt at this target failed. Faults of the caller say nothing.
    pub fn handle_failure(&mut self, now: Moment, at: &Candidate, failure: &Failure) {
        let evidence = self.providers.entry(at.provider).or_default();
        let is_way = matches!(
            failure.class,
            Class::DnsFailed | Class::ConnectFailed | Class::ConnectTimeout | Class::TlsFailed
        );
        if is_way {
            evidence.way.push_back(now);
            if evidence.way.len() > WAY_FAILURES_MIN {
                evidence.way.pop_front();
            }
        }
        if failure.class == Class::AuthRefused {
            evidence.keys.insert(at.credential, Some(now));
        }
        if failure.class.weight() != Weight::None {
            evidence.sample(now, at.model, Health::Bad);
        }
        if evidence.is_damning(now) {
            evidence.suspected_at = Some(now);
        }
    }

    /// Whether the provider of this target is suspected now, unless the target itself has succeeded
    /// since. Changes nothing.
    pub fn suspected(&self, now: Moment, at: &Candidate) -> bool {
        let suspected_at = self.providers.get(&at.provider).and_then(|known| known.suspected_at);
        suspected_at.is_some_and(|since| {
            now.since(since) < SUSPECT
                && self.lifted.get(&at.target).is_none_or(|lifted| *lifted < since)
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Health {
    Good,
    Bad,
}

impl Evidence {
    fn sample(&mut self, now: Moment, model: u16, health: Health) {
        let samples = self.models.entry(model).or_default();
        samples.push_back((now, health == Health::Bad));
        if samples.len() > SAMPLES_KEPT {
            samples.pop_front();
        }
    }

    fn is_damning(&self, now: Moment) -> bool {
        let recent = |at: &Moment| now.since(*at) < RECENT;
        let way = self.way.iter().filter(|at| recent(at)).count() >= WAY_FAILURES_MIN;
        let keys = self.keys.len() >= 2
            && self.keys.values().all(|refused| refused.as_ref().is_some_and(recent));
        way || keys || self.do_models_agree(now)
    }

    /// At least two models have enough recent samples, and every one of those is failing.
    fn do_models_agree(&self, now: Moment) -> bool {
        let mut failing = 0;
        for samples in self.models.values() {
            let recent: Vec<bool> = samples
                .iter()
                .filter(|(at, _)| now.since(*at) < RECENT)
                .map(|(_, failed)| *failed)
                .collect();
            if recent.len() < SAMPLES_MIN {
                continue;
            }
            let failed = recent.iter().filter(|failed| **failed).count();
            #[expect(clippy::cast_precision_loss, reason = "at most twenty")]
            let share = failed as f64 / recent.len() as f64;
            if share < FAILING_SHARE {
                return false;
            }
            failing += 1;
        }
        failing >= 2
    }
}

#[cfg(test)]
mod tests;

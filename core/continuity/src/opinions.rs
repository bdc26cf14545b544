//! Refusals that name the caller but are the provider's fault.
//!
//! A 400 or 401 is the provider's when the same shape or key worked a minute ago, or when others
//! disagree with it. Asking another vendor costs, so the asking has a budget of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_vocabulary::{Class, Failure, Moment, Scope};

use crate::Candidate;

/// A success this old still speaks for the key or the shape.
const RECENT: Duration = Duration::from_secs(60);
/// How long a run of refusals that began as the provider's fault stays its fault.
const RUN_MAX: Duration = Duration::from_secs(600);
/// Disagreements without a success between that convict a target by themselves.
const DISAGREEMENTS_MIN: u32 = 3;
/// Requests that pay for one second opinion.
const REQUESTS_PER_OPINION: u32 = 10;
/// Opinions that may be saved up.
const BURST: u32 = 10;
/// Shapes remembered; the oldest goes first.
const SHAPES_MAX: usize = 4096;

/// What another vendor said about the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondOpinion {
    /// Nobody was asked, or it failed for another reason.
    None,
    /// It answered: the request is all right.
    Answered,
    /// It refused as well.
    Agreed,
}

/// The record of keys and shapes, and the budget of second opinions. One per gateway.
#[derive(Clone, Debug)]
pub struct Opinions {
    /// In tenths of an opinion.
    tenths: u32,
    keys: BTreeMap<u16, Key>,
    shapes: BTreeMap<(usize, u64), Moment>,
    disagreements: BTreeMap<usize, (u32, Moment)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Key {
    provider: u16,
    worked_at: Option<Moment>,
    /// The last refusal since it worked.
    refused_at: Option<Moment>,
    /// When the current run of refusals began, if it began as the provider's fault.
    excused_since: Option<Moment>,
}

impl Default for Opinions {
    fn default() -> Self {
        Self::new()
    }
}

impl Opinions {
    /// No record, a full budget.
    pub const fn new() -> Self {
        Self {
            tenths: BURST * REQUESTS_PER_OPINION,
            keys: BTreeMap::new(),
            shapes: BTreeMap::new(),
            disagreements: BTreeMap::new(),
        }
    }

    /// Pays for one request: ten pay for one opinion.
    pub fn deposit(&mut self) {
        self.tenths = (self.tenths + 1).min(BURST * REQUESTS_PER_OPINION);
    }

    /// Whether a second opinion can be paid for. Takes nothing.
    pub const fn is_allowed(&self) -> bool {
        self.tenths >= REQUESTS_PER_OPINION
    }

    /// Pays for a second opinion; false when the budget is empty.
    pub fn take(&mut self) -> bool {
        let allowed = self.is_allowed();
        if allowed {
            self.tenths -= REQUESTS_PER_OPINION;
        }
        allowed
    }

    /// Takes in that this target answered a request of this shape: any hash of what the caller
    /// thinks makes a provider accept or refuse it (dialect, fields, tools).
    pub fn handle_success(&mut self, now: Moment, at: &Candidate, shape: u64) {
        self.keys.insert(
            at.credential,
            Key { provider: at.provider, worked_at: Some(now), ..Key::default() },
        );
        self.disagreements.remove(&at.target);
        if self.shapes.len() >= SHAPES_MAX && !self.shapes.contains_key(&(at.target, shape)) {
            let oldest = self.shapes.iter().min_by_key(|(_, seen)| **seen).map(|(key, _)| *key);
            oldest.and_then(|oldest| self.shapes.remove(&oldest));
        }
        self.shapes.insert((at.target, shape), now);
    }

    /// The failure as it should be taken: a `server_error` when a refusal that names the caller or
    /// its key is the provider's fault, else the failure itself. A request that another vendor
    /// accepts and this one does not is a matter of features.
    pub fn judge(
        &mut self,
        now: Moment,
        (at, shape): (&Candidate, u64),
        failure: Failure,
        opinion: SecondOpinion,
    ) -> Failure {
        let (class, answered) = (failure.class, opinion == SecondOpinion::Answered);
        if class == Class::AuthRefused && self.is_key_excused(now, at) {
            return as_server_error(failure, "a credential that worked a minute ago was refused");
        }
        if class != Class::InvalidRequest || !answered {
            return failure;
        }
        let worked = self.shapes.get(&(at.target, shape));
        if worked.is_some_and(|seen| now.since(*seen) <= RECENT) || self.disagree(now, at) {
            return as_server_error(failure, "refused a request that others accept");
        }
        Failure { class: Class::UnsupportedFeature, ..failure }
    }

    /// A key that worked a minute ago, or that is refused along with every other of its provider.
    fn is_key_excused(&mut self, now: Moment, at: &Candidate) -> bool {
        let known = self.keys.entry(at.credential).or_default();
        known.provider = at.provider;
        let worked = known.worked_at.is_some_and(|seen| now.since(seen) <= RECENT);
        if worked && known.refused_at.is_none() {
            known.excused_since = Some(now);
        }
        known.refused_at = Some(now);
        let in_run = known.excused_since.is_some_and(|since| now.since(since) <= RUN_MAX);
        let mut siblings = self.keys.values().filter(|key| key.provider == at.provider);
        let many = siblings.clone().count() >= 2;
        let all = siblings.all(|key| {
            key.worked_at.is_some() && key.refused_at.is_some_and(|seen| now.since(seen) <= RECENT)
        });
        in_run || (many && all)
    }

    fn disagree(&mut self, now: Moment, at: &Candidate) -> bool {
        let (count, last) = self.disagreements.entry(at.target).or_insert((0, now));
        if now.since(*last) > RECENT {
            *count = 0;
        }
        (*count, *last) = (*count + 1, now);
        *count >= DISAGREEMENTS_MIN
    }
}

fn as_server_error(failure: Failure, message: &str) -> Failure {
    Failure { class: Class::ServerError, scope: Scope::Target, message: message.into(), ..failure }
}

#[cfg(test)]
mod tests;

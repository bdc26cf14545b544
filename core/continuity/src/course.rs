//! The way of one request down the ladder.
//!
//! ```text
//!              a fault of the caller, the deadline, nothing left
//!   ┌───────────────────────────────────────────────────────────▶ GiveUp
//!   │             a pause that is worth it
//!  next ─────────────────────────────────▶ Wait ──▶ next
//!   │                     refused
//!   └──▶ Attempt ───────────────────────────▶ next
//!           │ failed                            ▲
//!           └───── `handle_failure` ────────────┘
//! ```
//!
//! Within a tier: a fresh target, another failure domain first; the same one after a lone server
//! error with a clean record; the same one, or one that is paused, after a wait; one last resort.
//! Then the next tier.

mod again;
mod choose;
mod faults;
mod give_up;
mod late;
mod mend;
mod opening;
mod plan;
mod policy;
#[cfg(test)]
mod tests;

use std::time::Duration;

use backstop_vocabulary::{Chance, Class, Failure, Moment};

use crate::{Attempt, AttemptPurpose, Candidate, Outlooks, Step};

use choose::Choice;
pub use plan::Prospect;
pub use policy::{Awaits, CoursePolicy};

/// How often a stale pooled connection is replaced for free.
const STALE_RETRIES_MAX: u8 = 2;
/// How often one target may refuse to admit an attempt before it is left out, and one request is made
/// to wait. The deadline comes long before: this ends a loop that nobody foresaw.
const REFUSALS_MAX: u16 = 1000;
const WAITS_MAX: u16 = 1000;
/// The part of the remaining time that one attempt may use while others could follow it.
const ATTEMPT_SHARE: f64 = 0.6;

/// The way of one request down the ladder: asked for the next step, told how each attempt failed.
#[derive(Clone, Debug)]
pub struct Course {
    candidates: Vec<Candidate>,
    records: Vec<Record>,
    policy: CoursePolicy,
    started: Moment,
    attempts: u8,
    pending: Option<Pending>,
    failures: Vec<Tried>,
    /// Decided for good: what every further question is answered with.
    verdict: Option<Failure>,
    /// A refusal that names the caller, while another vendor is asked about it.
    doubted: Option<Tried>,
    /// A failure that only a target of another kind may undo.
    misfit: Option<Failure>,
    poison: u8,
    stale: u8,
    waits: u16,
    once: Once,
    resuming: Resuming,
    /// The candidate whose request was just mended.
    mending: Option<usize>,
}

/// What one course does at most once, or seldom for each vendor, and whether it has.
#[derive(Clone, Debug, Default)]
struct Once {
    /// The vendors that were a last resort, and when.
    last_resorts: Vec<(u16, Moment)>,
    /// `None` until the draw.
    trickle: Option<bool>,
    /// The candidates whose request was mended, each as often as it was.
    mended: Vec<usize>,
}

/// Whether the attempts begin an answer or continue one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resuming {
    No,
    Yes,
}

/// What this request has seen of one candidate.
#[derive(Clone, Copy, Debug)]
struct Record {
    attempts: u8,
    refusals: u16,
    /// Left out for the rest of the request.
    out: bool,
    /// The pacer's answer, once asked: whether this request is part of a lowered share.
    share: Option<bool>,
    probed: bool,
    lately: Lately,
    last: Option<Class>,
    stay_away: Option<Duration>,
    failed_at: Moment,
    /// Not tried again before this moment.
    not_before: Option<Moment>,
    failures: u8,
}

/// The target's record when it was last tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lately {
    Clean,
    Troubled,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    candidate: usize,
    purpose: AttemptPurpose,
}

#[derive(Clone, Debug)]
struct Tried {
    candidate: usize,
    failure: Failure,
}

impl Record {
    const fn new() -> Self {
        Self {
            attempts: 0,
            refusals: 0,
            out: false,
            share: None,
            probed: false,
            lately: Lately::Troubled,
            last: None,
            stay_away: None,
            failed_at: Moment::ZERO,
            not_before: None,
            failures: 0,
        }
    }
}

impl Course {
    /// The course of a request that starts now. Candidates may come in any order.
    pub fn new(candidates: Vec<Candidate>, policy: CoursePolicy, now: Moment) -> Self {
        Self {
            records: vec![Record::new(); candidates.len()],
            candidates,
            policy,
            started: now,
            attempts: 0,
            pending: None,
            failures: Vec::new(),
            verdict: None,
            doubted: None,
            misfit: None,
            poison: 0,
            stale: 0,
            waits: 0,
            once: Once::default(),
            resuming: Resuming::No,
            mending: None,
        }
    }

    /// What to do now. Every attempt it names counts until [`Self::refused`] says otherwise.
    pub fn next(&mut self, now: Moment, health: &dyn Outlooks, chance: &mut Chance) -> Step {
        if let Some(verdict) = &self.verdict {
            return Step::GiveUp(verdict.clone());
        }
        if now >= self.policy.deadline {
            return Step::GiveUp(self.sum_up(now, health));
        }
        match self.choose(now, health, chance) {
            Some(Choice::Go(candidate, purpose)) => {
                Step::Attempt(self.start(now, health, candidate, purpose))
            }
            Some(Choice::Wait(until)) if self.waits < WAITS_MAX => {
                self.waits += 1;
                Step::Wait(until)
            }
            Some(Choice::Wait(_)) | None => Step::GiveUp(self.sum_up(now, health)),
        }
    }

    /// The target of the attempt just named did not admit it: it never happened.
    pub fn refused(&mut self, candidate: usize, until: Moment) {
        let Some(record) = self.records.get_mut(candidate) else { return };
        record.refusals += 1;
        record.out |= record.refusals >= REFUSALS_MAX;
        record.not_before = Some(record.not_before.map_or(until, |known| known.max(until)));
        self.undo(candidate);
    }

    /// The attempt just named never happened.
    fn undo(&mut self, candidate: usize) {
        let Some(record) = self.records.get_mut(candidate) else { return };
        if let Some(pending) = self.pending.take_if(|pending| pending.candidate == candidate) {
            record.attempts = record.attempts.saturating_sub(1);
            if !pending.purpose.is_free() {
                self.attempts = self.attempts.saturating_sub(1);
            }
        }
    }

    /// From here on attempts continue a stream that broke after its commit, until `deadline`.
    ///
    /// Report the break with [`Self::handle_failure`] first. Attempts still count against the most
    /// allowed; patience and second opinions are over. The target that broke is left out where
    /// another is fit, as a stream is resumed but once.
    pub fn begin_resume(&mut self, deadline: Moment) {
        if let Some(broken) = self.failures.last().map(|tried| tried.candidate)
            && (0..self.candidates.len()).any(|other| other != broken && self.is_in(other))
        {
            self.records[broken].out = true;
        }
        self.resuming = Resuming::Yes;
        self.policy.deadline = deadline;
        self.policy.patience = Duration::ZERO;
    }

    /// Attempts so far, the current one included; free replacements of stale connections and repairs
    /// are not.
    pub const fn attempts(&self) -> u8 {
        self.attempts
    }

    /// The failure seen last.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.failures.last().map(|tried| &tried.failure)
    }

    /// Every failure with the candidate it was seen at, in order.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Failure)> {
        self.failures.iter().map(|tried| (tried.candidate, &tried.failure))
    }

    /// The candidates, as given.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The refusal that another vendor is being asked about, with the candidate that gave it: when
    /// that vendor answers, judge it with [`crate::Opinions::judge`].
    pub fn doubted(&self) -> Option<(usize, &Failure)> {
        self.doubted.as_ref().map(|tried| (tried.candidate, &tried.failure))
    }

    fn start(
        &mut self,
        now: Moment,
        health: &dyn Outlooks,
        candidate: usize,
        purpose: AttemptPurpose,
    ) -> Attempt {
        let outlook = health.outlook(self.candidates[candidate].target, now);
        let purpose = match (self.resuming, purpose) {
            (Resuming::No, _) => purpose,
            (Resuming::Yes, _) if purpose.is_free() => purpose,
            (Resuming::Yes, _) => AttemptPurpose::Resume,
        };
        if !purpose.is_free() {
            self.attempts = self.attempts.saturating_add(1);
        }
        let record = &mut self.records[candidate];
        record.attempts = record.attempts.saturating_add(1);
        record.lately = if outlook.clean { Lately::Clean } else { Lately::Troubled };
        record.probed |= purpose == AttemptPurpose::Probe;
        if purpose == AttemptPurpose::LastResort {
            self.once.last_resorts.push((self.candidates[candidate].vendor, now));
        }
        self.pending = Some(Pending { candidate, purpose });

        let clock = self.policy.awaits.clock(&outlook);
        let mut longest = clock.min(self.policy.first_token_max.unwrap_or(Duration::MAX));
        let movable = self.has_alternative(now, health, candidate);
        if movable {
            let remaining = self.policy.deadline.since(now);
            longest = longest.min(remaining.mul_f64(ATTEMPT_SHARE));
        }
        let first_token_by = (now + longest).min(self.policy.deadline);
        Attempt { candidate, purpose, first_token_by, movable }
    }

    /// Whether another target could still be tried if this attempt used up its time.
    fn has_alternative(&self, now: Moment, health: &dyn Outlooks, candidate: usize) -> bool {
        self.attempts < self.policy.attempts_max
            && (0..self.candidates.len()).any(|other| {
                other != candidate
                    && self.is_fresh(other)
                    && health.outlook(self.candidates[other].target, now).state.takes_traffic()
            })
    }

    /// Whether the candidate is fit, not left out, and not yet tried.
    fn is_fresh(&self, candidate: usize) -> bool {
        let record = &self.records[candidate];
        self.is_in(candidate) && record.attempts == 0
    }

    fn is_in(&self, candidate: usize) -> bool {
        self.candidates[candidate].standing.is_ok() && !self.records[candidate].out
    }
}

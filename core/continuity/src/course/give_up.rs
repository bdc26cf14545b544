//! What the client is told when no attempt is left.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use backstop_resilience::State;
use backstop_vocabulary::{Class, Failure, Fault, Moment};

use super::faults::may_repeat;
use super::{Course, Tried};
use crate::Outlooks;

/// What a target that failed once and is not paused is given: the backoff of a throttle.
const SOON: Duration = Duration::from_secs(1);

/// The longest a client is told to stay away: no target is left alone for longer than that before it
/// is looked at again, whatever it asked for.
const STAY_AWAY_MAX: Duration = Duration::from_secs(900);

impl Course {
    /// The failure that helps the client most: its own fault first, then a rate limit that all
    /// agree on, then that the ladder is exhausted or the deadline over.
    pub(super) fn sum_up(&self, now: Moment, health: &dyn Outlooks) -> Failure {
        if let Some(settled) = self.settled() {
            return settled;
        }
        let fit = || self.candidates.iter().filter(|candidate| candidate.standing.is_ok());
        if fit().next().is_none() {
            return Failure::new(Class::NoTarget, self.why_none());
        }
        let back = self.soonest_return(now, health);
        let is_limit = |class| matches!(class, Class::RateLimited | Class::Acceleration);
        let paused = |index: usize| {
            let target = self.candidates[index].target;
            health.outlook(target, now).state == State::Paused
        };
        let unseen_are_paused =
            (0..self.candidates.len()).filter(|&index| self.is_fresh(index)).all(paused);
        let limited = self.failures.iter().all(|tried| is_limit(tried.failure.class));
        let any_paused =
            (0..self.candidates.len()).any(|index| self.is_fresh(index) && paused(index));
        let class = if limited && unseen_are_paused && (any_paused || !self.failures.is_empty()) {
            Class::RateLimited
        } else if now >= self.policy.deadline {
            Class::DeadlinePassed
        } else {
            Class::RungExhausted
        };
        Failure::new(class, self.what_was_tried(class)).with_stay_away(back)
    }

    /// A failure of the caller, or of the operator, that no other target could undo.
    fn settled(&self) -> Option<Failure> {
        if self.verdict.is_some() {
            return self.verdict.clone();
        }
        if let Some(doubted) = &self.doubted {
            return Some(doubted.failure.clone());
        }
        if let Some(tried) = self.failures.last()
            && self.failures.iter().all(|tried| tried.failure.class == Class::LoopDetected)
            && !(0..self.candidates.len()).any(|index| self.is_fresh(index))
        {
            return Some(tried.failure.clone());
        }
        let misfit = self.misfit.as_ref()?;
        let is_size = matches!(misfit.class, Class::ContextTooLong | Class::RequestTooLarge);
        let all_callers = self.failures.iter().all(|tried| tried.failure.fault() == Fault::Caller);
        (is_size || all_callers).then(|| misfit.clone())
    }

    /// How long until the first target that could serve this request may be back.
    fn soonest_return(&self, now: Moment, health: &dyn Outlooks) -> Option<Duration> {
        let wait = |index: usize| {
            let (candidate, record) = (&self.candidates[index], &self.records[index]);
            candidate.standing.as_ref().ok()?;
            let outlook = health.outlook(candidate.target, now);
            let asked = record.stay_away.map(|wait| record.failed_at + wait).filter(|at| *at > now);
            if outlook.state.takes_traffic() {
                let is_transient = record.last.is_some_and(may_repeat);
                return asked.map(|at| at - now).or_else(|| is_transient.then_some(SOON));
            }
            // The machines have clamped what was asked; without them nobody knows better.
            outlook.until.or(asked).filter(|at| *at > now).map(|at| at - now)
        };
        let soonest = (0..self.candidates.len()).filter_map(wait).min();
        soonest.map(|wait| wait.min(STAY_AWAY_MAX))
    }

    fn what_was_tried(&self, class: Class) -> String {
        let mut text = String::new();
        text.push_str(if class == Class::DeadlinePassed {
            "no answer before the deadline"
        } else if class == Class::RateLimited {
            "every target is rate limited"
        } else {
            "no target of the ladder could answer"
        });
        if self.attempts == 0 {
            text.push_str("; none could be tried");
            return text;
        }
        let mut classes: BTreeMap<&str, u32> = BTreeMap::new();
        for Tried { failure, .. } in &self.failures {
            *classes.entry(failure.class.code()).or_default() += 1;
        }
        let mut vendors: Vec<u16> =
            self.failures.iter().map(|tried| self.candidates[tried.candidate].vendor).collect();
        vendors.sort_unstable();
        vendors.dedup();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (attempts, vendors) = (usize::from(self.attempts), vendors.len());
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "; {attempts} attempt{} at {vendors} vendor{}",
            plural(attempts),
            plural(vendors)
        );
        for (nth, (code, count)) in classes.into_iter().enumerate() {
            text.push_str(if nth == 0 { ": " } else { ", " });
            text.push_str(code);
            if count > 1 {
                let _ = write!(text, " ×{count}");
            }
        }
        text
    }

    fn why_none(&self) -> String {
        let mut reasons: Vec<String> = self
            .candidates
            .iter()
            .filter_map(|candidate| candidate.standing.as_ref().err())
            .map(ToString::to_string)
            .collect();
        reasons.sort();
        reasons.dedup();
        if reasons.is_empty() {
            return "the route has no targets".into();
        }
        format!("no target of the route can serve this request: each {}", reasons.join(", or "))
    }
}

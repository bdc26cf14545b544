//! When nothing fresh of a tier is left: once more, after a wait, or as a last resort.

use std::time::Duration;

use backstop_resilience::{Backoff, State};
use backstop_vocabulary::{Chance, Class, Moment, Tier};

use super::choose::{Choice, Question};
use super::faults::may_repeat;
use super::{ATTEMPT_SHARE, Course, Lately, WAITS_MAX};
use crate::AttemptPurpose;

/// How soon a target that is out of service is looked at again.
const RETURN_LOOK_MIN: Duration = Duration::from_millis(500);
/// A target that will be away for longer is not waited for.
const RETURN_WAIT_MAX: Duration = Duration::from_secs(30);

/// A rate limit that asks for more is not waited out: the official SDKs obey no longer wish either,
/// and the client is told how long to stay away.
const PAUSE_WAIT_MAX: Duration = Duration::from_secs(60);

/// How soon a waiting request may look at a vendor that is out of service once more.
const LAST_RESORT_AGAIN: Duration = Duration::from_secs(15);

/// All who wait for the end of one pause would go at the same moment, and be too many: they go
/// within half of the time they waited, at most this long.
const SPREAD_MAX: Duration = Duration::from_secs(10);

/// A moment of chance soon after `at`, well before `limit`.
fn spread(now: Moment, (at, limit): (Moment, Moment), chance: &mut Chance) -> Moment {
    let most = (at.since(now) / 2).min(SPREAD_MAX).min(limit.since(at) / 2);
    at + chance.between(Duration::ZERO, most)
}

impl Course {
    /// The same target at once, when a server error is the first thing it has done wrong lately.
    pub(super) fn lone_retry(&self, tier: Tier, question: &Question<'_>) -> Option<Choice> {
        let last = self.failures.last()?;
        let (index, record) = (last.candidate, &self.records[last.candidate]);
        let target = self.candidates[index].target;
        let is_lone = last.failure.class == Class::ServerError
            && last.failure.stay_away.is_none()
            && record.lately == Lately::Clean
            && record.failures == 1;
        (is_lone
            && self.candidates[index].tier == tier
            && self.is_in(index)
            && self.is_allowed(index, question)
            && question.looks[index].state.takes_traffic()
            && self.is_in_time(index, question)
            && question.health.retry_allowed(target, question.now))
        .then_some(Choice::Go(index, AttemptPurpose::Retry))
    }

    /// Waits for the preferred rung when a rate limit asks for less than the route's patience.
    pub(super) fn be_patient(&self, question: &Question<'_>) -> Option<Choice> {
        if self.policy.patience.is_zero() {
            return None;
        }
        let fit = self.candidates.iter().filter(|candidate| candidate.standing.is_ok());
        let preferred = fit.map(|candidate| (candidate.tier, candidate.rung)).min()?;
        let of_rung = |&index: &usize| {
            let candidate = &self.candidates[index];
            (candidate.tier, candidate.rung) == preferred && self.is_in(index)
        };
        let members: Vec<usize> = (0..self.candidates.len()).filter(of_rung).collect();
        if members.iter().any(|&index| self.may_go(index, question)) {
            return None;
        }
        let limit = self.started + self.policy.patience;
        let asked = |index: usize| {
            let record = &self.records[index];
            let limited = matches!(record.last, Some(Class::RateLimited | Class::Acceleration));
            let stay_away = record.stay_away.filter(|_| limited);
            match (record.attempts, stay_away) {
                (0, _) => self.ready_at(index, question, Moment::ZERO),
                (_, Some(stay_away)) => {
                    self.ready_at(index, question, record.failed_at + stay_away)
                }
                (_, None) => None,
            }
        };
        let soonest = members.into_iter().filter_map(|index| Some((asked(index)?, index))).min();
        let (at, index) = soonest.filter(|(at, _)| *at <= limit)?;
        self.go_or_wait(index, at, self.policy.deadline, question)
    }

    /// A tried target after its backoff or a paused one after its pause, while the deadline allows.
    ///
    /// What stands below keeps its part of the remaining time.
    pub(super) fn wait_for(
        &mut self,
        tier: Tier,
        question: &Question<'_>,
        chance: &mut Chance,
    ) -> Option<Choice> {
        let mut soonest: Option<(Moment, usize)> = None;
        for index in 0..self.candidates.len() {
            // A fresh one that may go now was left for a reason that waiting does not cure.
            let left = self.may_go(index, question);
            if self.candidates[index].tier != tier || !self.is_in(index) || left {
                continue;
            }
            let earliest = match self.records[index].attempts {
                0 => Some(Moment::ZERO),
                _ => self.back_off(index, chance),
            };
            let at = earliest.and_then(|earliest| self.ready_at(index, question, earliest));
            let option = at.map(|at| (at, index));
            soonest = [soonest, option].into_iter().flatten().min();
        }
        let (at, index) = soonest?;
        let below = (0..self.candidates.len()).any(|other| {
            self.candidates[other].tier > tier
                && self.may_go(other, question)
                && self.is_in_time(other, question)
        });
        let limit = self.limit(question.now, (at, below));
        let choice = self.go_or_wait(index, at, limit, question)?;
        let paused = question.looks[index].state == State::Paused;
        Some(match choice {
            Choice::Wait(at) if paused => Choice::Wait(spread(question.now, (at, limit), chance)),
            Choice::Wait(_) | Choice::Go(..) => choice,
        })
    }

    /// By when an attempt that may begin at `at` should have its first token. Where something stands
    /// `below`, all waits together use up no more than their part of the request's time.
    fn limit(&self, now: Moment, (at, below): (Moment, bool)) -> Moment {
        let deadline = self.policy.deadline;
        if !below {
            return deadline;
        }
        let part = |from: Moment| from + deadline.since(from).mul_f64(ATTEMPT_SHARE);
        if at > now { part(self.started) } else { part(now) }
    }

    /// Waits for a target that is out of service and may soon be back, when nothing else is left: the
    /// client has the time, and its own retry would come no sooner. A wait of chance keeps those who
    /// wait together apart.
    pub(super) fn wait_for_return(
        &self,
        question: &Question<'_>,
        chance: &mut Chance,
    ) -> Option<Choice> {
        let back = |index: usize| {
            let (look, record) = (&question.looks[index], &self.records[index]);
            let repeats = record.attempts == 0 || record.last.is_some_and(may_repeat);
            let full = record.attempts == 0 && record.not_before > Some(question.now);
            let away = match look.state {
                State::Open | State::HalfOpen => true,
                // A pause that claims to be over would make us ask for ever.
                State::Paused => look.until > Some(question.now),
                State::Closed | State::Demoted | State::Ramping => full,
                State::Blocked => false,
            };
            if !self.is_in(index) || !repeats || !away {
                return None;
            }
            let at = look.until.max(record.not_before).unwrap_or(question.now);
            let at = at.max(question.now + RETURN_LOOK_MIN);
            Some((at, look.first_token_typical))
        };
        let (at, typical) = (0..self.candidates.len()).filter_map(back).min()?;
        let at = at + chance.between(Duration::ZERO, RETURN_LOOK_MIN);
        let in_time = at + typical <= self.policy.deadline;
        (in_time && at <= question.now + RETURN_WAIT_MAX && self.waits < WAITS_MAX)
            .then_some(Choice::Wait(at))
    }

    /// The least bad of the tier's targets that are open, one per vendor and once more now and then
    /// while there is nothing but to wait, unless one merely above its ramp could go.
    pub(super) fn last_resort(&self, tier: Tier, question: &Question<'_>) -> Option<Choice> {
        let indexes = || (0..self.candidates.len()).filter(|&i| self.candidates[i].tier == tier);
        if indexes().any(|index| self.may_go(index, question)) {
            return None;
        }
        let candidates = indexes().filter(|&index| {
            self.may_be_last_resort(index, question.now)
                && self.is_in(index)
                && self.is_allowed(index, question)
                && self.records[index].not_before.is_none_or(|moment| moment <= question.now)
                && matches!(question.looks[index].state, State::Open | State::HalfOpen)
        });
        let badness = |index: usize| {
            let look = &question.looks[index];
            (look.recent_failure_share, look.state, look.until)
        };
        let least = candidates.min_by(|&a, &b| {
            let (a, b) = (badness(a), badness(b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
        })?;
        let target = self.candidates[least].target;
        let wants_probe = question.looks[least].state == State::HalfOpen
            && self.is_fresh(least)
            && !self.records[least].probed
            && question.health.may_probe(target, question.now);
        if wants_probe {
            return Some(Choice::Go(least, AttemptPurpose::Probe));
        }
        question
            .health
            .last_resort_allowed(target, question.now)
            .then_some(Choice::Go(least, AttemptPurpose::LastResort))
    }

    /// Whether no last resort went to its vendor lately. A second one leaves an attempt for what the
    /// request is waiting for.
    pub(super) fn may_be_last_resort(&self, index: usize, now: Moment) -> bool {
        let vendor = self.candidates[index].vendor;
        let latest = self.once.last_resorts.iter().rfind(|(of, _)| *of == vendor);
        let record = &self.records[index];
        match latest {
            None => record.attempts == 0,
            Some((_, at)) => {
                now.since(*at) >= LAST_RESORT_AGAIN
                    && self.attempts + 2 <= self.policy.attempts_max
                    && record.last.is_none_or(may_repeat)
            }
        }
    }

    /// When a failed target may be tried again; `None` when that would not help.
    fn back_off(&mut self, index: usize, chance: &mut Chance) -> Option<Moment> {
        let record = &mut self.records[index];
        let class = record.last.filter(|class| may_repeat(*class))?;
        if record.not_before.is_none() {
            let mut backoff = Backoff::after(class);
            let mut wait = Duration::ZERO;
            for _ in 0..record.failures.max(1) {
                wait = backoff.next(None, chance);
            }
            let wait = wait.max(record.stay_away.unwrap_or_default());
            record.not_before = Some(record.failed_at + wait);
        }
        record.not_before
    }

    /// From when on this candidate takes traffic, as far as known and not before `earliest`.
    fn ready_at(&self, index: usize, question: &Question<'_>, earliest: Moment) -> Option<Moment> {
        if !self.is_allowed(index, question) {
            return None;
        }
        let (look, record) = (&question.looks[index], &self.records[index]);
        let earliest = record.not_before.map_or(earliest, |moment| moment.max(earliest));
        match look.state {
            State::Closed | State::Demoted | State::Ramping => Some(earliest),
            // A pause that claims to be over would make us ask for ever.
            State::Paused => {
                look.until.filter(|until| *until > question.now).map(|until| until.max(earliest))
            }
            State::HalfOpen | State::Open | State::Blocked => None,
        }
    }

    fn go_or_wait(
        &self,
        index: usize,
        at: Moment,
        limit: Moment,
        question: &Question<'_>,
    ) -> Option<Choice> {
        let typical = question.looks[index].first_token_typical;
        let again = self.records[index].attempts > 0;
        let target = self.candidates[index].target;
        // Whoever was told to come back later, and does, is not a storm of retries.
        let limited = [Class::RateLimited, Class::Acceleration].map(Some);
        let invited = limited.contains(&self.records[index].last);
        if again && !invited && !question.health.retry_allowed(target, question.now) {
            return None;
        }
        if at.max(question.now) + typical > limit {
            return None;
        }
        if at > question.now {
            let soon = at <= question.now + PAUSE_WAIT_MAX && self.waits < WAITS_MAX;
            return soon.then_some(Choice::Wait(at));
        }
        let purpose = if again { AttemptPurpose::Retry } else { self.usual_purpose() };
        Some(Choice::Go(index, purpose))
    }
}

//! Which candidate next: the order within a request.

use backstop_resilience::{Outlook, State};
use backstop_vocabulary::{Chance, Class, Moment, Tier};

use super::faults::is_against_vendor;
use super::{Course, STALE_RETRIES_MAX};
use crate::{AttemptPurpose, Outlooks};

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Go(usize, AttemptPurpose),
    Wait(Moment),
}

/// One question: the moment, the health, and what was looked up for it.
pub(super) struct Question<'a> {
    pub(super) now: Moment,
    pub(super) health: &'a dyn Outlooks,
    /// The outlook of each candidate.
    pub(super) looks: Vec<Outlook>,
    /// The vendor that has used up all attempts but the kept one.
    spent_vendor: Option<u16>,
}

/// How gladly a tier's fresh candidates are taken; smaller is sooner: over its share, of a failed
/// vendor, suspected, rung.
type Key = (bool, bool, bool, u8);

impl Course {
    pub(super) fn choose(
        &mut self,
        now: Moment,
        health: &dyn Outlooks,
        chance: &mut Chance,
    ) -> Option<Choice> {
        let looks = self.candidates.iter().map(|c| health.outlook(c.target, now)).collect();
        let mut question = Question { now, health, looks, spent_vendor: None };
        if let Some(stale) = self.stale_retry(&question) {
            return Some(stale);
        }
        if let Some(mended) = self.mended(&question) {
            return Some(mended);
        }
        if self.attempts >= self.policy.attempts_max {
            return None;
        }
        question.spent_vendor = self.spent_vendor(&question);
        if self.doubted.is_some() {
            return self.second_opinion(&question, chance);
        }
        if let Some(choice) = self.be_patient(&question) {
            return Some(choice);
        }
        // What is too slow for the time left, or above its ramp, is still better than nothing.
        let late = |_: &Self, _: usize| true;
        self.fresh(Tier::Full, &question, chance)
            .or_else(|| self.again(Tier::Full, &question, chance))
            .or_else(|| self.fresh(Tier::Degraded, &question, chance))
            .or_else(|| {
                let index = self.pick(&question, chance, &late)?;
                Some(Choice::Go(index, self.usual_purpose()))
            })
            .or_else(|| self.again(Tier::Degraded, &question, chance))
            .or_else(|| self.wait_for_return(&question, chance))
    }

    fn fresh(
        &mut self,
        tier: Tier,
        question: &Question<'_>,
        chance: &mut Chance,
    ) -> Option<Choice> {
        let rule = |course: &Self, index: usize| {
            course.candidates[index].tier == tier
                && course.is_in_time(index, question)
                && !course.would_stampede(index, question)
        };
        let best = match self.home(tier, question) {
            Some(home) => home,
            None => self.pick(question, chance, &rule)?,
        };
        Some(self.open_with(best, question, chance))
    }

    fn again(
        &mut self,
        tier: Tier,
        question: &Question<'_>,
        chance: &mut Chance,
    ) -> Option<Choice> {
        if self.kept_for_below(tier, question) {
            return None;
        }
        self.lone_retry(tier, question)
            .or_else(|| self.wait_for(tier, question, chance))
            .or_else(|| self.last_resort(tier, question))
    }

    /// The best fresh candidate that obeys the rule. The pacer is asked only about the one that
    /// would be taken, and once.
    fn pick(
        &mut self,
        question: &Question<'_>,
        chance: &mut Chance,
        rule: &dyn Fn(&Self, usize) -> bool,
    ) -> Option<usize> {
        loop {
            let options: Vec<(Key, usize)> = (0..self.candidates.len())
                .filter(|&index| self.may_go(index, question) && rule(self, index))
                .map(|index| (self.key(index, question), index))
                .collect();
            let best = options.iter().map(|(key, _)| *key).min()?;
            let equals = options.into_iter().filter(|(key, _)| *key == best);
            let chosen = self.draw(equals.map(|(_, index)| index).collect(), chance)?;
            let unasked = self.records[chosen].share.is_none();
            if !unasked || question.looks[chosen].share >= 1.0 {
                return Some(chosen);
            }
            let target = self.candidates[chosen].target;
            let allowed = question.health.may_use_share(target, question.now);
            self.records[chosen].share = Some(allowed);
        }
    }

    /// Draws by weight; with an affinity, by weighted rendezvous hashing, so that a session keeps
    /// to its target and others keep theirs when one goes.
    pub(super) fn draw(&self, mut options: Vec<usize>, chance: &mut Chance) -> Option<usize> {
        if options.iter().any(|&index| self.candidates[index].weight > 0) {
            options.retain(|&index| self.candidates[index].weight > 0);
        }
        if let [only] = options[..] {
            return Some(only);
        }
        let weight = |index: usize| self.candidates[index].weight.max(1);
        if let Some(affinity) = self.policy.affinity {
            let score = |index: usize| {
                let target = self.candidates[index].target as u64;
                let unit = Chance::from_seed(affinity).fork(target.wrapping_add(1)).unit();
                -(1.0 - unit).ln() / f64::from(weight(index))
            };
            return options.into_iter().min_by(|&a, &b| score(a).total_cmp(&score(b)));
        }
        let total: u64 = options.iter().map(|&index| u64::from(weight(index))).sum();
        let mut left = chance.below(total);
        options.into_iter().find(|&index| {
            let weight = u64::from(weight(index));
            let hit = left < weight;
            left = left.saturating_sub(weight);
            hit
        })
    }

    fn key(&self, index: usize, question: &Question<'_>) -> Key {
        let candidate = &self.candidates[index];
        let failed = self.failures.iter().any(|tried| {
            self.candidates[tried.candidate].vendor == candidate.vendor
                && is_against_vendor(&tried.failure)
        });
        let suspected = question.health.suspected(candidate.target, question.now);
        // The pacer's no is over once the target is well again.
        let scarce = self.records[index].share == Some(false) && question.looks[index].share < 1.0;
        (scarce, failed, suspected, candidate.rung)
    }

    /// The same target again, free, when a pooled connection turned out to be closed.
    fn stale_retry(&mut self, question: &Question<'_>) -> Option<Choice> {
        let pending = self.pending?;
        let is_stale = self.last_failure()?.class == Class::StaleConnection;
        let state = question.looks[pending.candidate].state;
        if !is_stale
            || self.stale >= STALE_RETRIES_MAX
            || matches!(state, State::Paused | State::Blocked)
        {
            return None;
        }
        self.stale += 1;
        Some(Choice::Go(pending.candidate, AttemptPurpose::StaleRetry))
    }

    /// Asks another vendor about a refusal that names the caller; without one the refusal stands.
    fn second_opinion(&mut self, question: &Question<'_>, chance: &mut Chance) -> Option<Choice> {
        let (doubted, failure) = self.doubted()?;
        let (vendor, failure) = (self.candidates[doubted].vendor, failure.clone());
        if question.health.opinion_allowed(question.now) {
            for tier in [Tier::Full, Tier::Degraded] {
                let rule = |course: &Self, index: usize| {
                    let other = &course.candidates[index];
                    other.tier == tier
                        && other.vendor != vendor
                        && course.is_in_time(index, question)
                };
                if let Some(other) = self.pick(question, chance, &rule) {
                    return Some(Choice::Go(other, AttemptPurpose::SecondOpinion));
                }
            }
        }
        self.verdict = Some(failure);
        None
    }

    /// The vendor of every attempt so far, when only one attempt is left and another vendor could
    /// take it.
    fn spent_vendor(&self, question: &Question<'_>) -> Option<u16> {
        if self.attempts == 0 || self.attempts + 1 < self.policy.attempts_max {
            return None;
        }
        let mut tried = (0..self.candidates.len()).filter(|&i| self.records[i].attempts > 0);
        let vendor = self.candidates[tried.next()?].vendor;
        let could_go = |index: usize| {
            let (state, target) = (question.looks[index].state, self.candidates[index].target);
            self.candidates[index].vendor != vendor
                && self.is_fresh(index)
                && self.is_ready(index, question)
                && (state.takes_traffic()
                    || matches!(state, State::Open | State::HalfOpen)
                        && self.may_be_last_resort(index, question.now)
                        && question.health.last_resort_allowed(target, question.now))
        };
        let only_one = tried.all(|index| self.candidates[index].vendor == vendor);
        (only_one && (0..self.candidates.len()).any(could_go)).then_some(vendor)
    }

    /// Whether one attempt is left and a lower tier that was not tried could take it: asking a failed
    /// target once more would be the end of the request if it fails again.
    fn kept_for_below(&self, tier: Tier, question: &Question<'_>) -> bool {
        self.attempts + 1 >= self.policy.attempts_max
            && self.attempts > 0
            && (0..self.candidates.len()).any(|index| {
                self.candidates[index].tier > tier
                    && self.may_go(index, question)
                    && self.is_in_time(index, question)
            })
    }

    /// Whether the candidate is fresh and takes ordinary traffic now.
    pub(super) fn may_go(&self, index: usize, question: &Question<'_>) -> bool {
        self.is_fresh(index)
            && self.is_ready(index, question)
            && question.looks[index].state.takes_traffic()
            && self.is_allowed(index, question)
    }

    /// Whether the rule of the kept attempt allows it.
    pub(super) fn is_allowed(&self, index: usize, question: &Question<'_>) -> bool {
        question.spent_vendor != Some(self.candidates[index].vendor)
    }

    pub(super) fn is_ready(&self, index: usize, question: &Question<'_>) -> bool {
        self.records[index].not_before.is_none_or(|moment| moment <= question.now)
    }

    pub(super) fn is_in_time(&self, index: usize, question: &Question<'_>) -> bool {
        question.now + question.looks[index].first_token_typical <= self.policy.deadline
    }

    /// Whether it is coming back, this request is beyond its ramp, and something below can answer.
    /// One that was never ill, and merely limits its growth, says itself what is too much.
    fn would_stampede(&self, index: usize, question: &Question<'_>) -> bool {
        let look = &question.looks[index];
        self.records[index].share == Some(false)
            && look.state == State::Ramping
            && !look.guards_itself
    }

    /// The purpose of an attempt at a fresh target.
    pub(super) const fn usual_purpose(&self) -> AttemptPurpose {
        if self.attempts == 0 { AttemptPurpose::First } else { AttemptPurpose::Failover }
    }
}

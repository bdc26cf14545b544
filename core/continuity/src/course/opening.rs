//! The first attempt of a request: the preferred target, unless a probe or the trickle is due.

use backstop_resilience::State;
use backstop_vocabulary::{Chance, Tier};

use super::choose::{Choice, Question};
use super::{Course, Resuming};
use crate::AttemptPurpose;

impl Course {
    /// Turns the first pick of a request into a probe or the trickle where one is due.
    pub(super) fn open_with(
        &mut self,
        best: usize,
        question: &Question<'_>,
        chance: &mut Chance,
    ) -> Choice {
        if self.attempts > 0 || self.resuming == Resuming::Yes {
            return Choice::Go(best, AttemptPurpose::Failover);
        }
        let (tier, rung) = (self.candidates[best].tier, self.candidates[best].rung);
        let probe = (0..self.candidates.len()).find(|&index| {
            let other = &self.candidates[index];
            (other.tier, other.rung) <= (tier, rung)
                && self.is_fresh(index)
                && self.is_ready(index, question)
                && !self.records[index].probed
                && question.looks[index].state == State::HalfOpen
                && question.health.may_probe(other.target, question.now)
        });
        if let Some(probe) = probe {
            return Choice::Go(probe, AttemptPurpose::Probe);
        }
        match self.trickle(best, question, chance) {
            Some(other) => Choice::Go(other, AttemptPurpose::Trickle),
            None => Choice::Go(best, AttemptPurpose::First),
        }
    }

    /// Where the session's prompt cache is, for the first attempt while that target is quite well.
    pub(super) fn home(&self, tier: Tier, question: &Question<'_>) -> Option<usize> {
        let home = self.policy.home.filter(|_| self.attempts == 0)?;
        let index = self.candidates.iter().position(|other| other.target == home)?;
        let is_home = self.candidates[index].tier == tier
            && self.may_go(index, question)
            && self.is_in_time(index, question)
            && question.looks[index].state == State::Closed
            && question.looks[index].share >= 1.0
            && !question.health.suspected(home, question.now);
        is_home.then_some(index)
    }

    /// A healthy full-tier target of another rung, for the few requests that keep it practised.
    fn trickle(
        &mut self,
        best: usize,
        question: &Question<'_>,
        chance: &mut Chance,
    ) -> Option<usize> {
        let is_well = |course: &Self, index: usize| {
            let target = course.candidates[index].target;
            course.candidates[index].tier == Tier::Full
                && question.looks[index].state == State::Closed
                && !question.health.suspected(target, question.now)
        };
        let at_home = self.policy.home == Some(self.candidates[best].target);
        if self.policy.trickle <= 0.0 || at_home || !is_well(self, best) {
            return None;
        }
        let share = self.policy.trickle;
        let drawn = match (self.once.trickle, self.policy.affinity) {
            (Some(drawn), _) => drawn,
            (None, Some(affinity)) => Chance::from_seed(!affinity).happens(share),
            (None, None) => chance.happens(share),
        };
        self.once.trickle = Some(drawn);
        if !drawn {
            return None;
        }
        let rung = self.candidates[best].rung;
        let rule = |course: &Self, index: usize| {
            course.candidates[index].rung != rung
                && is_well(course, index)
                && course.is_in_time(index, question)
        };
        let options = (0..self.candidates.len())
            .filter(|&index| self.may_go(index, question) && rule(self, index));
        self.draw(options.collect(), chance)
    }
}

//! The order that a request would follow now, for `explain`, status and tests.

use backstop_resilience::{Outlook, State};
use backstop_vocabulary::{Chance, Class, Failure, Moment};

use super::Course;
use crate::{AttemptPurpose, Outlooks, Step, Unfit};

/// What a course would do with one candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Prospect {
    /// Its index in the candidates.
    pub candidate: usize,
    /// Its turn, from 1, if every turn before it failed hard, and why it would be tried then;
    /// `None` when it would not be tried at all.
    pub turn: Option<(u8, AttemptPurpose)>,
    /// Why it cannot serve the request.
    pub unfit: Option<Unfit>,
    /// What its target does with traffic.
    pub state: State,
    /// The part of its normal share that it gets, 0 to 1.
    pub share: f32,
    /// When that ends, if known.
    pub until: Option<Moment>,
    /// Whether evidence about its provider speaks against it.
    pub suspected: bool,
}

/// The same health, asked nothing that costs.
struct Quiet<'a>(&'a dyn Outlooks);

impl Outlooks for Quiet<'_> {
    fn outlook(&self, target: usize, now: Moment) -> Outlook {
        self.0.outlook(target, now)
    }

    fn suspected(&self, target: usize, now: Moment) -> bool {
        self.0.suspected(target, now)
    }

    fn retry_allowed(&self, _target: usize, _now: Moment) -> bool {
        false
    }

    fn last_resort_allowed(&self, _target: usize, _now: Moment) -> bool {
        true
    }

    fn may_use_share(&self, target: usize, now: Moment) -> bool {
        self.0.outlook(target, now).share >= 0.5
    }

    fn opinion_allowed(&self, _now: Moment) -> bool {
        false
    }
}

impl Course {
    /// What would become of every candidate now, in turn order, then those that have no turn.
    ///
    /// Nothing is changed or taken; shares are resolved to the likelier side, weights by a fixed
    /// draw, the trickle is left out.
    pub fn plan(&self, now: Moment, health: &dyn Outlooks) -> Vec<Prospect> {
        let mut ghost = self.clone();
        ghost.policy.attempts_max = u8::MAX;
        ghost.policy.trickle = 0.0;
        ghost.pending = None;
        ghost.mending = None;
        let mut chance = Chance::from_seed(0);
        let quiet = Quiet(health);
        let mut turns = Vec::new();
        let hard = Failure::new(Class::ConnectionReset, "imagined");
        while let Step::Attempt(attempt) = ghost.next(now, &quiet, &mut chance) {
            turns.push((attempt.candidate, attempt.purpose));
            ghost.handle_failure(now, attempt.candidate, &hard);
        }
        let prospect = |candidate: usize, turn| {
            let (place, target) = (&self.candidates[candidate], self.candidates[candidate].target);
            let outlook = health.outlook(target, now);
            Prospect {
                candidate,
                turn,
                unfit: place.standing.clone().err(),
                state: outlook.state,
                share: outlook.share,
                until: outlook.until,
                suspected: health.suspected(target, now),
            }
        };
        let numbered = (1_u8..).zip(&turns);
        let mut plan: Vec<_> = numbered
            .map(|(turn, (index, purpose))| prospect(*index, Some((turn, *purpose))))
            .collect();
        let idle = (0..self.candidates.len())
            .filter(|index| !turns.iter().any(|(tried, _)| tried == index));
        plan.extend(idle.map(|index| prospect(index, None)));
        plan
    }
}

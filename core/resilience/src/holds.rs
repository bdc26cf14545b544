//! Pauses that the provider asked for, and blocks that waiting alone does not lift.
//!
//! ```text
//!  Free ── 429 ──▶ Paused ── time passes ──▶ Free          the pause grows with the next 429
//!  Free ── 401, 402, 404 … ──▶ Blocked ── probe is due ──▶ one probe ── succeeded ──▶ Free
//!                                 ▲                            │
//!                                 └──────── refused again ─────┘  the block grows
//! ```

use std::time::Duration;

use backstop_vocabulary::{Chance, Class, Failure, Moment};

use crate::pause::doubled;
use crate::tuning::HoldTuning;

/// Why a target is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The credential was refused.
    Auth,
    /// Money or quota is used up.
    Quota,
    /// The model is unknown to this account.
    Model,
}

impl Why {
    const ALL: [Self; 3] = [Self::Auth, Self::Quota, Self::Model];

    /// The name in a target's memory.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::Model => "model",
        }
    }

    /// The block of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.name() == name)
    }

    /// The block that follows from a failure of this class, if any.
    pub(crate) const fn of(class: Class) -> Option<Self> {
        if matches!(class, Class::AuthRefused) {
            Some(Self::Auth)
        } else if matches!(class, Class::QuotaExhausted) {
            Some(Self::Quota)
        } else if matches!(class, Class::ModelNotFound) {
            Some(Self::Model)
        } else {
            None
        }
    }
}

/// A block under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Why.
    pub(crate) why: Why,
    /// Since when; what began earlier and succeeds says nothing.
    pub(crate) since: Moment,
    /// When a probe may look again.
    pub(crate) until: Moment,
}

/// The pauses and blocks of one target.
#[derive(Clone, Debug)]
pub(crate) struct Holds {
    tuning: HoldTuning,
    paused_until: Moment,
    /// Doublings of the next pause.
    rate_level: f64,
    /// Doublings of the next block.
    block_level: f64,
    block: Option<Block>,
    last_success: Option<Moment>,
    /// Pauses since the last success, and when the first of them began.
    fruitless: (u32, Moment),
    /// The share that an acceleration limit left, and when it did; it grows from then on.
    ceiling: f32,
    ceiling_cut: Option<Moment>,
}

impl Holds {
    /// Free.
    pub(crate) fn new(tuning: &HoldTuning) -> Self {
        Self {
            tuning: *tuning,
            paused_until: Moment::ZERO,
            rate_level: 0.0,
            block_level: 0.0,
            block: None,
            last_success: None,
            fruitless: (0, Moment::ZERO),
            ceiling: 1.0,
            ceiling_cut: None,
        }
    }

    /// The end of the rate-limit pause, while there is one.
    pub(crate) fn paused_until(&self, now: Moment) -> Option<Moment> {
        (now < self.paused_until).then_some(self.paused_until)
    }

    /// The block, while there is one.
    pub(crate) fn block(&self) -> Option<Block> {
        self.block
    }

    /// The highest share an acceleration limit leaves: it grows by a step each minute.
    pub(crate) fn ceiling(&self, now: Moment) -> f32 {
        let Some(cut) = self.ceiling_cut else { return 1.0 };
        let steps = now.since(cut).as_secs() / self.tuning.ceiling_step.as_secs().max(1);
        let steps = i32::try_from(steps.min(64)).unwrap_or(64);
        (self.ceiling * self.tuning.ceiling_growth.powi(steps)).min(1.0)
    }

    /// A probe that said nothing is not repeated at once.
    pub(crate) fn put_off(&mut self, now: Moment, gap: Duration) {
        if let Some(block) = &mut self.block {
            block.until = block.until.max(now + gap);
        }
    }

    /// Complete answers, of attempts that began at `began`; lifts a block that is older than that.
    pub(crate) fn handle_success(&mut self, now: Moment, count: u32, began: Moment) {
        let forgiven = f64::from(count) / self.tuning.forgive_successes;
        self.rate_level = (self.rate_level - forgiven).max(0.0);
        self.fruitless = (0, now);
        if self.block.is_none_or(|block| began >= block.since) {
            self.last_success = Some(now);
            // Whoever was just let in again keeps what its next block has grown to.
            if self.block.take().is_none() {
                self.block_level = (self.block_level - forgiven).max(0.0);
            }
        }
    }

    /// A rate limit. True when limits without a single success have gone on for so long that they
    /// are an overload, whatever they call themselves.
    pub(crate) fn handle_rate_limit(
        &mut self,
        now: Moment,
        stay_away: Option<Duration>,
        chance: &mut Chance,
    ) -> bool {
        let tuning = self.tuning;
        let wished =
            stay_away.map(|it| it.clamp(tuning.rate_stay_away_min, tuning.rate_stay_away_max));
        // The rest of a volley that was in flight together says nothing new.
        if now < self.paused_until {
            self.paused_until = self.paused_until.max(now + wished.unwrap_or_default());
            return false;
        }
        let grown = doubled(tuning.rate_pause_min, self.rate_level, tuning.rate_pause_max);
        let grown = chance.between(grown / 2, grown).max(tuning.rate_pause_min);
        self.rate_level = (self.rate_level + 1.0).min(8.0);
        self.paused_until = now + wished.map_or(grown, |wished| wished.max(grown));
        if self.fruitless.0 == 0 {
            self.fruitless.1 = now;
        }
        self.fruitless.0 += 1;
        self.fruitless.0 >= tuning.false_limit_pauses
            && now.since(self.fruitless.1) >= tuning.false_limit_after
    }

    /// Traffic grew too fast: half the ceiling, which grows back by the minute, and a short rest.
    /// Growing on is the cure, so that the rest does not grow, and no number of them is taken for an
    /// overload.
    pub(crate) fn handle_acceleration(
        &mut self,
        now: Moment,
        stay_away: Option<Duration>,
        chance: &mut Chance,
    ) {
        let tuning = self.tuning;
        // The rest of a volley that was in flight together says nothing new.
        if self.ceiling_cut.is_none_or(|cut| now >= cut + tuning.ceiling_step) {
            self.ceiling = (self.ceiling(now) / 2.0).max(tuning.ceiling_min);
            self.ceiling_cut = Some(now);
        }
        let wished =
            stay_away.map(|it| it.clamp(tuning.rate_stay_away_min, tuning.rate_stay_away_max));
        let short = chance.between(tuning.rate_pause_min, tuning.rate_pause_min * 3);
        self.paused_until = self.paused_until.max(now + wished.unwrap_or(short));
    }

    /// The target refuses until something outside changes.
    pub(crate) fn handle_block(&mut self, now: Moment, why: Why, failure: &Failure) {
        let tuning = &self.tuning;
        // The rest of a volley that was in flight together does not make the block longer.
        if self.block.is_some_and(|block| now < block.until) {
            return;
        }
        let recent = self.last_success.is_some_and(|at| now.since(at) <= tuning.auth_recent);
        let pause = match why {
            Why::Auth if recent => doubled(tuning.auth_min, self.block_level, tuning.auth_max),
            Why::Auth => doubled(tuning.auth_unproved, self.block_level, tuning.auth_max),
            Why::Model => doubled(tuning.model_min, self.block_level, tuning.model_max),
            Why::Quota => failure
                .stay_away
                .map_or(tuning.quota_probe, |it| it.clamp(tuning.quota_min, tuning.quota_max))
                .min(tuning.quota_probe),
        };
        self.block_level = (self.block_level + 1.0).min(16.0);
        let since = self.block.map_or(now, |block| block.since);
        self.block = Some(Block { why, since, until: now + pause });
    }

    /// What is left of pause and block, and their levels, for the next life.
    pub(crate) fn left(&self, now: Moment) -> (Duration, Option<(Why, Duration)>, [f64; 2]) {
        let block = self.block.map(|block| (block.why, block.until.since(now)));
        (self.paused_until.since(now), block, [self.rate_level, self.block_level])
    }

    /// Takes up what a former life left.
    pub(crate) fn recall(
        &mut self,
        now: Moment,
        pause: Duration,
        block: Option<(Why, Duration)>,
        levels: [f64; 2],
    ) {
        let tuning = &self.tuning;
        self.paused_until = now + pause.min(tuning.rate_stay_away_max);
        self.block = block.map(|(why, left)| Block {
            why,
            since: now,
            until: now + left.min(tuning.quota_probe),
        });
        [self.rate_level, self.block_level] = levels.map(|level| level.clamp(0.0, 16.0));
    }
}

#[cfg(test)]
mod tests;

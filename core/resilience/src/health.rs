//! The machines of one target, joined.
//!
//! ```text
//!  a fact ──▶ Holds ───▶ Breaker ──▶ Ramp or Demotion ──▶ Clocks
//!             paused,    open,       share                how long to wait
//!             blocked    half-open
//! ```
//!
//! The worst reason wins in the outlook: blocked, open, paused, half-open, ramping, demoted, closed.

use std::time::Duration;

use backstop_vocabulary::{Chance, Moment};

use crate::breaker::Breaker;
use crate::clocks::{Clocks, Suspect};
use crate::demotion::Demotion;
use crate::holds::Holds;
use crate::lease::Leases;
use crate::outlook::{Outlook, Purpose, State, Verdict};
use crate::ramp::Ramp;
use crate::tuning::Tuning;

mod facts;
mod recall;

/// Slow attempts among the recent ones from which the baselines freeze.
const SLOW_SHARE_SUSPECT: f64 = 0.2;

/// How one target fares: told what happened and when, it says what may be sent there.
///
/// Report every ending once. Successes may be gathered and told as a count, but must be told
/// *before* the next failure, slow attempt or probe, or rows of failures would be seen where there
/// are none. An attempt that held a [`Lease`](crate::Lease) ends in
/// [`handle_probe_ending`](Self::handle_probe_ending) or [`release`](Self::release) alone.
#[derive(Clone, Debug)]
pub struct Health {
    tuning: Tuning,
    chance: Chance,
    holds: Holds,
    breaker: Breaker,
    ramp: Option<Ramp>,
    demotion: Demotion,
    clocks: Clocks,
    leases: Leases,
    probe_is_slow: bool,
    /// When a request last had nothing better than this target while it was open.
    needed_at: Option<Moment>,
}

impl Health {
    /// A target of which nothing is known: closed, with the whole share. The seed decides the jitter
    /// of its pauses; give each target its own.
    pub fn new(tuning: Tuning, seed: u64) -> Self {
        Self {
            chance: Chance::from_seed(seed),
            holds: Holds::new(&tuning.holds),
            breaker: Breaker::new(tuning.breaker),
            ramp: None,
            demotion: Demotion::new(tuning.demotion),
            clocks: Clocks::new(tuning.clocks),
            leases: Leases::default(),
            probe_is_slow: false,
            needed_at: None,
            tuning,
        }
    }

    /// How the target looks now. Changes nothing, and agrees with what [`Self::admit`] would say.
    pub fn outlook(&self, now: Moment) -> Outlook {
        let state = self.state(now);
        let recent = self.breaker.recent(now);
        let full_floor = state != State::Demoted || self.demotion.leans_healthy();
        let floor = &self.tuning.floor;
        let clocks = self.clocks.readings();
        Outlook {
            state,
            share: if state.takes_traffic() { self.share(now) } else { 0.0 },
            guards_itself: state == State::Ramping && self.return_share(now) >= 1.0,
            floor_rate: if full_floor { floor.rate } else { floor.suspect_rate },
            floor_in_flight: if full_floor { floor.in_flight } else { 0 },
            until: self.probe_due(now).or_else(|| self.holds.paused_until(now)),
            recent_failure_share: narrow(recent.failure_share()),
            clean: self.breaker.is_closed() && self.breaker.lately(now).failed == 0,
            first_token_typical: clocks.first_token_typical,
            first_token_clock: clocks.first_token_clock,
            slow_after: clocks.slow_after,
            gap_clock: clocks.gap_clock,
            whole_clock: clocks.whole_clock,
            whole_slow_after: clocks.whole_slow_after,
        }
    }

    /// Says whether an attempt may start now. A granted probe holds a lease until it ends or expires.
    ///
    /// A lowered share is not enforced here, as it needs chance and in-flight counts: that is
    /// [`Pacer`](crate::Pacer)'s part.
    pub fn admit(&mut self, now: Moment, purpose: Purpose) -> Verdict {
        if purpose == Purpose::LastResort {
            self.needed_at = Some(now);
        }
        let Some(due) = self.probe_due(now) else {
            return match self.holds.paused_until(now) {
                Some(until) if purpose != Purpose::LastResort => Verdict::Refused { until },
                Some(_) | None => Verdict::Attempt,
            };
        };
        let due = match purpose {
            Purpose::Probe | Purpose::LastResort => due,
            // The synthetic prober goes first; if nobody probes, a client's request must, or the
            // target would stay shut for ever.
            Purpose::Traffic if self.leases.live_until(now).is_some() => due,
            Purpose::Traffic => due + self.tuning.breaker.canary_after,
        };
        if due <= now
            && let Some(lease) = self.leases.take(now, self.tuning.breaker.lease)
        {
            self.probe_is_slow = false;
            return Verdict::Probe(lease);
        }
        // A target that refuses us gets probes only; one that fails is better than nothing.
        if purpose == Purpose::LastResort && self.holds.block().is_none() {
            return Verdict::Attempt;
        }
        Verdict::Refused { until: due }
    }

    /// When a synthetic validation should be sent; `None` while the target needs none. It may lie in
    /// the past.
    pub fn probe_due(&self, now: Moment) -> Option<Moment> {
        let block = self.holds.block().map(|block| block.until);
        // `None` is less than any moment, so that the later of the two is asked for.
        let due = block.max(self.breaker.probe_due())?;
        let paused = self.holds.paused_until(now).unwrap_or_default();
        let leased = self.leases.live_until(now).unwrap_or_default();
        Some(due.max(paused).max(leased))
    }

    fn state(&self, now: Moment) -> State {
        let paused = self.holds.paused_until(now).is_some();
        if self.holds.block().is_some() {
            State::Blocked
        } else if !self.breaker.is_closed() {
            if self.breaker.is_half_open(now) && !paused { State::HalfOpen } else { State::Open }
        } else if paused {
            State::Paused
        } else if self.ramp_share(now) < 1.0 {
            State::Ramping
        } else if self.demotion.step() > 0 {
            State::Demoted
        } else {
            State::Closed
        }
    }

    fn share(&self, now: Moment) -> f32 {
        self.ramp_share(now).min(self.demotion.share())
    }

    fn ramp_share(&self, now: Moment) -> f32 {
        self.return_share(now).min(self.holds.ceiling(now))
    }

    fn return_share(&self, now: Moment) -> f32 {
        self.ramp.as_ref().and_then(|ramp| ramp.share(now)).unwrap_or(1.0)
    }

    fn suspect(&self, now: Moment) -> Suspect {
        let suspect = !self.breaker.is_closed()
            || self.ramp_share(now) < 1.0
            || self.demotion.is_suspect()
            || self.breaker.recent(now).slow_share() >= SLOW_SHARE_SUSPECT;
        if suspect { Suspect::Yes } else { Suspect::No }
    }

    fn slow_after(&self) -> Duration {
        self.clocks.readings().slow_after
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share needs no more than seven digits")]
fn narrow(share: f64) -> f32 {
    share as f32
}

#[cfg(test)]
mod tests;

use backstop_vocabulary::{Class, Failure, Fault, Moment, Timing, Weight};

use super::Health;
use crate::breaker::Change;
use crate::holds::Why;
use crate::lease::Lease;
use crate::ramp::{Pace, Ramp};

impl Health {
    /// `count` attempts were answered completely since the last call; `timing` is that of one of them.
    ///
    /// Without a timing (a total of zero) nobody knows when they began: they count, but neither
    /// validate an open target nor lift a block, as they may be older than it.
    pub fn handle_success(&mut self, now: Moment, count: u32, timing: &Timing) {
        if count == 0 {
            return;
        }
        let suspect = self.suspect(now);
        self.clocks.learn(now, count, timing, suspect);
        let unknown = timing.total.is_zero();
        self.succeed(now, count, if unknown { Moment::ZERO } else { now - timing.total });
    }

    /// An attempt failed. Failures that are not the target's say nothing and change nothing.
    pub fn handle_failure(&mut self, now: Moment, failure: &Failure) {
        let suspect = self.suspect(now);
        if failure.class == Class::FirstTokenTimeout {
            self.clocks.learn_cut_first_token(now, suspect);
        } else if failure.class == Class::Stalled {
            self.clocks.learn_cut_gap(now, suspect);
        }
        self.note_hold(now, failure);
        self.fail(now, failure.class.weight(), failure);
    }

    /// A pending attempt passed its slow threshold, or its client left after it. Call once an attempt;
    /// its ending is told as well.
    ///
    /// It counts half for the demotion, and for the slow share that opens the breaker. Of a target
    /// whose own times are not known yet, slow means nothing.
    pub fn handle_slow(&mut self, now: Moment) {
        let slow_after = self.slow_after();
        if self.leases.out_for(now).is_some_and(|out| out >= slow_after) {
            self.probe_is_slow = true;
        }
        if !self.clocks.knows_slow() {
            return;
        }
        if self.ramp.is_none() && self.breaker.is_closed() {
            self.demotion.handle_failure(now, Weight::Half);
        }
        let change = self.breaker.handle_slow(now, &mut self.chance);
        self.act_on(now, change);
    }

    /// The attempt that held this lease came to an end. Its ending is told here and nowhere else.
    ///
    /// A probe that was slow counts as failed; failures that are not the target's release the lease
    /// and say nothing; the ending of an expired and replaced lease is ignored.
    pub fn handle_probe_ending(&mut self, now: Moment, lease: Lease, result: Result<(), &Failure>) {
        if !self.leases.give_back(lease) {
            return;
        }
        let slow = std::mem::take(&mut self.probe_is_slow);
        match result {
            Ok(()) if slow && !self.breaker.is_closed() => {
                self.breaker.fail_probe(now, None, &mut self.chance);
            }
            Ok(()) => self.succeed(now, 1, now),
            Err(failure) if says_nothing(failure) => self.put_off(now),
            Err(failure) => {
                self.note_hold(now, failure);
                if Why::of(failure.class).is_none() {
                    self.holds.put_off(now, self.tuning.holds.auth_min);
                }
                if self.breaker.is_closed() {
                    self.fail(now, failure.class.weight(), failure);
                } else {
                    self.breaker.fail_probe(now, failure.stay_away, &mut self.chance);
                }
            }
        }
    }

    /// A lease came back without an ending: its holder was dropped.
    pub fn release(&mut self, now: Moment, lease: Lease) {
        if self.leases.give_back(lease) {
            self.put_off(now);
        }
    }

    /// The next rung answered `answers` requests that this target would have had, without strain: the
    /// demotion may go on to the next step as soon as the evidence asks for it.
    pub fn handle_fallback_proved(&mut self, _now: Moment, answers: u32) {
        self.demotion.handle_proof(answers);
    }

    /// The next rung refused or throttled: this target takes a step of its load back.
    pub fn handle_fallback_strained(&mut self, now: Moment) {
        self.demotion.handle_strain(now);
    }

    fn succeed(&mut self, now: Moment, count: u32, began: Moment) {
        self.holds.handle_success(now, count, began);
        let was_closed = self.breaker.is_closed();
        let change = self.breaker.handle_success(now, count, began);
        self.act_on(now, change);
        if !was_closed {
            return;
        }
        if let Some(ramp) = &mut self.ramp {
            ramp.handle_success(now, count, self.demotion.base_rate());
            if ramp.share(now).is_none() {
                self.ramp = None;
            }
        } else {
            self.demotion.handle_success(now, count);
        }
    }

    fn fail(&mut self, now: Moment, weight: Weight, failure: &Failure) {
        let stay_away = failure.stay_away;
        if weight == Weight::None || !self.breaker.is_closed() {
            self.breaker.handle_failure(now, weight, stay_away, &mut self.chance);
            return;
        }
        let base = self.demotion.base_rate();
        let burst = match &mut self.ramp {
            Some(ramp) if ramp.share(now).is_some() => ramp.handle_failure(now, weight, base),
            Some(_) | None => {
                self.ramp = None;
                self.demotion.handle_failure(now, weight);
                false
            }
        };
        let change = self.breaker.handle_failure(now, weight, stay_away, &mut self.chance);
        self.act_on(now, change);
        if burst {
            let change = self.breaker.open(now, stay_away, &mut self.chance);
            self.act_on(now, change);
        }
    }

    fn note_hold(&mut self, now: Moment, failure: &Failure) {
        if let Some(why) = Why::of(failure.class) {
            self.holds.handle_block(now, why, failure);
        }
        let stay_away = failure.stay_away;
        if failure.class == Class::Acceleration {
            self.holds.handle_acceleration(now, stay_away, &mut self.chance);
        } else if failure.class == Class::RateLimited
            && self.holds.handle_rate_limit(now, stay_away, &mut self.chance)
        {
            let change = self.breaker.open(now, stay_away, &mut self.chance);
            self.act_on(now, change);
        }
    }

    fn act_on(&mut self, now: Moment, change: Change) {
        match change {
            Change::None => {}
            Change::Opened => {
                self.ramp = None;
                self.demotion.reset(now);
            }
            Change::Validated => {
                self.ramp = Some(Ramp::begin(self.tuning.ramp, now, self.pace(now)));
            }
        }
    }

    fn pace(&self, now: Moment) -> Pace {
        let within = self.tuning.ramp.needed_within;
        let needed = self.needed_at.is_some_and(|at| now.since(at) <= within);
        if needed {
            Pace::Swift
        } else {
            Pace::remembering(self.breaker.trips(now), &self.tuning.ramp)
        }
    }

    /// A probe that said nothing is repeated soon, but not at once.
    fn put_off(&mut self, now: Moment) {
        self.probe_is_slow = false;
        self.holds.put_off(now, self.tuning.breaker.validation_gap);
        self.breaker.put_off(now);
    }
}

/// Whether a probe's failure is not the target's.
fn says_nothing(failure: &Failure) -> bool {
    failure.fault() != Fault::Provider
        || matches!(failure.class, Class::StaleConnection | Class::TargetOpened)
}

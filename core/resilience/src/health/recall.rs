use std::time::Duration;

use backstop_vocabulary::Moment;

use super::Health;
use crate::clocks::Clocks;
use crate::evidence::Base;
use crate::holds::Why;
use crate::memory::Memory;
use crate::pause::Pauses;
use crate::ramp::{Pace, Ramp};
use crate::tuning::Tuning;

impl Health {
    /// What should outlive a restart.
    pub fn memory(&self, now: Moment) -> Memory {
        let (base_attempts, base_failures) = self.demotion.base().learnt();
        let (pause, block, [rate_level, block_level]) = self.holds.left(now);
        let ramp = self.ramp.as_ref().filter(|ramp| ramp.share(now).is_some());
        Memory {
            trips: self.breaker.trips(now),
            failed_probes: self.breaker.pauses().failed_probes(),
            open_left_ms: self.breaker.pause_left(now).map(millis),
            ramp_step: ramp.map(|ramp| ramp.step(now)),
            demotion_step: self.demotion.step(),
            base_attempts,
            base_failures,
            pause_left_ms: millis(pause),
            rate_level,
            blocked: block.map(|(why, _)| why.name().to_owned()),
            block_left_ms: block.map_or(0, |(_, left)| millis(left)),
            block_level,
            first_token: self.clocks.first_token.counts(),
            whole: self.clocks.whole.counts(),
            gap: self.clocks.gap.counts(),
            unmet_ms: 0,
        }
    }

    /// The target as a former life remembered it, `elapsed` later; `now` is on the new life's clock.
    pub fn recall(
        tuning: Tuning,
        seed: u64,
        memory: &Memory,
        elapsed: Duration,
        now: Moment,
    ) -> Self {
        let left = |ms: u64| Duration::from_millis(ms).saturating_sub(elapsed);
        let mut health = Self::new(tuning, seed);
        let halvings = elapsed.as_secs_f64() / tuning.breaker.trip_half_life.as_secs_f64().max(1.0);
        let trips = finite(memory.trips) * (-halvings).exp2();
        let pauses = Pauses::recall(memory.failed_probes.min(60), trips, now);
        health.breaker.recall(now, pauses, memory.open_left_ms.map(left));
        if health.breaker.is_closed() {
            let pace = Pace::remembering(trips, &tuning.ramp);
            let ramp = |step| Ramp::recall(tuning.ramp, now, pace, step);
            health.ramp = memory.ramp_step.map(ramp);
        }
        if memory.base_attempts >= 1.0 {
            let base = Base::recall(memory.base_attempts, memory.base_failures);
            health.demotion.recall(now, base, memory.demotion_step);
        }
        let block = memory.blocked.as_deref().and_then(Why::from_name);
        health.holds.recall(
            now,
            left(memory.pause_left_ms),
            block.map(|why| (why, left(memory.block_left_ms))),
            [finite(memory.rate_level), finite(memory.block_level)],
        );
        let counts: [&[u32]; 3] = [&memory.first_token, &memory.whole, &memory.gap];
        health.clocks = Clocks::recall(tuning.clocks, counts);
        health
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A number from disk that may be anything.
fn finite(number: f64) -> f64 {
    if number.is_finite() { number.max(0.0) } else { 0.0 }
}

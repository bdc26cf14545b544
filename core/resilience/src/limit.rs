use std::time::Duration;

use backstop_vocabulary::Moment;

/// Caps the attempts in flight at one target, and learns the cap from explicit signals.
///
/// Additive increase, multiplicative decrease (Netflix concurrency-limits): ×0.9 at most once a
/// second on a signal of overload, +1 on a success while at least half of the cap is in use. Latency
/// says nothing here: a cloud provider's is not ours to steer.
#[derive(Clone, Debug)]
pub struct Limit {
    cap: f64,
    floor: f64,
    ceiling: f64,
    in_flight: u32,
    lowered: Option<Moment>,
}

const LOWER_EVERY: Duration = Duration::from_secs(1);
const LOWER_TIMES: f64 = 0.9;

impl Limit {
    /// A cap that learns, between `min` and `max`, starting at `start`.
    pub fn adaptive(start: u32, min: u32, max: u32) -> Self {
        let (floor, ceiling) = (f64::from(min.max(1)), f64::from(max.max(min).max(1)));
        let cap = f64::from(start).clamp(floor, ceiling);
        Self { cap, floor, ceiling, in_flight: 0, lowered: None }
    }

    /// A cap that stays where it is.
    pub fn fixed(cap: u32) -> Self {
        Self::adaptive(cap, cap, cap)
    }

    /// Takes a place; false when all are taken. Every place taken must be given back.
    pub fn take(&mut self) -> bool {
        let free = self.has_room();
        if free {
            self.in_flight += 1;
        }
        free
    }

    /// Gives a place back.
    pub fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Whether [`Self::take`] would succeed.
    pub fn has_room(&self) -> bool {
        f64::from(self.in_flight) < self.cap.floor()
    }

    /// Attempts in flight.
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// The cap now, in attempts.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1..=u32::MAX")]
    pub fn cap(&self) -> u32 {
        self.cap as u32
    }

    /// An attempt was answered; call it before its place is given back.
    pub fn handle_success(&mut self) {
        if f64::from(self.in_flight) * 2.0 >= self.cap {
            self.cap = (self.cap + 1.0).min(self.ceiling);
        }
    }

    /// The target signalled overload: 429, 503, 529 or a timeout.
    pub fn handle_overload(&mut self, now: Moment) {
        if self.lowered.is_none_or(|at| now.since(at) >= LOWER_EVERY) {
            self.cap = (self.cap * LOWER_TIMES).max(self.floor);
            self.lowered = Some(now);
        }
    }
}

impl Default for Limit {
    /// 20 to begin with, between 1 and 1,000 (Netflix's defaults, with a higher ceiling).
    fn default() -> Self {
        Self::adaptive(20, 1, 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn falls_at_most_once_a_second_and_grows_only_when_used() {
        let mut limit = Limit::default();
        for _ in 0..100 {
            limit.handle_overload(Moment::ZERO);
        }
        assert_eq!(limit.cap(), 18);
        limit.handle_success();
        assert_eq!(limit.cap(), 18);
        for _ in 0..9 {
            assert!(limit.take());
        }
        limit.handle_success();
        assert_eq!(limit.cap(), 19);
    }

    proptest! {
        #[test]
        fn never_lets_more_in_than_its_cap(steps in proptest::collection::vec(0_u8..4, 0..500)) {
            let mut limit = Limit::adaptive(4, 2, 8);
            let mut held = 0_u32;
            for (tick, step) in (0_u64..).zip(steps) {
                match step {
                    0 | 1 => {
                        let cap = limit.cap();
                        let taken = limit.take();
                        prop_assert_eq!(taken, held < cap);
                        held += u32::from(taken);
                    }
                    2 => {
                        limit.handle_success();
                        limit.release();
                        held = held.saturating_sub(1);
                    }
                    _ => limit.handle_overload(Moment::from_millis(tick * 300)),
                }
                prop_assert_eq!(limit.in_flight(), held);
                prop_assert!((2..=8).contains(&limit.cap()));
            }
        }
    }
}

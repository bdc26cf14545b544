use std::time::Duration;

use backstop_vocabulary::Moment;

use crate::window::{Tally, Window};

/// Caps the retries of one target, so that they cannot keep an overload alive.
///
/// Within any ten seconds the retries are at most a tenth of the requests, or three (Google SRE's
/// 10 % client retry ratio with Finagle's ten-second life; the minimum serves low traffic). A first
/// attempt at another target is no retry.
#[derive(Clone, Debug)]
pub struct Budget {
    share: f64,
    retries_min: u32,
    requests: Window,
    retries: Window,
}

impl Budget {
    /// A budget of that share of the requests in `span`, and at least `retries_min`.
    pub fn new(share: f64, retries_min: u32, span: Duration) -> Self {
        Self { share, retries_min, requests: Window::new(span), retries: Window::new(span) }
    }

    /// The budget of failures that last resorts at a target which is out of service may cost: three
    /// in ten seconds, or five for each that was answered. So a dead target is hardly asked, and one
    /// that answers a sixth of what it gets is asked as often as there is nothing better.
    pub fn of_last_resorts() -> Self {
        Self::new(5.0, 3, Duration::from_secs(10))
    }

    /// Counts one request, which pays into the budget.
    pub fn deposit(&mut self, now: Moment) {
        self.requests.add(now, Tally::successes(1));
    }

    /// Takes one retry out; false when there is none left.
    pub fn take(&mut self, now: Moment) -> bool {
        let allowed = self.left(now) >= 1.0;
        if allowed {
            self.retries.add(now, Tally::successes(1));
        }
        allowed
    }

    /// How many retries are left now, without taking one.
    pub fn left(&self, now: Moment) -> f64 {
        let earned = self.share * f64::from(self.requests.tally(now).succeeded);
        let spent = f64::from(self.retries.tally(now).succeeded);
        (earned.max(f64::from(self.retries_min)) - spent).max(0.0)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(0.1, 3, Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_last_resort_that_is_answered_pays_for_five_that_fail() {
        let (now, mut budget) = (Moment::ZERO, Budget::of_last_resorts());
        let failed = |budget: &mut Budget| (0..100).filter(|_| budget.take(now)).count();
        assert_eq!(failed(&mut budget), 3, "a dead target");
        (0..3).for_each(|_| budget.deposit(now));
        assert_eq!(failed(&mut budget), 12, "fifteen in all");
    }

    #[test]
    fn gives_three_at_low_traffic_and_more_after_ten_seconds() {
        let mut budget = Budget::default();
        let taken = (0..5).filter(|_| budget.take(Moment::ZERO)).count();
        assert_eq!(taken, 3);
        assert!(!budget.take(Moment::from_secs(9)));
        assert!(budget.take(Moment::from_secs(10)));
    }

    proptest! {
        #[test]
        fn never_grants_more_than_a_tenth_or_three_in_any_ten_seconds(
            steps in proptest::collection::vec((0_u64..400, 0_u8..3), 1..400),
        ) {
            let mut budget = Budget::default();
            let (mut now, mut granted, mut asked) = (0, Vec::new(), Vec::new());
            for (gap, kind) in steps {
                now += gap;
                if kind == 0 {
                    budget.deposit(Moment::from_millis(now));
                    asked.push(now);
                } else if budget.take(Moment::from_millis(now)) {
                    granted.push(now);
                }
                // Nine seconds are always inside the ring; what paid may be ten seconds old.
                let recent = granted.iter().filter(|at| **at + 9_000 > now).count();
                let paid = asked.iter().filter(|at| **at + 20_000 > now).count();
                prop_assert!(recent <= 3.max(paid / 10));
            }
        }
    }
}

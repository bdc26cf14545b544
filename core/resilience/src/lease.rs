use std::time::Duration;

use backstop_vocabulary::Moment;

/// The right to be the one probe of a target. It must come back; if it does not, it expires.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a lease that is dropped silently blocks the next probe until it expires"]
pub struct Lease(u64);

/// Hands out at most one live lease at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases {
    issued: u64,
    /// When the live one was taken and when it expires.
    live: Option<(Moment, Moment)>,
}

impl Leases {
    /// The moment the live lease expires, if one is out.
    pub(crate) fn live_until(&self, now: Moment) -> Option<Moment> {
        self.live.map(|(_, until)| until).filter(|until| now < *until)
    }

    /// How long the live lease has been out, if one is.
    pub(crate) fn out_for(&self, now: Moment) -> Option<Duration> {
        self.live.filter(|(_, until)| now < *until).map(|(taken, _)| now.since(taken))
    }

    /// A lease of that length, unless one is out. An expired one is void from here on.
    pub(crate) fn take(&mut self, now: Moment, length: Duration) -> Option<Lease> {
        if self.live_until(now).is_some() {
            return None;
        }
        self.issued += 1;
        self.live = Some((now, now + length));
        Some(Lease(self.issued))
    }

    /// Takes a lease back. False when it is not the live one: expired and replaced, or revoked.
    #[expect(clippy::needless_pass_by_value, reason = "a returned lease must not be used again")]
    pub(crate) fn give_back(&mut self, lease: Lease) -> bool {
        let current = lease.0 == self.issued && self.live.is_some();
        if current {
            self.live = None;
        }
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn lets_one_out_at_a_time_and_the_next_after_it_came_back() {
        let mut leases = Leases::default();
        let lease = leases.take(Moment::ZERO, MINUTE).expect("free");
        assert_eq!(leases.take(Moment::from_secs(59), MINUTE), None);
        assert!(leases.give_back(lease));
        assert!(leases.take(Moment::from_secs(59), MINUTE).is_some());
    }

    #[test]
    fn an_expired_lease_blocks_nobody_and_its_late_ending_says_nothing() {
        let mut leases = Leases::default();
        let lost = leases.take(Moment::ZERO, MINUTE).expect("free");
        let second = leases.take(Moment::from_secs(60), MINUTE).expect("expired");
        assert!(!leases.give_back(lost));
        assert_eq!(leases.live_until(Moment::from_secs(61)), Some(Moment::from_secs(120)));
        assert!(leases.give_back(second));
    }

    proptest! {
        /// The reference: a list of what is out, of which at most one is live.
        #[test]
        fn never_lets_two_live_ones_out(
            steps in proptest::collection::vec((0_u64..90, 0_u8..3, 0_usize..9), 0..200),
        ) {
            let mut leases = Leases::default();
            let mut out: Vec<(Lease, Moment)> = Vec::new();
            let mut now = Moment::ZERO;
            for (gap, what, which) in steps {
                now += Duration::from_secs(gap);
                let live = out.last().filter(|(_, until)| now < *until).map(|(_, until)| *until);
                prop_assert_eq!(leases.live_until(now), live);
                if what < 2 {
                    let taken = leases.take(now, MINUTE);
                    prop_assert_eq!(taken.is_some(), live.is_none());
                    out.extend(taken.map(|lease| (lease, now + MINUTE)));
                } else if !out.is_empty() {
                    let which = which.min(out.len() - 1);
                    let newest = which == out.len() - 1;
                    let (lease, _) = out.remove(which);
                    prop_assert_eq!(leases.give_back(lease), newest);
                    if newest {
                        out.clear();
                    }
                }
            }
        }
    }
}

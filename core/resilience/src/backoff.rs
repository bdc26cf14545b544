use std::time::Duration;

use backstop_vocabulary::{Chance, Class};

/// How long to wait before the same target is tried again for the same request.
///
/// Full jitter (AWS Architecture Blog, 2015): evenly spread between nothing and a ceiling that
/// doubles. Throttling starts higher than a transient fault, as in the AWS SDKs of 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    ceiling: Duration,
    cap: Duration,
}

impl Backoff {
    /// After a transient fault: 100 ms, doubled up to 8 s.
    pub const fn transient() -> Self {
        Self { ceiling: Duration::from_millis(100), cap: Duration::from_secs(8) }
    }

    /// After a throttle: 1 s, doubled up to 8 s.
    pub const fn throttle() -> Self {
        Self { ceiling: Duration::from_secs(1), cap: Duration::from_secs(8) }
    }

    /// The one that fits what was seen.
    pub const fn after(class: Class) -> Self {
        if matches!(class, Class::RateLimited | Class::Acceleration | Class::Overloaded) {
            Self::throttle()
        } else {
            Self::transient()
        }
    }

    /// The next wait; a provider's own wish, clamped to the cap, is never undercut.
    pub fn next(&mut self, stay_away: Option<Duration>, chance: &mut Chance) -> Duration {
        let wait = chance.between(Duration::ZERO, self.ceiling);
        self.ceiling = (self.ceiling * 2).min(self.cap);
        wait.max(stay_away.unwrap_or_default().min(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_its_ceiling_up_to_eight_seconds() {
        let mut chance = Chance::from_seed(1);
        for (kind, ceilings) in [
            (Backoff::transient(), [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000]),
            (Backoff::throttle(), [1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000]),
        ] {
            let mut longest = [0; 9];
            for _ in 0..400 {
                let mut backoff = kind;
                for slot in &mut longest {
                    *slot = backoff.next(None, &mut chance).as_millis().max(*slot);
                }
            }
            for (seen, ceiling) in longest.into_iter().zip(ceilings) {
                assert!(seen <= ceiling && seen * 10 > ceiling * 9, "{seen} of {ceiling}");
            }
        }
    }

    #[test]
    fn a_providers_wish_is_not_undercut_and_not_followed_for_days() {
        let mut chance = Chance::from_seed(1);
        let wait = Backoff::transient().next(Some(Duration::from_secs(3)), &mut chance);
        assert_eq!(wait, Duration::from_secs(3));
        let wait = Backoff::transient().next(Some(Duration::from_secs(274_579)), &mut chance);
        assert_eq!(wait, Duration::from_secs(8));
    }
}

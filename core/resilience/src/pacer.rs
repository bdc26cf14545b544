use backstop_vocabulary::{Chance, Moment};

use crate::Outlook;

/// Says which requests go to a target whose share is lowered. One per target and gateway.
///
/// A request goes there when the draw by its share says so, or when the floor does: a bucket of one
/// token filled at the floor rate, or fewer in flight than the floor. So low traffic returns at once
/// and high traffic does not stampede.
#[derive(Clone, Debug, Default)]
pub struct Pacer {
    next_floor: Moment,
}

impl Pacer {
    /// A gate whose first floor token is ready.
    pub const fn new() -> Self {
        Self { next_floor: Moment::ZERO }
    }

    /// Whether this request may go to the target, which has `in_flight` attempts under way.
    ///
    /// Whatever lets it through, it uses up the floor's token: the floor is a least rate, not an extra.
    pub fn allows(
        &mut self,
        now: Moment,
        outlook: &Outlook,
        in_flight: u32,
        chance: &mut Chance,
    ) -> bool {
        if outlook.share >= 1.0 {
            return true;
        }
        if outlook.share <= 0.0 {
            return false;
        }
        let drawn = chance.happens(f64::from(outlook.share));
        let token = outlook.floor_rate > 0.0 && self.next_floor <= now;
        let allowed = drawn || token || in_flight < outlook.floor_in_flight;
        if allowed && outlook.floor_rate > 0.0 {
            let gap = std::time::Duration::from_secs_f32(1.0 / outlook.floor_rate);
            self.next_floor = now + gap;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Health, State, Tuning};
    use proptest::prelude::*;

    fn outlook(share: f32, floor_rate: f32, floor_in_flight: u32) -> Outlook {
        let healthy = Health::new(Tuning::default(), 1).outlook(Moment::ZERO);
        Outlook { state: State::Demoted, share, floor_rate, floor_in_flight, ..healthy }
    }

    /// How many of `count` requests, `gap_ms` apart and each under way for ever, are let through.
    fn allowed(outlook: &Outlook, count: u64, gap_ms: u64) -> u64 {
        let (mut pacer, mut chance) = (Pacer::new(), Chance::from_seed(1));
        let mut through = 0;
        for request in 0..count {
            let now = Moment::from_millis(request * gap_ms);
            through += u64::from(pacer.allows(now, outlook, 9, &mut chance));
        }
        through
    }

    #[test]
    fn high_traffic_gets_its_share_and_low_traffic_gets_all() {
        let through = allowed(&outlook(0.1, 1.0, 2), 10_000, 10);
        assert!((1000..1150).contains(&through), "{through}");
        assert_eq!(allowed(&outlook(0.1, 1.0, 2), 100, 1001), 100);
        assert_eq!(allowed(&outlook(0.1, 0.1, 0), 100, 60_000), 100);
        assert_eq!(allowed(&outlook(0.0, 1.0, 2), 100, 60_000), 0);
    }

    #[test]
    fn fewer_in_flight_than_the_floor_always_passes() {
        let (mut pacer, mut chance) = (Pacer::new(), Chance::from_seed(1));
        let outlook = outlook(0.1, 1.0, 2);
        let all = (0..100).all(|_| pacer.allows(Moment::ZERO, &outlook, 1, &mut chance));
        assert!(all);
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_the_floor_rate_says(
            gaps in proptest::collection::vec(0_u64..500, 1..300),
        ) {
            let (mut pacer, mut chance) = (Pacer::new(), Chance::from_seed(1));
            let outlook = outlook(0.01, 1.0, 0);
            let (mut now, mut last) = (0, 0);
            for gap in gaps {
                now += gap;
                if pacer.allows(Moment::from_millis(now), &outlook, 9, &mut chance) {
                    last = now;
                }
                prop_assert!(now - last < 1000);
            }
        }
    }
}

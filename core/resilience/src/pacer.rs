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

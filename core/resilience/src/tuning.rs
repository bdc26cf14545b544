mod breaker;
mod clocks;
mod demotion;
mod floor;
mod holds;
mod ramp;

pub use breaker::BreakerTuning;
pub use clocks::ClockTuning;
pub use demotion::DemotionTuning;
pub use floor::FloorTuning;
pub use holds::HoldTuning;
pub use ramp::RampTuning;

/// Every number of the machines, in one place. The defaults carry their sources; change them only
/// with a replay that shows why.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tuning {
    /// When to stop attempts and when to try again.
    pub breaker: BreakerTuning,
    /// When and how far to lower the share of a browned-out target.
    pub demotion: DemotionTuning,
    /// The stepped return after an open breaker.
    pub ramp: RampTuning,
    /// Pauses for rate limits and blocks for credentials, money and unknown models.
    pub holds: HoldTuning,
    /// The adaptive clocks of an attempt.
    pub clocks: ClockTuning,
    /// The traffic that a lowered share never falls below.
    pub floor: FloorTuning,
}

//! Mechanisms that keep one failing target from hurting everything else.
//!
//! Each module is one small state machine. It is told what happened and when, and answers what to
//! do; it decides nothing about *which* target comes next, which is `continuity`'s job. Same facts,
//! same moments, same seed: same answers.
//!
//! In: endings of attempts, slow ones, probes. Out: an [`Outlook`] (no side effects) and a
//! [`Verdict`] per attempt.
//!
//! Absent on purpose: clocks, timers, locks, names of providers, other targets.
//!
//! Start reading at [`Health`], which joins the machines of one target.

mod health;
mod outlook;

mod breaker;
mod demotion;
mod holds;
mod ramp;

mod backoff;
mod budget;
mod limit;
mod pacer;

mod clocks;
mod evidence;
mod histogram;
mod lease;
mod memory;
mod pause;
mod tuning;
mod window;

pub use backoff::Backoff;
pub use budget::Budget;
pub use health::Health;
pub use lease::Lease;
pub use limit::Limit;
pub use memory::Memory;
pub use outlook::{Outlook, Purpose, State, Verdict};
pub use pacer::Pacer;
pub use tuning::{
    BreakerTuning, ClockTuning, DemotionTuning, FloorTuning, HoldTuning, RampTuning, Tuning,
};

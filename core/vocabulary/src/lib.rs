//! The words every other crate speaks.
//!
//! Types with a meaning and no policy: moments, targets, failures, endings, usage. What follows from
//! a failure is decided in `continuity`; what a failure *is* stands here, once.
//!
//! Absent on purpose: clocks, wire formats, retries, names of providers.
//!
//! Start reading at [`Failure`].

mod api;
mod chance;
mod class;
mod dialect;
mod ending;
mod failure;
mod moment;
mod refused;
mod request_id;
mod target;
mod usage;

pub use api::Api;
pub use chance::Chance;
pub use class::{Class, Fault, Weight};
pub use dialect::Dialect;
pub use ending::{Ending, Timing};
pub use failure::{Failure, Scope, Stage, Words};
pub use moment::Moment;
pub use refused::Refused;
pub use request_id::RequestId;
pub use target::{TargetKey, Tier};
pub use usage::{Basis, Usage};

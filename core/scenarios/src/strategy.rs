//! The baselines: what clients do without this gateway. Each is a machine without IO, so that the
//! demo drives it over real HTTP and replay in virtual time.

use backstop_vocabulary::Moment;
use std::time::Duration;

use crate::Seen;

mod direct;
mod naive;
mod sdk_retries;

pub use direct::Direct;
pub use naive::Naive;
pub use sdk_retries::SdkRetries;

/// What a baseline does next with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Sends it to this rung of the scenario's ladder, not before this moment.
    Attempt {
        /// Which rung, from 0.
        rung: usize,
        /// When.
        at: Moment,
    },
    /// Gives its client what the last attempt came to.
    Finish,
}

/// A way to cope with outages.
pub trait Strategy {
    /// The name in reports.
    fn name(&self) -> &'static str;

    /// The longest it waits for the head of an answer; `None` leaves that to the client.
    fn head_timeout(&self) -> Option<Duration> {
        None
    }

    /// A request arrives. It may be finished at once, without an attempt.
    fn begin(&mut self, now: Moment, request: u64) -> Move;

    /// Its attempt ended so.
    fn handle(&mut self, now: Moment, request: u64, seen: &Seen) -> Move;
}

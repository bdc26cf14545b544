//! What the gateway writes down: the journal of requests, and the health it learnt.
//!
//! In come finished [`Entry`]s from the request path, which never waits; out goes a bounded file
//! that other processes may read while it is written. One thread writes; a back end is a small
//! trait with one suite of promises that every back end passes.
//!
//! Absent on purpose: bodies, prompts, keys; a clock (entries bring their own time); any decision
//! about a request.
//!
//! Start reading at [`Journal`].

mod entry;
mod journal;
mod store;

pub use entry::{AttemptRow, CostEstimated, Entry, Outcome};
pub use journal::{Caps, Journal, Standing};
pub use store::{Counts, Recorded};

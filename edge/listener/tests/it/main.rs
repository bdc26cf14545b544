//! Promises of the listener, kept over real sockets (and pipes where time must be told).

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod aborts;
mod bodies;
mod cores;
mod cors;
mod drains;
#[cfg(unix)]
mod handover;
mod limits;
mod stage;
mod tls;

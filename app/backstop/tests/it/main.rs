//! The real binary over real sockets on loopback. Few tests, one for each promise; the harness is
//! `support`: children are ended by their id, ports are always free ones, nothing sleeps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

mod ask;
mod check;
mod conformance;
mod demo;
#[cfg(unix)]
mod hardship;
mod import;
mod models;
mod replay;
mod restart;
mod run;
mod sdks;
mod secrets;
mod simulate;
mod small;

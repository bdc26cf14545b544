//! The client against peers that misbehave, through real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod clock;
mod fetch;
mod http2;
mod names;
mod plain;
mod proxies;
mod stage;
mod tls;
mod web;

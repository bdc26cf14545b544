//! The gateway proved through real sockets: each failure a provider can show, a client that sees
//! bytes, and judges that share no code with the gateway.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod checks;
mod client;
mod drip;
mod host;
mod oracle;
mod peer;
mod quick;
mod says;
mod signers;
mod stage;

mod background;
mod breaks;
mod bytes;
mod cloud_failures;
mod costs;
mod crossing;
mod doors;
mod failover;
mod fits;
mod forms;
mod gathered;
mod gemini;
mod hours;
mod identity;
mod kept;
mod leaving;
mod media;
mod mended;
mod passing;
mod reach;
mod reloads;
mod secrets;
mod servers;
mod sessions;
mod shares;
mod signed_calls;
mod sizes;
mod storms;
mod strangers;
mod surfaces;
mod thoughts;
mod threads;
mod told;
mod usage;
mod vectors;

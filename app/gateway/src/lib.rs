//! The life of a request.
//!
//! The modules, in reading order, are the phases: [`serve`] (one request from first byte to last),
//! `admit` (who asks, may they, is there room), `asked` (what they ask), `plan` (which targets, in
//! which order), `perform` (attempt, wait, give up), `whole` and `stream` (forward), `answer`
//! (provenance and errors), `record` (journal, usage, evidence).
//!
//! Comes in: a request and its body. Goes out: a response, and facts about targets.
//!
//! Absent on purpose: sockets of clients, wire formats, policy (`continuity`), the environment.
//!
//! Start reading at [`serve`].

mod door;
mod serve;

mod admit;
mod answer;
mod asked;
mod body;
mod gather;
mod perform;
mod plan;
mod record;
mod refused;
mod relay;
mod stream;
mod wait;
mod whole;

mod beside;
mod cell;
mod clock;
mod console;
mod core;
mod doubts;
mod evidence;
mod fitness;
mod gateway;
mod headers;
mod health;
mod held;
mod identity;
mod live;
mod metrics;
mod permit;
mod probe;
mod sync;
mod table;
mod view;

pub use cell::Cell;
pub use clock::Clock;
pub use core::Core;
pub use door::{ConsoleDoor, Door};
pub use gateway::{Gateway, Makings};
pub use headers::PLACEHOLDER_KEY;
pub use metrics::{Metrics, Totals};
pub use serve::serve;
pub use {identity::renew_forever, probe::probe_forever};

//! Simulated providers over real HTTP, healthy or failing as a scenario says.
//!
//! A [`Simulator`] holds one [`backstop_scenarios::World`] and serves it on any connection: TCP
//! ports for drills, demos and end-to-end tests, in-memory pipes for replay. It reads requests as
//! the real APIs do, plays the script it is given step by step, and breaks connections where the
//! script says so. `/simulator/behaviour` changes its behaviour while it runs.
//!
//! Absent on purpose: a clock of its own (it is handed one), decisions about what fails when.
//!
//! Start reading at [`Simulator`].

mod control;
mod exchange;
mod playback;
mod port;
mod simulator;
mod wire;

pub use port::Port;
pub use simulator::{Clock, Entry, Simulator};
pub use wire::Severable;

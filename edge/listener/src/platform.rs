//! The only place that knows which system this is: hand-over of sockets, and what they can do.

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use elsewhere::{Acknowledge, deepen_queue, take_over};
#[cfg(unix)]
pub(crate) use unix::{Acknowledge, deepen_queue, take_over};

#[cfg(not(unix))]
pub use elsewhere::Handover;
#[cfg(unix)]
pub use unix::Handover;

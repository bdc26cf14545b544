//! What stands between a request and a target, and what the request becomes so that the target can
//! answer it.
//!
//! Comes in: a request in the neutral form, what it needs, what the target can do and what the route
//! lets it go without. Goes out: whether the target is fit, or why not; the request as the target
//! shall get it, with its losses; whether an answer keeps the schemas that the client was strict about.
//!
//! Absent on purpose: the forms of any API (`dialects` writes and lists what is slight), health and
//! order of targets (`continuity`).
//!
//! Start reading at [`standing`], then [`fit`] and [`Judge`].

mod form;
mod give_up;
mod judge;
mod standing;

pub use give_up::{Fitted, fit};
pub use judge::Judge;
pub use standing::{Lack, Terms, forfeits, standing};

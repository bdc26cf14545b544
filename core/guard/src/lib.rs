//! What may be fetched from an address that stands in a request.
//!
//! A client names any address it likes, and the gateway stands where providers, their keys and whatever
//! else is inside can be reached. So every address is judged three times: as it is written ([`Link`]),
//! by the hosts the operator allows ([`Rules`]), and by where its name leads ([`is_public`]). What
//! comes back is known by its first bytes ([`Medium`]).
//!
//! Comes in: text of strangers. Goes out: what may be asked, or a [`Refusal`] that repeats nothing of
//! it.
//!
//! Absent on purpose: sockets and names (`providers`), what a target takes (`dialects`).
//!
//! Start reading at [`Link::read`] and [`is_public`].

mod address;
mod hosts;
mod link;
mod medium;
mod refusal;
mod rules;

pub use address::is_public;
pub use hosts::Hosts;
pub use link::Link;
pub use medium::{LEAD_BYTES, Medium};
pub use refusal::Refusal;
pub use rules::Rules;

//! What the current models can do, as data with sources.
//!
//! Comes in: the data files of `data/`, built into the binary. Goes out: the [`Model`] behind a name,
//! with its abilities, and the models of other vendors that stand in for it.
//!
//! Absent on purpose: asking providers what they offer, prices, anything the settings say.
//!
//! Start reading at [`Catalogue`].

mod catalogue;
mod data;
mod model;

pub use catalogue::{Catalogue, Family, StandIn};
pub use model::{Model, Size};

//! What the current models can do and what they cost, as data with sources.
//!
//! Comes in: the data files of `data/`, built into the binary; what was collected since, from
//! providers' own lists and from files in the formats people share; what the settings say. Goes out:
//! the [`Model`] behind a name, with its abilities, limits and price, where each fact comes from, the
//! models of other vendors that stand in for it, and whether two names mean the same weights.
//!
//! Absent on purpose: asking providers, reading files; a collected text comes in as text.
//!
//! Start reading at [`Catalogue`].

mod catalogue;
mod data;
mod facts;
mod model;
mod price;

pub mod names;

mod collected;
mod own;
pub mod sources;

pub use catalogue::{Catalogue, Family, StandIn};
pub use collected::{Change, Collected, Said};
pub use facts::{Facts, Modality};
pub use model::{Model, Origin, Size};
pub use own::Own;
pub use price::{LongPrice, Price};
pub use sources::{Form, Found};

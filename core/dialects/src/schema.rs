//! JSON Schemas as providers enforce them: each takes a subset, so that a schema is lowered to it and
//! what a model wrote under the lower one is raised to the client's again.

mod lower;
mod raise;

pub(crate) use lower::{Subset, flat_root, lower, lower_tool};
pub(crate) use raise::raise;

//! Other gateways' configurations, written as ours.
//!
//! What cannot be carried is listed with its line and the reason, so that nothing is lost silently. A
//! key that stands in the file in plain text is never copied: a variable takes its place.

mod litellm;
mod tree;
mod written;

pub use litellm::import_litellm;

/// A configuration of ours, made of another gateway's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The text for `backstop.yaml`.
    pub text: String,
    /// What could not be carried, in the order of the file it stood in.
    pub left: Vec<Left>,
    /// The variables that the text needs, in order.
    pub variables: Vec<String>,
}

/// Something that could not be carried, or not as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// Its line in the file, from 1.
    pub line: u32,
    /// Where it stood: `router_settings.cooldown_time`.
    pub path: String,
    /// Why, and what to do about it; lower case, no full stop.
    pub why: String,
}

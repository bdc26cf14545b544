//! What the fuzz targets share. Each target is one reader of bytes that strangers send, with the
//! promises that must hold whatever they are.
//!
//! `fuzz/run` builds and runs them all; goldens and scenarios of the tree are their seeds.

#![forbid(unsafe_code)]

mod pieces;
mod streams;

pub use pieces::{input, pieces};
pub use streams::{head, read, write};

/// Frames longer than this are refused.
pub const FRAME_BYTES_MAX: usize = 1 << 16;

//! continuity

//! Our own tools: `cargo run -p xtask -- COMMAND`.
fn main() {}

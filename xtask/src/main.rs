//! The workspace's own tools. Its tests are the first of them: `cargo test -p xtask` reads the tree
//! and says where it breaks the rules of its own house (`tests/tidy.rs`).
//!
//! Absent on purpose: anything a release needs.

fn main() -> std::process::ExitCode {
    // Nothing to run yet; say where the tools are rather than end in silence.
    std::process::Command::new("cargo")
        .args(["test", "--package", "xtask", "--test", "tidy"])
        .status()
        .ok()
        .filter(std::process::ExitStatus::success)
        .map_or(std::process::ExitCode::FAILURE, |_| std::process::ExitCode::SUCCESS)
}

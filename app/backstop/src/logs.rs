//! Structured logs, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// How a line of log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// Starts logging: `BACKSTOP_LOG` says how much (`info` by default; `debug`, `backstop_gateway=debug`…).
pub(crate) fn start(form: Form) {
    start_at("info", form);
}

/// Starts logging for a command whose standard error is for people: nothing unless `BACKSTOP_LOG`
/// asks for it.
pub(crate) fn start_quietly() {
    start_at("off", Form::Text);
}

fn start_at(usual: &str, form: Form) {
    let filter = EnvFilter::try_from_env("BACKSTOP_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // A second start in one process keeps the first: nothing is lost.
    let _started = if form == Form::Json { builder.json().try_init() } else { builder.try_init() };
}

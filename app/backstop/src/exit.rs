//! What the exit status means, for scripts.

use std::process::ExitCode;

/// The exit status of a command. `backstop ask --help` and `docs/commands.md` list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked.
    Success,
    /// It ran, and the result is bad: a promise not kept, a problem found, no answer.
    Failure,
    /// The arguments or the settings are wrong.
    Usage,
    /// Every rung failed: no provider could answer (75, `EX_TEMPFAIL`: try again later).
    Unanswered,
    /// A child's own status, passed on by `backstop run`.
    Child(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Unanswered => 75,
            Exit::Child(status) => status,
        })
    }
}

/// Wrong arguments or settings; the text is complete and was made for people.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

//! Standard output for people and pipes: a reader that left early is no error.

/// Prints a line. Nobody being there to read it is no reason to fail.
macro_rules! say {
    () => { $crate::out::line(format_args!("")) };
    ($($arg:tt)*) => { $crate::out::line(format_args!($($arg)*)) };
}

pub(crate) use say;

use std::fmt::Arguments;
use std::io::Write as _;

/// Prints a line; see [`say`].
pub(crate) fn line(text: Arguments<'_>) {
    // `head` and `grep -q` close the pipe when they have seen enough.
    let _gone = writeln!(std::io::stdout().lock(), "{text}");
}

use std::fmt::{self, Write as _};

/// One thing wrong in the settings: where it is, what it is, how to cure it.
///
/// No text of it ever holds the value of a variable or of a secret: values are quoted as they stand
/// in the file (`${NAME}`), and secrets not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingsError {
    /// The line in the file, from 1; 0 when it comes from the environment.
    pub line: u32,
    /// The column in the line, in characters, from 1; 0 when it comes from the environment.
    pub column: u32,
    /// Where in the settings: `routes[0].ladder[1].targets[0]`; empty for the file as a whole.
    pub path: String,
    /// What is wrong; lower case, no full stop.
    pub what: String,
    /// What to do about it; lower case, no full stop.
    pub cure: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.what, self.cure)
    }
}

impl std::error::Error for SettingsError {}

/// The errors as lines of a terminal, each `backstop.yaml:14:7: path: what; cure`.
///
/// `file` is the name the operator knows the text by. Lines are in the order of the file and each
/// ends with a newline.
pub fn render_errors(file: &str, errors: &[SettingsError]) -> String {
    let mut errors: Vec<&SettingsError> = errors.iter().collect();
    errors.sort();
    let mut lines = String::new();
    for error in errors {
        // Writing into a string cannot fail.
        let _ = match error.line {
            0 => writeln!(lines, "environment: {error}"),
            line => writeln!(lines, "{file}:{line}:{}: {error}", error.column),
        };
    }
    lines
}

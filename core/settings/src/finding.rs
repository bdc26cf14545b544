use std::fmt;

/// How much a finding matters on the day a provider fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something will not work.
    Problem,
    /// Something will work less well than it looks.
    Warning,
    /// Something good to know.
    Note,
}

impl Severity {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something the settings allow and an operator should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable code for filters and docs: `shared_failure_domain`.
    pub code: &'static str,
    /// Where in the settings: `route support, rung 2`; empty when it is about the whole.
    pub place: String,
    /// What is so, in plain words; lower case, no full stop.
    pub what: String,
    /// What to do about it; empty when nothing needs doing.
    pub cure: String,
}

impl Finding {
    pub(crate) fn new(severity: Severity, code: &'static str, place: impl Into<String>) -> Self {
        Self { severity, code, place: place.into(), what: String::new(), cure: String::new() }
    }

    #[must_use]
    pub(crate) fn what(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    #[must_use]
    pub(crate) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity.name())?;
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.what)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}

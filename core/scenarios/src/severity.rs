use std::fmt;

/// Which reading of an estimated share is played: every figure is shown for all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The mildest reading of the records.
    Low,
    /// The middle.
    #[default]
    Mid,
    /// The worst reading.
    High,
}

impl Severity {
    /// All three, mildest first: what `--severity sweep` plays.
    pub const ALL: [Self; 3] = [Self::Low, Self::Mid, Self::High];

    /// The name used on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Mid => "mid",
            Self::High => "high",
        }
    }

    /// The severity of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The share of requests that a phase hits, `0.0..=1.0`, for each severity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// At [`Severity::Low`].
    pub low: f64,
    /// At [`Severity::Mid`].
    pub mid: f64,
    /// At [`Severity::High`].
    pub high: f64,
}

impl Shares {
    /// The same share at every severity.
    pub const fn flat(share: f64) -> Self {
        Self { low: share, mid: share, high: share }
    }

    /// The share at this severity.
    pub const fn at(&self, severity: Severity) -> f64 {
        match severity {
            Severity::Low => self.low,
            Severity::Mid => self.mid,
            Severity::High => self.high,
        }
    }
}

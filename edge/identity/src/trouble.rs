use std::path::Path;

use backstop_vocabulary::{Class, Failure, Moment};

/// Why there is no new token. What it prints may stand in a log, in metrics and on a status page:
/// no token, no secret, no body; of an endpoint's words only its error code.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The endpoint could not be asked, or broke off.
    #[error("the token endpoint {endpoint} failed: {failure}")]
    Failed {
        /// Its host.
        endpoint: String,
        /// What was seen.
        failure: Failure,
    },
    /// Its breaker is open.
    #[error("the token endpoint {endpoint} keeps failing and is left alone for a moment")]
    Shut {
        /// Its host.
        endpoint: String,
        /// When it may be asked again.
        until: Moment,
    },
    /// It is well and says no.
    #[error("the token endpoint {endpoint} refuses ({status}{code})")]
    Refused {
        /// Its host.
        endpoint: String,
        /// Its status.
        status: u16,
        /// Its own code, with a comma before it, or nothing.
        code: String,
    },
    /// A file is missing or unreadable.
    #[error("cannot read {what} `{path}`: {why}")]
    File {
        /// Which file it is.
        what: &'static str,
        /// Where.
        path: String,
        /// Why.
        why: String,
    },
    /// What is configured cannot work.
    #[error("{0}")]
    Setting(String),
}

impl Trouble {
    /// A setting, or something in a file, that cannot work.
    pub(crate) fn setting(what: impl Into<String>) -> Self {
        Self::Setting(what.into())
    }

    /// A file that could not be read.
    pub(crate) fn file(what: &'static str, path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self::File { what, path: path.display().to_string(), why: why.to_string() }
    }

    /// The failure of an attempt that has no token for this reason.
    pub(crate) fn failure(&self) -> Failure {
        Failure::new(Class::IdentityFailed, format!("no token: {self}"))
    }
}

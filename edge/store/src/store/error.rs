use std::path::PathBuf;

use backstop_vocabulary::{Class, Failure};
use rusqlite::ErrorCode;

/// What can go wrong between us and the disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("cannot open the store at `{}`", path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("`{}` is not a database of this program and was left untouched", path.display())]
    Foreign { path: PathBuf },
    #[error("cannot set the damaged store at `{}` aside", path.display())]
    SetAside { path: PathBuf, source: std::io::Error },
    #[error(
        "the store has schema version {found} and this program knows {known}: use the newer \
         program, or another `store`"
    )]
    Newer { found: u32, known: u32 },
    #[error("the disk is full")]
    Full(#[source] rusqlite::Error),
    #[error("the store's file is damaged")]
    Damaged(#[source] rusqlite::Error),
    #[error("the store cannot be read or written")]
    Other(#[source] rusqlite::Error),
    #[error("cannot start the journal's thread")]
    Thread(#[source] std::io::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            // The other codes are many, and not ours to tell apart.
            Some(_) | None => Self::Other(error),
        }
    }
}

impl StoreError {
    /// Whether the file cannot be had at all, whoever tries: serving goes on without it.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        let Self::Open { source, .. } = self else { return matches!(self, Self::Foreign { .. }) };
        let denied = [ErrorCode::CannotOpen, ErrorCode::ReadOnly, ErrorCode::PermissionDenied];
        source.sqlite_error_code().is_some_and(|code| denied.contains(&code))
    }

    /// The one way out of this crate: what an operator may read, with the cause in one line.
    pub(crate) fn into_failure(self) -> Failure {
        let mut message = self.to_string();
        // What is behind the first cause is the same again, with a number.
        if let Some(cause) = std::error::Error::source(&self) {
            message.push_str(": ");
            message.push_str(&cause.to_string());
        }
        Failure::new(Class::GatewayFault, message)
    }
}

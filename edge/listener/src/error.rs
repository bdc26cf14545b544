use std::path::PathBuf;

use backstop_vocabulary::{Class, Failure};

/// What can go wrong before a connection exists.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenerError {
    #[error("cannot read `{}`", path.display())]
    TlsFile { path: PathBuf, source: std::io::Error },
    #[error("no certificate and key in PEM form found")]
    Pem(#[source] rustls_pki_types::pem::Error),
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    #[error("the certificate and its key cannot be used")]
    Tls(#[source] rustls::Error),
    #[error("cannot hand the listening sockets over at `{}`", path.display())]
    Handover { path: PathBuf, source: std::io::Error },
}

impl From<ListenerError> for Failure {
    /// The one way out of this crate: what an operator may read, with the causes in one line.
    fn from(error: ListenerError) -> Self {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            message.push_str(": ");
            message.push_str(&source.to_string());
            cause = source.source();
        }
        Self::new(Class::GatewayFault, message)
    }
}

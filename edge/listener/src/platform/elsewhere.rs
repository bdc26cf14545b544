use std::io;
use std::net::TcpListener;
use std::path::Path;

use backstop_vocabulary::Failure;

use crate::error::ListenerError;
use crate::{Listening, TakenOver};

/// The standard queue has to do.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn deepen_queue(_socket: &TcpListener) -> io::Result<()> {
    Ok(())
}

/// Nobody can offer anything here.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn take_over(_path: &Path) -> io::Result<Option<TakenOver>> {
    Ok(None)
}

#[derive(Debug)]
pub(crate) struct Acknowledge(std::convert::Infallible);

impl Acknowledge {
    pub(crate) fn send(self) -> io::Result<()> {
        match self.0 {}
    }
}

/// Offers listening sockets to a successor process. Not available on this platform.
#[derive(Debug)]
pub struct Handover(std::convert::Infallible);

impl Handover {
    /// Always fails with a `gateway_fault`: sockets cannot be handed over here.
    pub fn offer(path: &Path) -> Result<Self, Failure> {
        let reason = "a hand-over of sockets is not available on this platform";
        let source = io::Error::new(io::ErrorKind::Unsupported, reason);
        Err(ListenerError::Handover { path: path.to_owned(), source }.into())
    }

    /// Never called: there is no value of this type.
    pub async fn taken(&self, _listenings: &[Listening]) {
        std::future::pending::<()>().await;
    }
}

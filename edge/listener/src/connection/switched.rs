//! Connections that stop speaking HTTP after an answer of 101, and are bytes both ways from then on.

use std::fmt;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// The bytes of a client, both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Talk = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What becomes of a connection that switches.
pub(crate) struct Afterwards(Box<dyn FnOnce(Box<dyn Duplex>) -> Talk + Send>);

impl Afterwards {
    pub(crate) fn new<F, T>(talk: F) -> Self
    where
        F: FnOnce(Box<dyn Duplex>) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        Self(Box::new(|client| Box::pin(talk(client))))
    }

    pub(crate) async fn talk(self, client: Box<dyn Duplex>) {
        (self.0)(client).await;
    }
}

impl fmt::Debug for Afterwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Afterwards(…)")
    }
}

use std::fmt;
use std::pin::Pin;

use backstop_vocabulary::Failure;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Endpoint;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connected byte stream to a provider, TLS and proxies already behind it.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Whether the peer agreed to HTTP/2 (by ALPN); HTTP/1.1 otherwise.
    fn speaks_http2(&self) -> bool {
        false
    }
}

impl Io for tokio::net::TcpStream {}
impl Io for tokio::io::DuplexStream {}

/// Opens connections. [`crate::TcpDial`] goes out to the network; a replay plugs pipes in here.
pub trait Dial: Send + Sync + 'static {
    /// Connects to the endpoint, as far as the first byte of HTTP may be written. Takes no clock of
    /// its own: the caller drops the future when the connect clock has run out.
    ///
    /// # Errors
    ///
    /// `DnsFailed`, `ConnectFailed` or `TlsFailed`; `GatewayBusy` when this machine lacks a socket.
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>>;
}

impl fmt::Debug for dyn Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("http2", &self.speaks_http2()).finish()
    }
}

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// What a connection runs over: a socket, TLS over a socket, or a pipe in memory.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Sets the options a connection wants before its first byte. Failures are not worth a word.
    fn prepare(&self) {}

    /// Makes the coming close a reset, where there is such a thing.
    fn reset_on_close(&self) {}

    /// The client's address, where it has one.
    fn peer(&self) -> Option<SocketAddr> {
        None
    }

    /// Whether TLS protects it.
    fn is_secure(&self) -> bool {
        false
    }

    /// Whether the client chose HTTP/2 by ALPN; otherwise the first bytes decide.
    fn chose_http2(&self) -> bool {
        false
    }
}

impl Transport for TcpStream {
    fn prepare(&self) {
        // Without it an answer's second small write waits up to 40 ms for an acknowledgement.
        let _set = self.set_nodelay(true);
    }

    fn reset_on_close(&self) {
        let _set = self.set_zero_linger();
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }
}

impl<T: Transport> Transport for TlsStream<T> {
    fn prepare(&self) {
        self.get_ref().0.prepare();
    }

    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.get_ref().0.peer()
    }

    fn is_secure(&self) -> bool {
        true
    }

    fn chose_http2(&self) -> bool {
        self.get_ref().1.alpn_protocol() == Some(b"h2")
    }
}

impl Transport for DuplexStream {}

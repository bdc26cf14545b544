use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, io::IoSlice};

use backstop_vocabulary::Failure;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{NetError, failure};
use crate::names::Names;
use crate::race::connect_first;
use crate::tunnel::open_tunnel;
use crate::{BoxFuture, Dial, Endpoint, Io, Resolve, SystemNames};

/// Silence after which the kernel asks whether the peer is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);

/// Goes out to the network: DNS with a memory of 24 h, both address families, proxies, TLS. Share
/// one between the clients of all cores, so that they share what is known of names.
pub struct TcpDial {
    names: Names,
}

impl TcpDial {
    /// Resolves as the operating system does.
    pub fn new() -> Self {
        Self::with_resolver(Arc::new(SystemNames))
    }

    /// Resolves as `resolver` does.
    pub fn with_resolver(resolver: Arc<dyn Resolve>) -> Self {
        Self { names: Names::new(resolver) }
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Io>, NetError> {
        let (host, port) = endpoint.first_hop();
        let addresses = self.names.find(host, port).await?;
        let mut stream =
            connect_first(addresses).await.map_err(|source| NetError::connect(host, source))?;
        tune(&stream).map_err(|source| NetError::connect(host, source))?;
        let Some((config, name)) = endpoint.tls() else { return Ok(Box::new(stream)) };
        if let Some(proxy) = endpoint.proxy() {
            open_tunnel(&mut stream, endpoint, proxy).await?;
        }
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name.clone(), stream)
            .await
            .map_err(|source| NetError::Tls { host: endpoint.host().into(), source })?;
        Ok(Box::new(Secure(stream)))
    }
}

impl Default for TcpDial {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TcpDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpDial").field("names", &self.names).finish()
    }
}

impl Dial for TcpDial {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>> {
        Box::pin(async move { self.connect(endpoint).await.map_err(|error| failure(&error)) })
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    // Without it every small frame waits for the acknowledgement of the one before: 40 ms.
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// A stream with TLS around it.
pub(crate) struct Secure<S>(pub(crate) TlsStream<S>);

/// What TLS can be put around.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

impl<S: Stream> Io for Secure<S> {
    fn speaks_http2(&self) -> bool {
        self.0.get_ref().1.alpn_protocol() == Some(b"h2")
    }
}

impl<S: Stream> AsyncRead for Secure<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: Stream> AsyncWrite for Secure<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

mod drive;
mod first_bytes;
mod guarded;
mod shared;
mod switched;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1::Parts;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;

use crate::{AnswerBody, ListenerLimits, Transport};
use drive::{Driven, Watchdog, drive};
use first_bytes::{Opening, Protocol, first_bytes};
use guarded::{Guarded, Length, Manner};
use shared::{Open, Shared};
use wire::Wire;

pub use shared::Flushed;
use switched::Afterwards;
pub use switched::Duplex;

/// Bytes of request bodies that one HTTP/2 stream, and four of them together, may send ahead of us.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// Bytes of answers that one HTTP/2 stream may keep in memory for a slow client.
const SEND_BYTES_MAX: usize = 256 << 10;

/// What answers requests: the gateway, a simulated provider, a test.
pub trait Serve: Send + Sync + 'static {
    /// Answers one request. The future, and later the body, is dropped as soon as the client leaves.
    fn serve(
        &self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Response<AnswerBody>> + Send;
}

/// The connection a request came over. Clones are cheap and speak of the same connection.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

impl Connection {
    /// The client's address; none over a pipe in memory.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// Whether TLS protects it.
    pub fn is_secure(&self) -> bool {
        self.0.secure
    }

    /// Whether the listener is draining, so that this connection will not last.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining()
    }

    /// What happens once the answer to this request is written, which must be a 101: HTTP is over,
    /// and `talk` gets the client's bytes. Only over HTTP/1.1; it is dropped as soon as the listener
    /// ends, but not when it begins to drain.
    pub fn switch_to<F, T>(&self, talk: F)
    where
        F: FnOnce(Box<dyn Duplex>) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        self.0.switch_to(Afterwards::new(talk));
    }

    /// The handle that tells when bytes have reached the socket. Only for bodies that must know;
    /// an [`crate::Abort`] with a farewell needs no help.
    pub fn flushed(&self) -> Flushed {
        Flushed::new(Arc::clone(&self.0))
    }
}

/// Serves one connection until the client leaves, a limit is met, or `drain` becomes true and the
/// last answer is complete. HTTP/1 and HTTP/2 are told apart by ALPN or by the first bytes.
///
/// Needs a tokio runtime with time; HTTP/2 spawns its streams there.
pub async fn serve_connection<IO: Transport, S: Serve>(
    mut io: IO,
    serve: Arc<S>,
    limits: Arc<ListenerLimits>,
    mut drain: watch::Receiver<bool>,
) {
    io.prepare();
    let opening = if io.chose_http2() {
        Opening::http2()
    } else {
        match first_bytes(&mut io, &limits, &mut drain).await {
            Some(opening) => opening,
            None => return,
        }
    };
    let shared = Arc::new(Shared::new(&io, drain.clone()));
    let watchdog = Watchdog::new(Arc::clone(&shared), Arc::clone(&limits), opening.protocol);
    let wire = Wire::new(io, opening.bytes, Arc::clone(&shared));
    let room = Arc::new(Room { serve, shared, limits });
    match opening.protocol {
        Protocol::Http1 => serve_http1(wire, room, watchdog, drain).await,
        Protocol::Http2 => serve_http2(wire, room, watchdog, drain).await,
    }
}

async fn serve_http1<IO: Transport, S: Serve>(
    wire: Wire<IO>,
    room: Arc<Room<S>>,
    watchdog: Watchdog,
    drain: watch::Receiver<bool>,
) {
    let shared = Arc::clone(&room.shared);
    let mut builder = http1::Builder::new();
    builder
        .half_close(false)
        .max_headers(room.limits.headers_max)
        .max_header_size(room.limits.head_bytes_max);
    let service = service_fn(move |request| answer(Arc::clone(&room), request));
    let mut connection = builder.serve_connection(wire, service);
    if drive(&mut connection, watchdog, drain).await == Driven::Broken {
        return;
    }
    let Parts { mut io, read_buf, .. } = connection.into_parts();
    match shared.switched() {
        Some(afterwards) => {
            io.unread(read_buf);
            afterwards.talk(Box::new(TokioIo::new(io))).await;
        }
        None => io.linger().await,
    }
}

async fn serve_http2<IO: Transport, S: Serve>(
    wire: Wire<IO>,
    room: Arc<Room<S>>,
    watchdog: Watchdog,
    drain: watch::Receiver<bool>,
) {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .max_concurrent_streams(room.limits.streams_max)
        .max_header_list_size(u32::try_from(room.limits.head_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(4 * STREAM_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX);
    let service = service_fn(move |request| answer(Arc::clone(&room), request));
    let mut connection = builder.serve_connection(wire, service);
    let _driven = drive(&mut connection, watchdog, drain).await;
}

/// What every request of one connection needs.
struct Room<S> {
    serve: Arc<S>,
    shared: Arc<Shared>,
    limits: Arc<ListenerLimits>,
}

async fn answer<S: Serve>(
    room: Arc<Room<S>>,
    request: Request<Incoming>,
) -> Result<Response<Guarded>, Infallible> {
    let open = Open::new(&room.shared);
    let version = request.version();
    let mut response = room.serve.serve(request, Connection(Arc::clone(&room.shared))).await;
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if room.shared.is_draining() && version < Version::HTTP_2 && !switches {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let announced = response.headers().contains_key(CONTENT_LENGTH);
    let length = if announced { Length::Announced } else { Length::Open };
    let manner = Manner::new(version, &room.limits, length);
    Ok(response.map(|body| Guarded::new(body, open, manner)))
}

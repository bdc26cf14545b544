//! Open connections that speak HTTP.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, timeout};

use crate::outgoing::Outgoing;
use crate::pool::Pool;
use crate::wire::{Pulse, Wire};
use crate::{ClientLimits, Io};

/// What one HTTP/2 stream may have in flight towards us, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// One HTTP/1 connection: at most one request at a time, owned by whoever has it.
#[derive(Debug)]
pub(crate) struct Http1 {
    pub(crate) sender: http1::SendRequest<Outgoing>,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) born: Instant,
    pub(crate) reused: bool,
}

/// One HTTP/2 connection, shared by its streams.
#[derive(Clone, Debug)]
pub(crate) struct Http2 {
    pub(crate) sender: http2::SendRequest<Outgoing>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) born: Instant,
}

/// The streams of one HTTP/2 connection: how many are open, and how many may be.
#[derive(Debug)]
pub(crate) struct Streams {
    open: AtomicUsize,
    open_max: AtomicUsize,
}

/// One place among the streams of a connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace(Arc<Streams>);

impl Streams {
    fn new(open_max: usize) -> Arc<Self> {
        Arc::new(Self { open: AtomicUsize::new(0), open_max: AtomicUsize::new(open_max) })
    }

    /// Takes a place if one is free.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<StreamPlace> {
        let open = self.open.load(Ordering::Relaxed);
        // Only called under the pool's lock: nobody else enters between the two lines.
        (open < self.open_max.load(Ordering::Relaxed)).then(|| self.enter_first())
    }

    /// Takes a place on a connection just opened, which has room whatever the peer will say.
    pub(crate) fn enter_first(self: &Arc<Self>) -> StreamPlace {
        self.open.fetch_add(1, Ordering::Relaxed);
        StreamPlace(Arc::clone(self))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection just opened.
pub(crate) enum Fresh {
    Http1(Http1),
    Http2(Http2),
}

/// Starts HTTP on a dialled stream, and a task that drives it until it ends.
pub(crate) async fn start(
    io: Box<dyn Io>,
    limits: &ClientLimits,
    pool: Weak<Pool>,
) -> hyper::Result<Fresh> {
    if io.speaks_http2() {
        start_http2(io, limits, pool).await
    } else {
        start_http1(io, limits, pool).await.map(Fresh::Http1)
    }
}

/// The same where HTTP/1.1 it must be: such a connection may also stop speaking HTTP.
pub(crate) async fn start_http1(
    io: Box<dyn Io>,
    limits: &ClientLimits,
    pool: Weak<Pool>,
) -> hyper::Result<Http1> {
    let pulse = Arc::new(Pulse::default());
    let mut builder = http1::Builder::new();
    builder.max_header_size(limits.head_bytes_max).max_buf_size(limits.head_bytes_max.max(8192));
    // Setting even hyper's own default moves the headers of every answer to the heap.
    if limits.headers_max != 100 {
        builder.max_headers(limits.headers_max);
    }
    let (sender, connection) =
        builder.handshake(TokioIo::new(Wire::new(io, Arc::clone(&pulse)))).await?;
    tokio::spawn(drive(connection.with_upgrades(), pool, limits.idle_max));
    Ok(Http1 { sender, pulse, born: Instant::now(), reused: false })
}

async fn start_http2(
    io: Box<dyn Io>,
    limits: &ClientLimits,
    pool: Weak<Pool>,
) -> hyper::Result<Fresh> {
    let streams_max = u32::try_from(limits.streams_max).unwrap_or(u32::MAX);
    let (sender, mut connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        // Room for every stream: clients that read slowly must not stop the others.
        .initial_connection_window_size(STREAM_WINDOW_BYTES.saturating_mul(streams_max))
        .initial_max_send_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.ping_after)
        .keep_alive_timeout(limits.ping_wait_max)
        // Otherwise a connection that a middlebox forgot would swallow the next request.
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(Wire::new(io, Arc::default())))
        .await?;
    let streams = Streams::new(limits.streams_max);
    let seen = Arc::clone(&streams);
    let ours = limits.streams_max;
    let watched = poll_fn(move |cx| {
        let ended = Pin::new(&mut connection).poll(cx);
        seen.open_max.store(connection.current_max_send_streams().min(ours), Ordering::Relaxed);
        ended
    });
    tokio::spawn(drive(watched, pool, limits.idle_max));
    Ok(Fresh::Http2(Http2 { sender, streams, born: Instant::now() }))
}

/// Runs a connection to its end, and has the pool look for idle ones now and then meanwhile: no
/// connection, no timer.
async fn drive<C>(connection: C, pool: Weak<Pool>, every: Duration)
where
    C: Future<Output = hyper::Result<()>> + Send,
{
    let mut connection = pin!(connection);
    loop {
        match timeout(every, connection.as_mut()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection to a provider ended");
                return;
            }
            Err(_) => {
                if let Some(pool) = pool.upgrade() {
                    pool.sweep();
                }
            }
        }
    }
}

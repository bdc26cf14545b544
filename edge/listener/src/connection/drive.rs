use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::time::sleep;

use super::first_bytes::Protocol;
use super::shared::Shared;
use crate::ListenerLimits;

/// A hyper connection of either version.
pub(super) trait Graceful: Future<Output = hyper::Result<()>> + Unpin {
    /// Lets the open requests end and takes no more.
    fn end_gracefully(&mut self);
}

impl<I, S, B> Graceful for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    Self: Future<Output = hyper::Result<()>> + Unpin,
{
    fn end_gracefully(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl<I, S, B> Graceful for http2::Connection<I, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    TokioExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
    Self: Future<Output = hyper::Result<()>> + Unpin,
{
    fn end_gracefully(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driven {
    /// Every answer was written as it should be.
    Closed,
    /// Broken off: by the client, by an answer that broke, or by us at a limit.
    Broken,
}

/// Runs a connection to its end, with an eye on its limits and on `drain`.
pub(super) async fn drive<C: Graceful>(
    connection: &mut C,
    mut watchdog: Watchdog,
    mut drain: watch::Receiver<bool>,
) -> Driven {
    let tick = watchdog.limits.head_time_max;
    let mut draining = false;
    loop {
        let pause = if draining { watchdog.limits.drain_idle_max } else { tick };
        tokio::select! {
            biased;
            ended = &mut *connection => {
                return if ended.is_ok() { Driven::Closed } else { Driven::Broken };
            }
            () = until_drained(&mut drain), if !draining => {
                draining = true;
                if watchdog.protocol == Protocol::Http2 {
                    connection.end_gracefully();
                }
            }
            () = sleep(pause) => {
                if draining {
                    connection.end_gracefully();
                }
                match watchdog.look(pause) {
                    Sight::Well => {}
                    Sight::Idle => connection.end_gracefully(),
                    Sight::Stuck => return Driven::Broken,
                }
            }
        }
    }
}

/// Resolves when draining begins; never if whoever could begin it is gone.
pub(super) async fn until_drained(drain: &mut watch::Receiver<bool>) {
    if drain.wait_for(|drain| *drain).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Watches a connection's limits at a coarse tick, so that a request costs no timer.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    limits: Arc<ListenerLimits>,
    protocol: Protocol,
    started: u64,
    /// Whether the last look saw a head on its way.
    halfway: bool,
    idle: Duration,
    /// Writes at the last look, and how long there have been none although there is something.
    writes: u64,
    stalled: Duration,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing to do.
    Well,
    /// No request for longer than is allowed.
    Idle,
    /// A head that was on its way at the last look is still not complete, or the client takes
    /// nothing of its answer.
    Stuck,
}

impl Watchdog {
    pub(super) fn new(
        shared: Arc<Shared>,
        limits: Arc<ListenerLimits>,
        protocol: Protocol,
    ) -> Self {
        Self {
            shared,
            limits,
            protocol,
            started: 0,
            halfway: false,
            idle: Duration::ZERO,
            writes: 0,
            stalled: Duration::ZERO,
        }
    }

    /// Looks, `passed` after the last time.
    pub(super) fn look(&mut self, passed: Duration) -> Sight {
        if self.is_stalled(passed) {
            // The kernel would keep what was not read for minutes more.
            self.shared.ask_reset();
            return Sight::Stuck;
        }
        let started = self.shared.started.load(Relaxed);
        let busy = started != self.shared.ended.load(Relaxed);
        // Under HTTP/2 anything may come between requests; there the idle limit has to do.
        let halfway = !busy
            && self.protocol == Protocol::Http1
            && self.shared.reads.load(Relaxed) > self.shared.reads_at_end.load(Relaxed);
        let halfway_before = std::mem::replace(&mut self.halfway, halfway);
        if busy || started != self.started {
            self.started = started;
            self.idle = Duration::ZERO;
            return Sight::Well;
        }
        if halfway && halfway_before {
            return Sight::Stuck;
        }
        self.idle += passed;
        if self.idle >= self.limits.idle_max { Sight::Idle } else { Sight::Well }
    }

    /// Whether the client has taken nothing for longer than is allowed, although there is something.
    fn is_stalled(&mut self, passed: Duration) -> bool {
        let writes = self.shared.writes.load(Relaxed);
        let waits = self.shared.is_full.load(Relaxed) && writes == self.writes;
        self.writes = writes;
        self.stalled = if waits { self.stalled + passed } else { Duration::ZERO };
        self.stalled >= self.limits.stall_max
    }
}

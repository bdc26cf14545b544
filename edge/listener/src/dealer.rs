use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::{ListenerLimits, Listening, Serve, Tls, serve_connection};

/// How long accepting rests when the system has no more to give, unless a connection ends earlier.
const REST: Duration = Duration::from_millis(100);

/// Accepts connections in one place and deals them evenly to the cores.
///
/// The kernel's own distribution (`SO_REUSEPORT`) is by hash: with few long connections one core
/// may get most of them. Here each goes to the core that has the fewest.
#[derive(Debug)]
pub struct Dealer {
    seats: Vec<Seat>,
    limits: Arc<ListenerLimits>,
    count: Arc<Count>,
    next: usize,
}

/// One core's place at the table.
#[derive(Debug)]
struct Seat {
    connections: UnboundedSender<TcpStream>,
    open: Arc<AtomicUsize>,
}

/// The connections of all cores.
#[derive(Debug, Default)]
struct Count {
    open: AtomicUsize,
    ended: Notify,
    /// Whether the last attempt to accept failed, so that it is logged once.
    short: AtomicBool,
}

/// What one core holds: the connections that are dealt to it.
#[derive(Debug)]
pub struct Hand {
    connections: UnboundedReceiver<TcpStream>,
    open: Arc<AtomicUsize>,
    count: Arc<Count>,
    limits: Arc<ListenerLimits>,
}

impl Dealer {
    /// A dealer and one hand for each of `cores` cores (at least one).
    pub fn new(cores: usize, limits: ListenerLimits) -> (Self, Vec<Hand>) {
        let (limits, count) = (Arc::new(limits), Arc::new(Count::default()));
        let (seats, hands) = (0..cores.max(1))
            .map(|_| {
                let (sender, receiver) = unbounded_channel();
                let open = Arc::new(AtomicUsize::new(0));
                let seat = Seat { connections: sender, open: Arc::clone(&open) };
                let (count, limits) = (Arc::clone(&count), Arc::clone(&limits));
                (seat, Hand { connections: receiver, open, count, limits })
            })
            .unzip();
        (Self { seats, limits, count, next: 0 }, hands)
    }

    /// Accepts until `drain` becomes true, or every hand is gone. Never fails for good: when the
    /// system runs out of file descriptors it rests, says so once and carries on.
    ///
    /// Returning closes this handle of the listening socket, and lets the hands end once their
    /// connections have. Needs a tokio runtime with IO and time.
    pub async fn run(
        mut self,
        listening: Listening,
        mut drain: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = listening.into_tokio()?;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = drain.wait_for(|drain| *drain) => return Ok(()),
                accepted = self.accept(&listener) => accepted,
            };
            if self.deal(accepted).is_none() {
                return Ok(());
            }
        }
    }

    async fn accept(&self, listener: &tokio::net::TcpListener) -> TcpStream {
        loop {
            if self.count.open.load(Ordering::Acquire) >= self.limits.connections_max {
                self.rest("the limit of connections is reached; new ones wait").await;
                continue;
            }
            let accepted = listener.accept().await.and_then(|(stream, _peer)| stream.into_std());
            match accepted {
                Ok(stream) => {
                    self.count.short.store(false, Ordering::Relaxed);
                    return stream;
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => self.rest(&error.to_string()).await,
            }
        }
    }

    /// Waits for a connection to end, or for a while, and says why the first time.
    async fn rest(&self, reason: &str) {
        if !self.count.short.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason, "accepting connections rests");
        }
        // Early or late, the next attempt shows.
        let _early = tokio::time::timeout(REST, self.count.ended.notified()).await;
    }

    /// Gives a connection to the core with the fewest; `None` when no core is left.
    fn deal(&mut self, mut stream: TcpStream) -> Option<()> {
        while !self.seats.is_empty() {
            let seats = self.seats.len();
            self.next = (self.next + 1) % seats;
            // The first of the emptiest in turn, so that equal ones take turns.
            let emptiest = (0..seats)
                .map(|offset| (self.next + offset) % seats)
                .min_by_key(|&seat| self.seats[seat].open.load(Ordering::Relaxed))?;
            let seat = &self.seats[emptiest];
            seat.open.fetch_add(1, Ordering::Relaxed);
            self.count.open.fetch_add(1, Ordering::AcqRel);
            match seat.connections.send(stream) {
                Ok(()) => return Some(()),
                Err(returned) => {
                    stream = returned.0;
                    self.count.open.fetch_sub(1, Ordering::AcqRel);
                    self.seats.swap_remove(emptiest);
                }
            }
        }
        None
    }
}

/// Whether this connection went wrong and the next may be all right.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}

impl Hand {
    /// Serves what is dealt, until the dealer has stopped and the last connection has ended.
    ///
    /// To be run on the core's own single-threaded runtime, or on any. `drain` is the dealer's: once
    /// it is true, open answers are completed and connections closed.
    pub async fn serve<S: Serve>(
        mut self,
        serve: Arc<S>,
        tls: Option<Tls>,
        drain: watch::Receiver<bool>,
    ) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                dealt = self.connections.recv() => {
                    let Some(stream) = dealt else { break };
                    let seat = self.take_seat();
                    let (serve, limits) = (Arc::clone(&serve), Arc::clone(&self.limits));
                    let (tls, drain) = (tls.clone(), drain.clone());
                    tasks.spawn(async move {
                        serve_stream(stream, tls, Served { serve, limits, drain }).await;
                        drop(seat);
                    });
                }
                Some(_ended) = tasks.join_next() => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    fn take_seat(&self) -> Taken {
        Taken { open: Arc::clone(&self.open), count: Arc::clone(&self.count) }
    }
}

/// A connection that counts until it is dropped.
struct Taken {
    open: Arc<AtomicUsize>,
    count: Arc<Count>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.count.open.fetch_sub(1, Ordering::AcqRel);
        self.count.ended.notify_one();
    }
}

struct Served<S> {
    serve: Arc<S>,
    limits: Arc<ListenerLimits>,
    drain: watch::Receiver<bool>,
}

async fn serve_stream<S: Serve>(stream: TcpStream, tls: Option<Tls>, served: Served<S>) {
    let Served { serve, limits, drain } = served;
    let stream = match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%error, "cannot serve a connection"),
    };
    let Some(tls) = tls else {
        return serve_connection(stream, serve, limits, drain).await;
    };
    let handshake = tokio::time::timeout(limits.head_time_max, tls.acceptor().accept(stream)).await;
    match handshake {
        Ok(Ok(stream)) => serve_connection(stream, serve, limits, drain).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
    }
}

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backstop_scenarios::{Ask, Behaviour, Connecting, Reply, Token, World};
use backstop_vocabulary::Moment;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::exchange;
use crate::port::Port;
use crate::wire::{Severable, Wire};

/// Where the time comes from: scenario moments, from whatever clock the caller lives by.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// One provider; paths are its own.
    Provider(Arc<str>),
    /// All of them; the first part of a path names the provider: `/anthropic/v1/messages`.
    All,
}

/// Simulated providers, to be served on any number of connections. Clones share one world.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    clock: Clock,
    counts: Mutex<Counts>,
}

/// How many requests ended how: by provider, then by symptom or outcome.
pub(crate) type Counts = BTreeMap<Arc<str>, BTreeMap<&'static str, u64>>;

impl Simulator {
    /// A simulator of this world, living by this clock.
    pub fn new(world: World, clock: Clock) -> Self {
        let counts = Mutex::new(Counts::new());
        Self { shared: Arc::new(Shared { world: Mutex::new(world), clock, counts }) }
    }

    /// Opens a TCP port. Nothing is served until [`Port::run`].
    pub async fn bind(&self, entry: Entry, address: SocketAddr) -> io::Result<Port> {
        let listener = TcpListener::bind(address).await?;
        Ok(Port::new(self.clone(), entry, listener))
    }

    /// What becomes of a connection to this provider that is opened now. A caller that makes its
    /// own pipes asks here first, and serves only what is accepted.
    pub fn connect(&self, provider: &str) -> Connecting {
        let now = self.now();
        self.world().connect(now, provider)
    }

    /// Serves one connection until it ends or breaks. The first request on it is spared connection
    /// faults, which [`Simulator::connect`] has drawn already.
    pub async fn serve_connection<I>(&self, io: I, entry: Entry)
    where
        I: AsyncRead + AsyncWrite + Severable + Unpin + Send + 'static,
    {
        let severed = Arc::new(AtomicBool::new(false));
        let fresh = Arc::new(AtomicBool::new(entry != Entry::All));
        let io = TokioIo::new(Wire::new(io, Arc::clone(&severed)));
        let service = service_fn(|request| {
            let line = exchange::Line { severed: Arc::clone(&severed), fresh: Arc::clone(&fresh) };
            exchange::answer(self.clone(), entry.clone(), line, request)
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(1 << 20);
        if let Err(error) = server.serve_connection(io, service).await {
            tracing::debug!(%error, "a simulated connection broke");
        }
    }

    /// Faults set from outside.
    pub fn behaviours(&self) -> Vec<Behaviour> {
        self.world().behaviours().to_vec()
    }

    /// Replaces the faults set from outside, on top of the scenario's own.
    pub fn set_behaviours(&self, behaviours: Vec<Behaviour>) {
        self.world().set_behaviours(behaviours);
    }

    /// How many requests each provider got, by what became of them.
    pub fn requests(&self) -> BTreeMap<Arc<str>, BTreeMap<&'static str, u64>> {
        self.counts().clone()
    }

    pub(crate) fn respond(&self, ask: &Ask) -> Reply {
        let now = self.now();
        self.world().respond(now, ask)
    }

    pub(crate) fn finished(&self, token: Token) {
        let now = self.now();
        self.world().finished(now, token);
    }

    pub(crate) fn count(&self, provider: &Arc<str>, what: &'static str) {
        *self.counts().entry(Arc::clone(provider)).or_default().entry(what).or_default() += 1;
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        (self.shared.clock)()
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").finish_non_exhaustive()
    }
}

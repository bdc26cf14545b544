use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use backstop_vocabulary::Failure;
use tokio::time::Instant;

use crate::line::{Http1, Http2, StreamPlace};
use crate::{ClientLimits, Endpoint};

/// The connections of one client that may serve another request.
pub(crate) struct Pool {
    pub(crate) limits: ClientLimits,
    hosts: Mutex<HashMap<usize, Host>>,
}

/// A connection taken for one request.
pub(crate) enum Line {
    Http1(Http1),
    Http2 { line: Http2, place: StreamPlace, reused: bool },
}

/// One dial at a time where one connection can serve everyone; holds how the last one failed.
pub(crate) type Gate = tokio::sync::Mutex<Option<(Instant, Failure)>>;

struct Host {
    /// Keeps the address in memory from being given to another endpoint.
    endpoint: Weak<Endpoint>,
    idle: Vec<Idle>,
    shared: Vec<Shared>,
    gate: Arc<Gate>,
    speaks: Option<Speaks>,
}

struct Idle {
    line: Http1,
    since: Instant,
}

struct Shared {
    line: Http2,
    used: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Http1,
    Http2,
}

impl Pool {
    pub(crate) fn new(limits: ClientLimits) -> Self {
        Self { limits, hosts: Mutex::default() }
    }

    /// A connection that was alive when last looked at, the most recently used first.
    pub(crate) fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Line> {
        let now = Instant::now();
        let mut hosts = self.hosts();
        let host = hosts.get_mut(&key(endpoint))?;
        host.take_shared(now, &self.limits).or_else(|| host.take_idle(now, &self.limits))
    }

    /// Takes a connection back for the next request, unless it is of no further use.
    pub(crate) fn put(&self, endpoint: &Arc<Endpoint>, mut line: Http1) {
        let now = Instant::now();
        if line.sender.is_closed() || now.duration_since(line.born) >= self.limits.age_max {
            return;
        }
        line.reused = true;
        self.with_host(endpoint, |host| {
            if host.idle.len() >= self.limits.idle_connections_max.max(1) {
                host.idle.remove(0);
            }
            host.idle.push(Idle { line, since: now });
        });
    }

    /// Remembers that the endpoint speaks HTTP/1, so that nobody waits for anybody's connection.
    pub(crate) fn note_http1(&self, endpoint: &Arc<Endpoint>) {
        self.with_host(endpoint, |host| host.speaks = Some(Speaks::Http1));
    }

    /// Shares a new connection with later requests. The place is for the request that opened it.
    pub(crate) fn share(&self, endpoint: &Arc<Endpoint>, line: &Http2) {
        let shared = Shared { line: line.clone(), used: Instant::now() };
        self.with_host(endpoint, |host| {
            host.speaks = Some(Speaks::Http2);
            host.shared.push(shared);
        });
    }

    /// The gate to pass before dialling, where one connection may be enough for all.
    pub(crate) fn gate(&self, endpoint: &Arc<Endpoint>) -> Option<Arc<Gate>> {
        if !endpoint.is_secure() {
            return None;
        }
        self.with_host(endpoint, |host| {
            (host.speaks != Some(Speaks::Http1)).then(|| Arc::clone(&host.gate))
        })
    }

    /// Closes the idle connections of an endpoint: where the most recently used one was stale, the
    /// others are too, and the next attempt must not find out one by one.
    pub(crate) fn forget_idle(&self, endpoint: &Arc<Endpoint>) {
        self.with_host(endpoint, |host| host.idle.clear());
    }

    /// Closes what has been idle for too long, and what belongs to endpoints that are gone.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let limits = &self.limits;
        self.hosts().retain(|_, host| {
            host.idle.retain(|idle| idle.is_fit(now, limits));
            host.shared.retain(|shared| shared.is_fit(now, limits));
            host.endpoint.strong_count() > 0
        });
    }

    fn with_host<R>(&self, endpoint: &Arc<Endpoint>, change: impl FnOnce(&mut Host) -> R) -> R {
        let mut hosts = self.hosts();
        change(hosts.entry(key(endpoint)).or_insert_with(|| Host::new(endpoint)))
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<usize, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.hosts();
        let idle: usize = hosts.values().map(|host| host.idle.len()).sum();
        let shared: usize = hosts.values().map(|host| host.shared.len()).sum();
        f.debug_struct("Pool").field("idle", &idle).field("shared", &shared).finish_non_exhaustive()
    }
}

impl Host {
    fn new(endpoint: &Arc<Endpoint>) -> Self {
        Self {
            endpoint: Arc::downgrade(endpoint),
            idle: Vec::new(),
            shared: Vec::new(),
            gate: Arc::default(),
            speaks: None,
        }
    }

    fn take_shared(&mut self, now: Instant, limits: &ClientLimits) -> Option<Line> {
        if self.shared.is_empty() {
            return None;
        }
        self.shared.retain(|shared| shared.is_fit(now, limits));
        self.shared.iter_mut().find_map(|shared| {
            let place = shared.line.streams.enter()?;
            shared.used = now;
            Some(Line::Http2 { line: shared.line.clone(), place, reused: true })
        })
    }

    fn take_idle(&mut self, now: Instant, limits: &ClientLimits) -> Option<Line> {
        let mut busy = Vec::new();
        let mut found = None;
        while let Some(idle) = self.idle.pop() {
            if !idle.is_fit(now, limits) {
                continue;
            }
            if idle.line.sender.is_ready() {
                found = Some(Line::Http1(idle.line));
                break;
            }
            // Its task has yet to see that the last answer is complete.
            busy.push(idle);
        }
        self.idle.extend(busy.into_iter().rev());
        found
    }
}

impl Idle {
    fn is_fit(&self, now: Instant, limits: &ClientLimits) -> bool {
        !self.line.sender.is_closed()
            && now.duration_since(self.since) < limits.idle_max
            && now.duration_since(self.line.born) < limits.age_max
    }
}

impl Shared {
    /// A connection past its age is forgotten here and lives on until its last stream ends.
    fn is_fit(&self, now: Instant, limits: &ClientLimits) -> bool {
        let idle_too_long =
            self.line.streams.is_idle() && now.duration_since(self.used) >= limits.idle_max;
        !self.line.sender.is_closed()
            && !idle_too_long
            && now.duration_since(self.line.born) < limits.age_max
    }
}

fn key(endpoint: &Arc<Endpoint>) -> usize {
    Arc::as_ptr(endpoint).addr()
}

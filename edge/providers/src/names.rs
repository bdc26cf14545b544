//! From host names to addresses, with the last good answer kept for the day DNS fails.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::BoxFuture;
use crate::error::NetError;

/// How long an answer is used without asking again: a burst of new connections asks once, and so
/// do those that come while a resolver fails or hangs.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// How long the last good answer outlives the resolver.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a resolver may take before the last good answer is used in its place.
const PATIENCE: Duration = Duration::from_secs(1);
/// Names kept; settings name far fewer.
const NAMES_MAX: usize = 1024;

/// Turns names into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`, the best first. Literal addresses never come here.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver, with its hosts file and search rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl Resolve for SystemNames {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver with a memory.
pub(crate) struct Names {
    resolver: Arc<dyn Resolve>,
    known: Mutex<HashMap<Box<str>, Known>>,
}

#[derive(Clone)]
struct Known {
    addresses: Arc<[IpAddr]>,
    since: Instant,
    /// When the resolver was asked last, whatever it said.
    asked: Instant,
}

impl Names {
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, known: Mutex::default() }
    }

    /// The addresses to try for `host`, in the resolver's order.
    pub(crate) async fn find(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NetError> {
        let with_port = |addresses: &[IpAddr]| {
            addresses.iter().map(|&address| SocketAddr::new(address, port)).collect()
        };
        if let Ok(literal) = host.parse::<IpAddr>() {
            return Ok(with_port(&[literal]));
        }
        let known = self.recall(host);
        if let Some(known) = known.as_ref().filter(|known| known.asked.elapsed() < FRESH_FOR) {
            return Ok(with_port(&known.addresses));
        }
        self.note_asked(host);
        match (self.ask(host, known.as_ref()).await, known) {
            (Ok(addresses), _) => {
                let found = with_port(&addresses);
                self.remember(host, addresses);
                Ok(found)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(host, %error, "cannot resolve, using the last good answer");
                Ok(with_port(&known.addresses))
            }
            (Err(source), None) => Err(NetError::Resolve { host: host.into(), source }),
        }
    }

    async fn ask(&self, host: &str, spare: Option<&Known>) -> io::Result<Vec<IpAddr>> {
        let asked = self.resolver.resolve(host);
        let answer = if spare.is_some() {
            timeout(PATIENCE, asked).await.map_err(|_| io::ErrorKind::TimedOut)?
        } else {
            asked.await
        }?;
        if answer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(answer)
    }

    fn recall(&self, host: &str) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).filter(|known| known.since.elapsed() < KEPT_FOR).cloned()
    }

    /// Somebody asks now: others need not, as long as there is an answer to go on with.
    fn note_asked(&self, host: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(host) {
            known.asked = Instant::now();
        }
    }

    fn remember(&self, host: &str, addresses: Vec<IpAddr>) {
        let now = Instant::now();
        let entry = Known { addresses: addresses.into(), since: now, asked: now };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES_MAX {
            known.retain(|_, known| known.since.elapsed() < FRESH_FOR);
        }
        known.insert(host.into(), entry);
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! Credentials that are renewed: one pass for each, kept up away from the request path.

pub(crate) mod access;
mod knock;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use tokio::sync::Notify;
use tokio::time::timeout;

use backstop_identity::{Answer, BoxFuture, Endpoints, Keeper, Outside, Pass, Question};
use backstop_providers::{Ask, Endpoint};
use backstop_settings::{Credential, Identity, Provider, Settings};
use backstop_vocabulary::{Class, Failure, Moment};

use crate::core::Core;

pub(crate) use knock::Sent;

/// How often a question is sent again on a new connection where a pooled one turned out closed.
const STALE_RETRIES_MAX: u32 = 2;

/// A provider and one of its credentials.
type Name = (Arc<str>, Arc<str>);
/// An address, and the proxy to it.
type Way = (String, Option<String>);

/// Every pass of the settings in force, by provider and credential.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    known: Mutex<BTreeMap<Name, Arc<Pass>>>,
    /// Those that nobody keeps up yet.
    fresh: Mutex<Vec<Arc<Pass>>>,
    news: Notify,
}

impl Passes {
    /// The pass of a credential: the one there is while its settings stay the same.
    pub(crate) fn pass(
        &self,
        provider: &Arc<str>,
        name: &Arc<str>,
        identity: &Identity,
    ) -> Arc<Pass> {
        let mut known = lock(&self.known);
        let key = (Arc::clone(provider), Arc::clone(name));
        if let Some(pass) = known.get(&key).filter(|pass| pass.identity() == identity) {
            return Arc::clone(pass);
        }
        let pass = Arc::new(Pass::new(format!("{provider}#{name}").into(), identity.clone()));
        known.insert(key, Arc::clone(&pass));
        lock(&self.fresh).push(Arc::clone(&pass));
        self.news.notify_one();
        pass
    }

    /// Forgets what these settings do not name: its keeper ends with its last request.
    pub(crate) fn keep_only(&self, settings: &Settings) {
        let named = |provider: &Provider, name: &str| {
            provider
                .credentials
                .iter()
                .any(|one| matches!(one, Credential::Identity { name: of, .. } if **of == *name))
        };
        lock(&self.known).retain(|(provider, name), _| {
            settings.providers.get(provider).is_some_and(|provider| named(provider, name))
        });
    }

    /// All there are, by the names of their credentials.
    pub(crate) fn all(&self) -> Vec<(String, Arc<Pass>)> {
        let known = lock(&self.known);
        let named = known
            .iter()
            .map(|((provider, name), pass)| (format!("{provider}#{name}"), Arc::clone(pass)));
        named.collect()
    }

    fn take_fresh(&self) -> Vec<Arc<Pass>> {
        std::mem::take(&mut *lock(&self.fresh))
    }
}

/// Keeps every token renewed, for as long as the future is polled: at once, and at half of each
/// token's life. Endpoints are reached by this core's client.
pub async fn renew_forever(core: Arc<Core>) {
    let shared = Arc::clone(&core.shared);
    let outside = Arc::new(World { core, endpoints: Mutex::default() });
    let breakers = Arc::new(Endpoints::default());
    loop {
        for pass in shared.registry.passes.take_fresh() {
            let seed = outside.core.chance().next_u64();
            let outside: Arc<dyn Outside> = Arc::clone(&outside) as _;
            let keeper = Keeper::new(&pass, outside, Arc::clone(&breakers), seed);
            crate::core::spawn(keeper.keep());
        }
        shared.registry.passes.news.notified().await;
    }
}

/// The world of token endpoints: the gateway's clock, client and trust.
struct World {
    core: Arc<Core>,
    endpoints: Mutex<BTreeMap<Way, Arc<Endpoint>>>,
}

impl World {
    fn endpoint(&self, question: &Question) -> Result<Arc<Endpoint>, Failure> {
        let key = (question.base.clone(), question.proxy.clone());
        if let Some(known) = lock(&self.endpoints).get(&key) {
            return Ok(Arc::clone(known));
        }
        let made = Endpoint::new(&key.0, key.1.as_deref(), &self.core.shared.trust);
        let made = made.map_err(|error| Failure::new(Class::ConnectFailed, error.to_string()))?;
        let made = Arc::new(made);
        lock(&self.endpoints).insert(key, Arc::clone(&made));
        Ok(made)
    }

    async fn exchange(
        &self,
        question: Question,
        (deadline, bytes_max): (Duration, usize),
    ) -> Result<Answer, Failure> {
        let endpoint = self.endpoint(&question)?;
        let odd = |_| Failure::new(Class::ConnectFailed, "its address holds what a URL may not");
        let path = PathAndQuery::try_from(question.path.as_str()).map_err(odd)?;
        let mut retries = 0;
        let reply = loop {
            let mut headers = question.headers.clone();
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
            headers.insert(header::USER_AGENT, HeaderValue::from_static("backstop"));
            let (path, body) = (path.clone(), question.body.clone());
            let ask = Ask { method: question.method.clone(), path, headers, body };
            match self.core.client.send(&endpoint, ask, deadline).await {
                Err(failure)
                    if failure.class == Class::StaleConnection && retries < STALE_RETRIES_MAX =>
                {
                    retries += 1;
                }
                other => break other?,
            }
        };
        let (status, headers) = (reply.status, reply.headers.clone());
        let body = reply.body.collect(bytes_max).await?;
        Ok(Answer { status, headers, body })
    }
}

impl Outside for World {
    fn now(&self) -> Moment {
        self.core.shared.clock.now()
    }

    fn unix_secs(&self) -> u64 {
        self.core.shared.clock.unix_secs(self.now())
    }

    fn ask(
        &self,
        question: Question,
        deadline: Duration,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Answer, Failure>> {
        Box::pin(async move {
            let exchange = Box::pin(self.exchange(question, (deadline, bytes_max)));
            timeout(deadline, exchange).await.unwrap_or_else(|_| {
                let what = format!("no answer within {:.1} s", deadline.as_secs_f64());
                Err(Failure::new(Class::FirstTokenTimeout, what))
            })
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

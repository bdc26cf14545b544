//! The token in force, as the request path sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backstop_settings::{Identity, Secret};
use backstop_vocabulary::{Class, Failure, Moment};
use tokio::sync::{Notify, watch};

use crate::trouble::Trouble;

/// How long before its end a token is not used any more: clocks differ, and a request is on its way
/// for a moment. Of a token that lives for less than 5 min, a tenth of its life.
const MARGIN: Duration = Duration::from_secs(30);
/// How often a provider's refusal may have a token renewed out of turn.
const FORCED_EVERY: Duration = Duration::from_secs(60);

/// What is shown to a provider.
#[derive(Clone)]
pub enum Proof {
    /// A bearer token.
    Bearer(Secret),
    /// Keys that sign.
    Aws(AwsProof),
}

/// Keys of AWS, and what they sign for.
#[derive(Clone)]
pub struct AwsProof {
    /// The public part.
    pub access_key_id: String,
    /// The secret part.
    pub secret_access_key: Secret,
    /// The token of temporary keys.
    pub session_token: Option<Secret>,
}

/// A token and the time it is good for.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What is shown.
    pub proof: Proof,
    /// When it was given.
    pub given: Moment,
    /// When it ends; `None` is never, as far as anybody said.
    pub expires: Option<Moment>,
}

impl Grant {
    /// Until when it is used.
    pub(crate) fn good_until(&self) -> Moment {
        self.expires.map_or(Moment::NEVER, |end| end - MARGIN.min(end.since(self.given) / 10))
    }

    /// Whether it is used now.
    pub fn is_good(&self, now: Moment) -> bool {
        now < self.good_until()
    }
}

/// The token of one credential. The request path reads it; its [`crate::Keeper`] renews it.
pub struct Pass {
    pub(crate) identity: Identity,
    /// `provider#credential`, for logs and metrics.
    pub(crate) name: Arc<str>,
    grant: ArcSwapOption<Grant>,
    /// The one before: its provider may still repeat it.
    former: ArcSwapOption<Grant>,
    trouble: ArcSwapOption<Known>,
    /// Counts every ending of a renewal.
    endings: watch::Sender<u64>,
    pub(crate) asked: Arc<Notify>,
    /// When a refusal last asked for a renewal, in nanoseconds plus one; 0 is never.
    forced: AtomicU64,
    renewed: AtomicU64,
    failed: AtomicU64,
}

/// The last trouble.
#[derive(Clone, Debug)]
struct Known {
    trouble: Trouble,
    at: Moment,
    /// When the next renewal is tried.
    again: Moment,
}

/// How a pass is doing, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who gives the tokens: `entra`, `aws`, `google`, `oauth`.
    pub giver: &'static str,
    /// Whether there is a token that may be used.
    pub good: bool,
    /// How long until the token ends; `None` without one, or where it never does.
    pub expires_in: Option<Duration>,
    /// Renewals that gave a token.
    pub renewed: u64,
    /// Renewals that gave none.
    pub failed: u64,
    /// Why the last renewal gave none, if so, without a secret; and how long ago.
    pub trouble: Option<(String, Duration)>,
}

impl Pass {
    /// A pass without a token, of this name: `provider#credential`.
    pub fn new(name: Arc<str>, identity: Identity) -> Self {
        Self {
            identity,
            name,
            grant: ArcSwapOption::empty(),
            former: ArcSwapOption::empty(),
            trouble: ArcSwapOption::empty(),
            endings: watch::Sender::new(0),
            asked: Arc::default(),
            forced: AtomicU64::new(0),
            renewed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// The settings it was made from.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The token, while it may be used.
    pub fn grant(&self, now: Moment) -> Option<Arc<Grant>> {
        self.grant.load_full().filter(|grant| grant.is_good(now))
    }

    /// Until when there will be no token: `None` while there is one, or the first is on its way.
    pub fn dead_until(&self, now: Moment) -> Option<Moment> {
        let grant = self.grant.load();
        if grant.as_ref().is_some_and(|grant| grant.is_good(now)) {
            return None;
        }
        let again = self.trouble.load().as_ref().map(|known| known.again);
        // One that ended before its renewal did is as good as dead, but for a moment.
        again.or_else(|| grant.is_some().then_some(now + Duration::from_secs(1)))
    }

    /// The token, or the one that is on its way: the first of all is waited for.
    ///
    /// # Errors
    ///
    /// `IdentityFailed`, with what the token endpoint did.
    pub async fn wait(&self, now: Moment) -> Result<Arc<Grant>, Failure> {
        let mut endings = self.endings.subscribe();
        if let Some(grant) = self.grant(now) {
            return Ok(grant);
        }
        if self.dead_until(now).is_none() {
            // Cannot fail: the sender is ours.
            let _ended = endings.changed().await;
        }
        self.grant(now).ok_or_else(|| self.failure())
    }

    /// Why there is no token.
    pub fn failure(&self) -> Failure {
        match self.trouble.load().as_ref() {
            Some(known) => known.trouble.failure(),
            None => Failure::new(Class::IdentityFailed, "no token: the first is still on its way"),
        }
    }

    /// A provider refused this token: another one, if one has come meanwhile or may be asked for out
    /// of turn, which is once a minute.
    pub async fn replace(&self, refused: &Arc<Grant>, now: Moment) -> Option<Arc<Grant>> {
        let other = |grant: &Arc<Grant>| !Arc::ptr_eq(grant, refused);
        if let Some(newer) = self.grant(now).filter(other) {
            return Some(newer);
        }
        let mut endings = self.endings.subscribe();
        let last = self.forced.load(Ordering::Relaxed);
        let recent = last > 0 && now.since(Moment::from_nanos(last - 1)) < FORCED_EVERY;
        if !recent {
            let at = now.nanos().saturating_add(1);
            let order = (Ordering::Relaxed, Ordering::Relaxed);
            if self.forced.compare_exchange(last, at, order.0, order.1).is_ok() {
                self.asked.notify_one();
            }
        } else if now.since(Moment::from_nanos(last - 1)) > self.identity.deadline {
            return None;
        }
        // Whoever else was refused at the same time waits for the same renewal.
        let _in_time = tokio::time::timeout(self.identity.deadline, endings.changed()).await;
        self.grant(now).filter(other)
    }

    /// What must never be repeated: the parts of this token and of the one before.
    pub fn secrets(&self) -> Vec<Secret> {
        let grants = [self.grant.load_full(), self.former.load_full()];
        let mut secrets = Vec::new();
        for grant in grants.into_iter().flatten() {
            match &grant.proof {
                Proof::Bearer(token) => secrets.push(token.clone()),
                Proof::Aws(keys) => {
                    secrets.push(keys.secret_access_key.clone());
                    secrets.extend(keys.session_token.clone());
                }
            }
        }
        secrets
    }

    /// How it is doing.
    pub fn standing(&self, now: Moment) -> Standing {
        let grant = self.grant.load();
        let grant = grant.as_ref();
        let trouble = self.trouble.load();
        Standing {
            giver: self.identity.giver.name(),
            good: grant.is_some_and(|grant| grant.is_good(now)),
            expires_in: grant.and_then(|grant| grant.expires).map(|end| end.since(now)),
            renewed: self.renewed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            trouble: trouble.as_ref().map(|known| (known.trouble.to_string(), now.since(known.at))),
        }
    }

    /// The token that is in force, good or not.
    pub(crate) fn held(&self) -> Option<Arc<Grant>> {
        self.grant.load_full()
    }

    /// A renewal gave this token.
    pub(crate) fn put(&self, grant: Grant) {
        self.former.store(self.grant.swap(Some(Arc::new(grant))));
        self.trouble.store(None);
        self.renewed.fetch_add(1, Ordering::Relaxed);
        self.endings.send_modify(|endings| *endings += 1);
    }

    /// A renewal gave none. An endpoint that is left alone for a while is so for the trouble before.
    pub(crate) fn note(&self, trouble: Trouble, at: Moment, again: Moment) {
        let known = self.trouble.load_full();
        if let (Trouble::Shut { .. }, Some(known)) = (&trouble, known) {
            self.trouble.store(Some(Arc::new(Known { again, ..(*known).clone() })));
            self.endings.send_modify(|endings| *endings += 1);
            return;
        }
        self.trouble.store(Some(Arc::new(Known { trouble, at, again })));
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.endings.send_modify(|endings| *endings += 1);
    }
}

impl Drop for Pass {
    /// Its keeper need not wait for the next renewal to notice.
    fn drop(&mut self) {
        self.asked.notify_one();
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("name", &self.name)
            .field("giver", &self.identity.giver.name())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Aws(_) => "Aws(…)",
        })
    }
}

impl fmt::Debug for AwsProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsProof(…)")
    }
}

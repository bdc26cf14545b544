//! Renews one pass: at half of a token's life, one question at a time, with patience for what fails.

use std::sync::{Arc, Weak};
use std::time::Duration;

use backstop_resilience::Backoff;
use backstop_vocabulary::{Chance, Moment};

use crate::endpoints::Endpoints;
use crate::outside::Outside;
use crate::pass::{Grant, Pass};
use crate::source::{Asker, renew};
use crate::trouble::Trouble;

/// The shortest time between two renewals.
const EVERY_MIN: Duration = Duration::from_secs(1);
/// How often a token of unknown life is asked for again, and keys in files are read again.
const EVERY_UNKNOWN: Duration = Duration::from_secs(300);
/// Waits after a refusal or a setting that cannot work: the first, and the longest. Somebody has to
/// change something first.
const REFUSED_MIN: Duration = Duration::from_secs(5);
const REFUSED_MAX: Duration = Duration::from_secs(60);
/// How far renewals of the same life are spread.
const JITTER: f64 = 0.1;

/// Renews one pass for as long as somebody holds it.
pub struct Keeper {
    pass: Weak<Pass>,
    outside: Arc<dyn Outside>,
    endpoints: Arc<Endpoints>,
    chance: Chance,
    backoff: Backoff,
    refused: Duration,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

impl Keeper {
    /// A keeper that has not asked yet. Keepers that share `endpoints` share their breakers.
    pub fn new(
        pass: &Arc<Pass>,
        outside: Arc<dyn Outside>,
        endpoints: Arc<Endpoints>,
        seed: u64,
    ) -> Self {
        Self {
            pass: Arc::downgrade(pass),
            outside,
            endpoints,
            chance: Chance::from_seed(seed),
            backoff: Backoff::transient(),
            refused: REFUSED_MIN,
        }
    }

    /// Renews at once, and from then on in time; ends when nobody holds the pass any more. Its timers
    /// are those of the runtime it runs in.
    pub async fn keep(mut self) {
        loop {
            let Some(pass) = self.pass.upgrade() else { return };
            let wait = self.renew(&pass).await;
            let asked = Arc::clone(&pass.asked);
            drop(pass);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = asked.notified() => {}
            }
        }
    }

    /// One renewal; says how long to wait for the next.
    async fn renew(&mut self, pass: &Pass) -> Duration {
        let asker = Asker::new(&*self.outside, &self.endpoints, &pass.identity);
        // Some take two questions, or three.
        let longest = pass.identity.deadline.saturating_mul(3);
        let renewed = tokio::time::timeout(longest, renew(&asker, &pass.identity.giver)).await;
        let renewed = renewed.unwrap_or_else(|_| {
            Err(Trouble::setting("the renewal took longer than three times its deadline"))
        });
        match renewed {
            Ok(grant) => {
                self.backoff = Backoff::transient();
                self.refused = REFUSED_MIN;
                let wait = self.half_life(&grant);
                tracing::debug!(credential = %pass.name, next_s = wait.as_secs(), "token renewed");
                pass.put(grant);
                wait
            }
            Err(trouble) => {
                let now = self.outside.now();
                let wait = self.after(&trouble, now);
                let held = pass.held().filter(|grant| grant.is_good(now));
                let left_s = held.map_or(0, |grant| grant.good_until().since(now).as_secs());
                if !matches!(trouble, Trouble::Shut { .. }) {
                    tracing::warn!(credential = %pass.name, left_s, "token not renewed: {trouble}");
                }
                pass.note(trouble, now, now + wait);
                wait
            }
        }
    }

    fn half_life(&mut self, grant: &Grant) -> Duration {
        let life = grant.expires.map(|end| end.since(grant.given));
        let half = life.map_or(EVERY_UNKNOWN, |life| life / 2);
        let spread = half.mul_f64(JITTER);
        self.chance.between(half.saturating_sub(spread), half).max(EVERY_MIN)
    }

    fn after(&mut self, trouble: &Trouble, now: Moment) -> Duration {
        match trouble {
            Trouble::Failed { failure, .. } => {
                self.backoff.next(failure.stay_away, &mut self.chance)
            }
            Trouble::Shut { until, .. } => until.since(now).max(Duration::from_millis(10)),
            Trouble::Refused { .. } | Trouble::File { .. } | Trouble::Setting(_) => {
                let wait = self.chance.between(self.refused / 2, self.refused);
                self.refused = (self.refused * 2).min(REFUSED_MAX);
                wait
            }
        }
    }
}

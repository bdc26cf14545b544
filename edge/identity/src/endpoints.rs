//! Token endpoints: each with the breaker that targets have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_resilience::{BreakerTuning, Health, Lease, Purpose, Tuning, Verdict};
use backstop_vocabulary::{Class, Failure, Moment, Timing};

use crate::outside::{Answer, Outside, Question};
use crate::trouble::Trouble;

/// The largest answer: tokens with many groups have 20 KiB, JSON Web Tokens of 64 KiB exist.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// Every token endpoint asked so far, by scheme and host. What asks there shares its breaker.
#[derive(Debug, Default)]
pub struct Endpoints(Mutex<BTreeMap<String, Arc<Mutex<Health>>>>);

impl Endpoints {
    fn health(&self, base: &str) -> Arc<Mutex<Health>> {
        let mut all = lock(&self.0);
        let seed = all.len() as u64;
        let made = all.entry(base.to_owned());
        Arc::clone(made.or_insert_with(|| Arc::new(Mutex::new(Health::new(tuning(), seed)))))
    }

    /// Asks, unless the endpoint's breaker is open. What comes is an answer of the endpoint itself: a
    /// good one, or a refusal.
    ///
    /// # Errors
    ///
    /// `Failed` for everything that speaks of the endpoint and not of who asks: no connection, silence,
    /// a redirect, a server error, a limit, a web page; `Shut` while the breaker is open.
    pub(crate) async fn ask(
        &self,
        outside: &dyn Outside,
        question: Question,
        deadline: Duration,
    ) -> Result<Answer, Trouble> {
        let base = question.base.clone();
        let endpoint = host_of(&base).to_owned();
        let health = self.health(&base);
        let now = outside.now();
        let verdict = lock(&health).admit(now, Purpose::Probe);
        let lease = match verdict {
            Verdict::Attempt => None,
            Verdict::Probe(lease) => Some(lease),
            Verdict::Refused { until } => return Err(Trouble::Shut { endpoint, until }),
        };
        let lease = Leased { health, lease, now };
        let asked = outside.ask(question, deadline, ANSWER_BYTES_MAX).await;
        let answer = asked.and_then(judge);
        let now = outside.now();
        lease.end(now, answer.as_ref().map(|_| ()));
        answer.map_err(|failure| Trouble::Failed { endpoint, failure })
    }
}

/// A question under way: dropped without an ending, it says nothing about its endpoint.
struct Leased {
    health: Arc<Mutex<Health>>,
    lease: Option<Lease>,
    now: Moment,
}

impl Leased {
    fn end(mut self, now: Moment, ending: Result<(), &Failure>) {
        let mut health = lock(&self.health);
        match (self.lease.take(), ending) {
            (Some(lease), ending) => health.handle_probe_ending(now, lease, ending),
            (None, Ok(())) => {
                let total = now.since(self.now).max(Duration::from_millis(1));
                let timing = Timing { first_token: None, longest_gap: None, total };
                health.handle_success(now, 1, &timing);
            }
            (None, Err(failure)) => health.handle_failure(now, failure),
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            lock(&self.health).release(self.now, lease);
        }
    }
}

/// A refusal is an answer; what is no answer of a token endpoint is a failure.
fn judge(answer: Answer) -> Result<Answer, Failure> {
    let failure = |class, what: &str| Err(Failure::new(class, what).with_status(answer.status));
    match answer.status {
        200..300 | 400..429 | 430..500 => {
            // A web page says that somebody else answered, whatever its status.
            if is_page(&answer.body) {
                return failure(Class::BadAnswer, "a web page in place of a token");
            }
            Ok(answer)
        }
        300..400 => failure(Class::Redirected, "it redirects, which is not followed"),
        // A limit is the endpoint's state as well: asking on makes it worse.
        429 => failure(Class::Overloaded, "it limits the rate"),
        status => failure(Class::ServerError, &format!("status {status}")),
    }
}

fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start[..start.len().min(256)].to_ascii_lowercase();
    [&b"<html"[..], b"<!doctype"]
        .into_iter()
        .any(|sign| start.windows(sign.len()).any(|part| part == sign))
}

/// The host of a base address.
pub(crate) fn host_of(base: &str) -> &str {
    base.split_once("://").map_or(base, |(_, rest)| rest)
}

/// Tokens are asked for seldom, and the endpoint is asked by us alone: fewer failures open it, one
/// good answer closes it, and it is never left alone for long, because without a token nothing
/// works.
fn tuning() -> Tuning {
    let breaker = BreakerTuning {
        streak: 3,
        pause_min: Duration::from_secs(1),
        pause_max: Duration::from_secs(30),
        validations: 1,
        trip_doublings: 0.0,
        ..BreakerTuning::default()
    };
    Tuning { breaker, ..Tuning::default() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

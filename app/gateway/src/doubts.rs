//! Suspicion that reaches further than one target, and refusals that may be the provider's fault.
//!
//! Both are rare, so their record is kept behind one lock that the request path only takes after a
//! failure, or for a minute after one.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_continuity::{Candidate, Opinions, Rollups, SecondOpinion};
use backstop_vocabulary::{Failure, Moment};

use crate::plan::Place;

/// How long after a failure successes are told to the roll-ups.
const ALERT: Duration = Duration::from_secs(120);

/// The gateway's doubts.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    inner: Mutex<Inner>,
    /// Until when there is something to doubt, in nanoseconds.
    alert_until: AtomicU64,
    /// Requests that have not yet paid into the budget of second opinions.
    unpaid: AtomicU32,
}

#[derive(Debug, Default)]
struct Inner {
    rollups: Rollups,
    opinions: Opinions,
}

impl Doubts {
    /// One more request came.
    pub(crate) fn deposit(&self) {
        self.unpaid.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether evidence about its provider speaks against this target.
    pub(crate) fn suspected(&self, at: &Candidate, now: Moment) -> bool {
        self.is_alert(now) && self.lock().rollups.suspected(now, at)
    }

    /// Whether a second opinion can be paid for.
    pub(crate) fn opinion_allowed(&self) -> bool {
        self.lock().opinions.is_allowed()
    }

    /// Pays for a second opinion.
    pub(crate) fn take_opinion(&self) {
        self.lock().opinions.take();
    }

    /// A target answered.
    pub(crate) fn handle_success(&self, at: &Candidate, now: Moment) {
        if self.is_alert(now) {
            self.lock().rollups.handle_success(now, at, 1);
        }
    }

    /// A target failed.
    pub(crate) fn handle_failure(&self, at: &Candidate, failure: &Failure, now: Moment) {
        self.alert_until.store((now + ALERT).nanos(), Ordering::Relaxed);
        self.lock().rollups.handle_failure(now, at, failure);
    }

    /// The failure as it should be taken, given what the places of the same request did lately.
    pub(crate) fn judge(
        &self,
        places: &[Place],
        (at, shape): (&Candidate, u64),
        failure: Failure,
        (opinion, now): (SecondOpinion, Moment),
    ) -> Failure {
        let mut inner = self.lock();
        for place in places {
            for (shape, worked) in (0_u64..).zip(&place.target.worked_at) {
                let worked = worked.swap(0, Ordering::Relaxed);
                if worked > 0 {
                    let moment = Moment::from_nanos(worked);
                    inner.opinions.handle_success(moment, &place.candidate, shape);
                }
            }
        }
        inner.opinions.judge(now, (at, shape), failure, opinion)
    }

    fn is_alert(&self, now: Moment) -> bool {
        now.nanos() < self.alert_until.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let unpaid = self.unpaid.swap(0, Ordering::Relaxed);
        // A hundred fill the budget.
        (0..unpaid.min(100)).for_each(|_| inner.opinions.deposit());
        inner
    }
}

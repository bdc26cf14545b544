//! The right to one attempt at one target: whatever happens to it, the target's health hears of it.

use std::sync::Arc;
use std::time::Duration;

use backstop_resilience::{Lease, Outlook, Purpose, Verdict};
use backstop_vocabulary::{Class, Failure, Moment, Timing};

use crate::clock::Clock;
use crate::table::{Berth, Target};

/// One attempt under way. Dropping it without an ending counts as abandoned: neutral, unless it had
/// waited past the slow threshold without a first token.
#[derive(Debug)]
pub(crate) struct Permit {
    pub(crate) target: Arc<Target>,
    pub(crate) started: Moment,
    clock: Clock,
    core: usize,
    lease: Option<Lease>,
    slow_after: Duration,
    whole: Whole,
    pub(crate) outlook: Outlook,
    openings: u32,
    slow_noted: bool,
    first_token: Option<Duration>,
    longest_gap: Option<Duration>,
    open: bool,
    /// Whether the request may be moved elsewhere when the target is opened.
    pub(crate) moves: Moves,
    /// The place it takes up among the last resorts of its target.
    pub(crate) last_resort: Option<Berth>,
    /// The provider's place it takes up.
    pub(crate) berth: Option<Berth>,
}

impl Permit {
    /// Asks the target for an attempt; a refusal says until when.
    pub(crate) fn take(
        target: &Arc<Target>,
        purpose: Purpose,
        whole: Whole,
        (clock, core): (Clock, usize),
    ) -> Result<Self, Moment> {
        let now = clock.now();
        let lease = match target.cell.admit(now, purpose) {
            Verdict::Attempt => None,
            Verdict::Probe(lease) => Some(lease),
            Verdict::Refused { until } => return Err(until),
        };
        let outlook = target.cell.outlook(now);
        Ok(Self {
            openings: target.cell.openings(),
            target: Arc::clone(target),
            started: now,
            clock,
            core,
            lease,
            slow_after: match whole {
                Whole::Yes => outlook.whole_slow_after,
                Whole::No => outlook.slow_after,
            },
            whole,
            outlook,
            slow_noted: false,
            first_token: None,
            longest_gap: None,
            open: true,
            moves: Moves::No,
            last_resort: None,
            berth: None,
        })
    }

    /// Whether it holds the lease of a probe.
    pub(crate) const fn is_probe(&self) -> bool {
        self.lease.is_some()
    }

    /// When the attempt becomes slow, unless it already has.
    pub(crate) fn slow_at(&self) -> Option<Moment> {
        (!self.slow_noted && self.first_token.is_none()).then(|| self.started + self.slow_after)
    }

    /// The slow threshold has passed without a first token.
    pub(crate) fn note_slow(&mut self) {
        if !self.slow_noted {
            self.slow_noted = true;
            self.target.cell.slow(self.clock.now());
        }
    }

    /// Whether the target was opened since the attempt began. A probe does not care.
    pub(crate) fn target_opened(&self) -> bool {
        self.lease.is_none() && self.openings != self.target.cell.openings()
    }

    /// Content arrived for the first time.
    pub(crate) fn note_first_token(&mut self, now: Moment) {
        let waited = now.since(self.started);
        self.first_token.get_or_insert(waited);
    }

    /// There was this much silence between two pieces of content.
    pub(crate) fn note_gap(&mut self, gap: Duration) {
        self.longest_gap = Some(self.longest_gap.map_or(gap, |longest| longest.max(gap)));
    }

    /// Whether content has arrived.
    pub(crate) fn has_first_token(&self) -> bool {
        self.first_token.is_some()
    }

    pub(crate) fn timing(&self) -> Timing {
        let total = self.clock.now().since(self.started);
        // A whole answer is complete when it is there: what is done with it afterwards is not the
        // provider's time, and would make it look like a stream's first token.
        let total = match (self.whole, self.first_token) {
            (Whole::Yes, Some(first)) => first,
            (Whole::Yes, None) | (Whole::No, _) => total,
        };
        Timing { first_token: self.first_token, longest_gap: self.longest_gap, total }
    }

    /// The attempt was answered in full.
    pub(crate) fn answered(mut self) -> Timing {
        let (now, timing) = (self.clock.now(), self.timing());
        self.open = false;
        match self.lease.take() {
            Some(lease) => self.target.cell.probed(now, lease, Ok(())),
            None => self.target.cell.answered(self.core, now, &timing),
        }
        timing
    }

    /// The attempt failed for a reason that says nothing about the target.
    pub(crate) fn excused(mut self) -> Timing {
        let timing = self.timing();
        self.open = false;
        if let Some(lease) = self.lease.take() {
            self.target.cell.release(self.clock.now(), lease);
        }
        timing
    }

    /// The attempt failed.
    pub(crate) fn failed(mut self, failure: &Failure) -> Timing {
        let (now, timing) = (self.clock.now(), self.timing());
        self.open = false;
        if self.last_resort.is_some() {
            self.target.cell.take_last_resort(now);
        }
        match self.lease.take() {
            Some(lease) => self.target.cell.probed(now, lease, Err(failure)),
            None if failure.class == Class::TargetOpened => {}
            None => self.target.cell.failed(now, failure),
        }
        timing
    }
}

/// Whether a request may be moved to another target while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moves {
    Yes,
    No,
}

/// Whether an attempt waits for a whole answer or for a first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Yes,
    No,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.target.cell.leave();
        if !self.open {
            return;
        }
        let now = self.clock.now();
        let waited = now.since(self.started);
        match self.lease.take() {
            Some(lease) => self.target.cell.release(now, lease),
            None if self.first_token.is_none() && waited >= self.slow_after => self.note_slow(),
            None => {}
        }
    }
}

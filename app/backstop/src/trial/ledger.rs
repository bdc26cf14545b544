//! What became of every request: counted once the client and, for the gateway, its journal have
//! both said how it ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_scenarios::{Delivery, Figures, Flaw, Tally, Verdict};
use backstop_store::Entry;
use backstop_vocabulary::{Class, Tier};

use super::ladder::Stage;

/// The most requests of each list that are kept to be shown.
const LOST_MAX: usize = 50;

/// What is known of an exchange with the gateway besides its verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) delivery: Delivery,
    /// Its headers say who answered.
    pub(crate) proven: bool,
    /// It began after the client's deadline.
    pub(crate) late: bool,
    /// How many ends its stream announced.
    pub(crate) terminals: u32,
}

/// How a request ended for its client.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// When it arrived, from the scenario's start.
    pub(crate) arrived: Duration,
    pub(crate) verdict: Verdict,
    pub(crate) attempts: u32,
}

/// A request that was not answered in full, for whoever wants to know why.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) arrived: Duration,
    pub(crate) verdict: Verdict,
    /// What the gateway's journal says of it.
    pub(crate) entry: Option<Entry>,
}

/// The account of one strategy while it runs.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) tally: Tally,
    /// The first requests that failed.
    pub(crate) lost: Vec<Lost>,
    /// The first that only a lesser target answered.
    pub(crate) lessened: Vec<Lost>,
    /// How many attempts there were of each purpose and ending, by target: `target purpose code`.
    pub(crate) tried: BTreeMap<String, u64>,
    /// The most attempts that any route allows one request.
    attempts_max: u8,
    /// What no gateway may do, and how often this one did.
    pub(crate) broken: BTreeMap<&'static str, u64>,
    /// Ended for the client, not yet in the journal.
    waiting: BTreeMap<u64, Ending>,
    /// In the journal, not yet ended for the client.
    entries: BTreeMap<u64, Entry>,
}

/// A ledger that many tasks write to.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    ledger: Arc<Mutex<Ledger>>,
    reached_ms: Arc<AtomicU64>,
}

impl Ledger {
    /// An empty account.
    pub(crate) const fn new(tally: Tally, attempts_max: u8) -> Self {
        Self {
            tally,
            attempts_max,
            lost: Vec::new(),
            lessened: Vec::new(),
            tried: BTreeMap::new(),
            broken: BTreeMap::new(),
            waiting: BTreeMap::new(),
            entries: BTreeMap::new(),
        }
    }

    /// Notes that a rule was broken once more.
    pub(crate) fn break_rule(&mut self, rule: &'static str) {
        *self.broken.entry(rule).or_default() += 1;
    }

    fn check_attempts(&mut self, entry: &Entry) {
        // A request that a closed connection swallowed is sent again for free.
        let counted = entry.attempts.iter().filter(|row| row.purpose != "stale_retry").count();
        if counted > usize::from(self.attempts_max) {
            self.break_rule("requests with more attempts than allowed");
        }
    }

    fn settle(&mut self, ending: &Ending, entry: Option<&Entry>) {
        let mut verdict = ending.verdict.clone();
        let mut attempts = ending.attempts;
        if let Some(entry) = entry {
            attempts = u32::try_from(entry.attempts.len()).unwrap_or(u32::MAX);
            self.check_attempts(entry);
            for row in &entry.attempts {
                let code = row.class.map_or("answered", Class::code);
                let kind = format!("{} {} {code}", row.target, row.purpose);
                *self.tried.entry(kind).or_default() += 1;
            }
            // A stream that a lesser target completed is worth what that target is.
            if verdict == Verdict::Full && entry.tier == Some(Tier::Degraded) {
                verdict = Verdict::Useful;
            }
        }
        self.tally.record(ending.arrived, &verdict, attempts);
        let list = match verdict {
            Verdict::Failed(_) => &mut self.lost,
            Verdict::Useful => &mut self.lessened,
            Verdict::Full => return,
        };
        if list.len() < LOST_MAX {
            list.push(Lost { arrived: ending.arrived, verdict, entry: entry.cloned() });
        }
    }
}

impl Shared {
    /// Shares a ledger; `reached_ms` shows how far the scenario is.
    pub(crate) fn new(stage: &Stage, reached_ms: Arc<AtomicU64>) -> Self {
        Self::counting(stage, Tally::new(&stage.scenario), reached_ms)
    }

    /// Shares a ledger that counts into this account.
    pub(crate) fn counting(stage: &Stage, tally: Tally, reached_ms: Arc<AtomicU64>) -> Self {
        let routes = stage.settings.routes.iter();
        let attempts_max = routes.map(|route| route.policy.attempts_max).max().unwrap_or(0);
        let ledger = Ledger::new(tally, attempts_max);
        Self { ledger: Arc::new(Mutex::new(ledger)), reached_ms }
    }

    /// The scenario has come this far.
    pub(crate) fn reached(&self, at: Duration) {
        let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        self.reached_ms.store(millis, Ordering::Relaxed);
    }

    /// Counts a request that nothing more will be known of.
    pub(crate) fn settle(&self, ending: &Ending) {
        self.lock().settle(ending, None);
    }

    /// Notes what every answer of a gateway must have.
    pub(crate) fn note(&self, ending: &Ending, facts: Facts) {
        let mut ledger = self.lock();
        let answered = !matches!(ending.verdict, Verdict::Failed(_));
        let waits = ending.verdict == Verdict::Failed(Flaw::TooLate);
        let rules = [
            (answered && !facts.proven, "answers without a word on who gave them"),
            (facts.late, "first tokens after the client's deadline"),
            (waits, "clients that were told nothing by their deadline"),
            (facts.terminals > 1, "streams that ended more than once"),
            (
                answered && facts.delivery.is_stream() && facts.terminals != 1,
                "answers without one end",
            ),
        ];
        rules
            .into_iter()
            .filter(|(broken, _)| *broken)
            .for_each(|(_, rule)| ledger.break_rule(rule));
    }

    /// A client's request is over.
    pub(crate) fn ended(&self, number: u64, ending: Ending) {
        let mut ledger = self.lock();
        match ledger.entries.remove(&number) {
            Some(entry) => ledger.settle(&ending, Some(&entry)),
            None => drop(ledger.waiting.insert(number, ending)),
        }
    }

    /// The gateway has written a request into its journal, under its number as application.
    pub(crate) fn journaled(&self, entry: Entry) {
        let Some(number) = entry.app.as_ref().and_then(|app| app.parse().ok()) else { return };
        let mut ledger = self.lock();
        match ledger.waiting.remove(&number) {
            Some(ending) => ledger.settle(&ending, Some(&entry)),
            None => drop(ledger.entries.insert(number, entry)),
        }
    }

    /// The figures of a segment as they stand.
    pub(crate) fn figures(&self, nth: usize) -> Option<Figures> {
        self.lock().tally.segments().nth(nth).map(|(_, figures)| *figures)
    }

    /// Probes were sent at this time of the scenario.
    pub(crate) fn probed(&self, at: Duration, count: u64) {
        let mut ledger = self.lock();
        (0..count).for_each(|_| ledger.tally.record_probe(at));
    }

    /// Closes the books: requests without a journal entry count as their clients saw them.
    pub(crate) fn close(self) -> Ledger {
        let mut ledger = self.lock();
        let waiting = std::mem::take(&mut ledger.waiting);
        for ending in waiting.values() {
            ledger.settle(ending, None);
        }
        let empty = Ledger::new(ledger.tally.clone(), ledger.attempts_max);
        std::mem::replace(&mut *ledger, empty)
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

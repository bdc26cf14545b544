//! The gateway as a whole: what all requests share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;

use backstop_continuity::AttemptPurpose;
use backstop_providers::{Dial, EndpointError, Fetcher, TlsTrust};
use backstop_resilience::Tuning;
use backstop_settings::{Key, Settings};
use backstop_store::Journal;
use backstop_vocabulary::{Chance, Failure, Moment};

use crate::admit::{Allowance, Room};
use crate::beside::background::Register;
use crate::beside::transcripts::Transcripts;
use crate::clock::Clock;
use crate::core::Core;
use crate::doubts::Doubts;
use crate::fitness::issuers::Issuers;
use crate::fitness::signed::Signed;
use crate::health::Registry;
use crate::live::Live;
use crate::metrics::{Metrics, Totals};
use crate::refused::Refusals;
use crate::table::{Parts, Target};
use crate::view::sessions::Sessions;

/// Attempts at once at a target that is open, when all are.
pub(crate) const LAST_RESORTS_MAX: u32 = 4;

/// What a gateway is made of.
#[derive(Debug)]
pub struct Makings {
    /// The settings to begin with.
    pub settings: Settings,
    /// Where finished requests go.
    pub journal: Journal,
    /// Whom to trust as a provider.
    pub trust: TlsTrust,
    /// Who fetches what requests give by address; without one nothing is fetched, whatever the settings
    /// say.
    pub fetcher: Option<Fetcher>,
    /// The clock.
    pub clock: Clock,
    /// How many threads will serve.
    pub cores: usize,
    /// The seed of all chance.
    pub seed: u64,
    /// The numbers of the resilience machines.
    pub tuning: Tuning,
}

/// The gateway: one for all serving threads.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
    seed: u64,
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) live: ArcSwap<Live>,
    pub(crate) registry: Registry,
    pub(crate) journal: Journal,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) room: Room,
    pub(crate) refusals: Refusals,
    /// Whether no more requests should be sent here.
    pub(crate) draining: AtomicBool,
    pub(crate) doubts: Doubts,
    pub(crate) issuers: Issuers,
    pub(crate) signed: Signed,
    pub(crate) transcripts: Transcripts,
    pub(crate) backgrounds: Register,
    pub(crate) sessions: Sessions,
    pub(crate) trust: TlsTrust,
    pub(crate) fetcher: Option<Fetcher>,
    /// This gateway's mark on the requests it sends, so that it knows them when they come back.
    pub(crate) instance: HeaderValue,
    reloading: Mutex<()>,
    allowances: Mutex<HashMap<Arc<str>, Allowance>>,
    pub(crate) held_bytes: AtomicU64,
    pub(crate) held_bytes_max: AtomicU64,
}

impl Gateway {
    /// A gateway with what it learnt before, if the journal kept it.
    pub fn new(makings: Makings) -> Result<Self, EndpointError> {
        let Makings { settings, journal, trust, fetcher, clock, cores, seed, tuning } = makings;
        let mut registry = Registry::new(&tuning, seed, cores, clock);
        if let Some((saved, at_unix_ms)) = journal.health_load() {
            let elapsed = clock.unix_ms(clock.now()).saturating_sub(at_unix_ms);
            registry = registry.remembering(&saved, Duration::from_millis(elapsed));
        }
        let instance = format!("{:016x}", seed ^ clock.unix_ms(clock.now()).rotate_left(32));
        let held_max = settings.limits.held_bytes_max;
        let live = Live::new(settings, (&trust, &registry))?;
        let shared = Shared {
            live: ArcSwap::from_pointee(live),
            registry,
            journal,
            metrics: Metrics::default(),
            clock,
            room: Room::default(),
            refusals: Refusals::default(),
            draining: AtomicBool::new(false),
            doubts: Doubts::default(),
            issuers: Issuers::default(),
            signed: Signed::default(),
            transcripts: Transcripts::default(),
            backgrounds: Register::default(),
            sessions: Sessions::default(),
            trust,
            fetcher,
            instance: HeaderValue::from_str(&instance).unwrap_or(HeaderValue::from_static("0")),
            reloading: Mutex::default(),
            allowances: Mutex::default(),
            held_bytes: AtomicU64::new(0),
            held_bytes_max: AtomicU64::new(held_max),
        };
        Ok(Self { shared: Arc::new(shared), seed })
    }

    /// One serving thread's part.
    pub fn core(&self, number: usize, dial: Arc<dyn Dial>) -> Core {
        let seed = core_chance(self.seed, number as u64).next_u64();
        Core::new(Arc::clone(&self.shared), number, dial, seed)
    }

    /// Replaces the settings. Requests in progress keep theirs. A provider whose address, proxy and
    /// dialect stay the same keeps its connections, and the health of its targets where their
    /// credential stays the same.
    pub fn reload(&self, settings: Settings) -> Result<(), EndpointError> {
        let Shared { trust, registry, .. } = &*self.shared;
        // One after the other: each builds on what the one before left.
        let _reloading = self.shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.shared.live.load().succeed(settings, (trust, registry))?;
        let held_max = live.settings.limits.held_bytes_max;
        self.shared.held_bytes_max.store(held_max, Ordering::Relaxed);
        self.shared.live.store(Arc::new(live));
        Ok(())
    }

    /// Says from now on that no more requests should be sent here.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Ends the answers that are still made in the background: they have failed, which whoever reads
    /// one along is told.
    pub fn abandon(&self) {
        self.shared.backgrounds.abandon();
    }

    /// Answers in the making whose clients need not wait.
    pub fn in_background(&self) -> u32 {
        self.shared.backgrounds.running()
    }

    /// Saves what was learnt about targets, for the next start.
    pub fn save_health(&self) {
        let now = self.shared.clock.now();
        let memory = self.shared.registry.memory(now);
        self.shared.journal.health_save(memory, self.shared.clock.unix_ms(now));
    }

    /// Requests in progress.
    pub fn in_progress(&self) -> u32 {
        self.shared.room.taken()
    }

    /// Attempts at providers under way, probes included.
    pub fn attempts_in_flight(&self) -> u32 {
        self.shared.registry.in_flight()
    }

    /// Probes sent of our own accord since the start.
    pub fn probes(&self) -> u64 {
        self.shared.metrics.probes.get()
    }

    /// How requests ended since the start.
    pub fn totals(&self) -> Totals {
        self.shared.metrics.totals()
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.shared.live.load().settings.clone()
    }
}

/// The chance of one core. Forked, not added to: seeds that differ by the generator's own step give
/// the same numbers, shifted, and so the same request ids.
fn core_chance(seed: u64, number: u64) -> Chance {
    Chance::from_seed(seed).fork(number + 1)
}

impl Shared {
    pub(crate) fn parts<'a>(&'a self, live: &'a Live) -> Parts<'a> {
        Parts { registry: &self.registry, catalogue: &live.catalogue, metrics: &self.metrics }
    }

    /// Checks a key's own request limit.
    pub(crate) fn check_allowance(&self, key: &Key, now: Moment) -> Result<(), Failure> {
        let Some(per_minute) = key.requests_per_minute else { return Ok(()) };
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        let allowance = allowances
            .entry(Arc::clone(&key.name))
            .or_insert_with(|| Allowance::full(per_minute, now));
        allowance.take(per_minute, now)
    }

    /// Takes what an attempt of this purpose costs.
    pub(crate) fn charge(&self, purpose: AttemptPurpose, target: &Target) {
        match purpose {
            AttemptPurpose::Retry => target.cell.take_retry(self.clock.now()),
            AttemptPurpose::SecondOpinion => self.doubts.take_opinion(),
            AttemptPurpose::First
            | AttemptPurpose::Trickle
            | AttemptPurpose::Probe
            | AttemptPurpose::Failover
            | AttemptPurpose::StaleRetry
            | AttemptPurpose::Repair
            | AttemptPurpose::LastResort
            | AttemptPurpose::Resume => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_never_draw_the_same_request_ids() {
        let mut seen = std::collections::HashSet::new();
        for number in 0..8_u64 {
            let mut chance = core_chance(7, number);
            assert!((0..1000).all(|_| seen.insert(chance.next_u64())), "core {number} repeats");
        }
    }
}

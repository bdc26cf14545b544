//! A small world: one target that fails as told, a fallback that never does, clients at a rate.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_vocabulary::{Chance, Class, Failure, Moment, Timing};

use crate::{Health, Lease, Pacer, Purpose, State, Tuning, Verdict};

const GOOD_TAKES: Duration = Duration::from_secs(2);
const BAD_TAKES: Duration = Duration::from_millis(300);

/// What happened between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) requests: u32,
    /// Clients' requests that went to the target first.
    pub(super) tried: u32,
    /// Those that it failed, so that the fallback had to answer.
    pub(super) failed: u32,
    pub(super) probes: u32,
    /// Times the breaker opened.
    pub(super) opened: u32,
    /// Times the whole share came back.
    pub(super) returned: u32,
}

impl Counts {
    pub(super) fn amplification(&self) -> f64 {
        1.0 + f64::from(self.failed) / f64::from(self.requests.max(1))
    }
}

struct Attempt {
    lease: Option<Lease>,
    failure: Option<Failure>,
}

pub(super) struct World {
    pub(super) health: Health,
    pub(super) now: Moment,
    /// The share of attempts that fail.
    pub(super) failing: f64,
    pub(super) class: Class,
    pub(super) stay_away: Option<Duration>,
    /// Requests a second, as a Poisson process.
    pub(super) rate: f64,
    /// Whether anybody sends synthetic probes.
    pub(super) prober: Prober,
    pub(super) counts: Counts,
    pacer: Pacer,
    chance: Chance,
    under_way: BTreeMap<(Moment, u64), Attempt>,
    serial: u64,
    last: State,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Prober {
    Synthetic,
    Nobody,
}

impl World {
    pub(super) fn new(seed: u64, rate: f64) -> Self {
        Self {
            health: Health::new(Tuning::default(), seed),
            now: Moment::from_secs(1),
            failing: 0.0,
            class: Class::ServerError,
            stay_away: None,
            rate,
            prober: Prober::Synthetic,
            counts: Counts::default(),
            pacer: Pacer::new(),
            chance: Chance::from_seed(seed ^ 0x5eed),
            under_way: BTreeMap::new(),
            serial: 0,
            last: State::Closed,
        }
    }

    /// A world that has run well for a while, with a base failure rate.
    pub(super) fn warm(seed: u64, rate: f64, base: f64) -> Self {
        let mut world = Self::new(seed, rate);
        world.failing = base;
        world.run(Duration::from_secs_f64(600.0 / rate));
        world.counts = Counts::default();
        world
    }

    /// Lets time pass with this share failing, and says what happened in it.
    pub(super) fn phase(&mut self, failing: f64, length: Duration) -> Counts {
        self.failing = failing;
        self.counts = Counts::default();
        self.run(length);
        self.counts
    }

    pub(super) fn run(&mut self, length: Duration) {
        let end = self.now + length;
        let mut next_request = self.now + self.gap();
        let mut next_look = self.now;
        loop {
            let ending = self.under_way.keys().next().map_or(Moment::NEVER, |(at, _)| *at);
            let at = ending.min(next_request).min(next_look);
            if at >= end {
                break;
            }
            self.now = at;
            if at == ending {
                self.end_one();
            } else if at == next_request {
                self.request();
                next_request = at + self.gap();
            } else {
                self.probe();
                next_look = at + Duration::from_secs(1);
            }
            self.watch();
        }
        self.now = end;
    }

    pub(super) fn state(&self) -> State {
        self.health.outlook(self.now).state
    }

    fn gap(&mut self) -> Duration {
        self.chance.exponential(Duration::from_secs_f64(1.0 / self.rate))
    }

    fn request(&mut self) {
        self.counts.requests += 1;
        let outlook = self.health.outlook(self.now);
        let busy = u32::try_from(self.under_way.len()).expect("few");
        let drawn = self.pacer.allows(self.now, &outlook, busy, &mut self.chance);
        if outlook.state.takes_traffic() && !drawn {
            return;
        }
        match self.health.admit(self.now, Purpose::Traffic) {
            Verdict::Attempt => self.start(None, Purpose::Traffic),
            Verdict::Probe(lease) => self.start(Some(lease), Purpose::Traffic),
            Verdict::Refused { until } => assert!(until > self.now, "refused without a reason"),
        }
    }

    fn probe(&mut self) {
        let due = self.health.probe_due(self.now).is_some_and(|due| due <= self.now);
        if !due || self.prober == Prober::Nobody {
            return;
        }
        match self.health.admit(self.now, Purpose::Probe) {
            Verdict::Probe(lease) => {
                self.counts.probes += 1;
                self.start(Some(lease), Purpose::Probe);
            }
            Verdict::Attempt | Verdict::Refused { .. } => panic!("a due probe was refused"),
        }
    }

    fn start(&mut self, lease: Option<Lease>, purpose: Purpose) {
        let failing = self.chance.happens(self.failing);
        let failure =
            failing.then(|| Failure::new(self.class, "told to").with_stay_away(self.stay_away));
        if purpose == Purpose::Traffic {
            self.counts.tried += 1;
            self.counts.failed += u32::from(failing);
        }
        let ends = self.now + if failing { BAD_TAKES } else { GOOD_TAKES };
        self.serial += 1;
        self.under_way.insert((ends, self.serial), Attempt { lease, failure });
    }

    fn end_one(&mut self) {
        let Some((_, attempt)) = self.under_way.pop_first() else { return };
        let result = attempt.failure.as_ref().map_or(Ok(()), Err);
        match (attempt.lease, result) {
            (Some(lease), result) => self.health.handle_probe_ending(self.now, lease, result),
            (None, Ok(())) => self.health.handle_success(self.now, 1, &good()),
            (None, Err(failure)) => self.health.handle_failure(self.now, failure),
        }
    }

    fn watch(&mut self) {
        let state = self.state();
        if state != self.last {
            let was_open = matches!(self.last, State::HalfOpen | State::Open);
            let is_open = matches!(state, State::HalfOpen | State::Open);
            self.counts.opened += u32::from(is_open && !was_open);
            self.counts.returned += u32::from(state == State::Closed);
            self.last = state;
        }
    }
}

/// The timing of a good answer.
pub(super) fn good() -> Timing {
    Timing {
        first_token: Some(Duration::from_millis(600)),
        longest_gap: Some(Duration::from_millis(100)),
        total: GOOD_TAKES,
    }
}

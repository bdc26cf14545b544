//! The health of one target, shared by all cores.
//!
//! The request path reads a snapshot of atomics and adds successes to a counter of its own core;
//! failures, transitions and leases go through one short lock that is never held over an await. A
//! success takes the lock only if it is free: under contention its count waits for the next who
//! comes.

use std::time::Duration;

use backstop_resilience::{
    Budget, Health, Lease, Memory, Outlook, Pacer, Purpose, State, Tuning, Verdict,
};
use backstop_vocabulary::{Chance, Class, Failure, Moment, Timing};

use crate::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering};

/// One target's health.
#[derive(Debug)]
pub struct Cell {
    machines: Mutex<Machines>,
    view: View,
    tallies: Box<[Tally]>,
    in_flight: AtomicU32,
    openings: AtomicU32,
}

#[derive(Debug)]
struct Machines {
    health: Health,
    budget: Budget,
    /// Of last resorts that fail.
    last_resorts: Budget,
    pacer: Pacer,
    state: State,
}

/// Why a target was opened, should it have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    /// It refuses what is too much for it: what it has let in is being served.
    ByThrottle,
    /// What waits there may wait in vain.
    ByFault,
}

/// Successes a core has seen and not yet handed over; alone on its cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Tally(AtomicU32);

/// What the request path reads without the lock while all is well. The clocks are written one by
/// one: a reader may mix two settings of them for an instant, which harms nothing.
#[derive(Debug, Default)]
struct View {
    /// 1 while closed at the full share: the outlook is then `clocks`, whatever the time.
    calm: AtomicU32,
    /// Milliseconds: typical first token, first-token clock, slow after, gap clock, whole clock,
    /// whole slow after.
    clocks: [AtomicU32; 6],
    recent_failure_millionths: AtomicU32,
    clean: AtomicU32,
    /// The moment until which `clean` and the failure share may be read without asking again.
    fresh_until: AtomicU64,
}

impl Cell {
    /// A healthy cell for so many cores.
    pub fn new(tuning: Tuning, seed: u64, cores: usize) -> Self {
        Self::with(Health::new(tuning, seed), cores)
    }

    /// A cell that remembers what was learnt before a restart, `elapsed` ago.
    pub fn recall(
        tuning: Tuning,
        (seed, cores): (u64, usize),
        memory: &Memory,
        (elapsed, now): (Duration, Moment),
    ) -> Self {
        Self::with(Health::recall(tuning, seed, memory, elapsed, now), cores)
    }

    fn with(health: Health, cores: usize) -> Self {
        let machines = Machines {
            health,
            budget: Budget::default(),
            last_resorts: Budget::of_last_resorts(),
            pacer: Pacer::new(),
            state: State::Closed,
        };
        let cell = Self {
            machines: Mutex::new(machines),
            view: View::default(),
            tallies: (0..cores.max(1)).map(|_| Tally::default()).collect(),
            in_flight: AtomicU32::new(0),
            openings: AtomicU32::new(0),
        };
        cell.publish(&mut cell.lock(), Moment::ZERO);
        cell
    }

    /// How the target looks. Cheap while all is well; asks the machines otherwise.
    pub fn outlook(&self, now: Moment) -> Outlook {
        self.view.read(now).unwrap_or_else(|| {
            let mut machines = self.lock();
            self.hand_over(&mut machines, now, None);
            self.publish(&mut machines, now);
            machines.health.outlook(now)
        })
    }

    /// Whether a request may use the target's share of traffic now.
    pub fn may_use_share(&self, now: Moment, chance: &mut Chance) -> bool {
        if self.view.read(now).is_some() {
            return true;
        }
        let mut machines = self.lock();
        let outlook = machines.health.outlook(now);
        machines.pacer.allows(now, &outlook, self.in_flight(), chance)
    }

    /// Whether the retry budget has something left.
    pub fn retry_allowed(&self, now: Moment) -> bool {
        self.lock().budget.left(now) >= 1.0
    }

    /// Takes one retry from the budget.
    pub fn take_retry(&self, now: Moment) {
        self.lock().budget.take(now);
    }

    /// Whether last resorts here have failed seldom enough for another.
    pub fn last_resort_allowed(&self, now: Moment) -> bool {
        self.lock().last_resorts.left(now) >= 1.0
    }

    /// A last resort failed.
    pub fn take_last_resort(&self, now: Moment) {
        self.lock().last_resorts.take(now);
    }

    /// Asks for an attempt. The answer counts in `in_flight` when it is not a refusal; whoever got
    /// it must call [`Self::leave`] exactly once.
    pub fn admit(&self, now: Moment, purpose: Purpose) -> Verdict {
        if purpose == Purpose::Traffic && self.view.read(now).is_some() {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            return Verdict::Attempt;
        }
        let mut machines = self.lock();
        self.hand_over(&mut machines, now, None);
        let verdict = machines.health.admit(now, purpose);
        self.publish(&mut machines, now);
        match &verdict {
            Verdict::Attempt | Verdict::Probe(_) => {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Refused { .. } => {}
        }
        verdict
    }

    /// An attempt is over, however it ended.
    pub fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// An attempt was answered.
    pub fn answered(&self, core: usize, now: Moment, timing: &Timing) {
        let tally = &self.tallies[core % self.tallies.len()];
        tally.0.fetch_add(1, Ordering::Relaxed);
        if let Some(mut machines) = self.try_lock() {
            self.hand_over(&mut machines, now, Some(timing));
            self.publish(&mut machines, now);
        }
    }

    /// An attempt failed.
    pub fn failed(&self, now: Moment, failure: &Failure) {
        let mut machines = self.lock();
        self.hand_over(&mut machines, now, None);
        machines.health.handle_failure(now, failure);
        let throttled = matches!(
            failure.class,
            Class::RateLimited | Class::Acceleration | Class::Overloaded | Class::QuotaExhausted
        );
        let by = if throttled { Opened::ByThrottle } else { Opened::ByFault };
        self.publish_after(&mut machines, now, by);
    }

    /// A pending attempt passed the slow threshold.
    pub fn slow(&self, now: Moment) {
        let mut machines = self.lock();
        self.hand_over(&mut machines, now, None);
        machines.health.handle_slow(now);
        self.publish(&mut machines, now);
    }

    /// A probe ended.
    pub fn probed(&self, now: Moment, lease: Lease, result: Result<(), &Failure>) {
        let mut machines = self.lock();
        self.hand_over(&mut machines, now, None);
        if result.is_ok() {
            machines.last_resorts.deposit(now);
        }
        machines.health.handle_probe_ending(now, lease, result);
        self.publish(&mut machines, now);
    }

    /// A probe was dropped without an ending.
    pub fn release(&self, now: Moment, lease: Lease) {
        let mut machines = self.lock();
        machines.health.release(now, lease);
        self.publish(&mut machines, now);
    }

    /// The next rung took load well.
    pub fn fallback_proved(&self, now: Moment) {
        if self.view.read(now).is_some() {
            return;
        }
        let mut machines = self.lock();
        machines.health.handle_fallback_proved(now, 1);
        self.publish(&mut machines, now);
    }

    /// The next rung refused or throttled: this target takes some of its load back.
    pub fn fallback_strained(&self, now: Moment) {
        if self.view.read(now).is_some() {
            return;
        }
        let mut machines = self.lock();
        machines.health.handle_fallback_strained(now);
        self.publish(&mut machines, now);
    }

    /// When a synthetic validation attempt should be sent, if one should.
    pub fn probe_due(&self, now: Moment) -> Option<Moment> {
        self.lock().health.probe_due(now)
    }

    /// Whether a synthetic validation attempt should be sent now.
    pub fn is_probe_due(&self, now: Moment) -> bool {
        self.view.read(now).is_none() && self.probe_due(now).is_some_and(|due| due <= now)
    }

    /// What must survive a restart.
    pub fn memory(&self, now: Moment) -> Memory {
        let mut machines = self.lock();
        self.hand_over(&mut machines, now, None);
        machines.health.memory(now)
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How often the target was opened: an attempt that sees it change while it waits for its first
    /// token moves elsewhere.
    pub fn openings(&self) -> u32 {
        self.openings.load(Ordering::Relaxed)
    }

    /// Gives the machines every success the cores have counted.
    fn hand_over(&self, machines: &mut Machines, now: Moment, timing: Option<&Timing>) {
        let count: u32 = self.tallies.iter().map(|tally| tally.0.swap(0, Ordering::Relaxed)).sum();
        if count == 0 {
            return;
        }
        for _ in 0..count {
            machines.budget.deposit(now);
            machines.last_resorts.deposit(now);
        }
        let unknown = Timing::default();
        machines.health.handle_success(now, count, timing.unwrap_or(&unknown));
    }

    fn publish(&self, machines: &mut Machines, now: Moment) {
        self.publish_after(machines, now, Opened::ByFault);
    }

    fn publish_after(&self, machines: &mut Machines, now: Moment, by: Opened) {
        let outlook = machines.health.outlook(now);
        if machines.state != outlook.state {
            let opened = outlook.state == State::Open && machines.state != State::HalfOpen;
            if opened && by == Opened::ByFault {
                self.openings.fetch_add(1, Ordering::Relaxed);
            }
            machines.state = outlook.state;
        }
        self.view.write(&outlook, now);
    }

    fn lock(&self) -> MutexGuard<'_, Machines> {
        self.machines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Machines>> {
        self.machines.try_lock().ok()
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl View {
    const FRESH: Duration = Duration::from_secs(1);

    fn write(&self, outlook: &Outlook, now: Moment) {
        let calm = outlook.state == State::Closed && outlook.share >= 1.0;
        let clocks = [
            outlook.first_token_typical,
            outlook.first_token_clock,
            outlook.slow_after,
            outlook.gap_clock,
            outlook.whole_clock,
            outlook.whole_slow_after,
        ];
        for (slot, clock) in self.clocks.iter().zip(clocks) {
            slot.store(millis(clock), Ordering::Relaxed);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=1e6")]
        let millionths = (outlook.recent_failure_share.clamp(0.0, 1.0) * 1e6) as u32;
        self.recent_failure_millionths.store(millionths, Ordering::Relaxed);
        self.clean.store(u32::from(outlook.clean), Ordering::Relaxed);
        self.fresh_until.store((now + Self::FRESH).nanos(), Ordering::Relaxed);
        self.calm.store(u32::from(calm), Ordering::Release);
    }

    /// The outlook, while the target is calm and the snapshot fresh.
    fn read(&self, now: Moment) -> Option<Outlook> {
        let calm = self.calm.load(Ordering::Acquire) == 1;
        if !calm || now.nanos() > self.fresh_until.load(Ordering::Relaxed) {
            return None;
        }
        let clock = |slot: usize| {
            Duration::from_millis(u64::from(self.clocks[slot].load(Ordering::Relaxed)))
        };
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let millionths = self.recent_failure_millionths.load(Ordering::Relaxed) as f32;
        Some(Outlook {
            state: State::Closed,
            share: 1.0,
            guards_itself: false,
            floor_rate: 0.0,
            floor_in_flight: 0,
            until: None,
            recent_failure_share: millionths / 1e6,
            clean: self.clean.load(Ordering::Relaxed) == 1,
            first_token_typical: clock(0),
            first_token_clock: clock(1),
            slow_after: clock(2),
            gap_clock: clock(3),
            whole_clock: clock(4),
            whole_slow_after: clock(5),
        })
    }
}

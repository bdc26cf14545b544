//! Courses through random ladders, health and endings, over seeds. A failing seed is printed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this is a test")]

use std::time::Duration;

use backstop_continuity::{
    Attempt, AttemptPurpose, Candidate, Course, CoursePolicy, Outlooks, Step, Unfit, reach,
};
use backstop_resilience::{Outlook, State};
use backstop_vocabulary::{Chance, Class, Failure, Fault, Moment, Scope, Tier};

/// How soon the same vendor may be a last resort once more.
const AGAIN: Duration = Duration::from_secs(15);
const SEEDS: u64 = 2_000;
const DEADLINE: Moment = Moment::from_secs(60);
const STEPS_MAX: usize = 200;

/// Health that changes every few seconds, the same for the same seed.
struct World {
    seed: u64,
    /// How often, of ten, a target is not well.
    trouble: u64,
    epoch: u64,
}

impl World {
    fn chance(&self, target: usize, now: Moment) -> Chance {
        let epoch = now.millis() / self.epoch;
        Chance::from_seed(self.seed).fork(target as u64 + 1).fork(epoch + 1)
    }
}

impl Outlooks for World {
    fn outlook(&self, target: usize, now: Moment) -> Outlook {
        let mut chance = self.chance(target, now);
        let troubled = [
            State::Demoted,
            State::Ramping,
            State::HalfOpen,
            State::Open,
            State::Paused,
            State::Blocked,
        ];
        let state = if chance.below(10) < self.trouble {
            troubled[usize::try_from(chance.below(6)).unwrap()]
        } else {
            State::Closed
        };
        let share = match state {
            State::Closed => 1.0,
            State::Demoted | State::Ramping => 0.25,
            State::HalfOpen | State::Open | State::Paused | State::Blocked => 0.0,
        };
        let until = Moment::from_millis((now.millis() / self.epoch + 1) * self.epoch);
        Outlook {
            state,
            share,
            guards_itself: state == State::Ramping && chance.happens(0.3),
            floor_rate: 1.0,
            floor_in_flight: 2,
            until: (state != State::Closed && chance.happens(0.8)).then_some(until),
            recent_failure_share: 0.5,
            clean: chance.happens(0.5),
            first_token_typical: Duration::from_millis(100 + chance.below(3000)),
            first_token_clock: Duration::from_secs(5 + chance.below(30)),
            slow_after: Duration::from_secs(3),
            gap_clock: Duration::from_secs(30),
            whole_clock: Duration::from_secs(60),
            whole_slow_after: Duration::from_secs(30),
        }
    }

    fn suspected(&self, target: usize, now: Moment) -> bool {
        self.chance(target + 100, now).happens(0.2)
    }

    fn retry_allowed(&self, target: usize, now: Moment) -> bool {
        self.chance(target + 200, now).happens(0.7)
    }

    fn last_resort_allowed(&self, target: usize, now: Moment) -> bool {
        self.chance(target + 300, now).happens(0.7)
    }

    fn may_use_share(&self, target: usize, now: Moment) -> bool {
        self.chance(target + 400, now).happens(0.4)
    }

    fn opinion_allowed(&self, now: Moment) -> bool {
        self.chance(500, now).happens(0.7)
    }

    fn may_probe(&self, target: usize, now: Moment) -> bool {
        self.chance(target + 600, now).happens(0.3)
    }
}

fn candidates(chance: &mut Chance) -> Vec<Candidate> {
    let mut number = |bound: u64| u16::try_from(chance.below(bound)).unwrap();
    let count = 1 + usize::from(number(8));
    let rungs = 1 + u64::from(number(4));
    (0..count)
        .map(|target| {
            let vendor = number(3);
            let credential = vendor * 10 + number(2);
            Candidate {
                target,
                rung: u8::try_from(number(rungs)).unwrap(),
                tier: if number(4) == 0 { Tier::Degraded } else { Tier::Full },
                vendor,
                provider: vendor,
                credential,
                model: number(3),
                pool: credential,
                weight: u32::from(number(3)) * 50,
                context_tokens_max: (number(2) == 0).then_some(1000 * u64::from(number(5))),
                standing: if number(8) == 0 { Err(Unfit::Forbidden) } else { Ok(()) },
            }
        })
        .collect()
}

/// What the reference model remembers of one course.
struct Model {
    candidates: Vec<Candidate>,
    policy: CoursePolicy,
    attempts: u8,
    tried: Vec<usize>,
    failed: Vec<(usize, Failure)>,
    refused: Vec<usize>,
    /// The vendors of last resorts.
    last_resorts: Vec<(u16, Moment)>,
    stale: u8,
    /// Whose request was mended.
    mended: Vec<usize>,
}

impl Model {
    fn is_fresh(&self, index: usize) -> bool {
        let covered = self.failed.iter().any(|(failed, failure)| {
            failure.fault() == Fault::Provider
                && reach(&self.candidates[*failed], failure.scope, &self.candidates)
                    .any(|target| target == index)
        });
        self.candidates[index].standing.is_ok()
            && !covered
            && !self.tried.contains(&index)
            && !self.refused.contains(&index)
    }

    /// Candidates that beyond doubt could have been taken instead.
    fn well(&self, world: &World, now: Moment) -> Vec<usize> {
        let well = |index: &usize| {
            let look = world.outlook(*index, now);
            self.is_fresh(*index)
                && look.state == State::Closed
                && now + look.first_token_typical <= DEADLINE
        };
        (0..self.candidates.len()).filter(well).collect()
    }

    fn has_caller_fault(&self) -> bool {
        self.failed.iter().any(|(_, failure)| failure.fault() == Fault::Caller)
    }

    fn is_failed_vendor(&self, vendor: u16) -> bool {
        self.failed.iter().any(|(failed, failure)| {
            self.candidates[*failed].vendor == vendor
                && matches!(failure.scope, Scope::Target | Scope::Model | Scope::Endpoint)
                && !matches!(failure.class, Class::StaleConnection | Class::ModelNotFound)
        })
    }

    fn is_kept_for_another(&self) -> bool {
        self.attempts + 1 == self.policy.attempts_max
    }

    fn count(&mut self, attempt: &Attempt) {
        if attempt.purpose == AttemptPurpose::StaleRetry {
            self.stale += 1;
        } else if attempt.purpose != AttemptPurpose::Repair {
            self.attempts += 1;
        }
        self.tried.push(attempt.candidate);
    }

    fn check(&self, attempt: &Attempt, world: &World, now: Moment) {
        let index = attempt.candidate;
        let (candidate, look) = (&self.candidates[index], world.outlook(index, now));
        let purpose = attempt.purpose;
        assert!(candidate.standing.is_ok(), "an unfit target");
        assert!(now < DEADLINE, "after the deadline");
        assert!(attempt.first_token_by <= DEADLINE && attempt.first_token_by > now);
        assert!(!matches!(look.state, State::Paused | State::Blocked), "at {:?}", look.state);
        let again = self.tried.contains(&index);
        match purpose {
            AttemptPurpose::Retry => {
                // Whoever was told to come back may, whatever the budget.
                let last = self.failed.iter().rev().find(|(failed, _)| *failed == index);
                let invited = last.is_some_and(|(_, failure)| {
                    matches!(failure.class, Class::RateLimited | Class::Acceleration)
                });
                let allowed = invited || world.retry_allowed(index, now);
                assert!(again && allowed, "a retry that is none");
                assert!(look.state.takes_traffic());
            }
            AttemptPurpose::StaleRetry => {
                let last = self.failed.last().map(|(failed, failure)| (*failed, failure.class));
                assert_eq!(last, Some((index, Class::StaleConnection)));
                assert!(self.stale < 2);
                return;
            }
            AttemptPurpose::Repair => {
                let last = self.failed.last().map(|(failed, _)| *failed);
                assert_eq!(last, Some(index));
                let mended = self.mended.iter().filter(|of| **of == index).count();
                assert!((1..=3).contains(&mended), "{mended}");
                return;
            }
            AttemptPurpose::LastResort => {
                let vendor = self.candidates[index].vendor;
                let latest = self.last_resorts.iter().rfind(|(of, _)| *of == vendor);
                let soon = latest.map_or(again, |(_, at)| now.since(*at) < AGAIN);
                assert!(!soon, "a second last resort too soon");
                let leaves_one = self.attempts + 2 <= self.policy.attempts_max;
                assert!(latest.is_none() || leaves_one, "nothing left for what it waits for");
                assert!(matches!(look.state, State::Open | State::HalfOpen));
            }
            AttemptPurpose::Probe => assert!(!again && look.state == State::HalfOpen),
            AttemptPurpose::First | AttemptPurpose::Trickle => {
                assert!(!again && self.attempts == 0 && look.state.takes_traffic());
            }
            AttemptPurpose::Failover | AttemptPurpose::SecondOpinion => {
                assert!(!again && self.attempts > 0 && look.state.takes_traffic());
            }
            AttemptPurpose::Resume => panic!("nothing was begun"),
        }
        assert!(self.attempts < self.policy.attempts_max, "too many attempts");
        self.check_order(attempt, world, now);
    }

    fn check_order(&self, attempt: &Attempt, world: &World, now: Moment) {
        let chosen = &self.candidates[attempt.candidate];
        let well = self.well(world, now);
        if self.has_caller_fault() || attempt.purpose == AttemptPurpose::Probe {
            return;
        }
        if self.is_kept_for_another() {
            let alone = self.tried.iter().all(|&i| self.candidates[i].vendor == chosen.vendor);
            let another = well.iter().any(|&i| self.candidates[i].vendor != chosen.vendor);
            assert!(self.tried.is_empty() || !alone || !another, "no attempt kept");
            return;
        }
        let better = well.iter().any(|&i| self.candidates[i].tier < chosen.tier);
        assert!(!better, "a lower tier before a well target of a higher one");
        let elsewhere = well.iter().any(|&i| {
            let other = &self.candidates[i];
            other.tier == chosen.tier && !self.is_failed_vendor(other.vendor)
        });
        assert!(
            !elsewhere || !self.is_failed_vendor(chosen.vendor),
            "the failed vendor before a well one: {attempt:?} of {chosen:?}"
        );
    }
}

fn ending(chance: &mut Chance) -> Failure {
    let classes = [
        Class::ServerError,
        Class::Overloaded,
        Class::ConnectFailed,
        Class::ConnectionReset,
        Class::FirstTokenTimeout,
        Class::RateLimited,
        Class::AuthRefused,
        Class::ModelNotFound,
        Class::StaleConnection,
        Class::StreamCut,
        Class::TargetOpened,
        Class::SignatureRefused,
        Class::InvalidRequest,
        Class::ContextTooLong,
        Class::UnsupportedFeature,
        Class::ContentRefused,
    ];
    // Faults of the caller end most courses: rarer, so that the rest is seen as well.
    let bound = if chance.happens(0.1) { classes.len() } else { 12 };
    let class = classes[usize::try_from(chance.below(bound as u64)).unwrap()];
    let stay_away = chance.happens(0.3).then(|| Duration::from_millis(chance.below(20_000)));
    Failure::new(class, "simulated").with_stay_away(stay_away)
}

/// Runs one course to its end and says how it ended.
fn run(seed: u64) -> (u8, Class) {
    let mut chance = Chance::from_seed(seed);
    let world = World { seed, trouble: chance.below(11), epoch: 500 + chance.below(20_000) };
    let policy = CoursePolicy {
        attempts_max: 1 + u8::try_from(chance.below(6)).unwrap(),
        patience: Duration::from_secs(chance.below(2) * 3),
        trickle: if chance.happens(0.5) { 0.5 } else { 0.0 },
        affinity: chance.happens(0.3).then_some(seed),
        ..CoursePolicy::new(DEADLINE)
    };
    let candidates = candidates(&mut chance);
    let mut now = Moment::ZERO;
    let mut course = Course::new(candidates.clone(), policy, now);
    let mut model = Model {
        candidates,
        policy,
        attempts: 0,
        tried: Vec::new(),
        failed: Vec::new(),
        refused: Vec::new(),
        last_resorts: Vec::new(),
        stale: 0,
        mended: Vec::new(),
    };
    for _ in 0..STEPS_MAX {
        let before = course.plan(now, &world);
        assert_eq!(before, course.plan(now, &world), "a plan must change nothing");
        match course.next(now, &world, &mut chance) {
            Step::Attempt(attempt) => {
                model.check(&attempt, &world, now);
                if attempt.purpose == AttemptPurpose::LastResort {
                    let vendor = model.candidates[attempt.candidate].vendor;
                    model.last_resorts.push((vendor, now));
                }
                if chance.happens(0.1) {
                    model.refused.push(attempt.candidate);
                    course.refused(attempt.candidate, now + Duration::from_secs(chance.below(5)));
                    continue;
                }
                model.count(&attempt);
                assert_eq!(course.attempts(), model.attempts);
                let longest = attempt.first_token_by.since(now);
                let is_silent = chance.happens(0.2);
                now += if is_silent { longest } else { chance.between(Duration::ZERO, longest) };
                let failure = ending(&mut chance);
                course.handle_failure(now, attempt.candidate, &failure);
                if failure.class == Class::SignatureRefused && course.mend(attempt.candidate) {
                    model.mended.push(attempt.candidate);
                }
                model.failed.push((attempt.candidate, failure));
            }
            Step::Wait(until) => {
                assert!(until > now && until <= DEADLINE, "waits {now} to {until}");
                now = until;
            }
            Step::GiveUp(failure) => return (model.attempts, failure.class),
        }
    }
    panic!("no end after {STEPS_MAX} steps");
}

#[test]
fn every_course_keeps_its_rules_and_ends() {
    let mut endings = std::collections::BTreeMap::new();
    let mut attempts = [0_u32; 8];
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| run(seed));
        let Ok((made, class)) = run else { panic!("seed {seed} breaks a rule") };
        *endings.entry(class).or_insert(0) += 1;
        attempts[usize::from(made)] += 1;
    }
    // The simulation must reach what it is meant to watch.
    for class in [
        Class::RungExhausted,
        Class::DeadlinePassed,
        Class::RateLimited,
        Class::NoTarget,
        Class::InvalidRequest,
        Class::ContextTooLong,
        Class::ContentRefused,
    ] {
        assert!(endings.contains_key(&class), "{class} was never reached: {endings:?}");
    }
    assert!(attempts[..7].iter().all(|count| *count > 0), "{attempts:?}");
}

#[test]
fn the_same_seed_gives_the_same_course() {
    assert!((0..50).all(|seed| run(seed) == run(seed)));
}

use std::time::Duration;

use backstop_vocabulary::{Class, Failure, Moment, Timing};
use proptest::prelude::*;

use super::world::good;
use crate::{Health, Lease, Memory, Purpose, State, Tuning, Verdict};

fn at(second: u64) -> Moment {
    Moment::from_secs(second)
}

fn failure(class: Class) -> Failure {
    Failure::new(class, "told to")
}

fn lived() -> Health {
    let mut health = Health::new(Tuning::default(), 1);
    for second in 0..300 {
        health.handle_success(at(second), 1, &good());
    }
    health
}

fn open(health: &mut Health, now: Moment) {
    for _ in 0..5 {
        health.handle_failure(now, &failure(Class::Overloaded));
    }
}

fn probe(health: &mut Health, now: Moment) -> Lease {
    match health.admit(now, Purpose::Probe) {
        Verdict::Probe(lease) => lease,
        other @ (Verdict::Attempt | Verdict::Refused { .. }) => panic!("{other:?}"),
    }
}

fn state(health: &Health, second: u64) -> &'static str {
    health.outlook(at(second)).state.name()
}

#[test]
fn an_open_target_takes_nothing_but_a_last_resort() {
    let mut health = lived();
    open(&mut health, at(300));
    let until = health.outlook(at(300)).until.expect("a pause");
    assert_eq!(
        health.admit(at(300), Purpose::Traffic),
        Verdict::Refused { until: until + Duration::from_secs(10) }
    );
    assert_eq!(health.admit(at(300), Purpose::Probe), Verdict::Refused { until });
    assert_eq!(health.admit(at(300), Purpose::LastResort), Verdict::Attempt);
}

#[test]
fn a_blocked_target_takes_probes_only() {
    let mut health = lived();
    health.handle_failure(at(300), &failure(Class::AuthRefused));
    assert_eq!(state(&health, 300), "blocked");
    assert_eq!(health.admit(at(301), Purpose::LastResort), Verdict::Refused { until: at(305) });
    let lease = probe(&mut health, at(305));
    health.handle_probe_ending(at(306), lease, Err(&failure(Class::AuthRefused)));
    assert_eq!(health.probe_due(at(306)), Some(at(316)));
    let lease = probe(&mut health, at(316));
    health.handle_probe_ending(at(317), lease, Ok(()));
    assert_eq!(state(&health, 317), "closed");
}

#[test]
fn one_probe_at_a_time_and_a_lost_one_locks_nobody_out() {
    let mut health = lived();
    open(&mut health, at(300));
    let lost = probe(&mut health, at(310));
    assert_eq!(health.admit(at(311), Purpose::Probe), Verdict::Refused { until: at(400) });
    let next = probe(&mut health, at(400));
    health.handle_probe_ending(at(401), lost, Err(&failure(Class::Overloaded)));
    assert_eq!(state(&health, 401), "half_open", "a late ending says nothing");
    health.handle_probe_ending(at(402), next, Ok(()));
    assert_eq!(state(&health, 402), "half_open", "one of three");
}

#[test]
fn an_ending_that_says_nothing_gives_the_lease_back() {
    for class in [Class::ClientLeft, Class::InvalidRequest, Class::StaleConnection] {
        let mut health = lived();
        open(&mut health, at(300));
        let lease = probe(&mut health, at(310));
        health.handle_probe_ending(at(311), lease, Err(&failure(class)));
        assert_eq!(health.probe_due(at(311)), Some(at(312)), "{class}");
        let lease = probe(&mut health, at(312));
        health.release(at(313), lease);
        assert_eq!(health.probe_due(at(313)), Some(at(314)), "{class}");
    }
}

#[test]
fn answers_that_began_before_the_opening_or_nobody_knows_when_do_not_close_it() {
    let mut health = lived();
    open(&mut health, at(300));
    for _ in 0..9 {
        health.handle_success(at(301), 5, &good());
        health.handle_success(at(301), 5, &Timing::default());
    }
    assert_eq!(state(&health, 301), "open");
    for _ in 0..3 {
        health.handle_success(at(303), 5, &good());
    }
    assert_eq!(state(&health, 303), "ramping");
}

#[test]
fn a_rate_limit_fails_a_probe() {
    let mut health = lived();
    open(&mut health, at(300));
    let lease = probe(&mut health, at(310));
    let limited = failure(Class::RateLimited).with_stay_away(Some(Duration::from_secs(50)));
    health.handle_probe_ending(at(311), lease, Err(&limited));
    assert!(health.probe_due(at(311)) >= Some(at(361)));
    assert_eq!(state(&health, 311), "open");
}

#[test]
fn a_slow_probe_is_a_failed_one() {
    let mut health = lived();
    open(&mut health, at(300));
    let lease = probe(&mut health, at(310));
    health.handle_slow(at(315));
    health.handle_probe_ending(at(340), lease, Ok(()));
    assert_eq!(state(&health, 340), "open");
}

#[test]
fn thirty_second_stalls_that_end_well_open_before_the_first_of_them_has_ended() {
    let mut health = lived();
    let mut opened = None;
    // One request a second; from second 300 on each stalls for 30 s.
    for second in 300..330 {
        let now = at(second);
        if second >= 305 && opened.is_none() {
            health.handle_slow(now);
        }
        if health.outlook(now).state != State::Closed && opened.is_none() {
            opened = Some(second);
        }
    }
    assert!(opened.is_some_and(|second| second <= 325), "{opened:?}");
}

#[test]
fn slow_means_nothing_at_a_target_whose_own_times_are_unknown() {
    let mut health = Health::new(Tuning::default(), 1);
    for second in 0..100 {
        health.handle_slow(at(second));
    }
    assert_eq!(state(&health, 100), "closed");
}

#[test]
fn the_callers_failures_and_neutral_ones_change_nothing() {
    let mut health = lived();
    let before = health.outlook(at(300));
    for class in
        Class::ALL.iter().filter(|class| class.fault() != backstop_vocabulary::Fault::Provider)
    {
        for _ in 0..50 {
            health.handle_failure(at(300), &failure(*class));
        }
    }
    assert_eq!(health.outlook(at(300)), before);
}

#[test]
fn a_single_failure_takes_the_cleanness_for_five_minutes() {
    let mut health = lived();
    assert!(health.outlook(at(300)).clean);
    health.handle_failure(at(300), &failure(Class::ServerError));
    assert!(!health.outlook(at(500)).clean);
    assert!(health.outlook(at(601)).clean);
}

#[test]
fn a_burst_while_coming_back_opens_again_for_longer() {
    let mut health = lived();
    open(&mut health, at(300));
    let mut now = at(310);
    while health.outlook(now).state != State::Ramping {
        let lease = probe(&mut health, now);
        health.handle_probe_ending(now, lease, Ok(()));
        now += Duration::from_secs(2);
    }
    health.handle_failure(now, &failure(Class::Overloaded));
    assert_eq!(health.outlook(now).state, State::Ramping);
    health.handle_failure(now, &failure(Class::Overloaded));
    let outlook = health.outlook(now);
    assert_eq!(outlook.state, State::Open);
    assert!(outlook.until >= Some(now + Duration::from_secs(9)), "{:?}", outlook.until);
}

#[test]
fn growing_too_fast_pauses_and_then_returns_at_half() {
    let mut health = lived();
    health.handle_failure(at(300), &failure(Class::Acceleration));
    assert_eq!(state(&health, 300), "paused");
    let outlook = health.outlook(at(304));
    assert_eq!((outlook.state, (outlook.share * 100.0).round()), (State::Ramping, 50.0));
    assert_eq!(state(&health, 1200), "closed");
}

#[test]
fn a_restart_keeps_what_was_learnt() {
    let mut health = lived();
    open(&mut health, at(300));
    let memory = health.memory(at(300));
    let later = Duration::from_secs(1);
    let again = Health::recall(Tuning::default(), 2, &memory, later, at(5));
    let (old, new) = (health.outlook(at(301)), again.outlook(at(5)));
    assert_eq!(new.state, State::Open);
    let left = |until: Option<Moment>, now| until.map(|until| until.since(now).as_millis());
    assert_eq!(left(new.until, at(5)), left(old.until, at(301)));
    assert_eq!(new.first_token_clock, old.first_token_clock);
    assert_eq!(new.slow_after, old.slow_after);
    assert_eq!(again.memory(at(5)).base_attempts.to_bits(), memory.base_attempts.to_bits());

    let mut blocked = lived();
    blocked.handle_failure(at(300), &failure(Class::QuotaExhausted));
    let memory = blocked.memory(at(310));
    let again = Health::recall(Tuning::default(), 2, &memory, Duration::from_secs(90), at(0));
    assert_eq!(again.outlook(at(0)).state, State::Blocked);
    assert_eq!(again.probe_due(at(0)), Some(at(800)));
}

#[test]
fn what_is_forgotten_or_broken_on_disk_does_no_harm() {
    let broken = Memory {
        trips: f64::NAN,
        failed_probes: u32::MAX,
        open_left_ms: Some(u64::MAX),
        demotion_step: usize::MAX,
        base_attempts: f64::INFINITY,
        base_failures: -1.0,
        rate_level: f64::NAN,
        blocked: Some("gremlins".to_owned()),
        first_token: vec![u32::MAX; 500],
        ..Memory::default()
    };
    let health = Health::recall(Tuning::default(), 1, &broken, Duration::ZERO, at(1));
    let outlook = health.outlook(at(1));
    assert!(outlook.until <= Some(at(301)), "{outlook:?}");
    let empty = Health::recall(Tuning::default(), 1, &Memory::default(), Duration::MAX, at(1));
    assert_eq!(empty.outlook(at(1)), Health::new(Tuning::default(), 1).outlook(at(1)));
}

proptest! {
    /// Whatever happens, in whatever order, lost leases included: after the longest pause somebody
    /// may try, asking changes nothing, and the outlook agrees with the verdict.
    #[test]
    fn no_history_locks_a_target_out(
        facts in proptest::collection::vec((0_u64..120, 0_usize..60, any::<bool>()), 1..120),
    ) {
        let mut health = Health::new(Tuning::default(), 7);
        let mut leases: Vec<Lease> = Vec::new();
        let mut now = at(1);
        for (gap, what, lose) in facts {
            now += Duration::from_secs(gap);
            match what {
                0..=9 => health.handle_success(now, 3, &good()),
                10..=12 => health.handle_slow(now),
                13..=20 => match health.admit(now, Purpose::Probe) {
                    Verdict::Probe(lease) => leases.push(lease),
                    Verdict::Attempt | Verdict::Refused { .. } => {}
                },
                21..=24 => if let Some(lease) = leases.pop() {
                    let kind = Class::ALL[(what * 7 + leases.len()) % Class::ALL.len()];
                    let result = failure(kind);
                    health.handle_probe_ending(now, lease, if lose { Err(&result) } else { Ok(()) });
                },
                _ => {
                    let class = Class::ALL[what % Class::ALL.len()];
                    let asked = lose.then(|| Duration::from_secs(gap * 1000));
                    health.handle_failure(now, &failure(class).with_stay_away(asked));
                }
            }
            let outlook = health.outlook(now);
            prop_assert_eq!(outlook, health.outlook(now));
            let refused = matches!(
                health.clone().admit(now, Purpose::Traffic),
                Verdict::Refused { .. }
            );
            prop_assert!(refused || outlook.state.takes_traffic()
                || outlook.until.is_some_and(|until| until <= now), "{:?}", outlook);
            prop_assert!((0.0..=1.0).contains(&outlook.share));
            let memory = health.memory(now);
            let again = Health::recall(Tuning::default(), 7, &memory, Duration::ZERO, now);
            prop_assert_eq!(again.outlook(now).state.takes_traffic(), outlook.state.takes_traffic());
        }
        let later = now + Duration::from_secs(900 + 90 + 10);
        let refused = matches!(health.admit(later, Purpose::Traffic), Verdict::Refused { .. });
        prop_assert!(!refused);
    }
}

use std::time::Duration;

use backstop_vocabulary::{Chance, Class, Failure, Moment};
use proptest::prelude::*;

use super::{Holds, Why};
use crate::tuning::HoldTuning;

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// How long a target stays paused after 429s one after the other, each as soon as it may be.
fn pauses(stay_aways: &[Option<u64>]) -> Vec<Duration> {
    let (mut holds, mut chance) = (Holds::new(&HoldTuning::default()), Chance::from_seed(1));
    let mut now = Moment::from_secs(1);
    stay_aways
        .iter()
        .map(|wish| {
            holds.handle_rate_limit(now, wish.map(secs), &mut chance);
            let until = holds.paused_until(now).expect("paused");
            let pause = until.since(now);
            now = until;
            pause
        })
        .collect()
}

#[test]
fn a_limit_pauses_for_as_long_as_it_says_within_one_second_and_five_minutes() {
    assert_eq!(pauses(&[Some(7)]), [secs(7)]);
    assert_eq!(pauses(&[Some(0)]), [secs(1)]);
    assert_eq!(pauses(&[Some(274_579_000)]), [secs(300)]);
}

#[test]
fn limits_that_do_not_say_how_long_pause_ever_longer_up_to_a_minute() {
    let all = pauses(&[None; 9]);
    for (pause, ceiling) in all.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        assert!(*pause <= secs(ceiling) && *pause >= secs(ceiling) / 2, "{all:?}");
    }
}

#[test]
fn a_volley_of_limits_is_one_limit() {
    let (mut holds, mut chance) = (Holds::new(&HoldTuning::default()), Chance::from_seed(1));
    for _ in 0..50 {
        holds.handle_rate_limit(Moment::from_secs(1), Some(secs(5)), &mut chance);
    }
    assert_eq!(holds.paused_until(Moment::from_secs(1)), Some(Moment::from_secs(6)));
}

#[test]
fn a_refused_credential_that_worked_a_minute_ago_is_looked_at_again_in_seconds() {
    let refused = Failure::new(Class::AuthRefused, "401");
    let mut holds = Holds::new(&HoldTuning::default());
    holds.handle_success(Moment::from_secs(100), 1, Moment::from_secs(99));
    let mut now = Moment::from_secs(160);
    let mut blocks = Vec::new();
    for _ in 0..10 {
        holds.handle_block(now, Why::Auth, &refused);
        let until = holds.block().expect("blocked").until;
        blocks.push(until.since(now).as_secs());
        now = until;
    }
    assert_eq!(blocks, [5, 10, 20, 40, 80, 160, 320, 900, 900, 900]);
}

#[test]
fn a_credential_that_never_worked_is_looked_at_again_in_a_minute() {
    let mut holds = Holds::new(&HoldTuning::default());
    holds.handle_block(Moment::from_secs(9), Why::Auth, &Failure::new(Class::AuthRefused, "401"));
    assert_eq!(holds.block().expect("blocked").until, Moment::from_secs(69));
}

#[test]
fn a_spent_quota_is_looked_at_every_quarter_of_an_hour_however_long_it_lasts() {
    let mut holds = Holds::new(&HoldTuning::default());
    let spent = |wish| Failure::new(Class::QuotaExhausted, "402").with_stay_away(wish);
    let mut now = Moment::from_secs(1);
    for (wish, pause) in [(None, 900), (Some(secs(86_400 * 12)), 900), (Some(secs(90)), 90)] {
        holds.handle_block(now, Why::Quota, &spent(wish));
        let until = holds.block().expect("blocked").until;
        assert_eq!(until.since(now), secs(pause));
        now = until;
    }
}

#[test]
fn only_a_success_that_began_after_the_block_lifts_it() {
    let mut holds = Holds::new(&HoldTuning::default());
    holds.handle_block(Moment::from_secs(9), Why::Model, &Failure::new(Class::ModelNotFound, ""));
    holds.handle_success(Moment::from_secs(20), 1, Moment::from_secs(8));
    assert!(holds.block().is_some());
    holds.handle_success(Moment::from_secs(20), 1, Moment::from_secs(9));
    assert!(holds.block().is_none());
}

#[test]
fn growing_too_fast_halves_the_ceiling_which_grows_by_half_each_minute() {
    let (mut holds, mut chance) = (Holds::new(&HoldTuning::default()), Chance::from_seed(1));
    let ceiling =
        |holds: &Holds, second| format!("{:.0}", holds.ceiling(Moment::from_secs(second)) * 100.0);
    let mut too_fast = |holds: &mut Holds, second| {
        holds.handle_acceleration(Moment::from_secs(second), None, &mut chance);
    };
    too_fast(&mut holds, 1);
    // One volley is one cut, and the rest is short however often it comes.
    for _ in 0..9 {
        too_fast(&mut holds, 2);
    }
    let grown = [2, 60, 61, 120, 121].map(|second| ceiling(&holds, second));
    assert_eq!(grown, ["50", "50", "75", "75", "100"]);
    assert!(holds.paused_until(Moment::from_secs(2)).unwrap() <= Moment::from_secs(5));
    for minute in 1..20 {
        too_fast(&mut holds, 60 * minute + 1);
    }
    let now = 60 * 19 + 1;
    let grown = [now, now + 60, now + 300, now + 420].map(|second| ceiling(&holds, second));
    assert_eq!(grown, ["10", "15", "76", "100"]);
}

proptest! {
    #[test]
    fn no_pause_is_longer_than_five_minutes_and_all_of_them_end(
        facts in proptest::collection::vec((0_u64..100, proptest::option::of(0_u64..1_000_000)), 1..60),
    ) {
        let (mut holds, mut chance) = (Holds::new(&HoldTuning::default()), Chance::from_seed(1));
        let mut now = Moment::from_secs(1);
        for (gap, wish) in facts {
            now += secs(gap);
            holds.handle_rate_limit(now, wish.map(secs), &mut chance);
            let until = holds.paused_until(now).expect("paused");
            prop_assert!(until.since(now) <= secs(300) && until > now);
            prop_assert_eq!(holds.paused_until(until), None);
        }
    }
}

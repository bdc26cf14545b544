use std::fmt::Write as _;
use std::time::Duration;

use backstop_vocabulary::{Chance, Moment, Weight};
use proptest::prelude::*;

use super::{Breaker, Change};
use crate::tuning::BreakerTuning;

/// Plays a script: at a time, what happened (`-` nothing), and the state that follows.
fn check(script: &str) {
    // Pauses without jitter: half of 10 s is certain, and nothing is left to chance here.
    let tuning = BreakerTuning { pause_min: Duration::from_secs(10), ..BreakerTuning::default() };
    let mut chance = Chance::from_seed(1);
    let mut breaker = Breaker::new(tuning);
    let (mut wanted, mut got) = (String::new(), String::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [at, fact, state] = words[..] else { panic!("three words: {line}") };
        let now = Moment::from_secs(at.trim_end_matches('s').parse().expect("seconds"));
        let (what, count) = fact.split_once('×').unwrap_or((fact, "1"));
        for _ in 0..count.parse().expect("a count") {
            match what {
                "-" => {}
                "ok" => drop(breaker.handle_success(now, 1, now)),
                "old-ok" => drop(breaker.handle_success(now, 1, Moment::ZERO)),
                "failed" => drop(breaker.handle_failure(now, Weight::Full, None, &mut chance)),
                "soft" => drop(breaker.handle_failure(now, Weight::Half, None, &mut chance)),
                "slow" => drop(breaker.handle_slow(now, &mut chance)),
                "probe-failed" => breaker.fail_probe(now, None, &mut chance),
                other => panic!("unknown fact {other}"),
            }
        }
        writeln!(wanted, "{at} {fact} {state}").expect("a string");
        let state = match (breaker.is_closed(), breaker.is_half_open(now)) {
            (true, _) => "closed",
            (false, true) => "half-open",
            (false, false) => "open",
        };
        writeln!(got, "{at} {fact} {state}").expect("a string");
    }
    assert_eq!(got, wanted);
}

#[test]
fn opens_at_the_fifth_failure_in_a_row() {
    check(
        "
        1s  ok×100    closed
        2s  failed×4  closed
        3s  ok        closed
        4s  failed×4  closed
        5s  failed    open
        ",
    );
}

#[test]
fn a_failure_in_the_midst_of_a_validation_starts_it_over() {
    check(
        "
        0s  failed×5  open
        1s  ok×2      half-open
        2s  failed    half-open
        3s  ok×2      half-open
        4s  ok        closed
        ",
    );
}

#[test]
fn a_row_is_not_broken_by_soft_failures_and_not_made_of_them() {
    check(
        "
        1s  ok×100    closed
        2s  failed×4  closed
        3s  soft×9    closed
        4s  failed    open
        ",
    );
}

#[test]
fn one_unlucky_pair_at_low_traffic_does_not_open() {
    check(
        "
        0s    ok      closed
        60s   failed  closed
        120s  failed  closed
        180s  ok      closed
        240s  failed  closed
        ",
    );
}

#[test]
fn three_in_ten_failing_open_and_one_in_ten_does_not() {
    check(
        "
        1s   ok×27     closed
        2s   failed×3  closed
        10s  ok×27     closed
        11s  failed×3  closed
        ",
    );
    check(
        "
        1s   ok×15     closed
        2s   failed×4  closed
        3s   ok×15     closed
        4s   failed×4  closed
        5s   ok×10     closed
        6s   failed×4  closed
        7s   ok        closed
        8s   failed×4  closed
        9s   ok        closed
        10s  failed    open
        ",
    );
}

#[test]
fn half_of_the_attempts_slow_opens() {
    check(
        "
        1s  ok×5    closed
        2s  slow×4  closed
        3s  slow    open
        ",
    );
    check(
        "
        1s  ok×50   closed
        2s  slow×9  closed
        ",
    );
}

#[test]
fn returns_after_three_fresh_successes_and_an_old_one_says_nothing() {
    check(
        "
        1s   failed×5  open
        2s   old-ok×9  open
        11s  -         half-open
        12s  ok×2      half-open
        13s  old-ok×9  half-open
        14s  ok        closed
        ",
    );
}

#[test]
fn a_failed_probe_starts_the_validation_over_after_a_longer_pause() {
    check(
        "
        1s   failed×5      open
        11s  ok×2          half-open
        12s  probe-failed  open
        21s  -             open
        32s  ok×2          half-open
        33s  ok            closed
        ",
    );
}

#[test]
fn nothing_learnt_before_the_opening_counts_after_the_return() {
    check(
        "
        1s   failed×5  open
        11s  ok×3      closed
        12s  failed×4  closed
        13s  failed    open
        ",
    );
}

/// The reference: everything that happened, counted afresh each time.
#[derive(Default)]
struct Naive {
    /// When (s), what: 0 success, 1 soft, 2 hard, 3 slow.
    all: Vec<(u64, u8)>,
    open: bool,
}

impl Naive {
    fn tell(&mut self, second: u64, what: u8) {
        self.all.push((second, what));
        let row = self.all.iter().rev().filter(|(_, it)| matches!(it, 0 | 2));
        let row: Vec<u64> = row.take_while(|(_, it)| *it == 2).map(|(at, _)| *at).collect();
        // Counting starts over when the first of the row is too old.
        let mut kept = (0, 0);
        for at in row.iter().rev() {
            kept = if kept.1 == 0 || at - kept.0 > 900 { (*at, 1) } else { (kept.0, kept.1 + 1) };
        }
        self.open |= what != 0
            && (what == 2 && kept.1 >= 5
                || self.bad(second, 3, 20, what)
                || self.bad(second, 30, 5, what));
    }

    fn bad(&self, second: u64, bucket: u64, samples_min: usize, what: u8) -> bool {
        let recent: Vec<u8> = self
            .all
            .iter()
            .filter(|(at, _)| at / bucket + 10 > second / bucket)
            .map(|(_, what)| *what)
            .collect();
        let of = |wanted: u8| recent.iter().map(|what| usize::from(*what == wanted)).sum::<usize>();
        let (samples, slow) = (of(0) + of(1) + of(2), of(3));
        if what == 3 {
            return slow >= 5 && slow * 2 >= samples.max(slow);
        }
        let number = |count: usize| f64::from(u32::try_from(count).expect("few"));
        let failures = number(of(2)) + number(of(1)) / 2.0;
        samples >= samples_min
            && failures >= 4.0
            && failures > 0.2 * number(samples) + 1.64 * (0.16 * number(samples)).sqrt()
    }
}

proptest! {
    #[test]
    fn opens_exactly_when_the_reference_does(
        facts in proptest::collection::vec((0_u64..40, 0_u8..12), 1..200),
    ) {
        let mut breaker = Breaker::new(BreakerTuning::default());
        let mut chance = Chance::from_seed(1);
        let mut naive = Naive::default();
        let mut second = 1000;
        for (gap, draw) in facts {
            second += gap / 8;
            let now = Moment::from_secs(second);
            let what = match draw { 0..=7 => 0, 8 => 1, 9 | 10 => 2, _ => 3 };
            naive.tell(second, what);
            let change = match what {
                0 => breaker.handle_success(now, 1, now),
                1 => breaker.handle_failure(now, Weight::Half, None, &mut chance),
                2 => breaker.handle_failure(now, Weight::Full, None, &mut chance),
                _ => breaker.handle_slow(now, &mut chance),
            };
            prop_assert_eq!(change == Change::Opened, naive.open);
            if naive.open {
                break;
            }
        }
    }
}

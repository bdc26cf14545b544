use std::time::Duration;

use backstop_vocabulary::{Moment, Weight};
use proptest::prelude::*;

use super::Demotion;
use crate::tuning::DemotionTuning;

fn demoted(now: Moment) -> Demotion {
    let mut demotion = Demotion::new(DemotionTuning::default());
    while !demotion.handle_failure(now, Weight::Full) {}
    demotion
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=100")]
fn percent(demotion: &Demotion) -> u32 {
    (demotion.share() * 100.0).round() as u32
}

#[test]
fn falls_step_by_step_and_each_further_step_needs_time_or_proof() {
    let mut demotion = demoted(Moment::ZERO);
    assert_eq!(percent(&demotion), 50);
    let fail = |demotion: &mut Demotion, second: u64| {
        for _ in 0..5 {
            demotion.handle_failure(Moment::from_secs(second), Weight::Full);
        }
    };
    fail(&mut demotion, 59);
    assert_eq!(percent(&demotion), 50, "neither time nor proof");
    demotion.handle_proof(20);
    demotion.handle_failure(Moment::from_secs(59), Weight::Full);
    assert_eq!(percent(&demotion), 25, "proved");
    fail(&mut demotion, 118);
    assert_eq!(percent(&demotion), 25, "the proof was for one step");
    fail(&mut demotion, 119);
    assert_eq!(percent(&demotion), 10, "a minute has passed");
    fail(&mut demotion, 1000);
    assert_eq!(percent(&demotion), 10, "there is no lower step");
}

#[test]
fn a_strained_fallback_gives_a_step_back_and_holds_the_next() {
    let mut demotion = demoted(Moment::ZERO);
    demotion.handle_proof(20);
    while !demotion.handle_failure(Moment::from_secs(1), Weight::Full) {}
    assert_eq!(percent(&demotion), 25);
    demotion.handle_strain(Moment::from_secs(2));
    demotion.handle_strain(Moment::from_secs(3));
    assert_eq!(percent(&demotion), 50, "one step for one strain");
    for second in 4..60 {
        demotion.handle_proof(20);
        demotion.handle_failure(Moment::from_secs(second), Weight::Full);
    }
    assert_eq!(percent(&demotion), 50);
}

#[test]
fn comes_back_after_some_fifty_successes_a_step() {
    let mut demotion = demoted(Moment::ZERO);
    demotion.handle_success(Moment::from_secs(1), 40);
    assert_eq!(percent(&demotion), 50);
    demotion.handle_success(Moment::from_secs(1), 20);
    assert_eq!(percent(&demotion), 100);
}

#[test]
fn leans_to_health_after_eighteen_successes_and_not_after_a_failure() {
    let mut demotion = demoted(Moment::ZERO);
    assert!(!demotion.leans_healthy());
    demotion.handle_success(Moment::from_secs(1), 18);
    assert!(demotion.leans_healthy());
    demotion.handle_failure(Moment::from_secs(1), Weight::Full);
    assert!(!demotion.leans_healthy());
}

#[test]
fn a_target_that_always_failed_4_percent_is_left_in_peace() {
    let mut demotion = Demotion::new(DemotionTuning::default());
    let mut falls = 0;
    for attempt in 1..=50_000_u64 {
        let now = Moment::ZERO + Duration::from_secs(attempt);
        if attempt % 25 == 0 {
            falls += u32::from(demotion.handle_failure(now, Weight::Full));
        } else {
            demotion.handle_success(now, 1);
        }
    }
    // It takes two hours to be believed that this is its nature.
    assert!(falls <= 3, "{falls}");
    assert_eq!(percent(&demotion), 100);
}

proptest! {
    /// The reference: Page's rule in its other form, the highest rise of the whole sum above its
    /// lowest point, from the list of everything.
    #[test]
    fn alarms_exactly_when_the_sum_has_risen_far_enough(
        endings in proptest::collection::vec(0_u8..20, 1..400),
    ) {
        let tuning = DemotionTuning {
            base_prior_attempts: 1e15,
            base_attempts_max: 1e16,
            ..DemotionTuning::default()
        };
        let mut demotion = Demotion::new(tuning);
        let mut sums = vec![0.0_f64];
        for draw in endings {
            let weight = match draw { 0 => 1.0, 1 => 0.5, _ => 0.0 };
            let nats = if weight > 0.0 { weight * (0.09_f64 / 0.01).ln() } else { -(0.99_f64 / 0.91).ln() };
            sums.push(sums[sums.len() - 1] + nats);
            let lowest = sums.iter().copied().fold(f64::INFINITY, f64::min);
            let rise = sums[sums.len() - 1] - lowest;
            let fell = match draw {
                0 => demotion.handle_failure(Moment::ZERO, Weight::Full),
                1 => demotion.handle_failure(Moment::ZERO, Weight::Half),
                _ => { demotion.handle_success(Moment::ZERO, 1); false }
            };
            prop_assert!((rise - 6.0).abs() < 1e-6 || fell == (rise > 6.0), "{}", rise);
            if fell {
                break;
            }
        }
    }
}

use std::time::Duration;

use backstop_vocabulary::{Chance, Moment};

use crate::tuning::BreakerTuning;

/// The most trips that are remembered: at four doublings the longest pause is reached anyway.
const TRIPS_MAX: f64 = 6.0;

/// Growing pauses with a memory.
///
/// Within an outage a pause doubles with every failed probe; each trip that is still remembered
/// makes the *first* pause of the next one longer, so that a provider that is "fixed" five times a
/// day is trusted less each time. Equal jitter (Finagle): half of the pause is certain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pauses {
    failed_probes: u32,
    trips: f64,
    trips_at: Moment,
}

impl Pauses {
    /// What a former life left behind.
    pub(crate) fn recall(failed_probes: u32, trips: f64, now: Moment) -> Self {
        Self { failed_probes, trips: trips.clamp(0.0, TRIPS_MAX), trips_at: now }
    }

    /// Probes that failed in a row.
    pub(crate) fn failed_probes(&self) -> u32 {
        self.failed_probes
    }

    /// Remembered trips, fading by half-lives.
    pub(crate) fn trips(&self, now: Moment, tuning: &BreakerTuning) -> f64 {
        let halvings =
            now.since(self.trips_at).as_secs_f64() / tuning.trip_half_life.as_secs_f64().max(1.0);
        self.trips * (-halvings).exp2()
    }

    /// Remembers one more trip.
    pub(crate) fn trip(&mut self, now: Moment, tuning: &BreakerTuning) {
        self.trips = (self.trips(now, tuning) + 1.0).min(TRIPS_MAX);
        self.trips_at = now;
        self.failed_probes = 0;
    }

    /// The pause that begins now; the next one of the same outage is longer.
    pub(crate) fn next(
        &mut self,
        now: Moment,
        stay_away: Option<Duration>,
        tuning: &BreakerTuning,
        chance: &mut Chance,
    ) -> Duration {
        let remembered = tuning.trip_doublings * (self.trips(now, tuning) - 1.0).max(0.0);
        let ceiling =
            doubled(tuning.pause_min, f64::from(self.failed_probes) + remembered, tuning.pause_max);
        self.failed_probes = self.failed_probes.saturating_add(1);
        let wished = stay_away
            .map_or(Duration::ZERO, |it| it.clamp(tuning.stay_away_min, tuning.stay_away_max));
        chance.between(ceiling / 2, ceiling).max(wished)
    }
}

/// `shortest`, doubled that many times, but at most `longest`.
pub(crate) fn doubled(shortest: Duration, times: f64, longest: Duration) -> Duration {
    let secs = shortest.as_secs_f64() * times.clamp(0.0, 60.0).exp2();
    Duration::from_secs_f64(secs.min(longest.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_within_an_outage_up_to_the_longest_and_half_of_it_is_certain() {
        let tuning = BreakerTuning::default();
        let mut chance = Chance::from_seed(3);
        let mut pauses = Pauses::default();
        pauses.trip(Moment::ZERO, &tuning);
        for ceiling in [5, 10, 20, 40, 80, 160, 300, 300] {
            let pause = pauses.next(Moment::ZERO, None, &tuning, &mut chance);
            let ceiling = Duration::from_secs(ceiling);
            assert!(pause >= ceiling / 2 && pause <= ceiling, "{pause:?} of {ceiling:?}");
        }
    }

    #[test]
    fn a_trip_is_remembered_for_a_day_and_fades() {
        let tuning = BreakerTuning::default();
        let mut chance = Chance::from_seed(3);
        let mut first_pause = |trips: u32, later_h: u64| {
            let mut pauses = Pauses::default();
            for _ in 0..trips {
                pauses.trip(Moment::ZERO, &tuning);
            }
            let later = Moment::from_secs(later_h * 3600);
            pauses.trip(later, &tuning);
            pauses.next(later, None, &tuning, &mut chance)
        };
        assert!(first_pause(0, 0) <= Duration::from_secs(5));
        assert!(first_pause(1, 0) >= Duration::from_secs(10));
        assert!(first_pause(4, 0) >= Duration::from_secs(150));
        assert!(first_pause(4, 24) > Duration::from_secs(5));
        assert!(first_pause(4, 24) <= Duration::from_secs(11));
        assert!(first_pause(4, 24 * 7) <= Duration::from_secs(5) + Duration::from_millis(10));
    }

    #[test]
    fn the_providers_wish_wins_when_it_is_longer_but_not_beyond_five_minutes() {
        let tuning = BreakerTuning::default();
        let mut chance = Chance::from_seed(3);
        let mut pauses = Pauses::default();
        let mut pause =
            |secs| pauses.next(Moment::ZERO, Some(Duration::from_secs(secs)), &tuning, &mut chance);
        assert_eq!(pause(60), Duration::from_secs(60));
        assert_eq!(pause(274_579_000), Duration::from_secs(300));
    }
}

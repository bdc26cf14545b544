use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use backstop_vocabulary::Moment;

/// The one place of the gateway that reads a clock.
///
/// It reads tokio's clock, so that a replay under paused time moves it. The wall time, for journals
/// and headers, is asked each time: the other clock stands still while a laptop sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
    /// The wall time of zero, where it is not this machine's.
    unix_zero: Option<Duration>,
}

impl Clock {
    /// A clock that starts now, with the wall time of this machine.
    pub fn start() -> Self {
        Self { zero: Instant::now(), unix_zero: None }
    }

    /// A clock that starts now and calls that moment `unix_zero` (time since 1970).
    pub fn start_at(unix_zero: Duration) -> Self {
        Self { zero: Instant::now(), unix_zero: Some(unix_zero) }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        let nanos = self.zero.elapsed().as_nanos();
        Moment::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The instant to sleep until for `moment`; a century from zero at most.
    pub fn instant(&self, moment: Moment) -> Instant {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
        self.zero + moment.since_zero().min(CENTURY)
    }

    /// Wall time of `moment`, in milliseconds since 1970.
    pub fn unix_ms(&self, moment: Moment) -> u64 {
        u64::try_from(self.unix(moment).as_millis()).unwrap_or(u64::MAX)
    }

    fn unix(&self, moment: Moment) -> Duration {
        if let Some(unix_zero) = self.unix_zero {
            return unix_zero + moment.since_zero();
        }
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = self.now();
        // Reckoned from now, not from zero, so that a sleep since does not count.
        (wall + moment.since(now)).saturating_sub(now.since(moment))
    }

    /// Wall time of `moment`, in seconds since 1970.
    pub fn unix_secs(&self, moment: Moment) -> u64 {
        self.unix_ms(moment) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_on_the_wall_is_the_walls_whatever_the_other_clock_did() {
        let wall = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (clock, hour) = (Clock::start(), Duration::from_secs(3600));
        let before = wall();
        // The opposite of a laptop that slept, and as far apart.
        tokio::time::advance(hour).await;
        let now = clock.unix_secs(clock.now());
        assert!((before..=wall()).contains(&now), "{now} is not about {before}");
        let arrived = clock.unix_secs(clock.now() - Duration::from_secs(60));
        assert!((before - 60..=wall() - 60).contains(&arrived));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_of_its_own_moves_with_the_clock() {
        let clock = Clock::start_at(Duration::from_secs(1000));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.unix_secs(clock.now()), 1007);
    }
}

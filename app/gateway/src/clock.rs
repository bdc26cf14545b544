use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use backstop_vocabulary::Moment;

/// The one place of the gateway that reads a clock.
///
/// It reads tokio's clock, so that a replay under paused time moves it, and knows the wall time of
/// its own zero for journals and headers.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
    unix_zero: Duration,
}

impl Clock {
    /// A clock that starts now, at the wall time of this machine.
    pub fn start() -> Self {
        let unix_zero = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { zero: Instant::now(), unix_zero }
    }

    /// A clock that starts now and calls that moment `unix_zero` (time since 1970).
    pub fn start_at(unix_zero: Duration) -> Self {
        Self { zero: Instant::now(), unix_zero }
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
        u64::try_from((self.unix_zero + moment.since_zero()).as_millis()).unwrap_or(u64::MAX)
    }

    /// Wall time of `moment`, in seconds since 1970.
    pub fn unix_secs(&self, moment: Moment) -> u64 {
        self.unix_ms(moment) / 1000
    }
}

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_vocabulary::{Chance, Moment};

use crate::seen::SeenKind;
use crate::{Move, Seen, Strategy};

const RETRIES_MAX: u32 = 2;
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// The official SDKs: two retries on 408, 409, 429, 5xx and lost connections, before a stream has
/// begun; `retry-after` is obeyed, else 0.5 s doubling up to 8 s, less up to a quarter (measured).
#[derive(Clone, Debug)]
pub struct SdkRetries {
    retries: BTreeMap<u64, u32>,
    chance: Chance,
}

impl SdkRetries {
    /// Clients with jitter of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { retries: BTreeMap::new(), chance: Chance::from_seed(seed) }
    }

    fn pause(&mut self, retry: u32, seen: &Seen) -> Duration {
        seen.retry_after.unwrap_or_else(|| {
            let pause = PAUSE_FIRST.saturating_mul(1 << retry.min(10)).min(PAUSE_MAX);
            pause.mul_f64(1.0 - 0.25 * self.chance.unit())
        })
    }
}

impl Strategy for SdkRetries {
    fn name(&self) -> &'static str {
        "sdk_retries"
    }

    fn begin(&mut self, now: Moment, request: u64) -> Move {
        self.retries.insert(request, 0);
        Move::Attempt { rung: 0, at: now }
    }

    fn handle(&mut self, now: Moment, request: u64, seen: &Seen) -> Move {
        let retry = self.retries.get(&request).copied().unwrap_or(RETRIES_MAX);
        let again = match seen.kind {
            SeenKind::Status(408 | 409 | 429 | 500..) | SeenKind::Transport => true,
            SeenKind::Answered | SeenKind::Status(_) | SeenKind::Broken | SeenKind::TimedOut => {
                false
            }
        };
        if !again || retry >= RETRIES_MAX {
            self.retries.remove(&request);
            return Move::Finish;
        }
        self.retries.insert(request, retry + 1);
        Move::Attempt { rung: 0, at: now + self.pause(retry, seen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_twice_and_obeys_the_advice() {
        let mut sdk = SdkRetries::new(1);
        let now = Moment::from_secs(10);
        assert_eq!(sdk.begin(now, 1), Move::Attempt { rung: 0, at: now });
        let advice = Some(Duration::from_secs(3));
        let limited = Seen { kind: SeenKind::Status(429), retry_after: advice };
        let at = Moment::from_secs(13);
        assert_eq!(sdk.handle(now, 1, &limited), Move::Attempt { rung: 0, at });
        let Move::Attempt { at, .. } = sdk.handle(now, 1, &SeenKind::Status(529).into()) else {
            panic!("a second retry")
        };
        let pause = at - now;
        assert!(pause >= Duration::from_millis(750) && pause <= Duration::from_secs(1));
        assert_eq!(sdk.handle(now, 1, &SeenKind::Status(529).into()), Move::Finish);
    }

    #[test]
    fn takes_a_cut_stream_and_a_401_as_they_are() {
        let mut sdk = SdkRetries::new(1);
        for kind in [SeenKind::Broken, SeenKind::Status(401), SeenKind::TimedOut] {
            let _ = sdk.begin(Moment::ZERO, 1);
            assert_eq!(sdk.handle(Moment::ZERO, 1, &kind.into()), Move::Finish);
        }
    }
}

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use backstop_vocabulary::Moment;

use crate::seen::SeenKind;
use crate::{Move, Scenario, Seen, Strategy};

const CONSECUTIVE_MAX: u32 = 5;
const SAMPLES_MIN: usize = 10;
const WINDOW: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(30);
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What most gateways do: an ordered list of fallbacks with a breaker per provider, which opens for
/// 30 s at five failures in a row or at half of ten or more in 30 s. It believes the status line:
/// what happens after a 200 is not its business. All open: its own 503.
#[derive(Clone, Debug)]
pub struct Naive {
    /// The provider of each rung.
    providers: Vec<usize>,
    breakers: Vec<Breaker>,
    /// The rung each request is at.
    at: BTreeMap<u64, usize>,
}

#[derive(Clone, Debug, Default)]
struct Breaker {
    open_until: Moment,
    consecutive: u32,
    recent: VecDeque<(Moment, Sample)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Good,
    Bad,
}

impl Naive {
    /// Fallback along the scenario's own ladder.
    pub fn new(scenario: &Scenario) -> Self {
        let index = |name: &str| scenario.providers.iter().position(|it| it.name == name);
        let providers: Vec<usize> =
            scenario.ladder.iter().filter_map(|rung| index(&rung.provider)).collect();
        let breakers = vec![Breaker::default(); scenario.providers.len()];
        Self { providers, breakers, at: BTreeMap::new() }
    }

    /// The first rung from here on that is not open.
    fn next(&mut self, now: Moment, request: u64, from: usize) -> Move {
        let closed = |rung: &usize| self.breakers[self.providers[*rung]].open_until <= now;
        let Some(rung) = (from..self.providers.len()).find(closed) else {
            self.at.remove(&request);
            return Move::Finish;
        };
        self.at.insert(request, rung);
        Move::Attempt { rung, at: now }
    }
}

impl Breaker {
    fn note(&mut self, now: Moment, sample: Sample) {
        while self.recent.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.recent.pop_front();
        }
        self.recent.push_back((now, sample));
        self.consecutive = if sample == Sample::Bad { self.consecutive + 1 } else { 0 };
        let bad = self.recent.iter().filter(|(_, sample)| *sample == Sample::Bad).count();
        let half = self.recent.len() >= SAMPLES_MIN && 2 * bad >= self.recent.len();
        if sample == Sample::Bad && (self.consecutive >= CONSECUTIVE_MAX || half) {
            self.open_until = now + PAUSE;
            self.consecutive = 0;
            self.recent.clear();
        }
    }
}

impl Strategy for Naive {
    fn name(&self) -> &'static str {
        "naive"
    }

    fn head_timeout(&self) -> Option<Duration> {
        Some(HEAD_TIMEOUT)
    }

    fn begin(&mut self, now: Moment, request: u64) -> Move {
        self.next(now, request, 0)
    }

    fn handle(&mut self, now: Moment, request: u64, seen: &Seen) -> Move {
        let Some(rung) = self.at.get(&request).copied() else { return Move::Finish };
        let breaker = &mut self.breakers[self.providers[rung]];
        match seen.kind {
            SeenKind::Status(429 | 500..) | SeenKind::Transport | SeenKind::TimedOut => {
                breaker.note(now, Sample::Bad);
                self.next(now, request, rung + 1)
            }
            SeenKind::Answered | SeenKind::Broken => {
                breaker.note(now, Sample::Good);
                self.at.remove(&request);
                Move::Finish
            }
            SeenKind::Status(_) => {
                self.at.remove(&request);
                Move::Finish
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTHY: &str = include_str!("../../../../scenarios/healthy.yaml");

    #[test]
    fn opens_after_five_failures_and_goes_to_the_next_rung() {
        let mut naive = Naive::new(&Scenario::read(HEALTHY).unwrap());
        let now = Moment::from_secs(1);
        for request in 0..5 {
            assert_eq!(naive.begin(now, request), Move::Attempt { rung: 0, at: now });
            let next = naive.handle(now, request, &SeenKind::Status(529).into());
            assert_eq!(next, Move::Attempt { rung: 1, at: now });
            assert_eq!(naive.handle(now, request, &SeenKind::Answered.into()), Move::Finish);
        }
        assert_eq!(naive.begin(now, 5), Move::Attempt { rung: 1, at: now });
        let later = now + PAUSE;
        assert_eq!(naive.begin(later, 6), Move::Attempt { rung: 0, at: later });
    }
}

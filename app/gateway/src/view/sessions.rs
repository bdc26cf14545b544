//! Where the prompt caches of conversations are: each keeps to the target that answered it last, for
//! as long as that would still have it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_continuity::{Attempt, Candidate};
use backstop_resilience::State;
use backstop_vocabulary::{Moment, Tier};

use crate::asked::Asked;
use crate::plan::{Place, Roster};

/// Parts of the memory, each with its own lock.
const SHARDS: usize = 16;
/// The most sessions remembered in each part, twice: those seen lately, and those before.
const SESSIONS_MAX: usize = 2048;

/// A conversation as far as its home is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    key: u64,
    home: Option<usize>,
    /// Whether it is under way and nobody names it, so that where it began is unknown without a home.
    begun: bool,
}

/// The memory of all homes.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<u64, Home>,
    old: HashMap<u64, Home>,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    target: usize,
    at: Moment,
}

impl Session {
    /// Whether it may be one of the few that keep a lower rung practised: only from the beginning on.
    pub(crate) const fn may_trickle(&self) -> bool {
        !self.begun
    }

    /// The target where its prompt cache is.
    pub(crate) const fn home(&self) -> Option<usize> {
        self.home
    }
}

impl Sessions {
    /// The conversation a request belongs to; `None` where there is no choice of targets, or nothing
    /// tells it from others.
    pub(crate) fn of(
        &self,
        roster: &Roster,
        candidates: &[Candidate],
        asked: &Asked,
    ) -> Option<Session> {
        let stay = roster.policy.stay;
        let fit = candidates.iter().filter(|candidate| candidate.standing.is_ok()).count();
        if stay.is_zero() || fit < 2 {
            return None;
        }
        let (key, goes_on) = asked.session()?;
        let home = goes_on.then(|| self.home(key, (asked.started, stay))).flatten();
        let begun = goes_on && asked.affinity().is_none();
        Some(Session { key, home, begun })
    }

    /// The session was answered here. A target that is well stays its home although another had to
    /// help out; where nothing else would be asked first anyway, there is nothing to remember.
    pub(crate) fn settle(
        &self,
        session: Session,
        (roster, candidates): (&Roster, &[Candidate]),
        attempt: &Attempt,
        now: Moment,
    ) {
        let place = &roster.places[attempt.candidate];
        let well = |place: &Place| place.target.cell.outlook(now).state == State::Closed;
        let of = |target: usize| roster.places.iter().find(|place| place.target.number == target);
        let home = session.home.and_then(of).filter(|home| well(home));
        let first = || {
            let fit = candidates.iter().zip(&roster.places);
            let mut fit = fit.filter(|(candidate, _)| candidate.standing.is_ok());
            let (best, first) = fit.next()?;
            let alone = fit.all(|(other, _)| (other.tier, other.rung) != (best.tier, best.rung));
            (alone && well(first)).then_some(first)
        };
        let helped = attempt.purpose.is_help();
        let stays = match (home, helped) {
            (Some(home), _) => home,
            // A lone preferred target needs no memory while it is well.
            (None, true) if first().is_some() => return,
            (None, _) if first().is_some_and(|first| std::ptr::eq(first, place)) => return,
            (None, _) => place,
        };
        if stays.tier == Tier::Full {
            self.put(session.key, Home { target: stays.target.number, at: now });
        }
    }

    fn home(&self, key: u64, (now, stay): (Moment, Duration)) -> Option<usize> {
        let shard = self.shard(key);
        let home = shard.young.get(&key).or_else(|| shard.old.get(&key))?;
        (now.since(home.at) < stay).then_some(home.target)
    }

    fn put(&self, key: u64, home: Home) {
        let mut shard = self.shard(key);
        if shard.young.len() >= SESSIONS_MAX {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(key, home);
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(key >> 32).unwrap_or(0) % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_kept_while_the_session_comes_back_in_time_and_the_memory_is_bounded() {
        let sessions = Sessions::default();
        let minutes = |count: u64| Moment::from_secs(60 * count);
        let stay = Duration::from_secs(300);
        sessions.put(7, Home { target: 3, at: minutes(1) });
        assert_eq!(sessions.home(7, (minutes(5), stay)), Some(3));
        assert_eq!(sessions.home(7, (minutes(6), stay)), None);
        assert_eq!(sessions.home(8, (minutes(1), stay)), None);
        for key in 0..(1_u64 << 20) {
            sessions.put(key << 20, Home { target: 1, at: minutes(2) });
        }
        let shards = sessions.shards.iter().map(|shard| shard.lock().unwrap());
        let most: usize = shards.map(|shard| shard.young.len() + shard.old.len()).sum();
        assert!(most <= 2 * SHARDS * SESSIONS_MAX, "{most}");
    }
}

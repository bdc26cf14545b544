//! All answers in the making, and those that were made.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use backstop_dialects::{kept, own_answer};
use backstop_settings::Limits;
use backstop_vocabulary::{Class, Failure, Moment};

use super::Generation;
use crate::asked::Asked;
use crate::beside::transcripts::Turn;

/// A key of whom it is made for, and its name.
type Key = (Arc<str>, Box<str>);

/// When a client that asked for too much may ask again.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Register {
    books: Arc<Mutex<Books>>,
    bytes: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Books {
    all: HashMap<Key, Arc<Generation>>,
    /// The oldest first.
    order: VecDeque<Key>,
    /// How many are in the making, by whom they are made for.
    running: HashMap<Arc<str>, u32>,
}

/// An answer counts as in the making until this is dropped, and has an end then: one that came, or
/// that none did.
#[derive(Debug)]
pub(crate) struct Running {
    books: Arc<Mutex<Books>>,
    caller: Arc<str>,
    generation: Arc<Generation>,
}

impl Register {
    /// Begins one, or says that there are too many.
    pub(super) fn open(
        &self,
        asked: &Asked,
        queued: Bytes,
        limits: &Limits,
    ) -> Result<(Arc<Generation>, Running), Failure> {
        let name: Box<str> = own_answer(asked.id.as_str()).into();
        let turn = asked.turn.clone();
        let turn = turn.unwrap_or_else(|| Turn::first(kept::input_items(&asked.body, &asked.scan)));
        self.enter((&asked.caller.name, asked.started), (name, turn, queued), limits)
    }

    fn enter(
        &self,
        (caller, now): (&Arc<str>, Moment),
        (name, turn, queued): (Box<str>, Turn, Bytes),
        limits: &Limits,
    ) -> Result<(Arc<Generation>, Running), Failure> {
        let mut books = lock(&self.books);
        books.forget_old(now, limits);
        let all: u32 = books.running.values().sum();
        if all >= limits.background_max {
            let max = limits.background_max;
            let what = format!("{max} answers are being made in the background already");
            let failure = Failure::new(Class::GatewayBusy, format!("{what} (background_max)"));
            return Err(failure.with_stay_away(Some(AGAIN)));
        }
        let own = books.running.entry(Arc::clone(caller)).or_default();
        if *own >= limits.background_per_key_max {
            let max = limits.background_per_key_max;
            let what = format!("{max} answers are being made for this key in the background");
            let failure =
                Failure::new(Class::CallerLimited, format!("{what} (background_per_key_max)"));
            return Err(failure.with_stay_away(Some(AGAIN)));
        }
        *own += 1;
        let key: Key = (Arc::clone(caller), name);
        let generation = Generation::new(now, (turn, queued), Arc::clone(&self.bytes));
        let generation = Arc::new(generation);
        books.all.insert(key.clone(), Arc::clone(&generation));
        books.order.push_back(key);
        drop(books);
        let running = Running {
            books: Arc::clone(&self.books),
            caller: Arc::clone(caller),
            generation: Arc::clone(&generation),
        };
        Ok((generation, running))
    }

    /// The one of that name, for whom it is made.
    pub(crate) fn get(
        &self,
        (caller, name): (&Arc<str>, &str),
        now: Moment,
        limits: &Limits,
    ) -> Option<Arc<Generation>> {
        let mut books = lock(&self.books);
        books.forget_old(now, limits);
        books.all.get(&(Arc::clone(caller), name.into())).map(Arc::clone)
    }

    /// Forgets one, and ends it if it is in the making.
    pub(crate) fn forget(&self, caller: &Arc<str>, name: &str) -> bool {
        let key: Key = (Arc::clone(caller), name.into());
        let forgotten = {
            let mut books = lock(&self.books);
            books.order.retain(|other| *other != key);
            books.all.remove(&key)
        };
        if let Some(generation) = &forgotten {
            generation.cancel();
        }
        forgotten.is_some()
    }

    /// Makes room: the oldest that are over go first, then the older events of the one that grows.
    pub(super) fn relieve(&self, growing: &Generation, bytes_max: u64) {
        while self.bytes.load(Ordering::Relaxed) > bytes_max {
            let forgotten = lock(&self.books).forget_oldest_over();
            if forgotten.is_none() && !growing.shorten() {
                return;
            }
        }
    }

    /// Ends all that are in the making, and says so to their clients.
    pub(crate) fn abandon(&self) {
        let all: Vec<Arc<Generation>> = lock(&self.books).all.values().map(Arc::clone).collect();
        all.iter().filter(|generation| !generation.is_over()).for_each(|it| it.abandon());
    }

    /// Bytes kept of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many are in the making.
    pub(crate) fn running(&self) -> u32 {
        lock(&self.books).running.values().sum()
    }
}

impl Books {
    fn forget_old(&mut self, now: Moment, limits: &Limits) {
        while let Some(key) = self.order.front() {
            let stays = self.all.get(key).is_some_and(|oldest| {
                !oldest.is_over() || now.since(oldest.at) <= limits.transcripts_age_max
            });
            if stays {
                return;
            }
            if let Some(key) = self.order.pop_front() {
                self.all.remove(&key);
            }
        }
    }

    fn forget_oldest_over(&mut self) -> Option<Arc<Generation>> {
        let is_over = |key: &Key| self.all.get(key).is_some_and(|it| it.is_over());
        let nth = self.order.iter().position(is_over)?;
        let key = self.order.remove(nth)?;
        self.all.remove(&key)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.generation.unfinished();
        let mut books = lock(&self.books);
        let left = books.running.get_mut(&self.caller).map(|own| {
            *own = own.saturating_sub(1);
            *own
        });
        if left == Some(0) {
            books.running.remove(&self.caller);
        }
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backstop_dialects::{Frames, Framing};

    use super::*;

    fn limits() -> Limits {
        Limits {
            background_max: 3,
            background_per_key_max: 2,
            transcripts_age_max: Duration::from_secs(60),
            ..Limits::default()
        }
    }

    fn enter(
        register: &Register,
        (caller, secs): (&str, u64),
        name: &str,
    ) -> Result<(Arc<Generation>, Running), Class> {
        let queued = Bytes::from(format!("{{\"id\":\"{name}\"}}"));
        let made = (name.into(), Turn::first(Vec::new()), queued);
        let whose = (&caller.into(), Moment::from_secs(secs));
        register.enter(whose, made, &limits()).map_err(|failure| failure.class)
    }

    fn complete(generation: &Generation) {
        let mut frames = Frames::new(Framing::Sse, 1 << 20);
        frames.feed(Bytes::from_static(
            b"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
        ));
        generation.take(&mut frames);
    }

    #[test]
    fn so_many_are_made_at_once_and_so_many_for_one_client() {
        let register = Register::default();
        let first = enter(&register, ("me", 0), "a").unwrap();
        let _second = enter(&register, ("me", 0), "b").unwrap();
        assert_eq!(enter(&register, ("me", 0), "c").unwrap_err(), Class::CallerLimited);
        let _third = enter(&register, ("you", 0), "d").unwrap();
        assert_eq!(enter(&register, ("he", 0), "e").unwrap_err(), Class::GatewayBusy);
        drop(first);
        assert_eq!(register.running(), 2);
        assert!(enter(&register, ("me", 0), "f").is_ok());
    }

    #[test]
    fn one_is_known_to_its_client_only_and_for_its_time() {
        let register = Register::default();
        let (generation, running) = enter(&register, ("me", 0), "a").unwrap();
        let get = |caller: &str, secs| {
            register.get((&caller.into(), "a"), Moment::from_secs(secs), &limits()).is_some()
        };
        assert!(get("me", 1) && !get("you", 1));
        // As long as it is made it is not forgotten.
        assert!(get("me", 1_000));
        complete(&generation);
        drop((generation, running));
        assert!(get("me", 60) && !get("me", 61));
        assert_eq!(register.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_over_makes_room_first_and_then_the_one_that_grows() {
        let register = Register::default();
        let (old, running) = enter(&register, ("me", 0), "old").unwrap();
        let (new, _running) = enter(&register, ("me", 0), "new").unwrap();
        complete(&old);
        let whole = register.bytes.load(Ordering::Relaxed);
        drop((old, running));
        register.relieve(&new, whole - 1);
        assert!(register.get((&"me".into(), "old"), Moment::ZERO, &limits()).is_none());
        assert_eq!(new.first(), 0);
        register.relieve(&new, 12);
        assert_eq!(
            (new.first(), register.bytes.load(Ordering::Relaxed)),
            (2, "{\"id\":\"new\"}".len() as u64)
        );
        assert!(new.since(0).is_err() && new.since(2).is_ok());
    }

    #[test]
    fn one_that_was_cancelled_stays_so_and_a_complete_one_stays_complete() {
        let register = Register::default();
        let status = |generation: &Generation| {
            let shown: serde_json::Value = serde_json::from_slice(&generation.shown()).unwrap();
            shown["status"].as_str().unwrap_or_default().to_owned()
        };
        let (one, first) = enter(&register, ("me", 0), "one").unwrap();
        one.cancel();
        complete(&one);
        one.cancel();
        one.abandon();
        assert_eq!(status(&one), "cancelled");
        let (two, second) = enter(&register, ("me", 0), "two").unwrap();
        complete(&two);
        two.cancel();
        register.abandon();
        assert_eq!(status(&two), "completed");
        drop((first, second));
        let (three, _running) = enter(&register, ("you", 0), "three").unwrap();
        register.abandon();
        assert_eq!(status(&three), "failed");
        // Nor is one made for ever whose task is gone, for whatever reason.
        let (four, running) = enter(&register, ("you", 0), "four").unwrap();
        drop(running);
        assert_eq!(status(&four), "failed");
    }
}

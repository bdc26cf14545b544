//! All answers in the making, and those that were made.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use backstop_dialects::{kept, own_answer};
use backstop_settings::Limits;
use backstop_vocabulary::{Class, Failure, Moment};

use super::Generation;
use super::tally::Tally;
use crate::asked::Asked;
use crate::beside::transcripts::Turn;

/// A key of whom it is made for, and its name.
type Key = (Arc<str>, Box<str>);

/// When a client that asked for too much may ask again.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Register {
    books: Arc<Mutex<Books>>,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Books {
    all: HashMap<Key, Entry>,
    /// Those that are over, by their numbers: which ended first comes first.
    over: BTreeMap<u64, Key>,
    next: u64,
    /// How many are in the making, by whom they are made for.
    running: HashMap<Arc<str>, u32>,
}

#[derive(Debug)]
struct Entry {
    generation: Arc<Generation>,
    /// Its number among those that are over.
    over: Option<u64>,
}

/// An answer counts as in the making until this is dropped, and has an end then: one that came, or
/// that none did.
#[derive(Debug)]
pub(crate) struct Running {
    register: Register,
    key: Key,
    generation: Arc<Generation>,
    /// How much may be kept of events.
    bytes_max: u64,
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
        let turn =
            turn.unwrap_or_else(|| Turn::first(kept::input_items(&asked.body, &asked.scan).into()));
        self.enter((&asked.caller.name, asked.started), (name, turn, queued), limits)
    }

    fn enter(
        &self,
        (caller, now): (&Arc<str>, Moment),
        (name, turn, queued): (Box<str>, Turn, Bytes),
        limits: &Limits,
    ) -> Result<(Arc<Generation>, Running), Failure> {
        let bytes_max = limits.background_events_bytes_max;
        let key: Key = (Arc::clone(caller), name);
        let generation = Arc::new(Generation::new(now, (turn, queued), &self.tally));
        let mut gone = Vec::new();
        let entered = {
            let mut books = lock(&self.books);
            books.forget_old(now, limits, &mut gone);
            books
                .refuse_many(caller, limits)
                .and_then(|()| books.make_room(&self.tally, (&generation, bytes_max), &mut gone))
                .map(|()| books.enter(key.clone(), &generation))
        };
        for generation in &gone {
            generation.let_go();
        }
        drop(gone);
        entered?;
        let running =
            Running { register: self.clone(), key, generation: Arc::clone(&generation), bytes_max };
        // Nobody has read its own first events: they stay.
        self.relieve_of_old(bytes_max);
        Ok((generation, running))
    }

    /// The one of that name, for whom it is made.
    pub(crate) fn get(
        &self,
        (caller, name): (&Arc<str>, &str),
        now: Moment,
        limits: &Limits,
    ) -> Option<Arc<Generation>> {
        let books = lock(&self.books);
        let entry = books.all.get(&(Arc::clone(caller), name.into()))?;
        let stays = entry.over.is_none() || !is_old(&entry.generation, now, limits);
        stays.then(|| Arc::clone(&entry.generation))
    }

    /// Forgets one, and ends it if it is in the making.
    pub(crate) fn forget(&self, caller: &Arc<str>, name: &str) -> bool {
        let forgotten = lock(&self.books).remove(&(Arc::clone(caller), name.into()));
        if let Some(generation) = &forgotten {
            generation.delete();
        }
        forgotten.is_some()
    }

    /// Makes room for events: the oldest that are over go first, then the older events of the one
    /// that grows.
    pub(super) fn relieve(&self, growing: &Generation, bytes_max: u64) {
        self.relieve_of_old(bytes_max);
        while self.tally.told() > bytes_max && growing.shorten() {}
    }

    fn relieve_of_old(&self, bytes_max: u64) {
        if self.tally.told() <= bytes_max {
            return;
        }
        let mut gone = Vec::new();
        {
            let mut books = lock(&self.books);
            let (told, mut freed) = (self.tally.told(), 0);
            while told.saturating_sub(freed) > bytes_max {
                let Some(oldest) = books.forget_oldest() else { break };
                freed += oldest.told_bytes();
                gone.push(oldest);
            }
        }
        for generation in &gone {
            generation.let_go();
        }
    }

    /// Ends all that are in the making, and says so to their clients.
    pub(crate) fn abandon(&self) {
        let all: Vec<Arc<Generation>> = {
            let books = lock(&self.books);
            books.all.values().map(|entry| Arc::clone(&entry.generation)).collect()
        };
        all.iter().filter(|generation| !generation.is_over()).for_each(|it| it.abandon());
    }

    /// Bytes kept of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.tally.asked() + self.tally.told()
    }

    /// How many are in the making.
    pub(crate) fn running(&self) -> u32 {
        lock(&self.books).running.values().sum()
    }
}

impl Books {
    fn refuse_many(&self, caller: &Arc<str>, limits: &Limits) -> Result<(), Failure> {
        let all: u32 = self.running.values().sum();
        if all >= limits.background_max {
            let max = limits.background_max;
            let what = format!("{max} answers are being made in the background already");
            return Err(busy(Class::GatewayBusy, &format!("{what} (background_max)")));
        }
        if self.running.get(caller).is_some_and(|own| *own >= limits.background_per_key_max) {
            let max = limits.background_per_key_max;
            let what = format!("{max} answers are being made for this key in the background");
            return Err(busy(Class::CallerLimited, &format!("{what} (background_per_key_max)")));
        }
        Ok(())
    }

    /// Makes room for a request, and puts into `gone` what went for it.
    fn make_room(
        &mut self,
        tally: &Tally,
        (new, bytes_max): (&Generation, u64),
        gone: &mut Vec<Arc<Generation>>,
    ) -> Result<(), Failure> {
        let own = new.asked_bytes();
        if own > bytes_max {
            let what = format!("this request has {own} bytes, and {bytes_max} are kept of all");
            let what = format!("{what} that is made in the background (background_events_max)");
            return Err(Failure::new(Class::RequestTooLarge, what));
        }
        // What went, but is still being dropped.
        let mut freed: u64 = gone.iter().map(|generation| generation.asked_bytes()).sum();
        let asked = tally.asked() + own;
        while asked.saturating_sub(freed) > bytes_max {
            let Some(oldest) = self.forget_oldest() else {
                let what = "the requests of answers being made in the background leave no room";
                let what = format!("{what} for this one (background_events_max)");
                return Err(busy(Class::GatewayBusy, &what));
            };
            freed += oldest.asked_bytes();
            gone.push(oldest);
        }
        Ok(())
    }

    fn enter(&mut self, key: Key, generation: &Arc<Generation>) {
        generation.count();
        *self.running.entry(Arc::clone(&key.0)).or_default() += 1;
        self.all.insert(key, Entry { generation: Arc::clone(generation), over: None });
    }

    /// It is not made any more.
    fn end(&mut self, key: &Key) {
        if let Some(own) = self.running.get_mut(&key.0) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.running.remove(&key.0);
            }
        }
        if let Some(entry) = self.all.get_mut(key) {
            self.next += 1;
            entry.over = Some(self.next);
            self.over.insert(self.next, key.clone());
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<Generation>> {
        let entry = self.all.remove(key)?;
        if let Some(number) = entry.over {
            self.over.remove(&number);
        }
        Some(entry.generation)
    }

    /// Those that go are put aside: they are large, and others wait for the lock.
    fn forget_old(&mut self, now: Moment, limits: &Limits, gone: &mut Vec<Arc<Generation>>) {
        while let Some((_, key)) = self.over.first_key_value() {
            let oldest = self.all.get(key);
            if oldest.is_some_and(|oldest| !is_old(&oldest.generation, now, limits)) {
                return;
            }
            gone.extend(self.forget_oldest());
        }
    }

    fn forget_oldest(&mut self) -> Option<Arc<Generation>> {
        let (_, key) = self.over.pop_first()?;
        self.all.remove(&key).map(|entry| entry.generation)
    }
}

fn is_old(generation: &Generation, now: Moment, limits: &Limits) -> bool {
    now.since(generation.at) > limits.transcripts_age_max
}

fn busy(class: Class, what: &str) -> Failure {
    Failure::new(class, what).with_stay_away(Some(AGAIN))
}

impl Drop for Running {
    fn drop(&mut self) {
        self.generation.unfinished();
        lock(&self.register.books).end(&self.key);
        self.register.relieve_of_old(self.bytes_max);
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backstop_dialects::{Frames, Framing};
    use serde_json::json;

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
        enter_with(register, (caller, secs), (name, 0), &limits()).map_err(|failure| failure.class)
    }

    /// One with so many bytes of input.
    fn enter_with(
        register: &Register,
        (caller, secs): (&str, u64),
        (name, input): (&str, usize),
        limits: &Limits,
    ) -> Result<(Arc<Generation>, Running), Failure> {
        let queued = Bytes::from(format!("{{\"id\":\"{name}\"}}"));
        let made = (name.into(), Turn::first(vec![b'x'; input].into()), queued);
        register.enter((&caller.into(), Moment::from_secs(secs)), made, limits)
    }

    /// One more event of so many bytes.
    fn grow(generation: &Generation, bytes: usize) {
        let mut frames = Frames::new(Framing::Sse, 1 << 20);
        let text = "x".repeat(bytes);
        let event = json!({ "type": "response.output_text.delta", "delta": text });
        frames.feed(Bytes::from(format!("data: {event}\n\n")));
        generation.take(&mut frames);
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
        assert!(enter(&register, ("you", 61), "b").is_ok());
        assert!(!lock(&register.books).all.contains_key(&("me".into(), "a".into())));
    }

    #[test]
    fn what_is_over_makes_room_first_and_then_the_one_that_grows() {
        let register = Register::default();
        let (old, running) = enter(&register, ("me", 0), "old").unwrap();
        let (new, _running) = enter(&register, ("me", 0), "new").unwrap();
        complete(&old);
        let told = register.tally.told();
        drop((old, running));
        register.relieve(&new, told - 1);
        assert!(register.get((&"me".into(), "old"), Moment::ZERO, &limits()).is_none());
        assert_eq!(new.first(), 0);
        (0..998).for_each(|_| grow(&new, 10));
        register.relieve(&new, register.tally.told() - 1);
        assert_eq!(new.first(), 500);
        assert!(new.since(499).is_err() && new.since(500).is_ok());
    }

    #[test]
    fn requests_of_answers_being_made_take_nothing_from_their_events() {
        let register = Register::default();
        let limits = Limits { background_events_bytes_max: 1 << 20, ..limits() };
        let enter = |name| enter_with(&register, ("me", 0), (name, 500 << 10), &limits);
        let (_one, (two, _running)) = (enter("one").unwrap(), enter("two").unwrap());
        (0..1_000).for_each(|_| {
            grow(&two, 10);
            register.relieve(&two, 1 << 20);
        });
        assert_eq!(two.first(), 0);
        // And those who read along lose nothing that has just come, however little room there is.
        register.relieve(&two, 1);
        assert_eq!(two.first(), 1_002 - 256);
    }

    #[test]
    fn requests_have_a_limit_whatever_becomes_of_them() {
        let register = Register::default();
        let limits = Limits { background_events_bytes_max: 1 << 20, ..limits() };
        let enter = |name: &str, input| enter_with(&register, ("me", 0), (name, input), &limits);
        for nth in 0..50 {
            let name = format!("failed {nth}");
            let (generation, running) = enter(&name, 400 << 10).unwrap();
            generation.fail(500, b"{}");
            drop((generation, running));
            assert!(register.bytes() <= 2 << 20, "{}", register.bytes());
        }
        assert!(register.get((&"me".into(), "failed 49"), Moment::ZERO, &limits).is_some());
        assert!(register.get((&"me".into(), "failed 40"), Moment::ZERO, &limits).is_none());
        let running = enter("running", 600 << 10).unwrap();
        let busy = enter("next", 600 << 10).unwrap_err();
        assert_eq!(busy.class, Class::GatewayBusy);
        assert!(busy.message.contains("background_events_max"), "{}", busy.message);
        let never = enter("never", 2 << 20).unwrap_err();
        assert_eq!((never.class, register.running()), (Class::RequestTooLarge, 1));
        running.0.cancel();
        drop(running);
        assert!(enter("next", 600 << 10).is_ok());
        register.relieve_of_old(0);
        assert_eq!(register.bytes(), 0);
    }

    #[test]
    fn one_that_is_over_lets_go_of_what_only_the_making_needs() {
        let register = Register::default();
        let (one, running) = enter_with(&register, ("me", 0), ("one", 1_000), &limits()).unwrap();
        assert_eq!(register.tally.asked(), 1_000 + r#"{"id":"one"}"#.len() as u64);
        complete(&one);
        assert_eq!(register.tally.asked(), 1_000);
        one.let_go();
        assert_eq!((register.tally.asked(), one.items()), (0, None));
        assert!(!one.is_unwanted());
        drop((one, running));
        register.forget(&"me".into(), "one");
        assert_eq!((register.bytes(), lock(&register.books).over.len()), (0, 0));
    }

    #[test]
    fn one_that_is_deleted_as_it_ends_is_unwanted_and_one_that_is_cancelled_too_late_is_not() {
        let register = Register::default();
        let (one, _first) = enter(&register, ("me", 0), "one").unwrap();
        complete(&one);
        one.cancel();
        assert!(!one.is_unwanted());
        register.forget(&"me".into(), "one");
        assert!(one.is_unwanted());
        let (two, _second) = enter(&register, ("me", 0), "two").unwrap();
        two.cancel();
        assert!(two.is_unwanted());
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

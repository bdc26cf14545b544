//! What targets taught by refusing: the next request of the same caller is written right at once.
//!
//! It belongs to one set of settings, so that a reload begins anew, and it ages: servers change. What a
//! target refuses depends on who asks, and a caller can make a provider's error say what it likes:
//! so what one caller's request taught counts for that caller only.

use std::collections::BTreeMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstop_dialects::Lesson;
use backstop_vocabulary::{Dialect, Moment};

use crate::table::{read, write};

/// How long a lesson counts.
const AGE_MAX: Duration = Duration::from_hours(6);
/// The most lessons of one target in one dialect for one caller.
const LESSONS_MAX: usize = 16;
/// The most of them about values of one field.
const VALUES_MAX: usize = 4;
/// The most callers and targets that have any.
const KEYS_MAX: usize = 1024;

/// Whose request taught: a digest of the caller, of the credential it brings and of the beta features
/// it asks for.
pub(crate) type Pupil = [u8; 32];

/// Who was taught, by which target (its number), and the dialect in which it was asked.
pub(crate) type Key = (Pupil, usize, Dialect);

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct Lessons {
    /// Of each key the oldest first.
    all: RwLock<BTreeMap<Key, Vec<(Lesson, Moment)>>>,
    /// Whether anything was ever learnt: nobody is looked for before.
    any: AtomicBool,
    /// Whether some target takes no tools while it reasons: then rosters differ by whether there are any.
    of_tools: AtomicBool,
}

impl Lessons {
    /// A target taught this at `now`. Where there are too many, the oldest goes.
    pub(crate) fn learn(&self, key: Key, lesson: Lesson, now: Moment) {
        let mut all = write(&self.all);
        if !all.contains_key(&key) && all.len() >= KEYS_MAX {
            let last = |known: &Vec<(Lesson, Moment)>| known.last().map(|(_, at)| *at);
            let oldest = all.iter().min_by_key(|(_, known)| last(known)).map(|(key, _)| *key);
            oldest.and_then(|key| all.remove(&key));
        }
        self.any.store(true, Ordering::Relaxed);
        self.of_tools.fetch_or(lesson.is_of_tools(), Ordering::Relaxed);
        let known = all.entry(key).or_default();
        known.retain(|(old, at)| now.since(*at) < AGE_MAX && *old != lesson);
        let alike = |(old, _): &(Lesson, Moment)| old.is_of_values_like(&lesson);
        if known.iter().filter(|old| alike(old)).count() >= VALUES_MAX {
            let oldest = known.iter().position(alike);
            oldest.map(|at| known.remove(at));
        }
        if known.len() >= LESSONS_MAX {
            known.remove(0);
        }
        known.push((lesson, now));
    }

    /// What a target taught, and until when all of it counts.
    pub(crate) fn of(&self, key: Key, now: Moment) -> (Vec<Lesson>, Moment) {
        let all = read(&self.all);
        let mut until = Moment::NEVER;
        let mut lessons = Vec::new();
        for (lesson, at) in all.get(&key).into_iter().flatten() {
            let end = *at + AGE_MAX;
            if end > now {
                until = until.min(end);
                lessons.push(lesson.clone());
            }
        }
        (lessons, until)
    }

    /// What each target taught anybody.
    pub(crate) fn by_target(&self, now: Moment) -> BTreeMap<(usize, Dialect), Vec<Lesson>> {
        let mut taught = BTreeMap::<_, Vec<Lesson>>::new();
        for ((_, target, dialect), known) in &*read(&self.all) {
            let lessons = taught.entry((*target, *dialect)).or_default();
            for (lesson, _) in known.iter().filter(|(_, at)| *at + AGE_MAX > now) {
                if !lessons.contains(lesson) {
                    lessons.push(lesson.clone());
                }
            }
        }
        taught
    }

    /// Whether anybody was ever taught anything.
    pub(crate) fn are_any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Whether this one was taught anything.
    pub(crate) fn knows(&self, pupil: &Pupil) -> bool {
        let first = (*pupil, 0, Dialect::ALL[0]);
        read(&self.all).range(first..).next().is_some_and(|((whose, ..), _)| whose == pupil)
    }

    /// Whether it matters for a roster that the request has tools.
    pub(crate) fn are_of_tools(&self) -> bool {
        self.of_tools.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use backstop_vocabulary::Refused;

    use super::*;

    const CHAT: Dialect = Dialect::OpenaiChat;
    const ME: Pupil = [1; 32];

    fn lesson(nth: usize) -> Lesson {
        of_value("seed", nth)
    }

    fn of_value(field: &str, nth: usize) -> Lesson {
        let value = Refused::Value(field.into());
        Lesson::of(&value, format!("{{\"{field}\":{nth}}}").as_bytes()).unwrap()
    }

    #[test]
    fn a_lesson_is_of_its_target_in_its_dialect_and_ends_with_its_time() {
        let (lessons, at) = (Lessons::default(), Moment::from_secs);
        lessons.learn((ME, 1, CHAT), lesson(1), at(0));
        lessons.learn((ME, 1, CHAT), lesson(2), at(60));
        let (known, until) = lessons.of((ME, 1, CHAT), at(61));
        assert_eq!((known, until), (vec![lesson(1), lesson(2)], at(0) + AGE_MAX));
        assert_eq!(lessons.of((ME, 1, Dialect::OpenaiResponses), at(61)).0, []);
        assert_eq!(lessons.of((ME, 2, CHAT), at(61)), (Vec::new(), Moment::NEVER));
        let (known, until) = lessons.of((ME, 1, CHAT), at(30) + AGE_MAX);
        assert_eq!((known, until), (vec![lesson(2)], at(60) + AGE_MAX));
        // Taught again, it counts from then on.
        lessons.learn((ME, 1, CHAT), lesson(2), at(30) + AGE_MAX);
        assert_eq!(lessons.of((ME, 1, CHAT), at(90) + AGE_MAX).0, [lesson(2)]);
    }

    #[test]
    fn what_one_caller_was_taught_is_not_known_to_another() {
        let lessons = Lessons::default();
        assert!(!lessons.are_any());
        lessons.learn((ME, 1, CHAT), lesson(1), Moment::ZERO);
        for other in [[0; 32], [2; 32]] {
            assert!(lessons.are_any() && !lessons.knows(&other));
            assert_eq!(lessons.of((other, 1, CHAT), Moment::ZERO).0, []);
        }
        assert!(lessons.knows(&ME));
        lessons.learn(([2; 32], 1, CHAT), lesson(1), Moment::ZERO);
        assert_eq!(lessons.by_target(Moment::ZERO)[&(1, CHAT)], [lesson(1)]);
    }

    #[test]
    fn there_are_only_so_many_and_the_oldest_goes() {
        let (lessons, key) = (Lessons::default(), (ME, 0, CHAT));
        for nth in 0..2 * VALUES_MAX {
            lessons.learn(key, lesson(nth), Moment::ZERO);
        }
        let (known, _) = lessons.of(key, Moment::ZERO);
        assert_eq!(known, [4, 5, 6, 7].map(lesson));
        for field in ["top_p", "top_k", "temperature", "verbosity"] {
            (0..VALUES_MAX).for_each(|nth| lessons.learn(key, of_value(field, nth), Moment::ZERO));
        }
        let (known, _) = lessons.of(key, Moment::ZERO);
        assert_eq!((known.len(), &known[0]), (LESSONS_MAX, &of_value("top_p", 0)));
        for target in 0..2 * KEYS_MAX {
            let now = Moment::from_secs(1 + target as u64);
            lessons.learn((ME, target, CHAT), lesson(0), now);
        }
        let all = read(&lessons.all);
        assert_eq!(all.len(), KEYS_MAX);
        assert!(!all.contains_key(&(ME, KEYS_MAX - 1, CHAT)));
        assert!(all.contains_key(&(ME, KEYS_MAX, CHAT)));
    }

    #[test]
    fn tools_matter_once_they_were_refused() {
        let lessons = Lessons::default();
        assert!(!lessons.are_of_tools());
        let tools = Lesson::of(&Refused::ToolsWithReasoning { unless_off: false }, b"{}").unwrap();
        lessons.learn((ME, 0, CHAT), tools, Moment::ZERO);
        assert!(lessons.are_of_tools());
    }
}

//! What targets taught by refusing: the next request is written right at once.
//!
//! It belongs to one set of settings, so that a reload begins anew, and it ages: servers change.

use std::collections::BTreeMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstop_dialects::Lesson;
use backstop_vocabulary::{Dialect, Moment};

use crate::table::{read, write};

/// How long a lesson counts.
const AGE_MAX: Duration = Duration::from_hours(6);
/// The most lessons of one target in one dialect.
const LESSONS_MAX: usize = 16;
/// The most targets that have any.
const TARGETS_MAX: usize = 1024;

/// A target by its number, and the dialect in which it was asked.
type Key = (usize, Dialect);

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct Lessons {
    all: RwLock<BTreeMap<Key, Vec<(Lesson, Moment)>>>,
    /// Whether some target takes no tools while it reasons: then rosters differ by whether there are any.
    of_tools: AtomicBool,
}

impl Lessons {
    /// A target taught this at `now`. Past the limits nothing more is learnt.
    pub(crate) fn learn(&self, key: Key, lesson: Lesson, now: Moment) -> bool {
        let mut all = write(&self.all);
        let is_young = |(_, at): &(Lesson, Moment)| now.since(*at) < AGE_MAX;
        if !all.contains_key(&key) && all.len() >= TARGETS_MAX {
            all.retain(|_, known| known.iter().any(is_young));
            if all.len() >= TARGETS_MAX {
                return false;
            }
        }
        let known = all.entry(key).or_default();
        known.retain(|(old, at)| is_young(&(old.clone(), *at)) && *old != lesson);
        if known.len() >= LESSONS_MAX {
            return false;
        }
        self.of_tools.fetch_or(lesson.is_of_tools(), Ordering::Relaxed);
        known.push((lesson, now));
        true
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

    fn lesson(nth: usize) -> Lesson {
        let value = Refused::Value("seed".into());
        Lesson::of(&value, format!("{{\"seed\":{nth}}}").as_bytes()).unwrap()
    }

    #[test]
    fn a_lesson_is_of_its_target_in_its_dialect_and_ends_with_its_time() {
        let (lessons, at) = (Lessons::default(), Moment::from_secs);
        assert!(lessons.learn((1, CHAT), lesson(1), at(0)));
        assert!(lessons.learn((1, CHAT), lesson(2), at(60)));
        let (known, until) = lessons.of((1, CHAT), at(61));
        assert_eq!((known, until), (vec![lesson(1), lesson(2)], at(0) + AGE_MAX));
        assert_eq!(lessons.of((1, Dialect::OpenaiResponses), at(61)).0, []);
        assert_eq!(lessons.of((2, CHAT), at(61)), (Vec::new(), Moment::NEVER));
        let (known, until) = lessons.of((1, CHAT), at(30) + AGE_MAX);
        assert_eq!((known, until), (vec![lesson(2)], at(60) + AGE_MAX));
        // Taught again, it counts from then on.
        assert!(lessons.learn((1, CHAT), lesson(2), at(30) + AGE_MAX));
        assert_eq!(lessons.of((1, CHAT), at(90) + AGE_MAX).0, [lesson(2)]);
    }

    #[test]
    fn there_are_only_so_many() {
        let lessons = Lessons::default();
        let learnt = (0..2 * LESSONS_MAX)
            .filter(|nth| lessons.learn((0, CHAT), lesson(*nth), Moment::ZERO))
            .count();
        assert_eq!(learnt, LESSONS_MAX);
        for target in 0..2 * TARGETS_MAX {
            lessons.learn((target, CHAT), lesson(0), Moment::ZERO);
        }
        assert_eq!(read(&lessons.all).len(), TARGETS_MAX);
        // The old make room.
        assert!(lessons.learn((usize::MAX, CHAT), lesson(0), Moment::ZERO + AGE_MAX));
        assert_eq!(read(&lessons.all).len(), 1);
    }

    #[test]
    fn tools_matter_once_they_were_refused() {
        let lessons = Lessons::default();
        assert!(!lessons.are_of_tools());
        let tools = Lesson::of(&Refused::ToolsWithReasoning { unless_off: false }, b"{}").unwrap();
        assert!(lessons.learn((0, CHAT), tools, Moment::ZERO) && lessons.are_of_tools());
    }
}

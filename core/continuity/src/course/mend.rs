//! The same target again with a request that it will take: without the reasoning it refused, or written
//! as it says that it wants it.

use backstop_resilience::State;

use super::Course;
use super::choose::{Choice, Question};
use crate::AttemptPurpose;

/// How often the request is mended for one candidate: servers name one thing at a time.
const MENDS_MAX: usize = 3;

impl Course {
    /// The request can be mended for the candidate whose attempt has just failed, so that it is another
    /// than what was refused: report that with [`Self::handle_failure`] first. It is asked once more at
    /// once, free of the retry budget and of the most attempts allowed; `false` where that has been done
    /// often enough.
    pub fn mend(&mut self, candidate: usize) -> bool {
        let before = self.once.mended.iter().filter(|mended| **mended == candidate).count();
        if before >= MENDS_MAX || self.verdict.is_some() || candidate >= self.records.len() {
            return false;
        }
        self.once.mended.push(candidate);
        self.mending = Some(candidate);
        true
    }

    /// The target whose request was mended.
    pub(super) fn mended(&mut self, question: &Question<'_>) -> Option<Choice> {
        let candidate = self.mending.take()?;
        let away = matches!(question.looks[candidate].state, State::Paused | State::Blocked);
        let goes = self.is_in(candidate) && !away;
        goes.then_some(Choice::Go(candidate, AttemptPurpose::Repair))
    }
}

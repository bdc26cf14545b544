//! What an attempt must have before it begins, which is not its target's to give: it may come late, or
//! not at all.

use backstop_vocabulary::Moment;

use super::Course;
use crate::{Attempt, Unfit};

impl Course {
    /// When the request is over.
    pub const fn deadline(&self) -> Moment {
        self.policy.deadline
    }

    /// The attempt just named begins later than it was named: its target has all of its time from
    /// `begins` on, as far as the request has it.
    pub fn begun_late(&self, attempt: Attempt, (named, begins): (Moment, Moment)) -> Attempt {
        let first_token_by = attempt.first_token_by + begins.since(named);
        Attempt { first_token_by: first_token_by.min(self.policy.deadline), ..attempt }
    }

    /// The candidate of the attempt just named turns out to be unfit for the request: the attempt never
    /// happened, and the candidate is out.
    pub fn found_unfit(&mut self, candidate: usize, why: Unfit) {
        self.undo(candidate);
        if let Some(candidate) = self.candidates.get_mut(candidate) {
            candidate.standing = Err(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backstop_vocabulary::{Chance, Class, Failure};

    use crate::candidate::tests::candidate;
    use crate::course::tests::well;
    use crate::{AttemptPurpose, Course, CoursePolicy, Step, Unfit};

    use super::*;

    fn next(course: &mut Course, now: Moment) -> Step {
        course.next(now, &well(), &mut Chance::from_seed(7))
    }

    fn attempt(course: &mut Course, now: Moment) -> Attempt {
        let step = next(course, now);
        let Step::Attempt(attempt) = step else { panic!("no attempt: {step:?}") };
        attempt
    }

    fn course(ladder: &[u16]) -> Course {
        let candidates = ladder.iter().zip(0..).map(|(target, rung)| candidate(*target, rung));
        let policy = CoursePolicy::new(Moment::ZERO + Duration::from_secs(60));
        Course::new(candidates.collect(), CoursePolicy { trickle: 0.0, ..policy }, Moment::ZERO)
    }

    #[test]
    fn an_attempt_at_what_is_unfit_costs_nothing_and_is_not_made_again() {
        let mut course = course(&[0, 1]);
        let now = Moment::ZERO;
        assert_eq!(attempt(&mut course, now).candidate, 0);
        course.found_unfit(0, Unfit::Request("cannot be given it".into()));
        assert_eq!(course.attempts(), 0);
        let second = attempt(&mut course, now);
        assert_eq!((second.candidate, second.purpose), (1, AttemptPurpose::First));
        course.found_unfit(1, Unfit::Request("cannot be given it".into()));
        let Step::GiveUp(failure) = next(&mut course, now) else { panic!("it goes on") };
        assert_eq!(failure.class, Class::NoTarget);
        assert!(failure.message.contains("each cannot be given it"), "{failure}");
    }

    #[test]
    fn what_is_unfit_leaves_the_last_word_to_those_that_failed() {
        let mut course = course(&[0, 1]);
        let now = Moment::ZERO;
        let first = attempt(&mut course, now).candidate;
        course.handle_failure(now, first, &Failure::new(Class::QuotaExhausted, "spent"));
        assert_eq!(attempt(&mut course, now).candidate, 1);
        course.found_unfit(1, Unfit::Request("cannot be given it".into()));
        let Step::GiveUp(failure) = next(&mut course, now) else { panic!("it goes on") };
        assert_eq!(failure.class, Class::RungExhausted);
        assert!(failure.message.contains("1 attempt at 1 vendor: quota_exhausted"), "{failure}");
    }

    #[test]
    fn what_begins_late_has_all_its_time_as_far_as_the_deadline() {
        let mut course = course(&[0]);
        let (named, begins) = (Moment::ZERO, Moment::ZERO + Duration::from_secs(4));
        let early = attempt(&mut course, named);
        let late = course.begun_late(early, (named, begins));
        assert_eq!(late.first_token_by - early.first_token_by, Duration::from_secs(4));
        let last = course.begun_late(early, (named, begins + Duration::from_secs(50)));
        assert_eq!(last.first_token_by, course.deadline());
    }
}

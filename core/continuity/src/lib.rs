//! Policy: which target next, when to give up, mid-stream, how far down the ladder.
//!
//! Comes in: the candidates of a request, the outlook of their targets, what each attempt met.
//! Goes out: a [`Step`] at a time, and for a stream that broke what may still be done for it.
//!
//! Absent on purpose: clocks, sockets, wire formats, names of providers, the machines that judge
//! one target's health (`resilience` has them; here they are only asked).
//!
//! Start reading at [`Course`], then [`Gate`] and [`Seam`].

mod candidate;
mod course;
mod gate;
mod opinions;
mod outlooks;
mod resume;
mod rollups;
mod seam;
mod step;

pub use candidate::{Candidate, Unfit, reach};
pub use course::{Awaits, Course, CoursePolicy, Prospect};
pub use gate::{AfterCommit, Break, Gate, Hold, Pass};
pub use opinions::{Opinions, SecondOpinion};
pub use outlooks::Outlooks;
pub use resume::{Method, resume_request};
pub use rollups::Rollups;
pub use seam::{NoSeam, Seam};
pub use step::{Attempt, AttemptPurpose, Step};

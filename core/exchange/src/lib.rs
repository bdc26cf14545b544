//! One request, and the events that answer it: the neutral form between dialects.
//!
//! Every dialect is read into these types and written from them, so there are 2N translators and
//! not N×N. Everything that watches traffic (usage, journal, breaker, resume) watches these events.
//!
//! Comes in: what `dialects` reads. Goes out: what `dialects` writes.
//!
//! Absent on purpose: JSON of any API (only opaque values a dialect keeps for itself), targets,
//! decisions.
//!
//! Start reading at [`Request`] and [`Event`].

mod abilities;
mod adjustment;
mod answer;
mod event;
mod features;
mod forfeit;
mod habits;
mod loss;
mod request;

pub use abilities::{Abilities, ReasoningForm};
pub use adjustment::Adjustment;
pub use answer::{Answer, AnswerBlock};
pub use event::{Event, Finish};
pub use features::Features;
pub use forfeit::{Allowed, Forfeit};
pub use habits::{CallIds, Habits, Prefill};
pub use loss::Loss;
pub use request::{
    Artefact, Block, Effort, Format, JsonSchema, Media, MediaKind, Reasoning, Request, Role,
    Sampling, Source, Text, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};

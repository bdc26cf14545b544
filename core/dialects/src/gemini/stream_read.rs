//! Chunks → events.
//!
//! ```text
//!           candidate or feedback        parts            finishReason, blockReason
//! Waiting ────────────────────▶ Started ──────▶ Content ──────────────────▶ Complete
//!    └─────────────────────────────┴──────────────┴──error, failed model──▶ Failed
//! ```
//!
//! There is no terminal event: an answer is over when all its candidates gave a reason.

use backstop_exchange::{Event, Finish, ToolKind};
use backstop_vocabulary::{Class, Failure, Stage};
use serde_json::Value;
use serde_json::value::RawValue;

use super::wire::{Call, Candidate, Chunk, Ending, Part, ending, read_usage, refused};
use super::{errors, signature};
use crate::Frame;
use crate::hash::fnv64;

/// How far the answer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    #[default]
    Waiting,
    Started,
    Content,
    /// The reason was given: nothing is read any more.
    Complete,
    /// A failure: neither.
    Failed,
}

/// Turns chunks into events.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamReader {
    progress: Progress,
    id: String,
    calls: u32,
    /// The first candidate gave its reason.
    finished: bool,
    /// The candidates that have begun and given no reason yet.
    open: Vec<u64>,
}

impl StreamReader {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes one frame and appends the events it completes.
    pub(crate) fn read(&mut self, frame: &Frame, events: &mut Vec<Event>) {
        if self.progress >= Progress::Complete {
            return;
        }
        let data = frame.data().trim_ascii();
        if data.is_empty() {
            return match crate::read_rest(backstop_vocabulary::Dialect::Gemini, frame.raw()) {
                // An error that stands among the frames without being one.
                Some(failure) => self.fail(failure, events),
                None => events.push(Event::Ping),
            };
        }
        let before = events.len();
        let taken = self.take(data, events).or_else(|failure| {
            let frame = frame.mended().ok_or(failure)?;
            events.truncate(before);
            self.take(frame.data(), events)
        });
        self.note_content(events.get(before..).unwrap_or_default());
        if let Err(failure) = taken {
            self.fail(failure, events);
        }
    }

    /// Whether the stream ended where an answer may end: only a reason says so.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.finished || self.progress == Progress::Complete {
            return Ok(());
        }
        let message = "the provider's stream ended before the answer did";
        Err(Failure::new(Class::StreamCut, message).at(self.stage()))
    }

    /// Ends an answer that is whole but for its reason, or for those of others beside it.
    pub(super) fn assume_stop(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        if self.progress < Progress::Complete {
            if !self.finished {
                self.end("STOP", events)?;
            }
            self.complete(events);
        }
        Ok(())
    }

    /// Takes a chunk, or a whole answer; nothing follows its end.
    pub(super) fn take(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
        if self.progress >= Progress::Complete {
            return Ok(());
        }
        // Never sent by the provider, but by servers that speak several dialects.
        if data == b"[DONE]" {
            return Ok(());
        }
        let chunk = Chunk::of(data).ok_or_else(|| {
            Failure::new(Class::BadAnswer, "the provider sent a chunk that is not valid json")
        })?;
        if chunk.error.is_some() {
            return Err(errors::inside(data));
        }
        let candidates = chunk.candidates.as_deref().unwrap_or_default();
        let blocked = block_reason(chunk.prompt_feedback);
        if candidates.is_empty() && blocked.is_none() {
            if errors::is_flat(data) {
                return Err(errors::inside(data));
            }
            events.push(Event::Ping);
            return Ok(());
        }
        self.start(&chunk, events);
        for candidate in candidates {
            self.candidate(candidate, events)?;
        }
        events.extend(chunk.usage_metadata.and_then(read_usage).map(Event::Usage));
        if let Some(reason) = blocked.filter(|_| candidates.is_empty()) {
            self.finished = true;
            events.push(Event::Finish(refused(&reason)));
        }
        if self.finished && self.open.is_empty() {
            self.complete(events);
        }
        Ok(())
    }

    fn start(&mut self, chunk: &Chunk<'_>, events: &mut Vec<Event>) {
        if self.progress == Progress::Waiting {
            self.progress = Progress::Started;
            chunk.response_id.get().clone_into(&mut self.id);
            let model = chunk.model_version.get().to_owned();
            events.push(Event::Start { id: self.id.clone(), model });
        }
    }

    fn candidate(
        &mut self,
        candidate: &Candidate<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let index = candidate.index.unwrap_or(0);
        let reason = candidate.finish_reason.get();
        let over = !matches!(reason, "" | "FINISH_REASON_UNSPECIFIED");
        self.open.retain(|open| *open != index);
        if !over && (index > 0 || !self.finished) {
            self.open.push(index);
        }
        if index > 0 || self.finished {
            // Only who asked for several answers gets the others, as they are.
            return Ok(());
        }
        let before = events.len();
        let parts = candidate.content.as_ref().and_then(|content| content.parts.as_deref());
        for part in parts.unwrap_or_default() {
            self.part(part, events);
        }
        self.note_content(events.get(before..).unwrap_or_default());
        if over { self.end(reason, events) } else { Ok(()) }
    }

    fn part(&mut self, part: &Part<'_>, events: &mut Vec<Event>) {
        let sign = |kind: &str, events: &mut Vec<Event>| {
            let state = signature::read(part.thought_signature.get().to_owned(), kind);
            events.extend(state.map(Event::ReasoningSignature));
        };
        if let Some(call) = &part.function_call {
            sign(signature::CALL, events);
            return self.call(call, events);
        }
        if let Some(kind) = part.foreign() {
            return events.push(Event::Foreign { kind: kind.to_owned() });
        }
        let text = part.text.as_ref().map_or("", |text| text.get());
        let thought = part.thought == Some(true);
        if !text.is_empty() {
            let make = if thought { Event::Reasoning } else { Event::Text };
            events.push(make(text.to_owned()));
        }
        sign(if thought || text.is_empty() { signature::THOUGHT } else { signature::TEXT }, events);
    }

    fn call(&mut self, call: &Call<'_>, events: &mut Vec<Event>) {
        if call.partial_args.is_some() || call.will_continue == Some(true) || call.name.is_empty() {
            return events.push(Event::Foreign { kind: "functionCall.partialArgs".to_owned() });
        }
        let ordinal = self.calls;
        self.calls += 1;
        let args = call.args.map(RawValue::get).filter(|args| *args != "null");
        let name = call.name.get();
        let id = if call.id.is_empty() {
            let salt = format!("{}/{ordinal}/{name}/{}", self.id, args.unwrap_or_default());
            format!("call_{:016x}", fnv64(salt.as_bytes()))
        } else {
            call.id.get().to_owned()
        };
        let (name, kind) = (name.to_owned(), ToolKind::Function);
        events.push(Event::ToolStart { ordinal, id, name, kind });
        if let Some(args) = args {
            events.push(Event::ToolArguments { ordinal, fragment: args.to_owned() });
        }
        events.push(Event::ToolEnd { ordinal });
    }

    /// Takes the reason. Calls outweigh what it says: after them it is the same as without.
    fn end(&mut self, reason: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        let finish = match ending(reason) {
            Ending::Finish(finish) => finish,
            Ending::Malformed => {
                let message = "the model's output could not be read by its own provider";
                return Err(
                    Failure::new(Class::BadAnswer, message).with_provider_code(Some(reason))
                );
            }
            Ending::GaveUp => {
                let message = "the provider ended the answer for no reason it names";
                return Err(
                    Failure::new(Class::ServerError, message).with_provider_code(Some(reason))
                );
            }
            Ending::Signature => {
                let message = "the provider misses the signature of a call";
                return Err(
                    Failure::new(Class::SignatureRefused, message).with_provider_code(Some(reason))
                );
            }
        };
        let finish = if finish == Finish::End && self.calls > 0 { Finish::ToolUse } else { finish };
        if finish == Finish::End && self.progress < Progress::Content {
            return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
        }
        self.finished = true;
        events.push(Event::Finish(finish));
        Ok(())
    }

    fn complete(&mut self, events: &mut Vec<Event>) {
        self.progress = Progress::Complete;
        events.push(Event::Done);
    }

    fn fail(&mut self, failure: Failure, events: &mut Vec<Event>) {
        events.push(Event::Failed(failure.at(self.stage())));
        self.progress = Progress::Failed;
    }

    fn note_content(&mut self, events: &[Event]) {
        if self.progress < Progress::Content && events.iter().any(Event::is_meaningful) {
            self.progress = Progress::Content;
        }
    }

    fn stage(&self) -> Stage {
        if self.progress >= Progress::Content { Stage::AfterContent } else { Stage::BeforeContent }
    }
}

/// Why the prompt was blocked, if it was.
fn block_reason(feedback: Option<&RawValue>) -> Option<String> {
    let feedback: Value = serde_json::from_str(feedback?.get()).ok()?;
    let reason = feedback.get("blockReason")?.as_str()?;
    (reason != "BLOCK_REASON_UNSPECIFIED").then(|| reason.to_owned())
}

//! Events of the provider → events of ours.
//!
//! ```text
//!              created              items               completed, incomplete
//! Waiting ───────────────▶ Started ───────▶ Content ─────────────▶ Complete
//!    └───────────────────────┴───────────────┴──failed, error──▶ Failed
//! ```
//!
//! What an item's end says outweighs what its deltas said, and servers may leave deltas out: then
//! the whole item stands for them.

mod items;

use backstop_exchange::{Event, Finish};
use backstop_vocabulary::{Class, Failure, Stage};
use serde_json::value::RawValue;

use super::errors;
use super::track::{Part, Track};
use super::wire::{Response, Wire, parse, read_usage};
use crate::Frame;

/// How far the answer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    #[default]
    Waiting,
    Started,
    Content,
    /// The terminal event: nothing is read any more.
    Complete,
    /// A failure: neither.
    Failed,
}

/// Turns events of the provider into ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamReader {
    progress: Progress,
    track: Track,
    calls: u32,
    refused: bool,
    /// Calls that ended with arguments that are no JSON object: only an incomplete answer excuses
    /// them.
    garbled: Vec<u32>,
    /// A paragraph of a thought has ended: the next begins with a blank line.
    paragraph: bool,
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
            events.push(Event::Ping);
            return;
        }
        let before = events.len();
        let read = self.take(data, frame.event(), events);
        self.note_content(events.get(before..).unwrap_or_default());
        if let Err(failure) = read {
            events.push(Event::Failed(failure.at(self.stage())));
            self.progress = Progress::Failed;
        }
    }

    /// Whether the stream ended where an answer may end: only a terminal event says so.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.progress == Progress::Complete {
            return Ok(());
        }
        let message = "the provider's stream ended before the answer did";
        Err(Failure::new(Class::StreamCut, message).at(self.stage()))
    }

    /// Where the provider's bytes stand.
    pub(super) const fn place(&self) -> &Track {
        &self.track
    }

    /// Takes a whole answer: a unary one, or one of which only the terminal event came.
    pub(super) fn take_response(
        &mut self,
        response: Response<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let before = events.len();
        self.start(&response, events);
        let read = self.end(response, events);
        self.note_content(events.get(before..).unwrap_or_default());
        read
    }

    fn take(&mut self, data: &[u8], name: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        if data == b"[DONE]" {
            return Ok(());
        }
        let wire: Wire<'_> = parse(data).ok_or_else(|| bad("an event that is not valid json"))?;
        if let Some(number) = wire.sequence_number {
            self.track.sequence = number.saturating_add(1);
        }
        let kind = if wire.kind.is_empty() { name } else { wire.kind.get() };
        match kind {
            "response.output_text.delta" => self.piece(&wire, Part::Text, events),
            "response.refusal.delta" => self.piece(&wire, Part::Refusal, events),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.piece(&wire, Part::Summary, events);
            }
            "response.output_text.done"
            | "response.reasoning_summary_text.done"
            | "response.reasoning_text.done" => self.part_done(&wire, wire.text.get(), events),
            "response.refusal.done" => self.part_done(&wire, wire.refusal.get(), events),
            "response.reasoning_summary_part.added" => self.summary_added(&wire),
            _ => return self.take_other(kind, (data, &wire), events),
        }
        Ok(())
    }

    /// Takes what is not a piece of text.
    fn take_other(
        &mut self,
        kind: &str,
        (data, wire): (&[u8], &Wire<'_>),
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        match kind {
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(wire.output_index, wire.delta.get(), events)
            }
            "response.function_call_arguments.done" => {
                self.arguments_done(wire.output_index, wire.arguments.get(), events)
            }
            "response.custom_tool_call_input.done" => {
                self.arguments_done(wire.output_index, wire.input.get(), events)
            }
            "response.content_part.added" => self.part_added(wire),
            "response.output_item.added" => self.item_added(wire, events),
            "response.output_item.done" => self.item_done(wire, events),
            "response.created" | "response.queued" | "response.in_progress" => {
                self.start(&response_in(wire.response)?, events);
                Ok(())
            }
            "response.completed" | "response.incomplete" => {
                self.end(response_in(wire.response)?, events)?;
                self.progress = Progress::Complete;
                events.push(Event::Done);
                Ok(())
            }
            "response.failed" | "response.cancelled" | "error" => Err(errors::inside(data)),
            _ if wire.error.is_some() || wire.object.get() == "error" => Err(errors::inside(data)),
            // Signs of life, the progress of tools that the provider runs, and whatever comes next.
            _ => Ok(()),
        }
    }

    fn start(&mut self, response: &Response<'_>, events: &mut Vec<Event>) {
        self.track.created = response.created().or(self.track.created);
        if self.progress == Progress::Waiting {
            let (id, model) = (response.id.get().to_owned(), response.model.get().to_owned());
            self.progress = Progress::Started;
            events.push(Event::Start { id, model });
        }
    }

    /// Content may come from servers that announce no answer.
    fn start_unnamed(&mut self, events: &mut Vec<Event>) {
        self.start(&Response::default(), events);
    }

    /// Takes the terminal event's answer: items that no event brought, usage, and why it ended.
    fn end(&mut self, mut response: Response<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        self.start(&response, events);
        let output = response.output.take().unwrap_or_default();
        if self.track.done.is_empty() && self.track.open.is_empty() {
            for (index, item) in (0..).zip(output) {
                self.whole_item(index, item, events)?;
            }
        }
        self.end_open_items(events);
        let status = response.status.get();
        if matches!(status, "failed" | "cancelled") {
            return Err(failed(&response));
        }
        let finish = self.finish_of(&response);
        let cut = !matches!(finish, Finish::End | Finish::ToolUse);
        if !cut && !self.garbled.is_empty() {
            return Err(bad("tool arguments that are not a json object"));
        }
        events.extend(self.garbled.drain(..).map(|ordinal| Event::ToolEnd { ordinal }));
        let said = self.progress >= Progress::Content || events.iter().any(Event::is_meaningful);
        if !said && finish == Finish::End {
            return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
        }
        events.extend(response.usage.as_ref().and_then(read_usage).map(Event::Usage));
        events.push(Event::Finish(finish));
        Ok(())
    }

    fn finish_of(&self, response: &Response<'_>) -> Finish {
        match (response.status.get(), response.incomplete_reason()) {
            ("incomplete", "max_output_tokens") => Finish::Length,
            ("incomplete", "content_filter") => Finish::Refused { category: None },
            ("incomplete", "") => Finish::Other("incomplete".to_owned()),
            ("incomplete", reason) => Finish::Other(reason.to_owned()),
            // An answer that the provider goes on with by itself, to be fetched later.
            (status @ ("queued" | "in_progress"), _) => Finish::Other(status.to_owned()),
            _ if self.calls > 0 => Finish::ToolUse,
            _ if self.refused => Finish::Refused { category: None },
            _ => Finish::End,
        }
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

fn response_in(raw: Option<&RawValue>) -> Result<Response<'_>, Failure> {
    match raw {
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| bad("an answer of another shape")),
        None => Ok(Response::default()),
    }
}

/// A terminal event that calls itself complete, of an answer that is not.
fn failed(response: &Response<'_>) -> Failure {
    match response.error.map(RawValue::get) {
        Some(error) if error != "null" => {
            errors::inside(format!("{{\"error\":{error}}}").as_bytes())
        }
        Some(_) | None => Failure::new(Class::ServerError, "the provider ended the answer early"),
    }
}

fn bad(what: &str) -> Failure {
    Failure::new(Class::BadAnswer, format!("the provider sent {what}"))
}

//! Reads a stream of `message_start`, content blocks, `message_delta`, `message_stop`.
//!
//! ```text
//!                     content and usage            message_delta         message_stop
//! Waiting ──message_start──▶ Open ──────with stop_reason──▶ Finished ──────────▶ Done
//!    └───────────────────────┴──────error, unreadable frame──┴──────▶ Failed
//! ```

use backstop_exchange::{Event, ToolKind};
use backstop_vocabulary::{Class, Failure, Stage, Usage};
use serde_json::value::RawValue;

use super::errors::{WireError, classify};
use super::wire::{OpenBlock, WireUsage, read_finish, redacted, signed};
use crate::repeat::Repeat;
use crate::{ErrorHead, Frame};

mod frame;

use frame::{Delta, StartedBlock, Wire, odd_error, parse, parse_part};

/// Turns frames into events.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamReader {
    progress: Progress,
    usage: Usage,
    /// The blocks that have begun and not stopped; a sound stream has at most one.
    open: Vec<(u64, Open)>,
    /// How many blocks have begun, by the provider's own count.
    begun: u64,
    calls: u32,
    /// Calls that stopped with arguments that are no JSON object: only a stop reason that cuts
    /// answers short excuses them.
    garbled: Vec<u32>,
    has_content: bool,
    repeat: Repeat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Waiting,
    Open,
    Finished,
    Done,
    Failed,
}

#[derive(Clone, Debug)]
enum Open {
    /// A tool call; `input` is what `content_block_start` already held, used if no delta follows.
    Call {
        ordinal: u32,
        input: Option<String>,
        /// The arguments so far.
        seen: String,
    },
    Text,
    Thinking {
        signed: bool,
    },
    /// Anything else; its deltas are passed over.
    Other,
}

impl StreamReader {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn read(&mut self, frame: &Frame, events: &mut Vec<Event>) {
        if frame.data().is_empty() || matches!(self.progress, Progress::Done | Progress::Failed) {
            return;
        }
        let before = events.len();
        let taken = self.take(frame, events).or_else(|failure| {
            let frame = frame.mended().ok_or(failure)?;
            events.truncate(before);
            self.take(&frame, events)
        });
        if let Err(failure) = taken {
            let failed = events.iter().skip(before).any(Event::is_meaningful) || self.has_content;
            let stage = if failed { Stage::AfterContent } else { Stage::BeforeContent };
            events.push(Event::Failed(failure.at(stage)));
            self.progress = Progress::Failed;
        }
        self.has_content |= events.iter().skip(before).any(Event::is_meaningful);
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.progress {
            // With a stop reason all was said, even if the terminal event never came.
            Progress::Finished | Progress::Done => Ok(()),
            Progress::Waiting | Progress::Open | Progress::Failed => {
                let stage =
                    if self.has_content { Stage::AfterContent } else { Stage::BeforeContent };
                let message = "the stream ended before the answer did";
                Err(Failure::new(Class::StreamCut, message).at(stage))
            }
        }
    }

    /// Where the provider's bytes stand: how many blocks have begun, and what is open of the last.
    pub(super) fn place(&self) -> (u64, Option<OpenBlock>) {
        let open = self.open.last().map(|(_, open)| match open {
            Open::Text => OpenBlock::Text,
            Open::Thinking { signed } => OpenBlock::Thinking { signed: *signed },
            Open::Call { ordinal, .. } => OpenBlock::Call { ordinal: *ordinal, custom: false },
            Open::Other => OpenBlock::Other,
        });
        (self.begun, open)
    }

    fn take(&mut self, frame: &Frame, events: &mut Vec<Event>) -> Result<(), Failure> {
        if let Some(event) = self.repeat.read(frame.data()) {
            events.push(event);
            return Ok(());
        }
        let Some(wire) = parse(frame)? else { return Ok(()) };
        match wire.kind.as_ref() {
            "content_block_delta" => {
                self.delta(&wire, events)?;
                self.learn(frame.data(), &wire);
                Ok(())
            }
            "content_block_start" => self.start_block(&wire, events),
            "content_block_stop" => {
                self.stop_block(wire.index, events);
                Ok(())
            }
            "message_start" => self.start(&wire, events),
            "message_delta" => self.end(&wire, events),
            "message_stop" => self.done(events),
            "ping" => {
                events.push(Event::Ping);
                Ok(())
            }
            "error" => Err(error_of(wire.error)),
            // New events come without notice; what they mean is not for us to guess.
            _ => odd_error(frame.data()).map_or(Ok(()), |error| Err(error_of(Some(error)))),
        }
    }

    fn start(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        if self.progress != Progress::Waiting {
            return Ok(());
        }
        let message: frame::StartedMessage = parse_part(wire.message, "message_start")?;
        self.progress = Progress::Open;
        events.push(Event::Start {
            id: message.id.unwrap_or_default(),
            model: message.model.unwrap_or_default(),
        });
        self.say_usage(message.usage, events);
        Ok(())
    }

    fn start_block(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let block: StartedBlock<'_> = parse_part(wire.content_block, "content_block_start")?;
        let open = match block.kind.as_str() {
            "text" => {
                push_text(Event::Text, block.text, events);
                Open::Text
            }
            "thinking" => {
                push_text(Event::Reasoning, block.thinking, events);
                let is_signed = block.signature.as_ref().is_some_and(|data| !data.is_empty());
                push_text(signed, block.signature, events);
                Open::Thinking { signed: is_signed }
            }
            "redacted_thinking" => {
                push_text(redacted, block.data, events);
                Open::Other
            }
            "tool_use" => self.start_call(block, events)?,
            _ => {
                events.push(Event::Foreign { kind: block.kind });
                Open::Other
            }
        };
        let index = wire.index.unwrap_or(self.begun);
        self.begun = index.saturating_add(1);
        self.open.push((index, open));
        Ok(())
    }

    fn start_call(
        &mut self,
        block: StartedBlock<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Open, Failure> {
        let name = block.name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| bad("a tool call without a name"))?;
        let ordinal = self.calls;
        self.calls += 1;
        let id = block.id.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("toolu_{ordinal}"));
        events.push(Event::ToolStart { ordinal, id, name, kind: ToolKind::Function });
        let input = block.input.map(RawValue::get).filter(|input| !is_empty_object(input));
        Ok(Open::Call { ordinal, input: input.map(str::to_owned), seen: String::new() })
    }

    fn delta(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let delta = wire.delta.as_ref().ok_or_else(|| bad("a delta without content"))?;
        let kind = delta.kind.as_deref().unwrap_or_default();
        match kind {
            "text_delta" => push_piece(Event::Text, delta.text.as_deref(), events),
            "thinking_delta" => push_piece(Event::Reasoning, delta.thinking.as_deref(), events),
            "signature_delta" => {
                push_piece(signed, delta.signature.as_deref(), events);
                if let Some((_, Open::Thinking { signed })) = self.open.last_mut() {
                    *signed = true;
                }
            }
            "input_json_delta" => self.arguments(wire.index, delta, events)?,
            // Citations, compaction and whatever comes next have no place in the neutral form.
            _ => {}
        }
        Ok(())
    }

    /// Remembers a delta that brings nothing but a piece of text or thought.
    fn learn(&mut self, data: &[u8], wire: &Wire<'_>) {
        let Some(delta) = &wire.delta else { return };
        let kind = delta.kind.as_deref().unwrap_or_default();
        match (kind, &delta.text, &delta.thinking) {
            ("text_delta", Some(text), _) => self.repeat.learn(data, text, Event::Text),
            ("thinking_delta", _, Some(text)) => self.repeat.learn(data, text, Event::Reasoning),
            _ => {}
        }
    }

    fn arguments(
        &mut self,
        index: Option<u64>,
        delta: &Delta<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let index = index.unwrap_or_default();
        let open = self.open.iter_mut().find(|(at, _)| *at == index).map(|(_, open)| open);
        match open {
            Some(Open::Call { ordinal, input, seen }) => {
                let fragment = delta.partial_json.as_deref().unwrap_or_default();
                if !fragment.is_empty() {
                    *input = None;
                    seen.push_str(fragment);
                    let fragment = fragment.to_owned();
                    events.push(Event::ToolArguments { ordinal: *ordinal, fragment });
                }
                Ok(())
            }
            // The arguments of a tool that the provider runs itself.
            Some(Open::Text | Open::Thinking { .. } | Open::Other) => Ok(()),
            None => Err(bad("arguments of a tool call that has not begun")),
        }
    }

    fn stop_block(&mut self, index: Option<u64>, events: &mut Vec<Event>) {
        let index = index.unwrap_or_default();
        let Some(at) = self.open.iter().position(|(open, _)| *open == index) else { return };
        let (_, open) = self.open.remove(at);
        if let Open::Call { ordinal, input, seen } = open {
            if let Some(fragment) = input {
                events.push(Event::ToolArguments { ordinal, fragment });
            }
            if seen.is_empty() || is_object(&seen) {
                events.push(Event::ToolEnd { ordinal });
            } else {
                self.garbled.push(ordinal);
            }
        }
    }

    /// Ends the calls whose arguments are cut, if the answer was cut; else they are the provider's
    /// fault.
    fn settle_garbled(&mut self, reason: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        let cut = matches!(reason, "max_tokens" | "model_context_window_exceeded" | "refusal");
        if !cut && !self.garbled.is_empty() {
            return Err(bad("a tool call whose arguments are no JSON object"));
        }
        events.extend(self.garbled.drain(..).map(|ordinal| Event::ToolEnd { ordinal }));
        Ok(())
    }

    fn end(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        if self.progress == Progress::Waiting {
            return Err(bad("the end of an answer that has not begun"));
        }
        self.say_usage(wire.usage, events);
        let Some(delta) = wire.delta.as_ref() else { return Ok(()) };
        if let (Some(reason), Progress::Open) =
            (delta.stop_reason.as_deref().filter(|reason| !reason.is_empty()), self.progress)
        {
            self.settle_garbled(reason, events)?;
            let sequence = delta.stop_sequence.as_deref().map(str::to_owned);
            let finish = read_finish(reason, sequence, delta.stop_details.clone());
            events.push(Event::Finish(finish));
            self.progress = Progress::Finished;
        }
        Ok(())
    }

    fn done(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        if self.progress == Progress::Waiting {
            return Err(bad("the end of an answer that has not begun"));
        }
        while let Some(index) = self.open.first().map(|(index, _)| *index) {
            self.stop_block(Some(index), events);
        }
        self.settle_garbled("", events)?;
        self.progress = Progress::Done;
        events.push(Event::Done);
        Ok(())
    }

    fn say_usage(&mut self, said: Option<WireUsage>, events: &mut Vec<Event>) {
        if let Some(said) = said {
            said.apply(&mut self.usage);
            events.push(Event::Usage(self.usage));
        }
    }
}

fn push_text(event: fn(String) -> Event, text: Option<String>, events: &mut Vec<Event>) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}

fn push_piece(event: fn(String) -> Event, text: Option<&str>, events: &mut Vec<Event>) {
    events.extend(text.filter(|text| !text.is_empty()).map(|text| event(text.to_owned())));
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn is_empty_object(input: &str) -> bool {
    let inner = input.strip_prefix('{').and_then(|input| input.strip_suffix('}'));
    input == "null" || inner.is_some_and(|inner| inner.trim().is_empty())
}

fn error_of(error: Option<&RawValue>) -> Failure {
    let head = ErrorHead { status: 200, ..ErrorHead::default() };
    let error = error.and_then(|raw| serde_json::from_str::<WireError>(raw.get()).ok());
    let failure = classify(&head, &error.unwrap_or_default());
    // An error of a type nobody knows, inside a good status, is the provider's trouble.
    if failure.class == Class::BadAnswer {
        return Failure { class: Class::ServerError, ..failure };
    }
    failure
}

/// A frame that no reading of this dialect allows.
fn bad(what: &str) -> Failure {
    Failure::new(Class::BadAnswer, format!("the provider sent {what}"))
}

#[cfg(test)]
mod tests;

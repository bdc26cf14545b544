//! Reads a stream of `messageStart`, content blocks, `messageStop`, `metadata`.
//!
//! ```text
//!                     content             messageStop            metadata
//! Waiting ──messageStart──▶ Open ────────────────▶ Finished ───────────────▶ Done
//!    └─────────────────────────┴──unreadable message──┴───▶ Failed
//! ```
//!
//! A text or a thought has no `contentBlockStart`: its first delta begins it. Exceptions never come
//! here: the framing knows them.

use backstop_exchange::{Event, ToolKind};
use backstop_vocabulary::{Class, Failure, Stage};
use serde::Deserialize;
use serde_json::Value;

use super::wire::{read_finish, read_usage, signed, withheld};
use crate::Frame;
use crate::anthropic_messages::Open;
use crate::openai_chat::Words;
use crate::repeat::Repeat;

/// Turns messages into events.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamReader {
    progress: Progress,
    /// The blocks that have begun and not stopped; a sound stream has at most one.
    blocks: Vec<Block>,
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

/// A block that has begun.
#[derive(Clone, Debug)]
struct Block {
    index: u64,
    open: Open,
    /// The arguments of a call so far.
    arguments: String,
}

/// What any message may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wire<'a> {
    content_block_index: u64,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    start: Option<Value>,
    #[serde(borrow)]
    stop_reason: Words<'a>,
    usage: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow)]
    text: Words<'a>,
    #[serde(borrow)]
    tool_use: Option<Input<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Thought<'a>>,
    image: Option<Value>,
    tool_result: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Input<'a> {
    #[serde(borrow)]
    input: Words<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Thought<'a> {
    #[serde(borrow)]
    text: Words<'a>,
    #[serde(borrow)]
    signature: Words<'a>,
    #[serde(borrow)]
    redacted_content: Words<'a>,
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
        let taken = self.take(frame.event(), frame.data(), events);
        self.has_content |= events.iter().skip(before).any(Event::is_meaningful);
        if let Err(failure) = taken {
            events.push(Event::Failed(failure.at(self.stage())));
            self.progress = Progress::Failed;
        }
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.progress {
            // With a stop reason all was said, even if the figures never came.
            Progress::Finished | Progress::Done => Ok(()),
            Progress::Waiting | Progress::Open | Progress::Failed => {
                let message = "the stream ended before the answer did";
                Err(Failure::new(Class::StreamCut, message).at(self.stage()))
            }
        }
    }

    /// Where the provider's messages stand: how many blocks have begun, and what is open of the last.
    pub(super) fn place(&self) -> (u64, Option<Open>) {
        (self.begun, self.blocks.last().map(|block| block.open))
    }

    const fn stage(&self) -> Stage {
        if self.has_content { Stage::AfterContent } else { Stage::BeforeContent }
    }

    fn take(&mut self, event: &str, data: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
        if let Some(event) = self.repeat.read(data) {
            events.push(event);
            return Ok(());
        }
        match event {
            "messageStart" => {
                if self.progress == Progress::Waiting {
                    self.progress = Progress::Open;
                    // Neither an id nor the model's name is in it.
                    events.push(Event::Start { id: String::new(), model: String::new() });
                }
                Ok(())
            }
            "contentBlockStart" => self.start_block(&parse(data)?, events),
            "contentBlockDelta" => {
                let wire = parse(data)?;
                self.delta(&wire, events)?;
                self.learn(data, &wire);
                Ok(())
            }
            "contentBlockStop" => {
                self.stop_block(parse(data)?.content_block_index, events);
                Ok(())
            }
            "messageStop" => self.end(parse(data)?.stop_reason.get(), events),
            "metadata" => self.done(&parse(data)?, events),
            // New events come without notice; what they mean is not for us to guess.
            _ => {
                events.push(Event::Ping);
                Ok(())
            }
        }
    }

    fn start_block(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let index = wire.content_block_index;
        let start = wire.start.as_ref().and_then(Value::as_object);
        let found = start.and_then(|start| start.iter().find(|(_, inside)| !inside.is_null()));
        let Some((kind, inside)) = found else { return Ok(()) };
        let text = |name: &str| inside.get(name).and_then(Value::as_str).unwrap_or_default();
        if kind != "toolUse" || !text("type").is_empty() {
            events.push(Event::Foreign { kind: kind.clone() });
            self.begin(index, Open::Other);
            return Ok(());
        }
        if text("name").is_empty() {
            return Err(bad("a tool call without a name"));
        }
        let ordinal = self.calls;
        self.calls += 1;
        let id = match text("toolUseId") {
            "" => format!("tooluse_{ordinal}"),
            id => id.to_owned(),
        };
        let name = text("name").to_owned();
        events.push(Event::ToolStart { ordinal, id, name, kind: ToolKind::Function });
        self.begin(index, Open::Call { ordinal, custom: false });
        Ok(())
    }

    fn begin(&mut self, index: u64, open: Open) {
        self.begun = index.saturating_add(1);
        self.blocks.push(Block { index, open, arguments: String::new() });
    }

    /// The block of this index, which begins here if nothing announced it.
    fn block(&mut self, index: u64, kind: Open) -> Option<&mut Block> {
        if !self.blocks.iter().any(|block| block.index == index) {
            self.begin(index, kind);
        }
        self.blocks.iter_mut().find(|block| block.index == index)
    }

    fn delta(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let index = wire.content_block_index;
        let delta = wire.delta.as_ref().ok_or_else(|| bad("a delta without content"))?;
        if let Some(input) = &delta.tool_use {
            return self.arguments(index, input.input.get(), events);
        }
        if let Some(thought) = &delta.reasoning_content {
            self.thought(index, thought, events);
            return Ok(());
        }
        if !delta.text.get().is_empty() {
            self.block(index, Open::Text);
            events.push(Event::Text(delta.text.get().to_owned()));
        } else if delta.image.is_some() || delta.tool_result.is_some() {
            self.block(index, Open::Other);
        }
        // Citations and whatever comes next have no place in the neutral form.
        Ok(())
    }

    fn thought(&mut self, index: u64, thought: &Thought<'_>, events: &mut Vec<Event>) {
        if let Some(event) = withheld(thought.redacted_content.get()) {
            self.block(index, Open::Other);
            events.push(event);
            return;
        }
        let block = self.block(index, Open::Thinking { signed: false });
        let signature = signed(thought.signature.get());
        if let (Some(block), Some(_)) = (block, &signature) {
            block.open = Open::Thinking { signed: true };
        }
        let text = thought.text.get();
        if !text.is_empty() {
            events.push(Event::Reasoning(text.to_owned()));
        }
        events.extend(signature);
    }

    /// Remembers a delta that brings nothing but a piece of text or thought.
    fn learn(&mut self, data: &[u8], wire: &Wire<'_>) {
        let Some(delta) = &wire.delta else { return };
        if delta.tool_use.is_some() {
            return;
        }
        match &delta.reasoning_content {
            None => self.repeat.learn(data, delta.text.get(), Event::Text),
            Some(thought) if thought.signature.get().is_empty() => {
                self.repeat.learn(data, thought.text.get(), Event::Reasoning);
            }
            Some(_) => {}
        }
    }

    fn arguments(
        &mut self,
        index: u64,
        fragment: &str,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let block = self.blocks.iter_mut().find(|block| block.index == index);
        let block = block.ok_or_else(|| bad("arguments of a tool call that has not begun"))?;
        if let Open::Call { ordinal, .. } = block.open
            && !fragment.is_empty()
        {
            block.arguments.push_str(fragment);
            events.push(Event::ToolArguments { ordinal, fragment: fragment.to_owned() });
        }
        Ok(())
    }

    fn stop_block(&mut self, index: u64, events: &mut Vec<Event>) {
        let Some(at) = self.blocks.iter().position(|block| block.index == index) else { return };
        let block = self.blocks.remove(at);
        let Open::Call { ordinal, .. } = block.open else { return };
        if block.arguments.is_empty() || is_object(&block.arguments) {
            events.push(Event::ToolEnd { ordinal });
        } else {
            self.garbled.push(ordinal);
        }
    }

    fn end(&mut self, reason: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        match self.progress {
            Progress::Waiting => return Err(bad("the end of an answer that has not begun")),
            Progress::Open => {}
            Progress::Finished | Progress::Done | Progress::Failed => return Ok(()),
        }
        while let Some(index) = self.blocks.first().map(|block| block.index) {
            self.stop_block(index, events);
        }
        let finish = read_finish(reason)?;
        let cut = matches!(
            reason,
            "max_tokens"
                | "model_context_window_exceeded"
                | "guardrail_intervened"
                | "content_filtered"
        );
        if !cut && !self.garbled.is_empty() {
            return Err(bad("a tool call whose arguments are no JSON object"));
        }
        events.extend(self.garbled.drain(..).map(|ordinal| Event::ToolEnd { ordinal }));
        events.push(Event::Finish(finish));
        self.progress = Progress::Finished;
        Ok(())
    }

    /// The figures come after the end, and nothing after them.
    fn done(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        events.extend(wire.usage.as_ref().and_then(read_usage).map(Event::Usage));
        match self.progress {
            Progress::Finished => {
                self.progress = Progress::Done;
                events.push(Event::Done);
                Ok(())
            }
            Progress::Waiting | Progress::Open => {
                Err(bad("figures of an answer that has not ended"))
            }
            Progress::Done | Progress::Failed => Ok(()),
        }
    }
}

fn parse(data: &[u8]) -> Result<Wire<'_>, Failure> {
    let text = std::str::from_utf8(data).ok();
    let wire = text.and_then(|text| serde_json::from_str(text).ok());
    wire.ok_or_else(|| bad("a message of another shape"))
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A message that no reading of this dialect allows.
fn bad(what: &str) -> Failure {
    Failure::new(Class::BadAnswer, format!("the provider sent {what}"))
}

#[cfg(test)]
mod tests;

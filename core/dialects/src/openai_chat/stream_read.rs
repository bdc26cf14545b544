//! Chunks → events.

mod calls;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use backstop_exchange::{Event, Finish};
use backstop_vocabulary::{Class, Failure, Stage};

use self::calls::{Calls, Cut};
use super::errors;
use super::wire::{CallPiece, Choice, Chunk, Delta, FunctionPiece, Words, read_usage};
use crate::Frame;
use crate::repeat::Repeat;

/// How far the answer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    #[default]
    Waiting,
    Started,
    Content,
    /// A finish reason was given; usage and `[DONE]` may follow, and need not.
    Finished,
    /// `[DONE]`, or a failure: nothing is read any more.
    Over,
}

/// Turns chunks into events.
///
/// Waiting ─▶ Started ─▶ Content ─▶ Finished ─▶ Over; a failure leads to Over from anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamReader {
    progress: Progress,
    id: String,
    model: String,
    created: String,
    calls: Calls,
    refused: bool,
    repeat: Repeat,
}

impl StreamReader {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes one frame and appends the events it completes.
    pub(crate) fn read(&mut self, frame: &Frame, events: &mut Vec<Event>) {
        if self.progress == Progress::Over {
            return;
        }
        let data = frame.data().trim_ascii();
        if data.is_empty() {
            events.push(Event::Ping);
            return;
        }
        let before = events.len();
        let taken = self.take(data, frame.event(), events).or_else(|failure| {
            let frame = frame.mended().ok_or(failure)?;
            events.truncate(before);
            self.take(frame.data(), frame.event(), events)
        });
        if let Err(failure) = taken {
            self.progress = Progress::Over;
            events.push(Event::Failed(failure));
        }
    }

    /// Whether the stream ended where an answer may end. `[DONE]` after the finish reason may be
    /// missing; a missing finish reason means that the rest of the answer is.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.progress >= Progress::Finished { Ok(()) } else { Err(self.cut()) }
    }

    fn take(&mut self, data: &[u8], name: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        if data == b"[DONE]" {
            if self.progress < Progress::Finished {
                return Err(self.cut());
            }
            self.progress = Progress::Over;
            events.push(Event::Done);
            return Ok(());
        }
        if self.progress == Progress::Content
            && name != "error"
            && let Some(event) = self.repeat.read(data)
        {
            events.push(event);
            return Ok(());
        }
        let chunk = Chunk::of(data).ok_or_else(|| {
            Failure::new(Class::BadAnswer, "the provider sent a chunk that is not valid json")
                .at(self.stage())
        })?;
        if chunk.error.is_some() || chunk.object.get() == "error" || name == "error" {
            return Err(errors::inside(data).at(self.stage()));
        }
        let before = events.len();
        self.take_chunk(&chunk, events).map_err(|failure| failure.at(self.stage()))?;
        if let Some([only]) = events.get(before..) {
            self.learn(data, &chunk, only);
        }
        Ok(())
    }

    /// Remembers a chunk that brought nothing but a piece of text or thought.
    fn learn(&mut self, data: &[u8], chunk: &Chunk<'_>, only: &Event) {
        let Some(choice) = chunk.choices.first.as_ref() else { return };
        let Some(delta) = choice.delta.as_ref() else { return };
        let calls = delta.tool_calls.is_some() || delta.function_call.is_some();
        if calls || !choice.finish_reason.is_empty() {
            return;
        }
        if matches!(only, Event::Text(_)) {
            self.repeat.learn(data, delta.content.get(), Event::Text);
        } else if matches!(only, Event::Reasoning(_)) && delta.reasoning.is_empty() {
            // Servers that give a thought under both names change two places at once.
            self.repeat.learn(data, delta.reasoning_content.get(), Event::Reasoning);
        }
    }

    /// Takes a chunk, or a whole answer in the form of one.
    pub(super) fn take_chunk(
        &mut self,
        chunk: &Chunk<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        self.learn_names(chunk);
        if let Some(choice) = &chunk.choices.first {
            if self.progress == Progress::Waiting {
                self.progress = Progress::Started;
                let (id, model) = (self.id.clone(), self.model.clone());
                events.push(Event::Start { id, model });
            }
            if let Some(delta) = choice.delta.as_ref().or(choice.message.as_deref()) {
                let before = events.len();
                self.take_delta(delta, events)?;
                let content = events.iter().skip(before).any(Event::is_meaningful);
                if content && self.progress < Progress::Content {
                    self.progress = Progress::Content;
                }
            }
            self.take_finish(choice, events)?;
        }
        if let Some(usage) = chunk.usage.and_then(read_usage) {
            events.push(Event::Usage(usage));
        }
        Ok(())
    }

    /// Ends an answer that is whole but for its finish reason.
    pub(super) fn assume_stop(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        self.take_finish(&Choice { finish_reason: Words::of("stop"), ..Choice::default() }, events)
    }

    /// Keeps id, model and time from the first chunk that has them: Azure's first has none.
    fn learn_names(&mut self, chunk: &Chunk<'_>) {
        if self.progress != Progress::Waiting {
            return;
        }
        if !chunk.id.is_empty() {
            chunk.id.get().clone_into(&mut self.id);
        }
        if !chunk.model.is_empty() {
            chunk.model.get().clone_into(&mut self.model);
        }
        if let Some(created) = chunk.created {
            created.get().clone_into(&mut self.created);
        }
    }

    fn take_delta(&mut self, delta: &Delta<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        take_reasoning(delta, events);
        if !delta.content.is_empty() {
            events.push(Event::Text(delta.content.get().to_owned()));
        }
        if !delta.refusal.is_empty() {
            self.refused = true;
            events.push(Event::Refusal(delta.refusal.get().to_owned()));
        }
        for (kind, made) in [("audio", delta.audio), ("images", delta.images)] {
            if made.is_some_and(|made| !matches!(made.get(), "[]" | "{}")) {
                events.push(Event::Foreign { kind: kind.to_owned() });
            }
        }
        if delta.tool_calls.is_none() && delta.function_call.is_none() {
            return Ok(());
        }
        let salt = format!("{}/{}", self.id, self.created);
        for piece in delta.tool_calls.iter().flatten() {
            self.calls.take(piece, &salt, events)?;
        }
        if let Some(FunctionPiece { name, arguments }) = delta.function_call.as_deref() {
            // The deprecated single call is one without index and id.
            let function = Some(FunctionPiece { name: name.share(), arguments: *arguments });
            let piece = CallPiece { function, ..CallPiece::default() };
            self.calls.take(&piece, &salt, events)?;
        }
        Ok(())
    }

    fn take_finish(&mut self, choice: &Choice<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let reason = choice.finish_reason.get();
        if reason.is_empty() || self.progress >= Progress::Finished {
            return Ok(());
        }
        if reason == "error" || choice.error.is_some() {
            return Err(failed_choice(choice.error));
        }
        if matches!(reason, "insufficient_system_resource" | "abort") {
            let message = "the provider broke the answer off for lack of capacity";
            return Err(Failure::new(Class::Overloaded, message).with_provider_code(Some(reason)));
        }
        let finish = self.finish_of(reason, choice.stop_reason);
        let cut = matches!(finish, Finish::Length | Finish::Refused { .. });
        self.calls.finish(if cut { Cut::Yes } else { Cut::No }, events)?;
        let silent = self.progress < Progress::Content && !self.calls.any();
        if silent && matches!(finish, Finish::End | Finish::ToolUse) {
            return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
        }
        self.progress = Progress::Finished;
        events.push(Event::Finish(finish));
        Ok(())
    }

    /// A reason in neutral words. Calls outweigh what the server says: many say `stop` after them.
    fn finish_of(&self, reason: &str, stop: Option<&RawValue>) -> Finish {
        let stop = stop.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        match reason {
            "length" | "max_tokens" | "model_length" => Finish::Length,
            "content_filter" => Finish::Refused { category: None },
            "stop" | "tool_calls" | "function_call" | "eos" if self.calls.any() => Finish::ToolUse,
            "stop" if self.refused => Finish::Refused { category: None },
            "stop" | "eos" if stop.is_some() => Finish::Stop(stop),
            "stop" | "eos" | "tool_calls" | "function_call" => Finish::End,
            "stop_sequence" => Finish::Stop(stop),
            other => Finish::Other(other.to_owned()),
        }
    }

    fn stage(&self) -> Stage {
        if self.progress >= Progress::Content { Stage::AfterContent } else { Stage::BeforeContent }
    }

    fn cut(&self) -> Failure {
        Failure::new(Class::StreamCut, "the provider's stream ended before the answer did")
            .at(self.stage())
    }
}

/// Whether a chunk tells what the answer cost and nothing else: many clients read `choices[0]` of
/// every chunk, and break on the one that has none.
pub(crate) fn is_usage_alone(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Bill {
        choices: Option<Vec<IgnoredAny>>,
        usage: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Bill>(data)
        .is_ok_and(|bill| bill.usage.is_some() && bill.choices.is_none_or(|all| all.is_empty()))
}

/// Servers name the readable thought `reasoning_content`, `reasoning`, or both at once.
fn take_reasoning(delta: &Delta<'_>, events: &mut Vec<Event>) {
    let plain = [&delta.reasoning_content, &delta.reasoning];
    if let Some(words) = plain.into_iter().find(|words| !words.is_empty()) {
        events.push(Event::Reasoning(words.get().to_owned()));
    } else if let Some(details) = delta.reasoning_details {
        take_reasoning_details(details, events);
    }
}

#[derive(Deserialize)]
struct Detail {
    text: Option<String>,
    summary: Option<String>,
}

fn take_reasoning_details(details: &RawValue, events: &mut Vec<Event>) {
    // Encrypted details belong to whoever `OpenRouter` asked: there is no slot to hand them back in.
    let details: Vec<Detail> = serde_json::from_str(details.get()).unwrap_or_default();
    let texts = details.into_iter().filter_map(|detail| detail.text.or(detail.summary));
    events.extend(texts.filter(|text| !text.is_empty()).map(Event::Reasoning));
}

fn failed_choice(error: Option<&RawValue>) -> Failure {
    let Some(error) = error else {
        return Failure::new(Class::ServerError, "the provider ended the answer with an error");
    };
    let error: Value = serde_json::from_str(error.get()).unwrap_or_default();
    errors::inside(serde_json::json!({ "error": error }).to_string().as_bytes())
}

use backstop_exchange::{Event, Finish, ToolKind};
use backstop_vocabulary::{Class, Failure, Stage, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::errors::read_error;
use super::wire::{StopDetails, WireUsage, read_finish, redacted, signed};
use crate::ErrorHead;

/// A whole message. Blocks stay raw until their type is known.
#[derive(Deserialize)]
struct WireMessage<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow)]
    content: Option<Vec<&'a RawValue>>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
    usage: Option<WireUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct TextBlock {
    text: String,
}

#[derive(Deserialize)]
struct ThinkingBlock {
    thinking: Option<String>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct RedactedBlock {
    data: String,
}

#[derive(Deserialize)]
struct CallBlock<'a> {
    id: Option<String>,
    name: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

pub(crate) fn read_answer(body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    let message: WireMessage<'_> = serde_json::from_slice(body).map_err(|_| bad("no message"))?;
    if message.error.is_some() {
        return Err(error_in(body));
    }
    let Some(content) = message.content else { return Err(bad("a message without content")) };
    events.push(Event::Start {
        id: message.id.unwrap_or_default(),
        model: message.model.unwrap_or_default(),
    });
    let empty = content.is_empty();
    let mut calls = 0;
    for block in content {
        read_block(block, &mut calls, events).ok_or_else(|| bad("a malformed block"))?;
    }
    let mut usage = Usage::default();
    if let Some(said) = message.usage {
        said.apply(&mut usage);
        events.push(Event::Usage(usage));
    }
    let reason = message.stop_reason.filter(|reason| !reason.is_empty());
    let Some(reason) = reason else { return Err(bad("a message without its end")) };
    let finish = read_finish(&reason, message.stop_sequence, message.stop_details);
    if empty && finish == Finish::End {
        let failure = Failure::new(Class::EmptyAnswer, "the provider answered with nothing");
        return Err(failure.at(Stage::BeforeContent).with_status(200));
    }
    events.push(Event::Finish(finish));
    events.push(Event::Done);
    Ok(())
}

/// Appends the events of one block; `None` if it has not the fields of its type.
fn read_block(block: &RawValue, calls: &mut u32, events: &mut Vec<Event>) -> Option<()> {
    let json = block.get();
    let Kind { kind } = serde_json::from_str(json).ok()?;
    match kind.as_str() {
        "text" => {
            let block: TextBlock = serde_json::from_str(json).ok()?;
            push(Event::Text, Some(block.text), events);
        }
        "thinking" => {
            let block: ThinkingBlock = serde_json::from_str(json).ok()?;
            push(Event::Reasoning, block.thinking, events);
            push(signed, block.signature, events);
        }
        "redacted_thinking" => {
            let block: RedactedBlock = serde_json::from_str(json).ok()?;
            push(redacted, Some(block.data), events);
        }
        "tool_use" => {
            let block: CallBlock<'_> = serde_json::from_str(json).ok()?;
            read_call(block, *calls, events);
            *calls += 1;
        }
        _ => events.push(Event::Foreign { kind }),
    }
    Some(())
}

fn read_call(call: CallBlock<'_>, ordinal: u32, events: &mut Vec<Event>) {
    let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("toolu_{ordinal}"));
    events.push(Event::ToolStart { ordinal, id, name: call.name, kind: ToolKind::Function });
    if let Some(input) = call.input {
        events.push(Event::ToolArguments { ordinal, fragment: input.get().to_owned() });
    }
    events.push(Event::ToolEnd { ordinal });
}

fn push(event: fn(String) -> Event, text: Option<String>, events: &mut Vec<Event>) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}

/// An error body under a good status.
fn error_in(body: &[u8]) -> Failure {
    let head = ErrorHead { status: 200, ..ErrorHead::default() };
    let failure = read_error(&head, body).at(Stage::BeforeContent);
    if failure.class == Class::BadAnswer {
        return Failure { class: Class::ServerError, ..failure };
    }
    failure
}

fn bad(what: &str) -> Failure {
    Failure::new(Class::BadAnswer, format!("the provider answered with {what}"))
        .at(Stage::BeforeContent)
        .with_status(200)
}

use backstop_exchange::{Event, Finish, ToolKind};
use backstop_vocabulary::{Class, Failure, Stage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::errors::read_error;
use super::wire::{read_finish, read_usage, signed, withheld};

/// A whole answer. Blocks stay raw until their kind is known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAnswer<'a> {
    #[serde(borrow)]
    output: Output<'a>,
    stop_reason: String,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<&'a RawValue>,
}

/// A call, whose input is kept as it was written.
#[derive(Deserialize)]
struct CallBlock<'a> {
    #[serde(borrow, rename = "toolUse")]
    call: Call<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    tool_use_id: Option<String>,
    name: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(crate) fn read_answer(body: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
    let answer: WireAnswer<'_> = serde_json::from_slice(body).map_err(|_| no_answer(body))?;
    // Neither an id nor the model's name is in it.
    events.push(Event::Start { id: String::new(), model: String::new() });
    let mut calls = 0;
    for block in &answer.output.message.content {
        read_block(block, &mut calls, events).ok_or_else(|| bad("a malformed block"))?;
    }
    events.extend(answer.usage.as_ref().and_then(read_usage).map(Event::Usage));
    let finish = read_finish(&answer.stop_reason)
        .map_err(|failure| failure.at(Stage::BeforeContent).with_status(200))?;
    if finish == Finish::End && !events.iter().any(Event::is_meaningful) {
        let failure = Failure::new(Class::EmptyAnswer, "the provider answered with nothing");
        return Err(failure.at(Stage::BeforeContent).with_status(200));
    }
    events.push(Event::Finish(finish));
    events.push(Event::Done);
    Ok(())
}

/// A body under a good status that is no answer: an exception perhaps.
fn no_answer(body: &[u8]) -> Failure {
    let head = crate::ErrorHead { status: 200, ..crate::ErrorHead::default() };
    match read_error(&head, body) {
        failure if failure.class == Class::BadAnswer => bad("no answer of converse"),
        failure => failure.at(Stage::BeforeContent),
    }
}

/// Appends the events of one block; `None` if it has not the fields of its kind.
fn read_block(block: &RawValue, calls: &mut u32, events: &mut Vec<Event>) -> Option<()> {
    let fields: Map<String, Value> = serde_json::from_str(block.get()).ok()?;
    let (kind, inside) = fields.iter().find(|(_, inside)| !inside.is_null())?;
    match kind.as_str() {
        "text" => push(Event::Text, inside.as_str()?, events),
        "reasoningContent" => {
            if let Some(data) = inside.get("redactedContent").and_then(Value::as_str) {
                events.extend(withheld(data));
            }
            if let Some(thought) = inside.get("reasoningText") {
                push(Event::Reasoning, thought["text"].as_str().unwrap_or_default(), events);
                events.extend(thought["signature"].as_str().and_then(signed));
            }
        }
        "toolUse" => {
            let CallBlock { call } = serde_json::from_str(block.get()).ok()?;
            if call.kind.is_some() {
                events.push(Event::Foreign { kind: kind.clone() });
                return Some(());
            }
            read_call(call, *calls, events);
            *calls += 1;
        }
        // Text with its sources: the text is the answer.
        "citationsContent" => {
            for part in inside["content"].as_array().into_iter().flatten() {
                push(Event::Text, part["text"].as_str().unwrap_or_default(), events);
            }
        }
        _ => events.push(Event::Foreign { kind: kind.clone() }),
    }
    Some(())
}

fn read_call(call: Call<'_>, ordinal: u32, events: &mut Vec<Event>) {
    let id = call.tool_use_id.filter(|id| !id.is_empty());
    let id = id.unwrap_or_else(|| format!("tooluse_{ordinal}"));
    events.push(Event::ToolStart { ordinal, id, name: call.name, kind: ToolKind::Function });
    if let Some(input) = call.input {
        events.push(Event::ToolArguments { ordinal, fragment: input.get().to_owned() });
    }
    events.push(Event::ToolEnd { ordinal });
}

fn push(event: fn(String) -> Event, text: &str, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(event(text.to_owned()));
    }
}

fn bad(what: &str) -> Failure {
    Failure::new(Class::BadAnswer, format!("the provider answered with {what}"))
        .at(Stage::BeforeContent)
        .with_status(200)
}

//! What is asked and answered: one row of the page each.

use serde_json::json;

use backstop_dialects::Delivery;
use backstop_exchange::{
    Block, Effort, Event, Finish, Format, JsonSchema, Media, MediaKind, Request, Role, Source,
    Text, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
use backstop_vocabulary::Usage;

/// A row.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) delivery: Delivery,
    pub(super) question: fn() -> Request,
    pub(super) answer: fn() -> Vec<Event>,
    /// Whether the provider was asked what the client asks; the question it read.
    pub(super) arrives: fn(&Request) -> bool,
    /// Whether the client was answered what the provider answered; the events it read.
    pub(super) returns: fn(&[Event]) -> bool,
}

/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// The head of a document.
const PDF: &str = "JVBERi0xLjQKJcOkw7zDtsOfCjEgMCBvYmoKPDw+PgplbmRvYmoK";
pub(super) const PROSE: &str = "It is mild in Rome today.";

/// All rows.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "text, whole",
        delivery: Delivery::Whole,
        question: plain,
        answer: prose,
        arrives: |asked| says(asked, "What is the weather in Rome?"),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "text, streamed",
        delivery: Delivery::Stream,
        question: plain,
        answer: prose,
        arrives: |asked| asked.stream && says(asked, "What is the weather in Rome?"),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "system prompt",
        delivery: Delivery::Whole,
        question: || Request { system: vec![Text::plain("Be brief.")], ..plain() },
        answer: prose,
        arrives: |asked| asked.system.iter().any(|text| text.text.contains("Be brief.")),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "system turn inside",
        delivery: Delivery::Whole,
        question: with_system_turn,
        answer: prose,
        arrives: |asked| says(asked, "Be polite."),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "tool call, whole",
        delivery: Delivery::Whole,
        question: with_tools,
        answer: || calls(&["Rome"]),
        arrives: has_tool,
        returns: |events| cities(events) == ["Rome"],
    },
    Case {
        name: "tool call, streamed",
        delivery: Delivery::Stream,
        question: with_tools,
        answer: || calls(&["Rome"]),
        arrives: has_tool,
        returns: |events| cities(events) == ["Rome"],
    },
    Case {
        name: "parallel tool calls, streamed",
        delivery: Delivery::Stream,
        question: with_tools,
        answer: || calls(&["Rome", "Oslo"]),
        arrives: has_tool,
        returns: |events| cities(events) == ["Rome", "Oslo"],
    },
    Case {
        name: "one call at a time",
        delivery: Delivery::Whole,
        question: || Request { parallel_tools: Some(false), ..with_tools() },
        answer: || calls(&["Rome"]),
        arrives: |asked| asked.parallel_tools == Some(false),
        returns: |events| cities(events) == ["Rome"],
    },
    Case {
        name: "this tool must be called",
        delivery: Delivery::Whole,
        question: || Request {
            tool_choice: ToolChoice::Named("weather".to_owned()),
            ..with_tools()
        },
        answer: || calls(&["Rome"]),
        arrives: |asked| asked.tool_choice == ToolChoice::Named("weather".to_owned()),
        returns: |events| cities(events) == ["Rome"],
    },
    Case {
        name: "tool results",
        delivery: Delivery::Whole,
        question: || with_result(vec![Block::Text(Text::plain("18 degrees"))]),
        answer: prose,
        arrives: |asked| says(asked, "18 degrees"),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "picture in a tool result",
        delivery: Delivery::Whole,
        question: || with_result(vec![Block::Text(Text::plain("look")), picture()]),
        answer: prose,
        arrives: |asked| shows(asked, MediaKind::Image),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "picture",
        delivery: Delivery::Whole,
        question: || with_block(picture()),
        answer: prose,
        arrives: |asked| shows(asked, MediaKind::Image),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "PDF",
        delivery: Delivery::Whole,
        question: || with_block(document()),
        answer: prose,
        arrives: |asked| shows(asked, MediaKind::Document),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "structured output",
        delivery: Delivery::Whole,
        question: structured,
        answer: || says_text("{\"city\":\"Rome\"}"),
        arrives: |asked| matches!(asked.format, Format::Schema(_)),
        returns: |events| text(events) == "{\"city\":\"Rome\"}",
    },
    Case {
        name: "structured output, streamed",
        delivery: Delivery::Stream,
        question: structured,
        answer: || says_text("{\"city\":\"Rome\"}"),
        arrives: |asked| matches!(asked.format, Format::Schema(_)),
        returns: |events| text(events) == "{\"city\":\"Rome\"}",
    },
    Case {
        name: "reasoning, streamed",
        delivery: Delivery::Stream,
        question: reasoning,
        answer: thoughts,
        arrives: |asked| asked.reasoning.effort.is_some() || asked.reasoning.enabled == Some(true),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "stop sequences",
        delivery: Delivery::Whole,
        question: || Request { stop: vec!["END".to_owned()], ..plain() },
        answer: || ends(&[Event::Text(PROSE.to_owned())], Finish::Stop(Some("END".to_owned()))),
        arrives: |asked| asked.stop == ["END"],
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "temperature",
        delivery: Delivery::Whole,
        question: || {
            let mut question = plain();
            question.sampling.temperature = Some(0.5);
            question
        },
        answer: prose,
        arrives: |asked| asked.sampling.temperature == Some(0.5),
        returns: |events| text(events) == PROSE,
    },
    Case {
        name: "limit of output tokens reached",
        delivery: Delivery::Whole,
        question: || Request { output_tokens_max: Some(4096), ..plain() },
        answer: || ends(&[Event::Text(PROSE.to_owned())], Finish::Length),
        arrives: |asked| asked.output_tokens_max == Some(4096),
        returns: |events| events.contains(&Event::Finish(Finish::Length)),
    },
    Case {
        name: "model declines",
        delivery: Delivery::Whole,
        question: plain,
        answer: declined,
        arrives: |asked| says(asked, "What is the weather in Rome?"),
        returns: declines,
    },
];

/// A question without anything special.
pub(super) fn plain() -> Request {
    Request {
        model: "asked".to_owned(),
        turns: vec![Turn::text(Role::User, "What is the weather in Rome?")],
        output_tokens_max: Some(8192),
        ..Request::default()
    }
}

fn with_system_turn() -> Request {
    let mut question = plain();
    question.turns.push(Turn::text(Role::System, "Be polite."));
    question
}

/// A question with a tool to call.
pub(super) fn with_tools() -> Request {
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
    });
    let tool = Tool {
        name: "weather".to_owned(),
        description: Some("The weather of a city.".to_owned()),
        schema: Some(schema),
        run_by_client: true,
        ..Tool::default()
    };
    Request { tools: vec![tool], ..plain() }
}

fn with_result(blocks: Vec<Block>) -> Request {
    let mut question = with_tools();
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "weather".to_owned(),
        arguments: "{\"city\":\"Rome\"}".to_owned(),
        kind: ToolKind::Function,
        cache_hint: None,
    };
    let result =
        ToolResult { call_id: "call_1".to_owned(), blocks, is_error: false, cache_hint: None };
    let turn = |role, block| Turn { role, blocks: vec![block], name: None };
    question.turns.push(turn(Role::Assistant, Block::ToolCall(call)));
    question.turns.push(turn(Role::User, Block::ToolResult(result)));
    question
}

fn with_block(block: Block) -> Request {
    let mut question = plain();
    question.turns[0].blocks.push(block);
    question
}

fn media(kind: MediaKind, media_type: &str, data: &str) -> Block {
    Block::Media(Media {
        kind,
        media_type: media_type.to_owned(),
        source: Source::Base64(data.to_owned()),
        title: None,
        detail: None,
        cache_hint: None,
        extras: serde_json::Map::new(),
    })
}

fn picture() -> Block {
    media(MediaKind::Image, "image/png", PIXEL)
}

fn document() -> Block {
    media(MediaKind::Document, "application/pdf", PDF)
}

fn structured() -> Request {
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
        "additionalProperties": false,
    });
    let format = Format::Schema(JsonSchema {
        name: Some("place".to_owned()),
        description: None,
        schema,
        strict: Some(true),
    });
    Request { format, ..plain() }
}

fn reasoning() -> Request {
    let mut question = plain();
    question.reasoning.effort = Some(Effort::High);
    question.reasoning.enabled = Some(true);
    question.reasoning.adaptive = true;
    question
}

/// An answer of these events.
pub(super) fn ends(content: &[Event], finish: Finish) -> Vec<Event> {
    let start = Event::Start { id: "answer1".to_owned(), model: "served".to_owned() };
    let usage = Usage { input_uncached: 12, output: 7, ..Usage::default() };
    let mut events = vec![start];
    events.extend_from_slice(content);
    events.extend([Event::Usage(usage), Event::Finish(finish), Event::Done]);
    events
}

fn says_text(said: &str) -> Vec<Event> {
    ends(&[Event::Text(said.to_owned())], Finish::End)
}

pub(super) fn prose() -> Vec<Event> {
    says_text(PROSE)
}

/// An answer that says no.
pub(super) fn declined() -> Vec<Event> {
    ends(&[Event::Text("I cannot.".to_owned())], Finish::Refused { category: None })
}

/// Whether an answer says no.
pub(super) fn declines(events: &[Event]) -> bool {
    let declined =
        |event: &Event| matches!(event, Event::Finish(Finish::Refused { .. }) | Event::Refusal(_));
    events.iter().any(declined)
}

fn thoughts() -> Vec<Event> {
    ends(
        &[Event::Reasoning("Rome is south.".to_owned()), Event::Text(PROSE.to_owned())],
        Finish::End,
    )
}

/// The events of calls for these cities.
pub(super) fn calls(cities: &[&str]) -> Vec<Event> {
    let call = |(ordinal, city): (u32, &&str)| {
        [
            Event::ToolStart {
                ordinal,
                id: format!("call_{ordinal}"),
                name: "weather".to_owned(),
                kind: ToolKind::Function,
            },
            Event::ToolArguments { ordinal, fragment: "{\"city\":".to_owned() },
            Event::ToolArguments { ordinal, fragment: format!("\"{city}\"}}") },
            Event::ToolEnd { ordinal },
        ]
    };
    let content: Vec<Event> = (0..).zip(cities).flat_map(call).collect();
    ends(&content, Finish::ToolUse)
}

/// Whether these words are anywhere in a question.
pub(super) fn says(asked: &Request, words: &str) -> bool {
    let in_turns = asked.turns.iter().any(|turn| in_blocks(&turn.blocks, words));
    in_turns || asked.system.iter().any(|text| text.text.contains(words))
}

fn in_blocks(blocks: &[Block], words: &str) -> bool {
    blocks.iter().any(|block| match block {
        Block::Text(text) => text.text.contains(words),
        Block::ToolResult(result) => in_blocks(&result.blocks, words),
        Block::Media(_)
        | Block::ToolCall(_)
        | Block::Reasoning { .. }
        | Block::Refusal(_)
        | Block::Foreign { .. } => false,
    })
}

fn shows(asked: &Request, kind: MediaKind) -> bool {
    fn among(blocks: &[Block], kind: MediaKind) -> bool {
        blocks.iter().any(|block| match block {
            Block::Media(media) => {
                media.kind == kind
                    && matches!(&media.source, Source::Base64(data) if data == PIXEL || data == PDF)
            }
            Block::ToolResult(result) => among(&result.blocks, kind),
            Block::Text(_)
            | Block::ToolCall(_)
            | Block::Reasoning { .. }
            | Block::Refusal(_)
            | Block::Foreign { .. } => false,
        })
    }
    asked.turns.iter().any(|turn| among(&turn.blocks, kind))
}

fn has_tool(asked: &Request) -> bool {
    let is_ours = |tool: &Tool| {
        tool.name == "weather"
            && tool.schema.as_ref().is_some_and(|schema| schema["properties"]["city"].is_object())
    };
    asked.tools.iter().any(is_ours)
}

/// The visible text of an answer.
pub(super) fn text(events: &[Event]) -> String {
    let piece = |event: &Event| {
        if let Event::Text(piece) = event { Some(piece.clone()) } else { None }
    };
    events.iter().filter_map(piece).collect()
}

/// The cities that an answer's calls ask for.
pub(super) fn cities(events: &[Event]) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    for event in events {
        if let Event::ToolStart { .. } = event {
            calls.push(String::new());
        }
        if let Event::ToolArguments { ordinal, fragment } = event
            && let Some(call) = usize::try_from(*ordinal).ok().and_then(|at| calls.get_mut(at))
        {
            call.push_str(fragment);
        }
    }
    let city = |call: &String| {
        let arguments: serde_json::Value = serde_json::from_str(call).unwrap_or_default();
        arguments["city"].as_str().unwrap_or_default().to_owned()
    };
    calls.iter().map(city).collect()
}

//! Every request and every stream through every dialect: equal, or the difference is a listed loss.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks what it looks at")]

use backstop_dialects::{
    Frames, Framing, Head, StreamReader, StreamWriter, TargetForm, Written, framing, read_answer,
    read_request, write_answer, write_request,
};
use backstop_exchange::{
    Abilities, Answer, AnswerBlock, Block, Event, Finish, Format, ReasoningForm, Request, Source,
    Text, ToolChoice, ToolKind,
};
use backstop_vocabulary::{Dialect, Failure, Usage};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A target that can do everything, so that only the dialects make a difference.
fn able() -> Abilities {
    Abilities {
        images: true,
        documents: true,
        audio: true,
        schema: true,
        prefill: true,
        stop_max: 100,
        system_turns: true,
        completion_tokens_field: true,
        reasoning: ReasoningForm::Adaptive,
        ..Abilities::default()
    }
}

/// The visible text of a conversation, which may change its place but never vanish unlisted.
fn visible(request: &Request) -> String {
    fn of(blocks: &[Block], out: &mut String) {
        for block in blocks {
            match block {
                Block::Text(Text { text, .. }) | Block::Refusal(text) => out.push_str(text),
                Block::ToolResult(result) => of(&result.blocks, out),
                Block::ToolCall(call) => out.push_str(&call.name),
                Block::Media(media) => {
                    if let Source::Url(address) | Source::Base64(address) = &media.source {
                        out.push_str(address);
                    }
                }
                Block::Reasoning { .. } | Block::Foreign { .. } => {}
            }
        }
    }
    let mut out = String::new();
    request.system.iter().for_each(|text| out.push_str(&text.text));
    request.turns.iter().for_each(|turn| of(&turn.blocks, &mut out));
    out
}

fn word() -> impl Strategy<Value = String> {
    "[a-zß☃\"\\\\ ]{0,6}[a-z]"
}

fn cache_mark() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(json!({ "type": "ephemeral" })))]
}

fn text_block() -> impl Strategy<Value = Value> {
    (word(), cache_mark()).prop_map(|(text, mark)| {
        let mut block = json!({ "type": "text", "text": text });
        if let Some(mark) = mark {
            block["cache_control"] = mark;
        }
        block
    })
}

fn user_content() -> impl Strategy<Value = Value> {
    let image = word().prop_map(|path| {
        let url = format!("https://x.example/{}", path.trim());
        json!({ "type": "image", "source": { "type": "url", "url": url } })
    });
    let blocks = prop::collection::vec(prop_oneof![text_block(), image], 1..4);
    prop_oneof![word().prop_map(Value::from), blocks.prop_map(Value::from)]
}

/// An exchange of a question, perhaps calls with their results, and an answer.
fn exchange(serial: usize) -> impl Strategy<Value = Vec<Value>> {
    let thought = prop_oneof![
        Just(None),
        word()
            .prop_map(|t| Some(json!({ "type": "thinking", "thinking": t, "signature": "c2ln" }))),
        Just(Some(
            json!({ "type": "thinking", "thinking": "x", "signature": "backstop:unsigned" })
        )),
        Just(Some(json!({ "type": "redacted_thinking", "data": "b3A=" }))),
    ];
    let calls = prop::collection::vec((word(), any::<i32>(), any::<bool>()), 0..3);
    (user_content(), thought, calls, word()).prop_map(move |(question, thought, calls, answer)| {
        let mut turns = vec![json!({ "role": "user", "content": question })];
        if !calls.is_empty() {
            let (mut made, mut results) = (Vec::from_iter(thought.clone()), Vec::new());
            for (index, (said, number, is_error)) in calls.into_iter().enumerate() {
                let id = format!("toolu_{serial}_{index}");
                let input = json!({ "n": number, "said": said });
                made.push(json!({ "type": "tool_use", "id": id, "name": "f", "input": input }));
                let mut result =
                    json!({ "type": "tool_result", "tool_use_id": id, "content": said });
                if is_error {
                    result["is_error"] = json!(true);
                }
                results.push(result);
            }
            turns.push(json!({ "role": "assistant", "content": made }));
            turns.push(json!({ "role": "user", "content": results }));
        }
        let mut said = Vec::from_iter(thought);
        said.push(json!({ "type": "text", "text": answer }));
        turns.push(json!({ "role": "assistant", "content": said }));
        turns
    })
}

fn anthropic_request() -> impl Strategy<Value = Value> {
    let exchanges = (0..3_usize).prop_flat_map(|n| (0..n).map(exchange).collect::<Vec<_>>());
    let thinking = prop::sample::select(vec![
        Value::Null,
        json!({ "type": "adaptive" }),
        json!({ "type": "adaptive", "display": "summarized" }),
        json!({ "type": "enabled", "budget_tokens": 2048 }),
        json!({ "type": "disabled" }),
    ]);
    let choice = prop::sample::select(vec![
        Value::Null,
        json!({ "type": "auto" }),
        json!({ "type": "any", "disable_parallel_tool_use": true }),
        json!({ "type": "tool", "name": "f" }),
        json!({ "type": "none" }),
    ]);
    let effort = prop::sample::select(vec![Value::Null, json!("low"), json!("max")]);
    let rest = (thinking, choice, effort, prop::option::of(0.0..1.0_f64), any::<bool>());
    (exchanges, user_content(), rest, prop::collection::vec(word(), 0..3)).prop_map(
        |(exchanges, last, (thinking, choice, effort, temperature, stream), words)| {
            let mut messages: Vec<Value> = exchanges.into_iter().flatten().collect();
            messages.push(json!({ "role": "user", "content": last }));
            let system: Vec<Value> =
                words.iter().map(|text| json!({ "type": "text", "text": text })).collect();
            let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
            json!({
                "model": "m",
                "max_tokens": 5000,
                "messages": messages,
                "system": system,
                "tools": [{ "name": "f", "description": "d", "input_schema": schema }],
                "tool_choice": choice,
                "thinking": thinking,
                "output_config": { "effort": effort },
                "temperature": temperature,
                "stop_sequences": words,
                "metadata": { "user_id": "u" },
                "stream": stream,
                "inference_geo": "eu",
            })
        },
    )
}

/// The visible letters of a conversation, sorted.
fn letters(request: &Request) -> Vec<char> {
    let mut letters: Vec<char> = visible(request).chars().filter(|c| !c.is_whitespace()).collect();
    letters.sort_unstable();
    letters
}

/// Items of a conversation: a question, perhaps thoughts and calls with their results, an answer.
fn items(serial: usize) -> impl Strategy<Value = Vec<Value>> {
    let part = prop_oneof![
        word().prop_map(|text| json!({ "type": "input_text", "text": text })),
        word().prop_map(|path| {
            let url = format!("https://x.example/{}", path.trim());
            json!({ "type": "input_image", "image_url": url, "detail": "low" })
        }),
    ];
    let asked = prop_oneof![
        word().prop_map(Value::from),
        prop::collection::vec(part, 1..3).prop_map(Value::from)
    ];
    let state = prop::sample::select(vec!["own==", "backstop:anthropic_messages:signature:c2ln"]);
    let thought = prop::option::of((word(), state));
    let calls = prop::collection::vec((word(), any::<i32>()), 0..3);
    (asked, thought, calls, word()).prop_map(move |(asked, thought, calls, answer)| {
        let mut items = vec![json!({ "role": "user", "content": asked })];
        if let Some((text, state)) = thought {
            let summary = json!([{ "type": "summary_text", "text": text }]);
            items.push(json!({ "type": "reasoning", "summary": summary, "encrypted_content": state }));
        }
        let mut results = Vec::new();
        for (index, (said, number)) in calls.into_iter().enumerate() {
            let id = format!("call_{serial}_{index}");
            let arguments = json!({ "n": number, "said": said }).to_string();
            items.push(json!({ "type": "function_call", "call_id": id, "name": "f", "arguments": arguments }));
            results.push(json!({ "type": "function_call_output", "call_id": id, "output": said }));
        }
        items.append(&mut results);
        let content = json!([{ "type": "output_text", "text": answer }]);
        items.push(json!({ "type": "message", "role": "assistant", "content": content }));
        items
    })
}

fn responses_request() -> impl Strategy<Value = Value> {
    let turns = (0..3_usize).prop_flat_map(|n| (0..n).map(items).collect::<Vec<_>>());
    let effort = prop::sample::select(vec![Value::Null, json!("low"), json!("high")]);
    let choice = prop::sample::select(vec![
        Value::Null,
        json!("auto"),
        json!("required"),
        json!({ "type": "function", "name": "f" }),
    ]);
    (turns, word(), prop::option::of(word()), effort, choice, any::<bool>()).prop_map(
        |(turns, last, instructions, effort, choice, stream)| {
            let mut input: Vec<Value> = turns.into_iter().flatten().collect();
            input.push(json!({ "role": "user", "content": last }));
            let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
            json!({
                "model": "m", "input": input, "instructions": instructions, "stream": stream,
                "tools": [{ "type": "function", "name": "f", "parameters": schema, "strict": false }],
                "tool_choice": choice, "reasoning": { "effort": effort, "summary": "auto" },
                "store": false, "max_output_tokens": 5000, "include": ["reasoning.encrypted_content"],
            })
        },
    )
}

/// An exchange of a question, perhaps thoughts and calls with their results, and an answer.
fn contents(serial: usize) -> impl Strategy<Value = Vec<Value>> {
    let part = prop_oneof![
        word().prop_map(|text| json!({ "text": text })),
        Just(json!({ "inlineData": { "mimeType": "image/png", "data": "iVBORw0KGgo=" } })),
    ];
    let asked = prop::collection::vec(part, 1..3);
    let thought = prop::option::of((word(), any::<bool>()));
    let calls = prop::collection::vec((word(), any::<i32>(), any::<bool>()), 0..3);
    (asked, thought, calls, word()).prop_map(move |(asked, thought, calls, answer)| {
        let mut contents = vec![json!({ "role": "user", "parts": asked })];
        let mut made: Vec<Value> = thought
            .map(|(text, signed)| {
                let mut part = json!({ "text": text, "thought": true });
                if signed {
                    part["thoughtSignature"] = json!("b3du");
                }
                part
            })
            .into_iter()
            .collect();
        let mut results = Vec::new();
        for (index, (said, number, failed)) in calls.into_iter().enumerate() {
            let mut call = json!({ "functionCall": { "name": "f", "args": { "n": number } } });
            if index == 0 {
                call["thoughtSignature"] = json!("Y2FsbA==");
            }
            let name = if failed { "error" } else { "output" };
            let mut result = json!({ "name": "f", "response": { name: said } });
            if serial % 2 == 1 {
                let id = format!("id_{serial}_{index}");
                call["functionCall"]["id"] = json!(id);
                result["id"] = json!(id);
            }
            made.push(call);
            results.push(json!({ "functionResponse": result }));
        }
        if results.is_empty() {
            made.push(json!({ "text": answer, "thoughtSignature": "dGV4dA==" }));
            contents.push(json!({ "role": "model", "parts": made }));
        } else {
            contents.push(json!({ "role": "model", "parts": made }));
            contents.push(json!({ "role": "user", "parts": results }));
            contents.push(json!({ "role": "model", "parts": [{ "text": answer }] }));
        }
        contents
    })
}

fn gemini_request() -> impl Strategy<Value = Value> {
    let turns = (0..3_usize).prop_flat_map(|n| (0..n).map(contents).collect::<Vec<_>>());
    let thinking = prop::sample::select(vec![
        Value::Null,
        json!({ "thinkingLevel": "LOW", "includeThoughts": true }),
        json!({ "thinkingLevel": "XHIGH" }),
    ]);
    let config = prop::sample::select(vec![
        Value::Null,
        json!({ "mode": "ANY" }),
        json!({ "mode": "ANY", "allowedFunctionNames": ["f"] }),
        json!({ "mode": "NONE" }),
    ]);
    (turns, word(), prop::option::of(word()), thinking, config).prop_map(
        |(turns, last, system, thinking, config)| {
            let mut contents: Vec<Value> = turns.into_iter().flatten().collect();
            contents.push(json!({ "role": "user", "parts": [{ "text": last }] }));
            let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
            let system = system.map(|text| json!({ "parts": [{ "text": text }] }));
            json!({
                "contents": contents, "systemInstruction": system,
                "tools": [{ "functionDeclarations": [{ "name": "f", "parametersJsonSchema": schema }] }],
                "toolConfig": { "functionCallingConfig": config },
                "generationConfig": { "maxOutputTokens": 5000, "topK": 3, "thinkingConfig": thinking },
            })
        },
    )
}

/// The request for that dialect; `None` where it takes no media at an address and there are some.
fn write_there(there: Dialect, request: &Request, target: &TargetForm<'_>) -> Option<Written> {
    let written = write_request(there, request, target);
    let is_address = |failure: &Failure| failure.message.ends_with("media at an address");
    if there == Dialect::BedrockConverse && written.as_ref().is_err_and(is_address) {
        return None;
    }
    Some(written.unwrap())
}

/// The parts of a request that writing for the same dialect may fold: neighbours of the same role.
fn folded(mut request: Request) -> Request {
    request.model = String::new();
    let turns = std::mem::take(&mut request.turns);
    for turn in turns {
        match request.turns.last_mut() {
            Some(last) if last.role == turn.role => last.blocks.extend(turn.blocks),
            _ => request.turns.push(turn),
        }
    }
    request
}

fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let content = prop_oneof![
        word().prop_map(|text| vec![Event::Text(text)]),
        word().prop_map(|text| vec![Event::Reasoning(text)]),
        (word(), word()).prop_map(|(name, text)| {
            let name = name.replace(|c: char| !c.is_ascii_lowercase(), "_");
            let half = text.len() / 2;
            let quoted = json!({ "t": text }).to_string();
            let cut = (0..=half + 3).rev().find(|at| quoted.is_char_boundary(*at)).unwrap();
            let (left, right) = quoted.split_at(cut);
            let piece =
                |fragment: &str| Event::ToolArguments { ordinal: 0, fragment: fragment.to_owned() };
            let start =
                Event::ToolStart { ordinal: 0, id: "i".to_owned(), name, kind: ToolKind::Function };
            let mut events = vec![start];
            events.extend([left, right].into_iter().filter(|p| !p.is_empty()).map(piece));
            events.push(Event::ToolEnd { ordinal: 0 });
            events
        }),
    ];
    let finish = prop::sample::select(vec![Finish::End, Finish::Length]);
    (prop::collection::vec(content, 1..8), finish, 0..9_u64).prop_map(
        |(content, finish, tokens)| {
            let mut events = vec![Event::Start { id: "up".to_owned(), model: "m".to_owned() }];
            let mut calls = 0;
            for mut group in content {
                for event in &mut group {
                    match event {
                        Event::ToolStart { ordinal, id, .. } => {
                            *ordinal = calls;
                            *id = format!("call_{calls}");
                        }
                        Event::ToolArguments { ordinal, .. } => *ordinal = calls,
                        Event::ToolEnd { ordinal } => {
                            *ordinal = calls;
                            calls += 1;
                        }
                        _ => {}
                    }
                }
                events.append(&mut group);
            }
            let usage =
                Usage { input_uncached: 3, cache_read: 4, output: tokens + 1, ..Usage::default() };
            let finish = if calls > 0 && finish == Finish::End { Finish::ToolUse } else { finish };
            events.extend([Event::Usage(usage), Event::Finish(finish), Event::Done]);
            events
        },
    )
}

/// What the events add up to, without what a gateway changes on purpose: the id, and signatures of
/// thoughts that have none. `blocks` of a kind are joined where a dialect has one slot for them.
fn sum(events: &[Event]) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        answer.take(event.clone()).unwrap();
    }
    answer.id = String::new();
    for block in &mut answer.blocks {
        if let AnswerBlock::Reasoning { signature, .. } = block {
            *signature = None;
        }
    }
    answer
}

type Unordered = (String, String, Vec<(String, String)>, Option<Finish>, Option<Usage>);

/// The answer as a dialect sees it that keeps no order among text, thoughts and calls.
fn without_order(answer: &Answer) -> Unordered {
    let thoughts = answer.blocks.iter().filter_map(|block| match block {
        AnswerBlock::Reasoning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let calls = answer.tool_calls().map(|call| (call.name.clone(), call.arguments.clone()));
    (answer.text(), thoughts.collect(), calls.collect(), answer.finish.clone(), answer.usage)
}

fn head() -> Head {
    Head { id: "ours".to_owned(), usage: true, ..Head::default() }
}

fn through_stream(dialect: Dialect, events: &[Event]) -> Vec<Event> {
    let mut writer = StreamWriter::new(dialect, head());
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    let mut frames = Frames::new(framing(dialect), 1 << 20);
    frames.feed(Bytes::from(out));
    let (mut reader, mut read) = (StreamReader::new(dialect), Vec::new());
    for frame in frames.by_ref() {
        reader.read(&frame.unwrap(), &mut read);
    }
    assert!(frames.rest().is_empty());
    reader.finish().unwrap();
    assert_eq!(read.last(), Some(&Event::Done));
    read
}

proptest! {
    #[test]
    fn a_request_written_for_its_own_dialect_reads_the_same_or_lists_a_loss(body in anthropic_request()) {
        let dialect = Dialect::AnthropicMessages;
        let request = read_request(dialect, body.to_string().as_bytes()).unwrap();
        let abilities = able();
        let target = TargetForm { model: "other", abilities: &abilities, stream: request.stream };
        let written = write_request(dialect, &request, &target).unwrap();
        let again = read_request(dialect, &written.body).unwrap();
        if written.losses.is_empty() {
            prop_assert_eq!(folded(again), folded(request));
        } else {
            // What is listed is lost once, and not a little more each time.
            let target = TargetForm { model: "other", abilities: &abilities, stream: again.stream };
            let twice = write_request(dialect, &again, &target).unwrap();
            prop_assert_eq!(&twice.body, &written.body);
        }
    }

    #[test]
    fn a_request_keeps_its_words_and_calls_on_the_other_dialect_and_back(body in anthropic_request()) {
        let here = Dialect::AnthropicMessages;
        let request = read_request(here, body.to_string().as_bytes()).unwrap();
        let others = [
            Dialect::OpenaiChat,
            Dialect::OpenaiResponses,
            Dialect::Gemini,
            Dialect::BedrockConverse,
        ];
        for there in others {
            let abilities = able();
            let target =
                TargetForm { model: "other", abilities: &abilities, stream: request.stream };
            let Some(written) = write_there(there, &request, &target) else { continue };
            let mut over = read_request(there, &written.body).unwrap();
            over.stream = request.stream;
            let listed = written.losses.iter().any(|loss| loss.field == "tool_choice");
            let unsaid = there == Dialect::Gemini && request.tool_choice == ToolChoice::Auto;
            prop_assert!(listed || unsaid || over.tool_choice == request.tool_choice);
            prop_assert_eq!(over.output_tokens_max, request.output_tokens_max);
            // Every letter that was there is still there; what is added (marks of errors) is extra.
            let (before, mut after) = (letters(&request), letters(&over));
            for letter in before {
                let at = after.binary_search(&letter);
                prop_assert!(at.is_ok(), "{:?} went missing, losses {:?}", letter, written.losses);
                after.remove(at.unwrap());
            }
            let back = write_request(here, &over, &target).unwrap();
            prop_assert!(read_request(here, &back.body).is_ok());
        }
    }

    #[test]
    fn a_request_of_responses_reads_the_same_or_lists_a_loss_and_keeps_its_words_elsewhere(body in responses_request()) {
        let here = Dialect::OpenaiResponses;
        let request = read_request(here, body.to_string().as_bytes()).unwrap();
        let abilities = able();
        let target = TargetForm { model: "other", abilities: &abilities, stream: request.stream };
        let written = write_request(here, &request, &target).unwrap();
        let again = read_request(here, &written.body).unwrap();
        if written.losses.is_empty() {
            prop_assert_eq!(folded(again), folded(request.clone()));
        }
        for there in [Dialect::AnthropicMessages, Dialect::OpenaiChat, Dialect::Gemini, Dialect::BedrockConverse] {
            let Some(written) = write_there(there, &request, &target) else { continue };
            let over = read_request(there, &written.body).unwrap();
            let (before, mut after) = (letters(&request), letters(&over));
            for letter in before {
                let at = after.binary_search(&letter);
                prop_assert!(at.is_ok(), "{:?} went missing, losses {:?}", letter, written.losses);
                after.remove(at.unwrap());
            }
            let back = write_request(here, &over, &target).unwrap();
            prop_assert!(read_request(here, &back.body).is_ok());
        }
    }

    #[test]
    fn a_request_of_gemini_reads_the_same_or_lists_a_loss_and_keeps_its_words_elsewhere(body in gemini_request()) {
        let here = Dialect::Gemini;
        let request = read_request(here, body.to_string().as_bytes()).unwrap();
        let abilities = able();
        let target = TargetForm { model: "other", abilities: &abilities, stream: false };
        let written = write_request(here, &request, &target).unwrap();
        let again = read_request(here, &written.body).unwrap();
        if written.losses.is_empty() {
            prop_assert_eq!(folded(again), folded(request.clone()));
        }
        for there in [Dialect::AnthropicMessages, Dialect::OpenaiChat, Dialect::OpenaiResponses] {
            let written = write_request(there, &request, &target).unwrap();
            let over = read_request(there, &written.body).unwrap();
            let (before, mut after) = (letters(&request), letters(&over));
            for letter in before {
                let at = after.binary_search(&letter);
                prop_assert!(at.is_ok(), "{:?} went missing, losses {:?}", letter, written.losses);
                after.remove(at.unwrap());
            }
            let back = write_request(here, &over, &target).unwrap();
            prop_assert!(read_request(here, &back.body).is_ok());
        }
    }

    #[test]
    fn a_stream_reads_as_it_was_written(events in any_events()) {
        for dialect in [Dialect::AnthropicMessages, Dialect::OpenaiResponses] {
            let read = through_stream(dialect, &events);
            prop_assert_eq!(sum(&read), sum(&events));
        }
        let read = through_stream(Dialect::Gemini, &events);
        prop_assert_eq!(without_order(&sum(&read)), without_order(&sum(&events)));
        // Converse has no place for the model's name.
        let read = through_stream(Dialect::BedrockConverse, &events);
        prop_assert_eq!(Answer { model: "m".to_owned(), ..sum(&read) }, sum(&events));
        let read = through_stream(Dialect::OpenaiChat, &events);
        prop_assert_eq!(without_order(&sum(&read)), without_order(&sum(&events)));
    }

    #[test]
    fn a_whole_answer_reads_as_it_was_written(events in any_events()) {
        for dialect in Dialect::ALL {
            let answer = sum(&events);
            let mut read = Vec::new();
            read_answer(dialect, &write_answer(dialect, &answer, &head()), &mut read).unwrap();
            prop_assert_eq!(without_order(&sum(&read)), without_order(&answer));
        }
    }

    #[test]
    fn no_reader_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:a-z0-9 \\n]{0,200}") {
        for dialect in Dialect::ALL {
            for input in [bytes.as_slice(), text.as_bytes()] {
                drop(read_request(dialect, input));
                drop(read_answer(dialect, input, &mut Vec::new()));
                for framing in [Framing::Sse, Framing::EventStream] {
                let mut frames = Frames::new(framing, 100);
                frames.feed(Bytes::copy_from_slice(input));
                let (mut reader, mut events) = (StreamReader::new(dialect), Vec::new());
                for frame in frames.by_ref().flatten() {
                    reader.read(&frame, &mut events);
                }
                drop(reader.finish());
                }
            }
        }
    }

    #[test]
    fn no_request_reader_panics_on_json_of_another_shape(body in anthropic_request(), at in 0..9_usize) {
        let mut body = body;
        let map = body.as_object_mut().unwrap();
        let key = map.keys().nth(at).unwrap().clone();
        for wrong in [Value::Null, json!(5), json!("x"), json!([1]), json!({ "a": {} }), json!([{ "type": 1 }])] {
            map.insert(key.clone(), wrong);
            for dialect in Dialect::ALL {
                drop(read_request(dialect, Value::Object(map.clone()).to_string().as_bytes()));
            }
        }
    }
}

#[test]
fn a_schema_survives_the_way_to_the_other_dialect() {
    let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let body = json!({
        "model": "m", "max_tokens": 1, "messages": [{ "role": "user", "content": "x" }],
        "output_config": { "format": { "type": "json_schema", "schema": schema } },
    });
    let request = read_request(Dialect::AnthropicMessages, body.to_string().as_bytes()).unwrap();
    let abilities = able();
    let target = TargetForm { model: "other", abilities: &abilities, stream: false };
    let written = write_request(Dialect::OpenaiChat, &request, &target).unwrap();
    let over = read_request(Dialect::OpenaiChat, &written.body).unwrap();
    let Format::Schema(form) = over.format else { panic!("{:?}", over.format) };
    assert_eq!(form.schema, schema);
}

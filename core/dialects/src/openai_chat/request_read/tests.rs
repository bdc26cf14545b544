use serde_json::{Value, json};

use backstop_exchange::{
    Block, Effort, Format, Media, MediaKind, Request, Role, Source, ToolChoice, ToolKind,
};
use backstop_vocabulary::{Class, Dialect};

use super::read_request;

/// A request with these fields beside a model and a message.
fn read(fields: &Value) -> Request {
    read_request(body(fields).as_bytes()).unwrap()
}

fn body(fields: &Value) -> String {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body.to_string()
}

fn messages(messages: &Value) -> Request {
    read(&json!({ "messages": messages }))
}

/// A turn in one line for each block.
fn turns(request: &Request) -> Vec<String> {
    let blocks = request.turns.iter().map(|turn| {
        let blocks: Vec<String> = turn.blocks.iter().map(block).collect();
        format!("{:?} {}", turn.role, blocks.join(" | "))
    });
    blocks.collect()
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("text {}", text.text),
        Block::Media(media) => format!("{:?} {}", media.kind, media.media_type),
        Block::ToolCall(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
        Block::ToolResult(result) => {
            let inner: Vec<String> = result.blocks.iter().map(self::block).collect();
            format!("result {} ({})", result.call_id, inner.join(", "))
        }
        Block::Reasoning { text, .. } => format!("think {text}"),
        Block::Refusal(text) => format!("refusal {text}"),
        Block::Foreign { kind, json, .. } => format!("foreign {kind} {json}"),
    }
}

#[test]
fn leading_instructions_are_apart_from_later_ones() {
    let request = messages(&json!([
        { "role": "developer", "content": [{ "type": "text", "text": "a" }] },
        { "role": "system", "content": "b" },
        { "role": "user", "content": "c" },
        { "role": "system", "content": "d" },
    ]));
    let system: Vec<&str> = request.system.iter().map(|text| text.text.as_str()).collect();
    assert_eq!(system, ["a", "b"]);
    assert_eq!(turns(&request), ["User text c", "System text d"]);
}

#[test]
fn a_conversation_with_calls_keeps_its_order_and_its_argument_bytes() {
    let request = messages(&json!([
        { "role": "user", "content": "go", "name": "ann" },
        { "role": "assistant", "content": null, "reasoning_content": "hm", "refusal": null,
          "annotations": [], "audio": null, "tool_calls": [
            { "id": "a", "type": "function", "function": { "name": "f", "arguments": "{ \"x\":1.0 }" } },
            { "id": "b", "type": "custom", "custom": { "name": "g", "input": "ls" } },
        ]},
        { "role": "tool", "tool_call_id": "b", "content": [{ "type": "text", "text": "B" }] },
        { "role": "tool", "tool_call_id": "a", "content": "A", "name": "f" },
        { "role": "user", "content": "and" },
        { "role": "assistant", "content": [{ "type": "refusal", "refusal": "no" }] },
    ]));
    assert_eq!(request.turns[0].name.as_deref(), Some("ann"));
    assert_eq!(
        turns(&request),
        [
            "User text go",
            r#"Assistant think hm | call a f { "x":1.0 } | call b g ls"#,
            "User result b (text B) | result a (text A)",
            "User text and",
            "Assistant refusal no",
        ]
    );
}

#[test]
fn deprecated_functions_become_tools_and_their_results_find_their_calls() {
    let request = read(&json!({
        "functions": [{ "name": "f", "parameters": { "type": "object" } }],
        "function_call": { "name": "f" },
        "messages": [
            { "role": "assistant", "function_call": { "name": "f", "arguments": "{}" } },
            { "role": "function", "name": "f", "content": "r" },
        ],
    }));
    assert_eq!(request.tools[0].name, "f");
    assert_eq!(request.tool_choice, ToolChoice::Named("f".to_owned()));
    let calls: Vec<&str> = request
        .turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match block {
            Block::ToolCall(call) => Some(call.id.as_str()),
            Block::ToolResult(result) => Some(result.call_id.as_str()),
            Block::Text(_)
            | Block::Media(_)
            | Block::Reasoning { .. }
            | Block::Refusal(_)
            | Block::Foreign { .. } => None,
        })
        .collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
}

#[test]
fn reads_pictures_files_sound_and_parts_it_does_not_know() {
    let request = messages(&json!([{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==", "detail": "low" } },
        { "type": "image_url", "image_url": "https://x/y.png" },
        { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,BB" } },
        { "type": "file", "file": { "file_id": "file-1" } },
        { "type": "input_audio", "input_audio": { "data": "CC", "format": "mp3" } },
        { "type": "video_url", "video_url": { "url": "u" } },
        { "type": "text", "text": "t", "prompt_cache_breakpoint": { "mode": "explicit" } },
    ]}]));
    let media: Vec<&Media> = request.turns[0]
        .blocks
        .iter()
        .filter_map(|block| if let Block::Media(media) = block { Some(media) } else { None })
        .collect();
    assert_eq!(media[0].source, Source::Base64("AA==".to_owned()));
    assert_eq!(media[0].detail.as_deref(), Some("low"));
    assert_eq!(media[1].source, Source::Url("https://x/y.png".to_owned()));
    assert_eq!((media[2].kind, media[2].title.as_deref()), (MediaKind::Document, Some("a.pdf")));
    let file = Source::File { dialect: Dialect::OpenaiChat, id: "file-1".to_owned() };
    assert_eq!(media[3].source, file);
    assert_eq!(media[4].media_type, "audio/mpeg");
    assert!(turns(&request)[0].contains("foreign video_url"));
    let Some(Block::Text(text)) = request.turns[0].blocks.last() else { panic!("no text") };
    assert!(text.cache_hint.is_some());
}

#[test]
fn reads_every_form_of_tool_and_choice() {
    let request = read(&json!({ "tools": [
        { "type": "function", "function": { "name": "f", "strict": true }, "defer_loading": true },
        { "type": "custom", "custom": { "name": "g", "format": { "type": "text" } } },
        { "type": "web_search", "size": 1 },
    ]}));
    let kinds: Vec<&ToolKind> = request.tools.iter().map(|tool| &tool.kind).collect();
    assert_eq!(kinds[..2], [&ToolKind::Function, &ToolKind::Custom]);
    assert!(matches!(kinds[2], ToolKind::Hosted { dialect: Dialect::OpenaiChat, .. }));
    assert_eq!((request.tools[0].strict, request.tools[0].schema.is_none()), (Some(true), true));
    assert!(request.tools[0].extras.contains_key("defer_loading"));

    let among = |required| ToolChoice::Among { names: vec!["f".to_owned()], required };
    let allowed = |mode: &str| {
        json!({ "type": "allowed_tools", "allowed_tools": { "mode": mode, "tools": [
            { "type": "function", "function": { "name": "f" } },
        ]}})
    };
    for (choice, expected) in [
        (json!("auto"), ToolChoice::Auto),
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Any),
        (json!({ "type": "function", "function": { "name": "f" } }), ToolChoice::Named("f".into())),
        (json!({ "type": "custom", "custom": { "name": "g" } }), ToolChoice::Named("g".into())),
        (allowed("auto"), among(false)),
        (allowed("required"), among(true)),
    ] {
        assert_eq!(read(&json!({ "tool_choice": choice })).tool_choice, expected);
    }
}

#[test]
fn reads_options_and_keeps_what_it_does_not_know() {
    let request = read(&json!({
        "max_tokens": 5, "max_completion_tokens": 9, "stop": "END", "temperature": 1,
        "seed": -3, "n": 2, "logprobs": true, "top_logprobs": 4, "logit_bias": { "1": -100 },
        "reasoning_effort": "xhigh", "stream": true,
        "stream_options": { "include_usage": true, "include_obfuscation": false },
        "user": "u", "safety_identifier": "s", "metadata": { "k": "v" }, "service_tier": "flex",
        "verbosity": "low", "parallel_tool_calls": false, "store": true, "prompt_cache_key": "p",
        "top_k": -1, "frequency_penalty": null, "modalities": null,
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "n", "schema": { "type": "object" }, "strict": true } },
    }));
    assert_eq!(request.output_tokens_max, Some(9));
    assert_eq!(request.stop, ["END"]);
    assert_eq!(request.sampling.temperature, Some(1.0));
    assert_eq!((request.sampling.seed, request.sampling.answers), (Some(-3), Some(2)));
    assert_eq!((request.sampling.logprobs, request.sampling.top_k), (Some(4), None));
    assert_eq!(request.reasoning.effort, Some(Effort::Xhigh));
    assert!(request.stream && request.stream_usage);
    assert_eq!(request.user.as_deref(), Some("s"));
    assert!(matches!(&request.format, Format::Schema(schema) if schema.strict == Some(true)));
    let extras: Vec<&str> = request.extras.keys().map(String::as_str).collect();
    let mut extras = extras;
    extras.sort_unstable();
    assert_eq!(extras, ["prompt_cache_key", "store", "stream_options", "user"]);
    assert_eq!(request.turns[0].role, Role::User);
}

#[test]
fn a_wrong_shape_is_refused_with_its_place_and_its_cure() {
    for (fields, message) in [
        (json!({ "messages": [] }), "`messages` must be a list with at least one message"),
        (json!({ "messages": ["x"] }), "`messages[0]` must be an object"),
        (
            json!({ "messages": [{ "role": "robot" }] }),
            "`messages[0].role` must be one of developer, system, user, assistant and tool",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": 3 }] }),
            "`messages[0].content` must be a string or a list of parts",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
            "`messages[0].content[0].image_url` must be given, with `url`",
        ),
        (
            json!({ "messages": [{ "role": "tool", "content": "x" }] }),
            "`messages[0].tool_call_id` must be given, as a string",
        ),
        (
            json!({ "tools": [{ "type": "function" }] }),
            "`tools[0].function` must be given, with at least `name`",
        ),
        (json!({ "stop": [1] }), "`stop` must be a string or a list of strings"),
        (json!({ "n": 0 }), "`n` must be 1 or more"),
        (json!({ "temperature": "hot" }), "`temperature` must be a number"),
        (json!({ "model": null }), "`model` must be given, as a string"),
        (
            json!({ "tool_choice": "maybe" }),
            "`tool_choice` must be none, auto, required, or an object that names a tool",
        ),
        (
            json!({ "response_format": { "type": "json_schema" } }),
            "`response_format.json_schema` must be given, with `name` and `schema`",
        ),
    ] {
        let failure = read_request(body(&fields).as_bytes()).unwrap_err();
        assert_eq!((failure.class, &*failure.message), (Class::InvalidRequest, message));
    }
    let failure = read_request(b"{\"model\":\n").unwrap_err();
    assert!(failure.message.contains("line 2"), "{failure}");
}

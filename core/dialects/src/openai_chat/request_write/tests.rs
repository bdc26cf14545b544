use proptest::prelude::*;
use serde_json::{Map, Value, json};

use backstop_exchange::{
    Abilities, Artefact, Block, Effort, Format, JsonSchema, Media, MediaKind, ReasoningForm,
    Request, Role, Source, Text, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::write_request;
use crate::openai_chat::read_request;
use crate::{TargetForm, Written};

fn write(request: &Request, abilities: &Abilities) -> Result<(Value, Written), Failure> {
    let target = TargetForm { model: "t", abilities, stream: request.stream };
    let written = write_request(request, &target)?;
    Ok((serde_json::from_slice(&written.body).unwrap(), written))
}

fn sent(request: &Request, abilities: &Abilities) -> (Value, Vec<String>) {
    let (body, written) = write(request, abilities).unwrap();
    (body, written.losses.iter().map(ToString::to_string).collect())
}

/// A request as a client of the other dialect makes it.
fn foreign(turns: Vec<Turn>) -> Request {
    Request { dialect: Some(Dialect::AnthropicMessages), turns, ..Request::default() }
}

fn hello() -> Request {
    foreign(vec![Turn::text(Role::User, "hi")])
}

fn turn(role: Role, blocks: Vec<Block>) -> Turn {
    Turn { role, blocks, name: None }
}

fn text(text: &str) -> Block {
    Block::Text(Text::plain(text))
}

fn call(id: &str, arguments: &str) -> Block {
    Block::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: arguments.to_owned(),
        kind: ToolKind::Function,
        cache_hint: None,
    })
}

fn result(call_id: &str, blocks: Vec<Block>) -> Block {
    let call_id = call_id.to_owned();
    Block::ToolResult(ToolResult { call_id, blocks, is_error: false, cache_hint: None })
}

fn media(kind: MediaKind, media_type: &str, source: Source) -> Block {
    Block::Media(Media {
        kind,
        media_type: media_type.to_owned(),
        source,
        title: None,
        detail: None,
        cache_hint: None,
        extras: Map::new(),
    })
}

/// `OpenAI`'s own newest: reasons, samples nothing, takes no tools while it reasons.
fn original() -> Abilities {
    Abilities {
        completion_tokens_field: true,
        reasoning: ReasoningForm::Effort,
        sampling: false,
        tools_with_reasoning: false,
        reasoning_optional: true,
        stop_max: 0,
        system_turns: true,
        ..Abilities::default()
    }
}

#[test]
fn results_follow_their_calls_in_call_order_and_pictures_come_after() {
    let picture = media(MediaKind::Image, "image/png", Source::Base64("AA".to_owned()));
    let failed = Block::ToolResult(ToolResult {
        call_id: "a".to_owned(),
        blocks: vec![text("boom")],
        is_error: true,
        cache_hint: None,
    });
    let request = foreign(vec![
        turn(Role::User, vec![text("go")]),
        turn(Role::Assistant, vec![text("ok"), call("a", "{\"x\": 1}"), call("b", "")]),
        turn(Role::User, vec![result("b", vec![picture]), failed, text("next")]),
        Turn::text(Role::System, "mind"),
    ]);
    let (body, losses) = sent(&request, &Abilities::default());
    assert_eq!(
        body["messages"],
        json!([
            { "role": "user", "content": "go" },
            { "role": "assistant", "content": "ok", "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "f", "arguments": "{\"x\": 1}" } },
                { "id": "b", "type": "function", "function": { "name": "f", "arguments": "{}" } },
            ]},
            { "role": "tool", "tool_call_id": "a", "content": "Error: boom" },
            { "role": "tool", "tool_call_id": "b",
              "content": "[attachment: shown in the user message after the tool results]" },
            { "role": "user", "content": [
                { "type": "text", "text": "Attachments of the result of call b:" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } },
            ]},
            { "role": "user", "content": "next" },
            { "role": "user", "content": "<system-reminder>\nmind\n</system-reminder>" },
        ])
    );
    assert_eq!(losses, ["messages.system=became a marked user text"]);
    let (body, losses) = sent(&request, &original());
    assert_eq!(body["messages"][6], json!({ "role": "developer", "content": "mind" }));
    assert_eq!(losses, [""; 0]);
}

#[test]
fn calls_without_results_and_results_without_calls_are_mended_and_listed() {
    let request = foreign(vec![
        turn(Role::User, vec![result("gone", vec![text("x")]), text("go")]),
        turn(Role::Assistant, vec![call("a", "{}")]),
        turn(Role::Assistant, vec![call("b", "{}")]),
        turn(Role::User, vec![result("b", vec![text("B")])]),
    ]);
    let (body, losses) = sent(&request, &Abilities::default());
    let roles: Vec<&str> =
        body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool"]);
    assert_eq!(body["messages"][2]["content"], "Error: no result of this call is available.");
    assert_eq!(
        losses,
        [
            "tool_result=answers no call of the turn before: dropped",
            "tool_result=missing for a call: an error was put in its place",
        ]
    );
}

#[test]
fn ids_and_names_that_do_not_fit_are_mapped_alike_everywhere() {
    let long = format!("mcp__{}", "x".repeat(80));
    let id = "functions.f:0";
    let Block::ToolCall(named) = call(id, "{}") else { panic!("no call") };
    let mut request = foreign(vec![
        turn(Role::Assistant, vec![Block::ToolCall(ToolCall { name: long.clone(), ..named })]),
        turn(Role::User, vec![result(id, vec![text("r")])]),
    ]);
    request.tools = vec![Tool { name: long.clone(), ..Tool::default() }];
    request.tool_choice = ToolChoice::Named(long.clone());
    let (body, written) = write(&request, &Abilities::default()).unwrap();
    let call = &body["messages"][0]["tool_calls"][0];
    let short = call["function"]["name"].as_str().unwrap();
    assert_eq!(short.len(), 64);
    assert_eq!(body["tools"][0]["function"]["name"], short);
    assert_eq!(body["tool_choice"]["function"]["name"], short);
    assert_eq!(written.renames.original(short), long);
    assert_eq!(call["id"], body["messages"][1]["tool_call_id"]);
    assert!(call["id"].as_str().unwrap().starts_with("call_"));
}

#[test]
fn system_texts_are_joined_for_compatible_servers_and_parts_for_the_original() {
    let mut request = hello();
    let hint = Some(json!({ "type": "ephemeral" }));
    request.system = vec![Text::plain("a"), Text { text: "b".to_owned(), cache_hint: hint }];
    let (body, losses) = sent(&request, &Abilities::default());
    assert_eq!(body["messages"][0], json!({ "role": "system", "content": "a\n\nb" }));
    assert_eq!(losses, ["cache_control=not in openai_chat"]);
    let (body, _) = sent(&request, &original());
    assert_eq!(body["messages"][0]["role"], "developer");
    assert_eq!(body["messages"][0]["content"][1], json!({ "type": "text", "text": "b" }));
}

#[test]
fn limits_are_named_clamped_and_raised_as_the_model_needs() {
    let limit = |wanted, abilities: &Abilities| {
        let request = Request { output_tokens_max: Some(wanted), ..hello() };
        let (body, losses) = sent(&request, abilities);
        (body["max_tokens"].clone(), body["max_completion_tokens"].clone(), losses)
    };
    let small = Abilities { output_tokens_max: Some(100), ..Abilities::default() };
    assert_eq!(limit(50, &small), (json!(50), Value::Null, vec![]));
    let clamped = vec!["max_tokens=clamped to 100".to_owned()];
    assert_eq!(limit(500, &small), (json!(100), Value::Null, clamped));
    let raised = vec!["max_tokens=raised to 2048: reasoning counts".to_owned()];
    assert_eq!(limit(50, &original()), (Value::Null, json!(2048), raised));
    let warm = Request { output_tokens_max: Some(0), ..hello() };
    assert_eq!(write(&warm, &small).unwrap_err().class, Class::UnsupportedFeature);
}

#[test]
fn sampling_goes_only_where_the_model_takes_it() {
    let mut request = hello();
    request.sampling.temperature = Some(0.5);
    request.sampling.top_k = Some(3);
    request.stop = vec!["a".to_owned(), "b".to_owned()];
    let (body, losses) = sent(&request, &Abilities { stop_max: 1, ..Abilities::default() });
    assert_eq!((&body["temperature"], &body["stop"]), (&json!(0.5), &json!(["a"])));
    assert_eq!(losses, ["top_k=not in openai_chat", "stop_sequences=the gateway looks for them"]);
    let (body, losses) = sent(&request, &original());
    assert_eq!((body.get("temperature"), body.get("stop")), (None, None));
    assert_eq!(losses.len(), 3);
    // With reasoning off, the same model samples.
    request.reasoning.enabled = Some(false);
    let (body, _) = sent(&request, &original());
    assert_eq!((&body["temperature"], &body["reasoning_effort"]), (&json!(0.5), &json!("none")));
    request.reasoning.enabled = None;
    request.sampling.logprobs = Some(2);
    assert_eq!(write(&request, &original()).unwrap_err().class, Class::UnsupportedFeature);
}

#[test]
fn reasoning_settings_become_an_effort() {
    let model = Abilities { tools_with_reasoning: true, reasoning_optional: false, ..original() };
    let effort = |set: fn(&mut Request)| {
        let mut request = hello();
        set(&mut request);
        let (body, losses) = sent(&request, &model);
        (body["reasoning_effort"].clone(), losses.len())
    };
    assert_eq!(effort(|_| ()), (Value::Null, 0));
    assert_eq!(effort(|r| r.reasoning.adaptive = true), (Value::Null, 0));
    assert_eq!(effort(|r| r.reasoning.budget_tokens = Some(1_024)), (json!("low"), 0));
    assert_eq!(effort(|r| r.reasoning.budget_tokens = Some(10_000)), (json!("high"), 0));
    assert_eq!(effort(|r| r.reasoning.budget_tokens = Some(31_999)), (json!("xhigh"), 0));
    assert_eq!(effort(|r| r.reasoning.effort = Some(Effort::Medium)), (json!("medium"), 0));
    assert_eq!(effort(|r| r.reasoning.effort = Some(Effort::Max)), (json!("xhigh"), 1));
    assert_eq!(effort(|r| r.reasoning.enabled = Some(false)), (json!("low"), 1));
    let mut plain = hello();
    plain.reasoning.effort = Some(Effort::High);
    let (body, losses) = sent(&plain, &Abilities::default());
    assert_eq!(body.get("reasoning_effort"), None);
    assert_eq!(losses, ["thinking=the model takes no reasoning settings"]);
}

#[test]
fn a_model_that_takes_no_tools_while_it_reasons_is_told_not_to() {
    let tools = vec![Tool { name: "f".to_owned(), ..Tool::default() }];
    let (body, losses) = sent(&Request { tools, ..hello() }, &original());
    assert_eq!(body["reasoning_effort"], "none");
    assert_eq!(losses, ["thinking=the model takes no tools while it reasons: none"]);
    assert_eq!(
        body["tools"][0]["function"]["parameters"],
        json!({ "type": "object", "properties": {} })
    );
}

#[test]
fn reasoning_of_another_issuer_never_leaves() {
    let signed = Block::Reasoning {
        text: "secret".to_owned(),
        artefact: Some(Artefact {
            dialect: Dialect::AnthropicMessages,
            kind: "signature".to_owned(),
            data: "sig".to_owned(),
        }),
    };
    let thoughts = vec![signed.clone(), text("a")];
    let request = foreign(vec![
        turn(Role::Assistant, thoughts),
        turn(Role::Assistant, vec![signed]),
        turn(Role::User, vec![text("b")]),
    ]);
    let (body, losses) = sent(&request, &Abilities::default());
    assert_eq!(
        body["messages"],
        json!([{ "role": "assistant", "content": "a" }, { "role": "user", "content": "b" }])
    );
    assert_eq!(losses, ["thinking=reasoning of another issuer stripped"]);
}

#[test]
fn tools_the_client_runs_are_emulated_and_others_refused() {
    let hosted = |kind: &str, name: &str| Request {
        tools: vec![Tool {
            name: name.to_owned(),
            kind: ToolKind::Hosted {
                dialect: Dialect::AnthropicMessages,
                json: json!({ "type": kind, "name": name }),
            },
            ..Tool::default()
        }],
        ..hello()
    };
    for (kind, name, property) in [
        ("bash_20250124", "bash", "restart"),
        ("text_editor_20250728", "str_replace_based_edit_tool", "old_str"),
        ("memory_20250818", "memory", "old_path"),
    ] {
        let (body, losses) = sent(&hosted(kind, name), &Abilities::default());
        let function = &body["tools"][0]["function"];
        assert_eq!(function["name"], name);
        assert!(function["parameters"]["properties"].get(property).is_some(), "{kind}");
        assert_eq!(losses, [""; 0]);
    }
    for kind in ["web_search_20260318", "computer_toolset_20260801", "code_execution_20260521"] {
        let refused = write(&hosted(kind, "x"), &Abilities::default()).unwrap_err();
        assert_eq!(refused.class, Class::UnsupportedFeature);
    }
}

#[test]
fn schemas_are_enforced_where_they_can_be() {
    let format = |schema: Value, strict| {
        let schema = JsonSchema { name: None, description: None, schema, strict };
        let request = Request { format: Format::Schema(schema), ..hello() };
        let (body, losses) = sent(&request, &original());
        (body["response_format"]["json_schema"]["strict"].clone(), losses)
    };
    let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    assert_eq!(format(closed.clone(), None), (json!(true), vec![]));
    assert_eq!(format(closed, Some(false)), (json!(false), vec![]));
    let lost = "output_config.format=the schema is outside the strict subset: not enforced";
    assert_eq!(format(json!({ "type": "object" }), None), (json!(false), vec![lost.to_owned()]));
}

#[test]
fn documents_are_inlined_attached_or_refused() {
    let document = |source| {
        foreign(vec![turn(Role::User, vec![media(MediaKind::Document, "application/pdf", source)])])
    };
    let (body, _) = sent(&document(Source::Text("words".to_owned())), &Abilities::default());
    assert_eq!(body["messages"][0]["content"][0]["text"], "<document>\nwords\n</document>");
    let (body, _) = sent(&document(Source::Base64("AA".to_owned())), &Abilities::default());
    assert_eq!(
        body["messages"][0]["content"][0]["file"],
        json!({ "file_data": "data:application/pdf;base64,AA", "filename": "document.pdf" })
    );
    for source in [
        Source::Url("https://x".to_owned()),
        Source::File { dialect: Dialect::AnthropicMessages, id: "f".to_owned() },
    ] {
        let refused = write(&document(source), &Abilities::default()).unwrap_err();
        assert_eq!(refused.class, Class::UnsupportedFeature);
    }
}

#[test]
fn a_last_turn_of_the_assistant_is_continued_by_an_instruction() {
    let request = foreign(vec![
        turn(Role::User, vec![text("a")]),
        turn(Role::Assistant, vec![text("{\"b\":")]),
    ]);
    let (body, losses) = sent(&request, &Abilities::default());
    assert_eq!(body["messages"].as_array().unwrap().len(), 3);
    assert_eq!(body["messages"][2]["role"], "user");
    assert_eq!(losses, ["prefill=emulated by an instruction to continue"]);
    let (body, losses) = sent(&request, &Abilities { prefill: true, ..Abilities::default() });
    assert_eq!(body["messages"].as_array().unwrap().len(), 2);
    assert_eq!(losses, [""; 0]);
}

#[test]
fn what_only_the_other_dialect_has_is_listed_or_refused() {
    let mut request = hello();
    request.extras.insert("speed".to_owned(), json!("fast"));
    request.service_tier = Some("standard_only".to_owned());
    request.user = Some("x".repeat(100));
    let (body, losses) = sent(&request, &Abilities::default());
    assert!(body["user"].as_str().unwrap().len() < 64);
    assert_eq!(
        losses,
        [
            "metadata.user_id=longer than 64 bytes: a digest of it",
            "service_tier=tiers differ between providers: the default",
            "speed=not in openai_chat",
        ]
    );
    request.bound = Some("thread".to_owned());
    assert_eq!(
        write(&request, &Abilities::default()).unwrap_err().class,
        Class::UnsupportedFeature
    );
}

#[test]
fn a_stream_always_asks_for_usage() {
    let (body, _) = sent(&Request { stream: true, ..hello() }, &Abilities::default());
    assert_eq!(
        (&body["stream"], &body["stream_options"]),
        (&json!(true), &json!({ "include_usage": true }))
    );
    let (body, _) = sent(&hello(), &Abilities::default());
    assert_eq!((body.get("stream"), body.get("stream_options")), (None, None));
}

/// A message of a client, with what may follow it.
fn message() -> impl Strategy<Value = Vec<Value>> {
    let words = "[a-z ]{1,8}";
    prop_oneof![
        words.prop_map(|text| vec![json!({ "role": "user", "content": text })]),
        (words, words).prop_map(|(a, b)| vec![json!({ "role": "user", "name": "n", "content": [
            { "type": "text", "text": a, "prompt_cache_breakpoint": { "mode": "explicit" } },
            { "type": "image_url", "image_url": { "url": format!("https://x/{b}"), "detail": "low" } },
            { "type": "video_url", "video_url": { "url": b } },
        ]})]),
        words.prop_map(|text| vec![json!({ "role": "assistant", "content": text })]),
        words.prop_map(|text| vec![json!({ "role": "assistant", "content": [
            { "type": "refusal", "refusal": text },
        ]})]),
        words.prop_map(|text| vec![json!({ "role": "system", "content": text })]),
        (words, words, 1usize..4).prop_map(|(a, b, calls)| {
            let ids: Vec<String> = (0..calls).map(|n| format!("call_{n}")).collect();
            let calls: Vec<Value> = ids.iter().map(|id| json!({
                "id": id, "type": "function",
                "function": { "name": "f", "arguments": json!({ "a": a }).to_string() },
            })).collect();
            let mut messages = vec![json!({ "role": "assistant", "content": b, "tool_calls": calls })];
            messages.extend(ids.iter().map(|id| {
                json!({ "role": "tool", "tool_call_id": id, "content": b })
            }));
            messages
        }),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    let options = (
        proptest::option::of(1u64..9_000),
        proptest::option::of(0.0f64..2.0),
        proptest::collection::vec("[a-z]{1,3}", 0..4),
        proptest::option::of(proptest::sample::select(vec!["none", "low", "high", "max"])),
        proptest::sample::select(vec!["auto", "none", "required"]),
        any::<bool>(),
    );
    (proptest::collection::vec(message(), 1..6), options).prop_map(|(messages, options)| {
        let (limit, temperature, stop, effort, choice, stream) = options;
        let mut messages = messages.concat();
        messages.insert(0, json!({ "role": "system", "content": "s" }));
        messages.push(json!({ "role": "user", "content": "end" }));
        let mut body = json!({
            "model": "t", "messages": messages, "stop": stop, "stream": stream, "top_p": temperature,
            "max_completion_tokens": limit, "reasoning_effort": effort, "tool_choice": choice,
            "tools": [
                { "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } },
                { "type": "custom", "custom": { "name": "g", "format": { "type": "text" } } },
            ],
            "safety_identifier": "u", "metadata": { "k": "v" }, "verbosity": "low", "store": true,
            "parallel_tool_calls": false, "seed": 3, "service_tier": "flex", "n": 1,
            "response_format": { "type": "json_object" },
        });
        if stream {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    })
}

proptest! {
    #[test]
    fn a_request_of_this_dialect_is_written_and_read_back_without_loss(body in body()) {
        let request = read_request(body.to_string().as_bytes()).unwrap();
        let abilities =
            Abilities { sampling: true, tools_with_reasoning: true, stop_max: 4, ..original() };
        let (_, written) = write(&request, &abilities).unwrap();
        prop_assert_eq!(&written.losses, &[]);
        prop_assert_eq!(read_request(&written.body).unwrap(), request);
    }

    #[test]
    fn whatever_is_lost_is_listed_for_the_plainest_target(body in body()) {
        let request = read_request(body.to_string().as_bytes()).unwrap();
        let plain = Abilities { sampling: false, stop_max: 0, ..Abilities::default() };
        let (sent, written) = write(&request, &plain).unwrap();
        let lost = |name: &str| written.losses.iter().any(|loss| loss.field == name);
        for (name, value) in body.as_object().unwrap() {
            let renamed = matches!(name.as_str(), "max_completion_tokens" | "safety_identifier");
            let nothing = value.is_null() || *value == json!([]) || *value == json!("none")
                || *value == json!(false);
            prop_assert!(
                renamed || nothing || sent.get(name).is_some() || lost(name),
                "{} vanished", name
            );
        }
    }

    #[test]
    fn no_body_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = read_request(&bytes) {
            let _sent = write(&request, &Abilities::default());
        }
    }
}

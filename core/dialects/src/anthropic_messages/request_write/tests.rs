use backstop_exchange::{
    Abilities, Block, Effort, Format, JsonSchema, Media, MediaKind, ReasoningForm, Role, Source,
    Tool, ToolChoice, Turn,
};

use super::*;

fn able() -> Abilities {
    Abilities {
        images: true,
        schema: true,
        reasoning: ReasoningForm::Adaptive,
        ..Abilities::default()
    }
}

/// A request that came in as Chat Completions.
fn chat() -> Request {
    Request {
        turns: vec![Turn::text(Role::User, "hello")],
        dialect: Some(Dialect::OpenaiChat),
        ..Request::default()
    }
}

fn write(request: &Request, abilities: &Abilities) -> (Value, Vec<String>) {
    let target = TargetForm { model: "claude", abilities, stream: false };
    let written = write_request(request, &target).unwrap();
    let losses = written.losses.iter().map(ToString::to_string).collect();
    (serde_json::from_slice(&written.body).unwrap(), losses)
}

fn refusal(request: &Request) -> String {
    let target = TargetForm { model: "claude", abilities: &able(), stream: false };
    let failure = write_request(request, &target).unwrap_err();
    assert_eq!(failure.class, Class::UnsupportedFeature);
    failure.message.into()
}

#[test]
fn a_plain_request_is_written_whole_and_loses_nothing() {
    let (body, losses) = write(&chat(), &able());
    let expected = json!({
        "model": "claude",
        "max_tokens": OUTPUT_TOKENS_DEFAULT,
        "messages": [{ "role": "user", "content": "hello" }],
    });
    assert_eq!(body, expected);
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn numbers_are_clamped_and_what_is_unknown_is_listed() {
    let mut request = chat();
    request.output_tokens_max = Some(9_000);
    request.sampling.temperature = Some(1.7);
    request.sampling.seed = Some(1);
    request.sampling.presence_penalty = Some(0.5);
    request.user = Some("ana@example.com".to_owned());
    request.verbosity = Some("low".to_owned());
    let abilities = Abilities { output_tokens_max: Some(4_096), ..able() };
    let (body, losses) = write(&request, &abilities);
    assert_eq!((&body["max_tokens"], &body["temperature"]), (&json!(4_096), &json!(1.0)));
    let expected = [
        "max_completion_tokens=clamped to 4096",
        "temperature=clamped to 1",
        "presence_penalty=not in anthropic_messages",
        "seed=not in anthropic_messages",
        "user=withheld: it names a person",
        "verbosity=not in anthropic_messages",
    ];
    assert_eq!(losses, expected);
}

#[test]
fn sampling_is_dropped_where_the_model_refuses_it() {
    let mut request = chat();
    request.sampling.temperature = Some(0.2);
    request.sampling.top_k = Some(3);
    let (body, losses) = write(&request, &Abilities { sampling: false, ..able() });
    assert!(body.get("temperature").is_none() && body.get("top_k").is_none());
    assert_eq!(losses.len(), 2);
}

#[test]
fn a_temperature_that_is_not_sent_is_lost_once_and_not_clamped() {
    let mut request = chat();
    request.sampling.temperature = Some(1.7);
    let (_, losses) = write(&request, &Abilities { sampling: false, ..able() });
    assert_eq!(losses, ["temperature=the model takes no sampling settings"]);
    request.reasoning.effort = Some(Effort::High);
    let (body, losses) = write(&request, &able());
    assert!(body.get("temperature").is_none(), "{body}");
    assert_eq!(losses, ["temperature=not together with thinking"]);
}

#[test]
fn effort_takes_the_form_of_the_target() {
    let mut request = chat();
    request.reasoning.effort = Some(Effort::Minimal);
    request.output_tokens_max = Some(10_000);
    let (body, losses) = write(&request, &able());
    assert_eq!(body["thinking"], json!({ "type": "adaptive" }));
    assert_eq!(body["output_config"], json!({ "effort": "low" }));
    assert_eq!(losses, ["reasoning_effort=raised to low"]);

    request.reasoning.effort = Some(Effort::High);
    let budget = Abilities { reasoning: ReasoningForm::Budget, ..able() };
    let (body, losses) = write(&request, &budget);
    assert_eq!(body["thinking"], json!({ "type": "enabled", "budget_tokens": 5_000 }));
    assert!(body.get("output_config").is_none() && losses.is_empty());

    request.tools = vec![Tool { name: "f".to_owned(), ..Tool::default() }];
    request.tool_choice = ToolChoice::Any;
    let (body, losses) = write(&request, &budget);
    assert!(body.get("thinking").is_none());
    assert_eq!(losses, ["reasoning_effort=not together with a forced tool"]);

    request.reasoning.effort = Some(Effort::None);
    assert_eq!(write(&request, &budget).0["thinking"], json!({ "type": "disabled" }));
}

#[test]
fn a_choice_among_tools_offers_no_others_and_long_names_map_back() {
    let long = "x".repeat(150);
    let tool = |name: &str| Tool { name: name.to_owned(), ..Tool::default() };
    let mut request = chat();
    request.tools = vec![tool(&long), tool("other")];
    request.tool_choice = ToolChoice::Among { names: vec![long.clone()], required: true };
    request.parallel_tools = Some(false);
    let abilities = able();
    let target = TargetForm { model: "claude", abilities: &abilities, stream: true };
    let written = write_request(&request, &target).unwrap();
    let body: Value = serde_json::from_slice(&written.body).unwrap();
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    let name = body["tools"][0]["name"].as_str().unwrap();
    assert_eq!(written.renames.original(name), long);
    assert_eq!(body["tool_choice"], json!({ "type": "any", "disable_parallel_tool_use": true }));
    assert_eq!(body["stream"], json!(true));
}

#[test]
fn json_mode_and_schemas_are_emulated_or_fitted() {
    let mut request = chat();
    request.format = Format::Json;
    let (body, losses) = write(&request, &able());
    assert!(body["system"].as_str().unwrap().contains("JSON object"));
    assert_eq!(losses, ["response_format=json mode emulated by an instruction"]);

    let schema =
        json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 1 } } });
    let form =
        JsonSchema { name: Some("n".to_owned()), description: None, schema, strict: Some(true) };
    request.format = Format::Schema(form);
    let (body, losses) = write(&request, &able());
    let schema = &body["output_config"]["format"]["schema"];
    assert_eq!(schema["additionalProperties"], json!(false));
    assert!(schema.pointer("/properties/a/minimum").is_none());
    assert_eq!(losses.len(), 1);
}

#[test]
fn what_cannot_be_carried_without_harm_is_refused() {
    let mut request = chat();
    request.sampling.answers = Some(2);
    assert!(refusal(&request).contains("several answers"));
    let mut request = chat();
    request.sampling.logprobs = Some(0);
    assert!(refusal(&request).contains("log probabilities"));
    for (kind, what) in [(MediaKind::Audio, "sound"), (MediaKind::Document, "documents")] {
        let mut request = chat();
        request.turns[0].blocks.push(Block::Media(Media {
            kind,
            media_type: "application/pdf".to_owned(),
            source: Source::Base64("JVBERi0".to_owned()),
            title: None,
            detail: None,
            cache_hint: None,
            extras: Map::new(),
        }));
        assert!(refusal(&request).contains(what));
    }
}

#[test]
fn a_picture_of_the_wrong_type_is_named_by_its_bytes() {
    let mut request = chat();
    request.turns[0].blocks.push(Block::Media(Media {
        kind: MediaKind::Image,
        media_type: "image/jpeg".to_owned(),
        source: Source::Base64("iVBORw0KGgoAAAA".to_owned()),
        title: None,
        detail: None,
        cache_hint: None,
        extras: Map::new(),
    }));
    let (body, _) = write(&request, &able());
    let media_type = body.pointer("/messages/0/content/1/source/media_type");
    assert_eq!(media_type, Some(&json!("image/png")));
}

#[test]
fn what_cannot_be_switched_off_is_asked_for_as_little_as_possible() {
    let mut request = chat();
    request.reasoning.effort = Some(Effort::None);
    let (body, losses) = write(&request, &able());
    assert_eq!(
        (&body["thinking"], &body["output_config"]["effort"]),
        (&Value::Null, &json!("low"))
    );
    assert_eq!(losses, ["reasoning_effort=cannot be switched off: the lowest effort"]);
    let optional = Abilities { reasoning_optional: true, ..able() };
    let (body, losses) = write(&request, &optional);
    assert_eq!(body["thinking"], json!({ "type": "disabled" }));
    assert_eq!((body.get("output_config"), losses.len()), (None, 0));
}

#[test]
fn a_model_that_thinks_in_whatever_form_is_not_told_how_to_sample() {
    let mut request = chat();
    request.sampling.temperature = Some(0.5);
    request.reasoning.effort = Some(Effort::High);
    let (body, losses) = write(&request, &able());
    assert_eq!((body.get("temperature"), &body["thinking"]["type"]), (None, &json!("adaptive")));
    assert_eq!(losses, ["temperature=not together with thinking"]);
    request.reasoning.effort = None;
    assert_eq!(write(&request, &able()).0["temperature"], json!(0.5));
}

#[test]
fn a_tool_is_strict_only_with_a_schema_that_the_target_enforces() {
    let strict = |schema: Value, abilities: &Abilities| {
        let tool = Tool {
            name: "f".to_owned(),
            schema: Some(schema),
            strict: Some(true),
            ..Tool::default()
        };
        let (body, losses) = write(&Request { tools: vec![tool], ..chat() }, abilities);
        (body["tools"][0].get("strict").is_some(), losses.len())
    };
    let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    assert_eq!(strict(closed.clone(), &able()), (true, 0));
    assert_eq!(strict(closed, &Abilities { schema: false, ..able() }), (false, 1));
    let bounded = json!({
        "type": "object", "properties": { "n": { "type": "integer", "minimum": 1 } },
        "additionalProperties": false,
    });
    assert_eq!(strict(bounded, &able()), (true, 1));
}

#[test]
fn an_instruction_before_the_first_turn_joins_the_system_prompt_in_its_own_dialect_too() {
    let first = Turn::text(Role::System, "be brief");
    let turns = vec![first, Turn::text(Role::User, "hello")];
    let own = Request { dialect: Some(Dialect::AnthropicMessages), turns, ..Request::default() };
    let (body, losses) = write(&own, &able());
    assert_eq!(body["system"], "be brief");
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(1));
    assert!(losses.is_empty(), "{losses:?}");
}

use backstop_exchange::{Abilities, ReasoningForm};
use backstop_vocabulary::Dialect;

use super::*;
use crate::read_request;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-v1:0";

fn able() -> Abilities {
    Abilities {
        images: true,
        documents: true,
        audio: true,
        schema: true,
        reasoning: ReasoningForm::Budget,
        ..Abilities::default()
    }
}

/// What a request of Messages becomes for this model, and what it loses.
fn of_messages(model: &str, body: &Value) -> (Value, Vec<String>) {
    let mut whole = json!({ "model": "m", "max_tokens": 4000 });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let request = read_request(Dialect::AnthropicMessages, whole.to_string().as_bytes()).unwrap();
    written(model, &request)
}

fn written(model: &str, request: &Request) -> (Value, Vec<String>) {
    let abilities = able();
    let target = TargetForm { model, abilities: &abilities, stream: true };
    let written = write_request(request, &target).unwrap();
    let losses = written.losses.iter().map(ToString::to_string).collect();
    (serde_json::from_slice(&written.body).unwrap(), losses)
}

#[test]
fn a_conversation_is_said_in_the_words_of_this_api() {
    let (body, losses) = of_messages(
        CLAUDE,
        &json!({
            "system": [{ "type": "text", "text": "s", "cache_control": { "type": "ephemeral", "ttl": "1h" } }],
            "messages": [
                { "role": "user", "content": [
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" } },
                    { "type": "document", "title": "a_b.txt", "source": { "type": "text", "media_type": "text/plain", "data": "hi" } },
                ] },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "toolu_1", "name": "f", "input": { "b": 1, "a": 2 } }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": true }] },
            ],
            "tools": [{ "name": "f", "input_schema": { "type": "object" }, "strict": true }],
            "tool_choice": { "type": "tool", "name": "f" },
            "temperature": 0.5, "top_k": 7, "stop_sequences": ["END"],
        }),
    );
    let expected = json!({
        "messages": [
            { "role": "user", "content": [
                { "image": { "format": "png", "source": { "bytes": "iVBORw0KGgo=" } } },
                { "document": { "format": "txt", "name": "a-b-txt", "source": { "bytes": "aGk=" } } },
            ] },
            { "role": "assistant", "content": [
                { "toolUse": { "toolUseId": "toolu_1", "name": "f", "input": { "b": 1, "a": 2 } } },
            ] },
            { "role": "user", "content": [
                { "toolResult": { "toolUseId": "toolu_1", "content": [{ "text": "no" }], "status": "error" } },
            ] },
        ],
        "system": [{ "text": "s" }, { "cachePoint": { "type": "default", "ttl": "1h" } }],
        "toolConfig": {
            "tools": [{ "toolSpec": { "name": "f", "strict": true, "inputSchema": { "json": {
                "type": "object", "properties": {}, "additionalProperties": false,
            } } } }],
            "toolChoice": { "tool": { "name": "f" } },
        },
        "inferenceConfig": { "maxTokens": 4000, "temperature": 0.5, "stopSequences": ["END"] },
        "additionalModelRequestFields": { "top_k": 7 },
    });
    assert_eq!(body, expected, "{losses:?}");
    assert_eq!(losses, ["tools.input_schema=schema rewritten to what the target enforces"]);
}

#[test]
fn thoughts_are_asked_of_claude_in_its_own_field_and_of_nobody_else() {
    let asked = json!({
        "messages": [{ "role": "user", "content": "x" }],
        "thinking": { "type": "enabled", "budget_tokens": 2000 },
    });
    let (body, _) = of_messages(CLAUDE, &asked);
    assert_eq!(
        body["additionalModelRequestFields"]["thinking"],
        json!({ "type": "enabled", "budget_tokens": 2000 })
    );
    let (body, losses) = of_messages("amazon.nova-pro-v1:0", &asked);
    assert_eq!(body.get("additionalModelRequestFields"), None);
    assert_eq!(losses, ["thinking=the model takes it in no form known here"]);
}

#[test]
fn a_history_with_calls_declares_its_tools() {
    let (body, losses) = of_messages(
        CLAUDE,
        &json!({ "messages": [
            { "role": "user", "content": "x" },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "g", "input": {} }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t" }] },
        ] }),
    );
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "g");
    assert_eq!(
        body["messages"][2]["content"][0]["toolResult"]["content"],
        json!([{ "text": "(no output)" }])
    );
    assert_eq!(losses, ["tools=those of the history were declared"]);
}

#[test]
fn what_cannot_be_said_here_is_listed() {
    let (body, losses) = of_messages(
        CLAUDE,
        &json!({
            "messages": [{ "role": "user", "content": "x" }],
            "tools": [{ "name": "f", "input_schema": { "type": "object" } }],
            "tool_choice": { "type": "none" },
            "metadata": { "user_id": "u" },
        }),
    );
    assert_eq!(body.get("toolConfig"), None);
    assert_eq!(
        losses,
        [
            "tool_choice=calls cannot be forbidden here: the tools were left out",
            "metadata.user_id=not in bedrock_converse"
        ]
    );
}

#[test]
fn only_bytes_go_in() {
    let body = json!({ "model": "m", "max_tokens": 1, "messages": [{ "role": "user", "content": [
        { "type": "image", "source": { "type": "url", "url": "https://x.example/a.png" } },
    ] }] });
    let request = read_request(Dialect::AnthropicMessages, body.to_string().as_bytes()).unwrap();
    let abilities = able();
    let target = TargetForm { model: CLAUDE, abilities: &abilities, stream: false };
    let failure = write_request(&request, &target).unwrap_err();
    assert_eq!(failure.class, backstop_vocabulary::Class::UnsupportedFeature);
}

#[test]
fn what_only_this_dialect_has_goes_back_as_it_came() {
    let body = json!({
        "messages": [
            { "role": "user", "content": [
                { "video": { "format": "mp4", "source": { "bytes": "AA==" } } },
                { "guardContent": { "text": { "text": "g" } } },
                { "text": "x" }, { "cachePoint": { "type": "default" } },
            ] },
            { "role": "assistant", "content": [
                { "reasoningContent": { "reasoningText": { "text": "t", "signature": "sig" } } },
                { "reasoningContent": { "redactedContent": "b3du" } },
                { "text": "y" },
            ] },
            { "role": "user", "content": [{ "text": "z" }] },
        ],
        "toolConfig": { "tools": [{ "systemTool": { "name": "nova_grounding" } }] },
        "guardrailConfig": { "guardrailIdentifier": "g", "guardrailVersion": "1" },
        "performanceConfig": { "latency": "optimized" },
        "serviceTier": { "type": "flex" },
        "requestMetadata": { "team": "a" },
        "additionalModelRequestFields": { "anthropic_beta": ["x"] },
    });
    let request = read_request(HERE, body.to_string().as_bytes()).unwrap();
    let (again, losses) = written(CLAUDE, &request);
    assert_eq!(losses, Vec::<String>::new());
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&again[name], value, "{name}");
    }
}

#[test]
fn a_thought_of_another_vendor_goes_to_nobody_here() {
    let body = json!({ "messages": [
        { "role": "user", "content": [{ "text": "x" }] },
        { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "t", "signature": "backstop:anthropic_messages:signature:abc" } } },
            { "text": "y" },
        ] },
        { "role": "user", "content": [{ "text": "z" }] },
    ] });
    let request = read_request(HERE, body.to_string().as_bytes()).unwrap();
    let (again, losses) = written(CLAUDE, &request);
    assert_eq!(again["messages"][1]["content"], json!([{ "text": "y" }]));
    assert_eq!(losses, ["thinking=made by another model and not replayed"]);
}

use serde_json::{Value, json};

use crate::{Intake, Refusal, RequestHead, Scenario};

const HEALTHY: &str = include_str!("../../../../scenarios/healthy.yaml");

fn anthropic(change: impl Fn(&mut Value)) -> Result<Intake, Refusal> {
    let mut body = json!({
        "model": "claude-opus-4-6", "max_tokens": 100,
        "messages": [{ "role": "user", "content": "hello" }],
    });
    change(&mut body);
    read(
        "anthropic",
        "/v1/messages",
        &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")],
        &body,
    )
}

fn openai(change: impl Fn(&mut Value)) -> Result<Intake, Refusal> {
    let mut body =
        json!({ "model": "gpt-5.6", "messages": [{ "role": "user", "content": "hello" }] });
    change(&mut body);
    read("openai", "/v1/chat/completions", &[("authorization", "Bearer k")], &body)
}

fn read(name: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Intake, Refusal> {
    let scenario = Scenario::read(HEALTHY).unwrap();
    let mut provider = scenario.provider(name).unwrap().clone();
    provider
        .models
        .extend(["claude-opus-4-8", "claude-sonnet-5", "gpt-4o", "gpt-6.1-sol"].map(str::to_owned));
    provider.keys = vec!["k".to_owned()];
    let head = RequestHead { method: "POST", path, headers: headers.to_vec() };
    Intake::read(&provider, &head, &serde_json::to_vec(body).unwrap())
}

fn tool() -> Value {
    json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } }])
}

fn refused(result: Result<Intake, Refusal>, status: u16, words: &str) {
    let refusal = result.expect_err(words);
    assert_eq!(refusal.status, status, "{refusal:?}");
    assert!(refusal.message.contains(words), "{refusal:?}");
}

#[test]
fn anthropic_takes_what_it_takes() {
    for fine in [
        anthropic(|_| {}),
        anthropic(|body| body["temperature"] = json!(0.5)),
        anthropic(|body| {
            body["model"] = json!("claude-haiku-4-5");
            body["messages"] = json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": "b" }]);
        }),
        anthropic(|body| {
            body["model"] = json!("claude-opus-4-8");
            body["messages"] =
                json!([{ "role": "user", "content": "a" }, { "role": "system", "content": "b" }]);
        }),
    ] {
        assert!(matches!(fine, Ok(Intake::Ask(_))), "{fine:?}");
    }
}

#[test]
fn anthropic_refuses_what_it_refuses() {
    let messages = |list: Value| anthropic(move |body| body["messages"] = list.clone());
    let without = |field: &'static str| {
        anthropic(move |body| {
            body.as_object_mut().unwrap().remove(field);
        })
    };
    refused(without("max_tokens"), 400, "max_tokens: Field required");
    refused(without("model"), 400, "model: Field required");
    refused(anthropic(|body| body["model"] = json!("gpt-5.6")), 404, "model: gpt-5.6");
    refused(anthropic(|body| body["frequency_penalty"] = json!(1)), 400, "Extra inputs");
    refused(
        anthropic(|body| body["thread"] = json!({ "type": "create" })),
        400,
        "thread: Extra inputs",
    );
    refused(messages(json!([])), 400, "at least one message");
    refused(messages(json!([{ "role": "assistant", "content": "a" }])), 400, "first message");
    refused(messages(json!([{ "role": "robot", "content": "a" }])), 400, "role");
    refused(
        messages(json!([{ "role": "user", "content": [{ "type": "text", "text": " " }] }])),
        400,
        "non-empty",
    );
    refused(
        messages(
            json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": "b" }]),
        ),
        400,
        "prefill",
    );
    refused(
        messages(json!([{ "role": "user", "content": "a" }, { "role": "system", "content": "b" }])),
        400,
        "'system'",
    );
    let orphan = json!([{ "type": "tool_result", "tool_use_id": "t", "content": "x" }]);
    refused(
        messages(json!([{ "role": "user", "content": orphan }])),
        400,
        "unexpected `tool_use_id`",
    );
    let call = json!([{ "type": "tool_use", "id": "t", "name": "f", "input": {} }]);
    let unanswered = json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": call }, { "role": "user", "content": "b" }]);
    refused(messages(unanswered), 400, "without `tool_result`");
    refused(
        anthropic(|body| {
            body["model"] = json!("claude-sonnet-5");
            body["temperature"] = json!(1);
        }),
        400,
        "temperature",
    );
    refused(
        anthropic(|body| {
            body["model"] = json!("claude-opus-4-8");
            body["thinking"] = json!({ "type": "enabled", "budget_tokens": 2000 });
        }),
        400,
        "thinking",
    );
}

#[test]
fn anthropic_wants_its_version_and_one_key() {
    let body = json!({ "model": "claude-opus-4-6", "max_tokens": 1, "temperature": 1, "messages": [{ "role": "user", "content": "a" }] });
    let path = "/v1/messages";
    let new = [("authorization", "Bearer k"), ("anthropic-version", "2026-10-21")];
    refused(read("anthropic", path, &new, &body), 400, "temperature: Extra inputs");
    refused(read("anthropic", path, &new[..1], &body), 400, "anthropic-version");
    refused(read("anthropic", path, &new[1..], &body), 401, "required");
    let wrong = [("x-api-key", "other"), new[1]];
    refused(read("anthropic", path, &wrong, &body), 401, "invalid x-api-key");
    refused(read("anthropic", path, &[wrong[0], new[0], new[1]], &body), 401, "conflicting");
}

#[test]
fn openai_refuses_what_it_refuses() {
    assert!(matches!(openai(|_| {}), Ok(Intake::Ask(_))));
    let old = |body: &mut Value| body["model"] = json!("gpt-4o");
    assert!(
        openai(|body| {
            old(body);
            body["max_tokens"] = json!(5);
            body["temperature"] = json!(0);
            body["tools"] = tool();
        })
        .is_ok()
    );
    assert!(
        openai(|body| {
            body["tools"] = tool();
            body["reasoning_effort"] = json!("none");
        })
        .is_ok()
    );
    refused(openai(|body| body["max_tokens"] = json!(5)), 400, "max_completion_tokens");
    refused(openai(|body| body["temperature"] = json!(0)), 400, "temperature");
    refused(openai(|body| body["tools"] = tool()), 400, "Function tools with reasoning_effort");
    refused(
        openai(|body| {
            body["model"] = json!("gpt-6.1-sol");
            body["reasoning_effort"] = json!("none");
        }),
        400,
        "does not support 'none'",
    );
    refused(openai(|body| body["model"] = json!("gpt-1")), 404, "does not exist");
    refused(openai(|body| body["top_k"] = json!(5)), 400, "Unrecognized request argument");
    refused(
        openai(|body| {
            body["messages"] = json!([{ "role": "tool", "tool_call_id": "c", "content": "x" }]);
        }),
        400,
        "role 'tool'",
    );
    let call = json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    refused(
        openai(|body| body["messages"] = json!([call, { "role": "user", "content": "x" }])),
        400,
        "must be followed by tool messages",
    );
    let body = json!({ "model": "gpt-5.6", "messages": [] });
    refused(
        read("openai", "/v1/chat/completions", &[("authorization", "Bearer other")], &body),
        401,
        "Incorrect API key",
    );
    refused(
        read("openai", "/v1/completions", &[("authorization", "Bearer k")], &body),
        404,
        "Invalid URL",
    );
}

#[test]
fn a_resume_request_is_understood() {
    let broken = json!([
        { "role": "user", "content": "hello" },
        { "role": "assistant", "content": "half of" },
        { "role": "user", "content": "Your previous reply was interrupted after the text above. Continue from exactly that point." },
    ]);
    let resumed = anthropic(|body| body["messages"] = broken.clone()).unwrap();
    let fresh = anthropic(|_| {}).unwrap();
    let (Intake::Ask(resumed), Intake::Ask(fresh)) = (resumed, fresh) else {
        panic!("both are asks")
    };
    let wish = resumed.continuation.unwrap();
    assert_eq!((wish.partial.as_str(), wish.prefill), ("half of", false));
    assert_eq!(resumed.prompt, fresh.prompt);
}

#[test]
fn responses_refuses_what_it_refuses() {
    let responses = |change: fn(&mut Value)| {
        let mut body = json!({ "model": "gpt-5.6", "input": [{ "role": "user", "content": "x" }] });
        change(&mut body);
        read("openai", "/v1/responses", &[("authorization", "Bearer k")], &body)
    };
    assert!(matches!(responses(|_| {}), Ok(Intake::Ask(_))));
    // Tools are welcome beside reasoning here.
    let tool = |body: &mut Value| {
        body["tools"] = json!([{ "type": "function", "name": "f", "parameters": {} }]);
        body["reasoning"] = json!({ "effort": "high" });
    };
    assert!(responses(tool).is_ok());
    refused(responses(|body| body["messages"] = json!([])), 400, "Unrecognized");
    refused(responses(|body| body["stop"] = json!("x")), 400, "Unrecognized");
    refused(responses(|body| body["temperature"] = json!(0)), 400, "temperature");
    refused(responses(|body| body["max_output_tokens"] = json!(5)), 400, "max_output_tokens");
    refused(responses(|body| body["previous_response_id"] = json!("resp_1")), 400, "not found");
    refused(
        responses(|body| {
            body["input"] =
                json!([{ "type": "function_call_output", "call_id": "c", "output": "x" }]);
        }),
        400,
        "No tool call found",
    );
    refused(
        responses(|body| {
            body["input"] = json!([{ "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" }]);
        }),
        400,
        "No tool output found",
    );
}

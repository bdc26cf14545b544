use backstop_exchange::{Abilities, Block, ReasoningForm, Role, Tool, ToolKind, ToolResult, Turn};
use serde_json::json;

use super::*;

fn original() -> Abilities {
    Abilities {
        completion_tokens_field: true,
        reasoning: ReasoningForm::Effort,
        tools_with_reasoning: false,
        ..Abilities::default()
    }
}

fn chat() -> Request {
    Request {
        dialect: Some(Dialect::OpenaiChat),
        turns: vec![Turn::text(Role::User, "hello")],
        ..Request::default()
    }
}

fn write(request: &Request, abilities: &Abilities) -> (Value, Vec<String>) {
    let target = TargetForm { model: "m", abilities, stream: false };
    let written = write_request(request, &target).unwrap();
    let losses = written.losses.iter().map(ToString::to_string).collect();
    (serde_json::from_slice(&written.body).unwrap(), losses)
}

#[test]
fn nothing_is_stored_at_the_provider_unless_the_client_asked_for_it_here() {
    let (body, _) = write(&chat(), &original());
    assert_eq!(body["store"], false);
    let mut request = chat();
    request.dialect = Some(Dialect::OpenaiResponses);
    let (body, _) = write(&request, &original());
    assert!(body.get("store").is_none());
}

#[test]
fn a_tool_is_strict_here_unless_it_says_otherwise() {
    let mut request = chat();
    request.tools = vec![Tool { name: "f".to_owned(), ..Tool::default() }];
    assert_eq!(write(&request, &original()).0["tools"][0]["strict"], false);
    request.dialect = Some(Dialect::OpenaiResponses);
    assert!(write(&request, &original()).0["tools"][0].get("strict").is_none());
}

#[test]
fn tools_and_reasoning_go_together_here_even_where_they_do_not_in_chat_completions() {
    let mut request = chat();
    request.tools = vec![Tool { name: "f".to_owned(), ..Tool::default() }];
    request.reasoning.effort = Some(backstop_exchange::Effort::High);
    let (body, losses) = write(&request, &original());
    assert_eq!(body["reasoning"]["effort"], "high");
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn every_call_is_answered_and_every_result_answers_one() {
    let call = |id: &str| {
        Block::ToolCall(backstop_exchange::ToolCall {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: String::new(),
            kind: ToolKind::Function,
            cache_hint: None,
        })
    };
    let result = |id: &str| {
        Block::ToolResult(ToolResult {
            call_id: id.to_owned(),
            blocks: vec![Block::Text(backstop_exchange::Text::plain("no"))],
            is_error: true,
            cache_hint: None,
        })
    };
    let turn = |role, blocks| Turn { role, blocks, name: None };
    let mut request = chat();
    request.turns.push(turn(Role::Assistant, vec![call("a"), call("b")]));
    request.turns.push(turn(Role::User, vec![result("b"), result("z")]));
    let (body, losses) = write(&request, &original());
    let items: Vec<(&str, &str)> = body["input"].as_array().unwrap()[3..]
        .iter()
        .map(|item| (item["call_id"].as_str().unwrap(), item["output"].as_str().unwrap()))
        .collect();
    let missing = "Error: no result of this call is available.";
    assert_eq!(items, [("b", "Error: no"), ("a", missing)]);
    assert_eq!(losses.len(), 2, "{losses:?}");
}

#[test]
fn a_tool_with_free_text_is_a_function_at_servers_that_have_only_those() {
    let mut request = chat();
    let kind = ToolKind::Custom;
    request.tools = vec![Tool { name: "patch".to_owned(), kind, ..Tool::default() }];
    assert_eq!(write(&request, &original()).0["tools"][0]["type"], "custom");
    let (body, _) = write(&request, &Abilities::default());
    assert_eq!(body["tools"][0]["type"], "function");
    assert_eq!(body["tools"][0]["parameters"]["required"], json!(["input"]));
}

#[test]
fn what_this_dialect_has_no_place_for_is_listed_or_refused() {
    let mut request = chat();
    request.stop = vec!["x".to_owned()];
    request.sampling.seed = Some(1);
    let (_, losses) = write(&request, &original());
    assert_eq!(losses, ["seed=not in openai_responses", "stop=the gateway looks for them"]);
    request.sampling.answers = Some(2);
    let target = TargetForm { model: "m", abilities: &original(), stream: false };
    let refused = write_request(&request, &target).unwrap_err();
    assert_eq!(refused.class, Class::UnsupportedFeature);
}

#[test]
fn a_phase_stays_with_what_the_model_said_and_is_listed_where_it_says_nothing() {
    let said = |role: &str| json!({ "role": role, "content": "a", "phase": "commentary" });
    let body = json!({ "model": "m", "input": [said("user"), said("assistant"), said("user")] });
    let request = crate::read_request(Dialect::OpenaiResponses, body.to_string().as_bytes());
    let (body, losses) = write(&request.unwrap(), &original());
    assert_eq!(body["input"][0], json!({ "role": "user", "content": "a" }));
    assert_eq!(body["input"][1]["phase"], "commentary");
    assert_eq!(losses, ["input.phase=not kept where a request is written anew"]);
}

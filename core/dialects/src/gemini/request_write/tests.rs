use backstop_exchange::{
    Abilities, Artefact, Block, Format, JsonSchema, Role, Text, Tool, ToolCall, ToolChoice,
    ToolKind, ToolResult, Turn,
};
use serde_json::json;

use super::super::signature::{self, PLACEHOLDER};
use super::*;

fn newer() -> Abilities {
    Abilities { reasoning: ReasoningForm::Effort, ..Abilities::default() }
}

fn older() -> Abilities {
    Abilities { reasoning: ReasoningForm::Budget, ..Abilities::default() }
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

fn call(id: &str, name: &str) -> Block {
    Block::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: "{\"x\":1}".to_owned(),
        kind: ToolKind::Function,
        cache_hint: None,
    })
}

fn result(id: &str, text: &str) -> Block {
    Block::ToolResult(ToolResult {
        call_id: id.to_owned(),
        blocks: vec![Block::Text(Text::plain(text))],
        is_error: false,
        cache_hint: None,
    })
}

fn turn(role: Role, blocks: Vec<Block>) -> Turn {
    Turn { role, blocks, name: None }
}

#[test]
fn results_stand_in_the_order_of_their_calls_and_every_call_has_one() {
    let mut request = chat();
    request.turns.push(turn(Role::Assistant, vec![call("a", "f"), call("b", "g"), call("c", "h")]));
    request.turns.push(turn(Role::User, vec![result("c", "{\"y\":2}"), result("z", "orphan")]));
    request
        .turns
        .push(turn(Role::User, vec![result("a", "one"), Block::Text(Text::plain("go on"))]));
    let (body, losses) = write(&request, &older());
    let parts = body["contents"][2]["parts"].as_array().unwrap();
    let answered: Vec<(&Value, &Value)> = parts[..3]
        .iter()
        .map(|part| &part["functionResponse"])
        .map(|result| (&result["name"], &result["response"]))
        .collect();
    assert_eq!(answered[0], (&json!("f"), &json!({ "output": "one" })));
    assert_eq!(answered[1].1["error"], "no result of this call is available");
    assert_eq!(answered[2], (&json!("h"), &json!({ "y": 2 })));
    assert_eq!(parts[3], json!({ "text": "go on" }));
    assert_eq!(body["contents"].as_array().unwrap().len(), 3);
    assert_eq!(losses.len(), 2, "{losses:?}");
}

#[test]
fn calls_of_the_present_turn_that_were_made_elsewhere_get_a_stand_in_for_a_signature() {
    let own = Artefact {
        dialect: Dialect::Gemini,
        kind: signature::CALL.to_owned(),
        data: "c2ln".to_owned(),
    };
    let signed = Block::Reasoning { text: String::new(), artefact: Some(own) };
    let mut request = chat();
    request.turns.push(turn(Role::Assistant, vec![call("a", "f")]));
    request.turns.push(turn(Role::User, vec![result("a", "1")]));
    request.turns.push(turn(Role::User, vec![Block::Text(Text::plain("and now"))]));
    request.turns.push(turn(Role::Assistant, vec![call("b", "f"), call("c", "f")]));
    request.turns.push(turn(Role::User, vec![result("b", "1"), result("c", "1")]));
    request.turns.push(turn(Role::Assistant, vec![signed, call("d", "f")]));
    request.turns.push(turn(Role::User, vec![result("d", "1")]));
    let signatures = |abilities: &Abilities| -> Vec<Value> {
        let (body, _) = write(&request, abilities);
        let contents = body["contents"].as_array().unwrap().iter();
        let parts = contents.flat_map(|content| content["parts"].as_array().unwrap().clone());
        let calls = parts.filter(|part| part.get("functionCall").is_some());
        calls.map(|part| part.get("thoughtSignature").cloned().unwrap_or_default()).collect()
    };
    let expected = [Value::Null, json!(PLACEHOLDER), Value::Null, json!("c2ln")];
    assert_eq!(signatures(&newer()), expected);
    let expected = [Value::Null, Value::Null, Value::Null, json!("c2ln")];
    assert_eq!(signatures(&older()), expected);
}

#[test]
fn an_instruction_in_the_middle_stays_where_it_is() {
    let mut request = chat();
    request.system = vec![Text::plain("be brief")];
    request.turns.push(Turn::text(Role::Assistant, "hi"));
    request.turns.push(Turn::text(Role::System, "now in French"));
    let (body, losses) = write(&request, &newer());
    assert_eq!(body["systemInstruction"], json!({ "parts": [{ "text": "be brief" }] }));
    let marked = "<system-reminder>\nnow in French\n</system-reminder>";
    assert_eq!(body["contents"][2], json!({ "role": "user", "parts": [{ "text": marked }] }));
    assert_eq!(losses, ["messages.system=became a marked user text"]);
}

#[test]
fn thinking_is_a_level_or_a_budget_by_the_generation_of_the_model() {
    let mut request = chat();
    request.reasoning.effort = Some(backstop_exchange::Effort::Max);
    let of = |request: &Request, abilities: &Abilities| {
        write(request, abilities).0["generationConfig"]["thinkingConfig"].clone()
    };
    assert_eq!(of(&request, &newer()), json!({ "thinkingLevel": "HIGH" }));
    assert_eq!(of(&request, &older()), json!({ "thinkingBudget": 24576 }));
    request.reasoning.effort = None;
    request.reasoning.budget_tokens = Some(4_000);
    assert_eq!(of(&request, &newer()), json!({ "thinkingLevel": "MEDIUM" }));
    assert_eq!(of(&request, &older()), json!({ "thinkingBudget": 4000 }));
    request.reasoning.budget_tokens = None;
    request.reasoning.enabled = Some(false);
    assert_eq!(of(&request, &newer()), json!({ "thinkingLevel": "MINIMAL" }));
    assert_eq!(of(&request, &older()), json!({ "thinkingBudget": 128 }));
    let free = Abilities { reasoning_optional: true, ..older() };
    assert_eq!(of(&request, &free), json!({ "thinkingBudget": 0 }));
}

#[test]
fn choices_are_modes_and_names_are_kept_where_they_fit() {
    let mut request = chat();
    let tool = |name: &str| Tool { name: name.to_owned(), ..Tool::default() };
    request.tools = vec![tool("ns.read:x"), tool("9 lives")];
    let mut mode = |choice: ToolChoice| {
        request.tool_choice = choice;
        write(&request, &newer()).0["toolConfig"]["functionCallingConfig"].clone()
    };
    assert_eq!(mode(ToolChoice::Unsaid), Value::Null);
    assert_eq!(mode(ToolChoice::Any), json!({ "mode": "ANY" }));
    let named = mode(ToolChoice::Named("9 lives".to_owned()));
    let name = named["allowedFunctionNames"][0].as_str().unwrap();
    assert!(name.starts_with("__lives_"), "{name}");
    let names = vec!["ns.read:x".to_owned()];
    let among = mode(ToolChoice::Among { names, required: false });
    assert_eq!(among, json!({ "mode": "VALIDATED", "allowedFunctionNames": ["ns.read:x"] }));
}

#[test]
fn what_this_dialect_cannot_carry_is_refused_or_listed() {
    let refused = |request: &Request, abilities: &Abilities| {
        let target = TargetForm { model: "m", abilities, stream: false };
        write_request(request, &target).unwrap_err().class
    };
    let mut request = chat();
    request.sampling.answers = Some(2);
    assert_eq!(refused(&request, &newer()), Class::UnsupportedFeature);
    let mut request = chat();
    request.tools = vec![Tool { name: "f".to_owned(), ..Tool::default() }];
    let schema = json!({ "type": "object" });
    request.format =
        Format::Schema(JsonSchema { name: None, description: None, schema, strict: None });
    assert_eq!(refused(&request, &older()), Class::UnsupportedFeature);
    let (body, _) = write(&request, &newer());
    assert_eq!(body["generationConfig"]["responseMimeType"], "application/json");
    let mut request = chat();
    request.stop = (0..7).map(|n| n.to_string()).collect();
    request.sampling.temperature = Some(3.0);
    let (body, losses) = write(&request, &newer());
    assert_eq!(body["generationConfig"]["stopSequences"].as_array().unwrap().len(), 5);
    assert_eq!(losses, ["temperature=clamped to 2", "stop=the gateway looks for them"]);
}

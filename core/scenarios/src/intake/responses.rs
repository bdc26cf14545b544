use serde_json::{Map, Value, json};

use backstop_vocabulary::Dialect;

use crate::{Delivery, ProviderSettings, Refusal, ToolAsk};

use super::openai::{MISUSE, tools_chosen, unknown_field};
use super::{
    Intake, Passed, RequestHead, Said, Speaker, is_plain_name, models, object, string, text_of,
};

/// Top-level fields the API knows.
const FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "reasoning",
    "text",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "truncation",
    "store",
    "previous_response_id",
    "conversation",
    "background",
    "include",
    "stream",
    "stream_options",
    "context_management",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "metadata",
    "safety_identifier",
    "user",
    "service_tier",
    "moderation",
    "client_metadata",
];

/// What stands between two turns of the model.
enum Item<'a> {
    Call(&'a str),
    Output(&'a str),
    Said(Said),
    /// A thought, or what a tool of the provider did.
    Silent,
}

pub(super) fn read(
    (provider, credential): (&ProviderSettings, String),
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<Intake, Refusal> {
    let strict = (provider.vendor == "openai").then_some(());
    let body = object(body)?;
    let model = string(&body, "model")
        .map(str::to_owned)
        .ok_or_else(|| Refusal::new(400, MISUSE, "Missing required parameter: 'model'."))?;
    if !super::knows(provider, &model) {
        let message = format!("The requested model '{model}' does not exist.");
        return Err(Refusal::new(400, MISUSE, message).with_code("model_not_found").at("model"));
    }
    if strict.is_some() {
        if let Some(field) = body.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            return Err(unknown_field(field));
        }
        check_model(&body, &model)?;
    }
    if let Some(id) = string(&body, "previous_response_id") {
        let message = format!("Previous response with id '{id}' not found.");
        return Err(Refusal::new(400, MISUSE, message)
            .with_code("previous_response_not_found")
            .at("previous_response_id"));
    }
    let turns = turns(&body, strict)?;
    let tools = tools(&body)?;
    let streams = body.get("stream") == Some(&Value::Bool(true));
    let delivery = if streams { Delivery::Stream } else { Delivery::Unary };
    let schema = schema(&body)?;
    let dialect = Dialect::OpenaiResponses;
    let passed = Passed { provider, dialect, model, credential, delivery, tools, schema };
    Ok(passed.ask(&turns, None, head))
}

/// What reasoning models refuse. Tools are welcome here while they reason.
fn check_model(body: &Map<String, Value>, model: &str) -> Result<(), Refusal> {
    if body.get("max_output_tokens").and_then(Value::as_u64).is_some_and(|most| most < 16) {
        let message = "Invalid 'max_output_tokens': integer below minimum value. Expected a value \
                       >= 16, but got less.";
        return Err(Refusal::invalid(message)
            .with_code("integer_below_min_value")
            .at("max_output_tokens"));
    }
    let effort = body.get("reasoning").and_then(|it| it.get("effort")).and_then(Value::as_str);
    if !models::reasons(model) {
        let message = "Unsupported parameter: 'reasoning.effort' is not supported with this model.";
        return effort.map_or(Ok(()), |_| {
            Err(Refusal::invalid(message).with_code("unsupported_parameter").at("reasoning.effort"))
        });
    }
    let sampled = ["temperature", "top_p"]
        .into_iter()
        .find(|field| body.get(*field).is_some_and(|value| !value.is_null() && value != &json!(1)));
    match sampled.filter(|_| effort != Some("none")) {
        Some(field) => {
            let message =
                format!("Unsupported parameter: '{field}' is not supported with this model.");
            Err(Refusal::invalid(message).with_code("unsupported_parameter").at(field))
        }
        None => Ok(()),
    }
}

fn turns(body: &Map<String, Value>, strict: Option<()>) -> Result<Vec<Said>, Refusal> {
    let items = match body.get("input") {
        Some(Value::String(text)) => {
            return Ok(vec![Said { role: Speaker::User, text: text.clone(), results: false }]);
        }
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => {
            return Err(Refusal::invalid("Missing required parameter: 'input'.")
                .with_code("missing_required_parameter")
                .at("input"));
        }
    };
    let (mut said, mut open): (Vec<Said>, Vec<&str>) = (Vec::new(), Vec::new());
    for (nth, item) in items.iter().enumerate() {
        match item_of(nth, item)? {
            Item::Call(id) => {
                open.push(id);
                said.push(Said { role: Speaker::Model, text: String::new(), results: false });
            }
            Item::Output(id) => {
                let at = open.iter().position(|known| *known == id);
                if at.is_none() && strict.is_some() {
                    let message =
                        format!("No tool call found for function call output with call_id {id}.");
                    return Err(Refusal::invalid(message).at("input"));
                }
                at.map(|at| open.remove(at));
                said.push(Said { role: Speaker::User, text: String::new(), results: true });
            }
            Item::Said(turn) => said.push(turn),
            Item::Silent => {}
        }
    }
    match open.first().filter(|_| strict.is_some()) {
        Some(id) => {
            let message = format!("No tool output found for function call {id}.");
            Err(Refusal::invalid(message).at("input"))
        }
        None => Ok(said),
    }
}

fn item_of(nth: usize, item: &Value) -> Result<Item<'_>, Refusal> {
    let text = |field: &str| item.get(field).and_then(Value::as_str).unwrap_or_default();
    match item.get("type").and_then(Value::as_str).unwrap_or("message") {
        "function_call" | "custom_tool_call" => Ok(Item::Call(text("call_id"))),
        "function_call_output" | "custom_tool_call_output" => Ok(Item::Output(text("call_id"))),
        "message" => match text("role") {
            "user" => Ok(said(Speaker::User, item)),
            "assistant" => Ok(said(Speaker::Model, item)),
            "system" | "developer" => Ok(Item::Silent),
            other => {
                let message = format!(
                    "Invalid value: '{other}'. Supported values are: 'assistant', 'system', \
                     'developer', and 'user'."
                );
                let place = format!("input[{nth}].role");
                Err(Refusal::invalid(message).with_code("invalid_value").at(place))
            }
        },
        _ => Ok(Item::Silent),
    }
}

fn said(role: Speaker, item: &Value) -> Item<'static> {
    Item::Said(Said { role, text: text_of(item.get("content")), results: false })
}

fn tools(body: &Map<String, Value>) -> Result<Vec<ToolAsk>, Refusal> {
    let mut tools = Vec::new();
    for (nth, tool) in body.get("tools").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        if tool.get("type").and_then(Value::as_str) != Some("function") {
            continue;
        }
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_plain_name(name, 64) {
            let place = format!("tools[{nth}].name");
            let message = format!("Invalid '{place}': string does not match pattern.");
            return Err(Refusal::invalid(message).with_code("invalid_value").at(place));
        }
        let schema = tool.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" }));
        tools.push(ToolAsk { name: name.to_owned(), schema });
    }
    tools_chosen(body, tools, "/name")
}

fn schema(body: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.get("text").and_then(|text| text.get("format")) else {
        return Ok(None);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("json_schema") => {
            let name = format.get("name").and_then(Value::as_str);
            if !name.is_some_and(|name| is_plain_name(name, 64)) {
                return Err(Refusal::invalid("Missing required parameter: 'text.format.name'.")
                    .with_code("missing_required_parameter")
                    .at("text.format.name"));
            }
            Ok(format.get("schema").cloned())
        }
        Some("json_object") => {
            Ok(Some(json!({ "type": "object", "properties": { "answer": { "type": "string" } } })))
        }
        Some("text") => Ok(None),
        _ => Err(Refusal::invalid("Invalid value: 'text.format.type'.").at("text.format.type")),
    }
}

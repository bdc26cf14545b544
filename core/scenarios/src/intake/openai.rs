use backstop_vocabulary::Dialect;
use serde_json::{Map, Value, json};

use crate::{Delivery, ProviderSettings, Refusal, ToolAsk};

use super::{
    Intake, Passed, RequestHead, Said, Speaker, is_plain_name, models, object, responses, string,
    text_of,
};

mod turns;

/// Top-level fields the API knows.
const FIELDS: &[&str] = &[
    "model",
    "messages",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "logit_bias",
    "n",
    "logprobs",
    "top_logprobs",
    "stop",
    "reasoning_effort",
    "verbosity",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "stream",
    "stream_options",
    "modalities",
    "audio",
    "prediction",
    "web_search_options",
    "moderation",
    "store",
    "metadata",
    "service_tier",
    "safety_identifier",
    "user",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "functions",
    "function_call",
];

pub(super) const MISUSE: &str = "invalid_request_error";

pub(super) fn read(
    provider: &ProviderSettings,
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<Intake, Refusal> {
    let strict = (provider.vendor == "openai").then_some(());
    let credential = authenticate(provider, head, strict)?;
    match (head.method, head.path) {
        ("POST", "/v1/chat/completions") if serves(provider, Dialect::OpenaiChat) => {}
        ("POST", "/v1/responses") if serves(provider, Dialect::OpenaiResponses) => {
            return responses::read((provider, credential), head, body);
        }
        ("GET", "/v1/models") => return Ok(Intake::Json(super::list_models(provider))),
        (method, path) => {
            let message = format!("Invalid URL ({method} {path})");
            return Err(Refusal::new(404, MISUSE, message));
        }
    }
    let body = object(body)?;
    let model = string(&body, "model")
        .map(str::to_owned)
        .ok_or_else(|| Refusal::new(400, MISUSE, "you must provide a model parameter"))?;
    if !super::knows(provider, &model) {
        let message =
            format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(Refusal::new(404, MISUSE, message).with_code("model_not_found"));
    }
    if strict.is_some() {
        check_fields(&body)?;
        check_model(&body, &model)?;
    }
    let turns = turns::read(&body, strict)?;
    let tools = tools(&body)?;
    let usage = body.get("stream_options").and_then(|options| options.get("include_usage"));
    let delivery = match (body.get("stream"), usage) {
        (Some(Value::Bool(true)), Some(Value::Bool(true))) => Delivery::StreamWithUsage,
        (Some(Value::Bool(true)), _) => Delivery::Stream,
        _ => Delivery::Unary,
    };
    let schema = schema(&body)?;
    let dialect = Dialect::OpenaiChat;
    let passed = Passed { provider, dialect, model, credential, delivery, tools, schema };
    // OpenAI's own models never continue a last assistant turn; most others do.
    let prefill = if strict.is_some() { None } else { Some(()) };
    Ok(passed.ask(&turns, prefill, head))
}

fn authenticate(
    provider: &ProviderSettings,
    head: &RequestHead<'_>,
    strict: Option<()>,
) -> Result<String, Refusal> {
    let refused = |message: String| Refusal::new(401, MISUSE, message).with_code("invalid_api_key");
    let Some(key) = head.bearer() else {
        if strict.is_none() && provider.keys.is_empty() {
            return Ok(String::new());
        }
        return Err(refused("You didn't provide an API key.".to_owned()));
    };
    if !provider.may_take(key) {
        return Err(refused("Incorrect API key provided.".to_owned()));
    }
    Ok(key.to_owned())
}

fn check_fields(body: &Map<String, Value>) -> Result<(), Refusal> {
    let unknown = body.keys().find(|field| !FIELDS.contains(&field.as_str()));
    unknown.map_or(Ok(()), |field| Err(unknown_field(field)))
}

pub(super) fn unknown_field(field: &str) -> Refusal {
    Refusal::invalid(format!("Unrecognized request argument supplied: {field}"))
}

/// Whether the provider speaks the dialect: `OpenAI` itself speaks both of its own.
fn serves(provider: &ProviderSettings, dialect: Dialect) -> bool {
    provider.dialect == dialect || provider.vendor == "openai"
}

/// What reasoning models refuse.
fn check_model(body: &Map<String, Value>, model: &str) -> Result<(), Refusal> {
    if body.contains_key("max_tokens") && body.contains_key("max_completion_tokens") {
        return Err(Refusal::invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        ));
    }
    if !models::reasons(model) {
        return Ok(());
    }
    let effort = string(body, "reasoning_effort");
    if body.contains_key("max_tokens") {
        return Err(unsupported("max_tokens", "Use 'max_completion_tokens' instead."));
    }
    if body.contains_key("stop") {
        return Err(unsupported("stop", ""));
    }
    if effort == Some("none") && models::refuses_effort_none(model) {
        let message = format!(
            "Unsupported value: 'reasoning_effort' does not support 'none' with the model {model}."
        );
        return Err(Refusal::invalid(message)
            .with_code("unsupported_value")
            .at("reasoning_effort"));
    }
    let sampled = ["temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs"];
    let sampled = sampled.into_iter().find(|field| {
        body.get(*field).is_some_and(|value| value != &json!(1) && value != &json!(false))
    });
    if let Some(field) = sampled.filter(|_| effort != Some("none")) {
        return Err(unsupported(field, ""));
    }
    let tools = body.get("tools").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if tools && effort != Some("none") && models::refuses_tools_with_reasoning(model) {
        let message = format!(
            "Function tools with reasoning_effort are not supported for {model} in \
             /v1/chat/completions. To use function tools, use /v1/responses or set \
             reasoning_effort to 'none'."
        );
        return Err(Refusal::invalid(message).at("reasoning_effort"));
    }
    Ok(())
}

fn unsupported(field: &'static str, cure: &str) -> Refusal {
    let message =
        format!("Unsupported parameter: '{field}' is not supported with this model. {cure}");
    Refusal::invalid(message.trim_end()).with_code("unsupported_parameter").at(field)
}

fn tools(body: &Map<String, Value>) -> Result<Vec<ToolAsk>, Refusal> {
    let mut tools = Vec::new();
    for (nth, tool) in body.get("tools").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let Some(function) = tool.get("function") else { continue };
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_plain_name(name, 64) {
            return Err(Refusal::invalid(format!(
                "Invalid 'tools[{nth}].function.name': string does not match pattern. Expected a \
                 string that matches the pattern '^[a-zA-Z0-9_-]+$' of at most 64 characters."
            ))
            .with_code("invalid_value")
            .at(format!("tools[{nth}].function.name")));
        }
        let schema =
            function.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" }));
        tools.push(ToolAsk { name: name.to_owned(), schema });
    }
    tools_chosen(body, tools, "/function/name")
}

/// The tools that the choice leaves; `name` is where a choice names one.
pub(super) fn tools_chosen(
    body: &Map<String, Value>,
    mut tools: Vec<ToolAsk>,
    name: &str,
) -> Result<Vec<ToolAsk>, Refusal> {
    match body.get("tool_choice") {
        Some(Value::String(choice)) if choice == "none" => tools.clear(),
        Some(choice @ Value::Object(_)) => {
            let name = choice.pointer(name).and_then(Value::as_str);
            if let Some(name) = name {
                tools.retain(|tool| tool.name == name);
            }
        }
        Some(_) if tools.is_empty() && !body.contains_key("tools") => {
            let message = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when \
                           'tools' are specified.";
            return Err(Refusal::invalid(message).at("tool_choice"));
        }
        _ => {}
    }
    if body.get("parallel_tool_calls") == Some(&Value::Bool(false)) {
        tools.truncate(1);
    }
    Ok(tools)
}

fn schema(body: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.get("response_format") else { return Ok(None) };
    match format.get("type").and_then(Value::as_str) {
        Some("json_schema") => {
            let name = format.pointer("/json_schema/name").and_then(Value::as_str);
            if !name.is_some_and(|name| is_plain_name(name, 64)) {
                return Err(Refusal::invalid(
                    "Missing required parameter: 'response_format.json_schema.name'.",
                )
                .with_code("missing_required_parameter")
                .at("response_format.json_schema.name"));
            }
            Ok(format.pointer("/json_schema/schema").cloned())
        }
        Some("json_object") => {
            Ok(Some(json!({ "type": "object", "properties": { "answer": { "type": "string" } } })))
        }
        Some("text") => Ok(None),
        _ => {
            Err(Refusal::invalid("Invalid value: 'response_format.type'.")
                .at("response_format.type"))
        }
    }
}

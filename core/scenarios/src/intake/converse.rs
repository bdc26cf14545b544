use serde_json::{Map, Value, json};

use crate::{Delivery, ProviderSettings, Refusal, ToolAsk};

use super::{
    Intake, Passed, RequestHead, Said, Speaker, is_plain_name, models, object, string, text_of,
};

/// Top-level fields the API knows.
const FIELDS: &[&str] = &[
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "promptVariables",
    "additionalModelResponseFieldPaths",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
];

/// A refusal of the request itself.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}

pub(super) fn read(
    provider: &ProviderSettings,
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<Intake, Refusal> {
    let credential = authenticate(provider, head)?;
    if (head.method, head.path) == ("GET", "/v1/models") {
        return Ok(Intake::Json(super::list_models(provider)));
    }
    let (model, delivery) = place(head)
        .ok_or_else(|| Refusal::new(404, "UnknownOperationException", "Unknown operation"))?;
    if !super::knows(provider, &model) {
        let message = "The provided model identifier is invalid.";
        return Err(Refusal::new(404, "ResourceNotFoundException", message));
    }
    let body = object(body).map_err(|refusal| invalid(refusal.message))?;
    if let Some(field) = body.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(invalid(format!("extraneous key [{field}] is not permitted")));
    }
    let turns = turns(&body, &model)?;
    let tools = tools(&body)?;
    let form = body.get("outputConfig");
    let schema = match form.and_then(|form| form.pointer("/textFormat/structure/jsonSchema/schema"))
    {
        Some(Value::String(text)) => Some(
            serde_json::from_str(text).map_err(|_| invalid("outputConfig: schema is no JSON"))?,
        ),
        Some(_) => return Err(invalid("outputConfig: schema must be a string")),
        None => None,
    };
    let dialect = provider.dialect;
    let passed = Passed { provider, dialect, model, credential, delivery, tools, schema };
    Ok(passed.ask(&turns, Some(()), head))
}

/// The model and the delivery, which stand in the path.
fn place(head: &RequestHead<'_>) -> Option<(String, Delivery)> {
    let rest = head.path.strip_prefix("/model/").filter(|_| head.method == "POST")?;
    let (model, method) = rest.rsplit_once('/')?;
    let delivery = match method {
        "converse" => Delivery::Unary,
        "converse-stream" => Delivery::Stream,
        _ => return None,
    };
    Some((model.replace("%3A", ":").replace("%2F", "/"), delivery))
}

fn authenticate(provider: &ProviderSettings, head: &RequestHead<'_>) -> Result<String, Refusal> {
    let refused = |name, message: &str| Refusal::new(403, name, message);
    let Some(key) = head.bearer() else {
        if provider.keys.is_empty() {
            return Ok(String::new());
        }
        return Err(refused("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    if !provider.may_take(key) {
        let message = "Authentication failed: Please make sure your API Key is valid.";
        return Err(refused("AccessDeniedException", message));
    }
    Ok(key.to_owned())
}

fn turns(body: &Map<String, Value>, model: &str) -> Result<Vec<Said>, Refusal> {
    let messages = body.get("messages").and_then(Value::as_array);
    let mut said: Vec<Said> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for message in messages.into_iter().flatten() {
        let blocks = message.get("content").and_then(Value::as_array);
        let blocks = blocks.ok_or_else(|| invalid("The content field is required."))?;
        if blocks.iter().any(|block| block.get("text").is_some_and(|text| text == "")) {
            return Err(invalid("The text field in the ContentBlock object is blank."));
        }
        let role = match message.get("role").and_then(Value::as_str) {
            Some("user") => Speaker::User,
            Some("assistant") => Speaker::Model,
            Some("system") if models::takes_system_turns(model) => continue,
            _ => return Err(invalid("messages: role is not valid")),
        };
        let ids = |kind: &'static str| {
            let inside = blocks.iter().filter_map(move |block| block.get(kind));
            inside.filter_map(|inside| inside.get("toolUseId").and_then(Value::as_str))
        };
        let results: Vec<&str> = ids("toolResult").collect();
        if role == Speaker::User
            && (open.len() != results.len() || !open.iter().all(|id| results.contains(id)))
        {
            return Err(invalid(
                "Expected toolResult blocks at messages for the Ids of the toolUse blocks before.",
            ));
        }
        open = ids("toolUse").collect();
        let has_calls = !open.is_empty() || !results.is_empty();
        if has_calls && !body.contains_key("toolConfig") {
            return Err(invalid(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            ));
        }
        let is_first = said.is_empty() && role == Speaker::Model;
        if is_first || said.last().is_some_and(|last| last.role == role) {
            return Err(invalid("A conversation must alternate between user and assistant roles."));
        }
        let results = !results.is_empty();
        said.push(Said { role, text: text_of(message.get("content")), results });
    }
    if said.is_empty() {
        return Err(invalid("A conversation must start with a user message."));
    }
    let prefilled = said.last().is_some_and(|turn| turn.role == Speaker::Model);
    if prefilled && !models::takes_prefill(model) {
        return Err(invalid("This model does not support assistant message prefill."));
    }
    Ok(said)
}

fn tools(body: &Map<String, Value>) -> Result<Vec<ToolAsk>, Refusal> {
    let Some(config) = body.get("toolConfig") else { return Ok(Vec::new()) };
    let mut tools = Vec::new();
    for tool in config.get("tools").and_then(Value::as_array).into_iter().flatten() {
        let Some(spec) = tool.get("toolSpec").and_then(Value::as_object) else { continue };
        let name = string(spec, "name").unwrap_or_default();
        if !is_plain_name(name, 64) {
            return Err(invalid("toolConfig.tools: name failed to satisfy constraint"));
        }
        let schema = spec.get("inputSchema").and_then(|schema| schema.get("json")).cloned();
        let schema = schema.ok_or_else(|| invalid("toolSpec.inputSchema is required"))?;
        tools.push(ToolAsk { name: name.to_owned(), schema });
    }
    if tools.is_empty() && config.get("tools") == Some(&json!([])) {
        return Err(invalid("toolConfig.tools must have at least one tool"));
    }
    if let Some(name) = config.pointer("/toolChoice/tool/name").and_then(Value::as_str) {
        tools.retain(|tool| tool.name == name);
    }
    Ok(tools)
}

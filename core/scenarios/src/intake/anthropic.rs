use serde_json::{Map, Value, json};

use crate::{Delivery, ProviderSettings, Refusal, ToolAsk};

use super::{
    Intake, Passed, RequestHead, Said, Speaker, is_plain_name, models, object, string, text_of,
};

mod turns;

const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// Top-level fields the API knows; anything else is "extra inputs".
const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "thinking",
    "output_config",
    "tools",
    "tool_choice",
    "metadata",
    "service_tier",
    "speed",
    "cache_control",
    "container",
    "inference_geo",
    "diagnostics",
];

/// Fields that need a beta header, with the beginning of its name.
const BETA_FIELDS: &[(&str, &str)] = &[
    ("thread", "message-threads-"),
    ("context_management", "context-management-"),
    ("compaction", "compact-"),
    ("mcp_servers", "mcp-client-"),
    ("fallbacks", "server-side-fallback-"),
    ("fallback_credit_token", "fallback-credit-"),
    ("billing_policy", ""),
];

pub(super) fn read(
    provider: &ProviderSettings,
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<Intake, Refusal> {
    let credential = authenticate(provider, head)?;
    let version = version(provider, head)?;
    match (head.method, head.path) {
        ("POST", "/v1/messages") => {}
        ("POST", "/v1/messages/count_tokens") => {
            let counted = json!({ "input_tokens": body.len().div_ceil(4) });
            return Ok(Intake::Json(counted.to_string().into_bytes()));
        }
        ("GET", "/v1/models") => return Ok(Intake::Json(super::list_models(provider))),
        _ => return Err(Refusal::new(404, "not_found_error", "Not found")),
    }
    let body = object(body)?;
    check_fields(head, &body)?;
    let model = string(&body, "model").ok_or_else(|| required("model"))?.to_owned();
    if !super::knows(provider, &model) {
        return Err(Refusal::new(404, "not_found_error", format!("model: {model}")));
    }
    check_numbers(&body, &model, version)?;
    check_thread(&body)?;
    let turns = turns::read(&body, &model)?;
    let tools = tools(&body)?;
    let delivery = match body.get("stream") {
        Some(Value::Bool(true)) => Delivery::Stream,
        _ => Delivery::Unary,
    };
    let schema = body
        .get("output_config")
        .and_then(|config| config.get("format"))
        .filter(|format| format.get("type").and_then(Value::as_str) == Some("json_schema"))
        .and_then(|format| format.get("schema"))
        .cloned();
    let passed =
        Passed { provider, dialect: provider.dialect, model, credential, delivery, tools, schema };
    Ok(passed.ask(&turns, Some(()), head))
}

fn authenticate(provider: &ProviderSettings, head: &RequestHead<'_>) -> Result<String, Refusal> {
    let refused = |message: &str| Refusal::new(401, "authentication_error", message);
    let lenient = provider.vendor != "anthropic";
    let key = match (head.header("x-api-key"), head.bearer()) {
        (Some(key), Some(bearer)) if key != bearer => {
            return Err(refused("conflicting credentials in x-api-key and authorization"));
        }
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) if lenient => "",
        (None, None) => return Err(refused("x-api-key header is required")),
    };
    if !provider.may_take(key) {
        return Err(refused("invalid x-api-key"));
    }
    Ok(key.to_owned())
}

fn version<'h>(provider: &ProviderSettings, head: &'h RequestHead<'_>) -> Result<&'h str, Refusal> {
    match head.header("anthropic-version") {
        Some(version) if VERSIONS.contains(&version) => Ok(version),
        Some(version) => Err(Refusal::invalid(format!(
            "anthropic-version: \"{version}\" is not a valid version"
        ))),
        None if provider.vendor != "anthropic" => Ok(VERSIONS[0]),
        None => Err(Refusal::invalid("anthropic-version: header is required")),
    }
}

fn check_fields(head: &RequestHead<'_>, body: &Map<String, Value>) -> Result<(), Refusal> {
    let betas: Vec<&str> = head
        .headers
        .iter()
        .filter(|(name, _)| *name == "anthropic-beta")
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .collect();
    let extra = body.keys().find(|field| {
        let beta = BETA_FIELDS.iter().find(|(known, _)| known == field);
        let allowed = beta.is_some_and(|(_, stem)| betas.iter().any(|beta| beta.starts_with(stem)));
        !FIELDS.contains(&field.as_str()) && !allowed
    });
    extra.map_or(Ok(()), |field| {
        Err(Refusal::invalid(format!("{field}: Extra inputs are not permitted")))
    })
}

fn check_numbers(body: &Map<String, Value>, model: &str, version: &str) -> Result<(), Refusal> {
    let most = match body.get("max_tokens") {
        None => return Err(required("max_tokens")),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| Refusal::invalid("max_tokens: Input should be a valid integer"))?,
    };
    let sampled = ["temperature", "top_p", "top_k"].into_iter().find(|it| body.contains_key(*it));
    if let Some(field) = sampled {
        if version == VERSIONS[1] {
            return Err(Refusal::invalid(format!("{field}: Extra inputs are not permitted")));
        }
        if !models::claude_takes_sampling(model) {
            return Err(Refusal::invalid(format!("`{field}` is not supported on this model.")));
        }
        let both = body.contains_key("temperature") && body.contains_key("top_p");
        if both && models::claude_version(model) >= (4, 1) {
            let message = "`temperature` and `top_p` cannot both be specified for this model. \
                           Please use only one.";
            return Err(Refusal::invalid(message));
        }
        let hot = body.get("temperature").and_then(Value::as_f64).is_some_and(|it| it > 1.0);
        if hot {
            return Err(Refusal::invalid("temperature: range: 0..1"));
        }
    }
    check_thinking(body, model, most)
}

fn check_thinking(body: &Map<String, Value>, model: &str, most: u64) -> Result<(), Refusal> {
    let Some(thinking) = body.get("thinking") else { return Ok(()) };
    let kind = thinking.get("type").and_then(Value::as_str);
    let budget = thinking.get("budget_tokens").and_then(Value::as_u64);
    match kind {
        Some("enabled") if models::claude_version(model) >= (4, 7) => Err(Refusal::invalid(
            "\"thinking.type.enabled\" is not supported for this model. Use \
             \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
        )),
        Some("enabled") if budget.is_none_or(|budget| budget < 1024) => Err(Refusal::invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        )),
        Some("enabled") if budget.is_some_and(|budget| budget >= most) => {
            Err(Refusal::invalid("`max_tokens` must be greater than `thinking.budget_tokens`."))
        }
        Some("adaptive") if models::claude_version(model) < (4, 6) => {
            Err(Refusal::invalid("adaptive thinking is not supported on this model"))
        }
        Some("enabled" | "adaptive" | "disabled" | "between_tools") => Ok(()),
        _ => Err(Refusal::invalid("thinking.type: Input tag is not one of the expected tags")),
    }
}

/// Threads are created, but never found again: this simulator keeps no state of clients.
fn check_thread(body: &Map<String, Value>) -> Result<(), Refusal> {
    let kind = body.get("thread").and_then(|thread| thread.get("type")).and_then(Value::as_str);
    if kind == Some("continue") {
        let refusal = Refusal::new(404, "not_found_error", "thread: not found");
        return Err(refusal.with_code("thread_not_found"));
    }
    Ok(())
}

fn tools(body: &Map<String, Value>) -> Result<Vec<ToolAsk>, Refusal> {
    let choice = body.get("tool_choice");
    let chosen = |field: &str| choice.and_then(|choice| choice.get(field));
    let mut tools = Vec::new();
    for (nth, tool) in body.get("tools").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        if tool.get("type").and_then(Value::as_str).is_some_and(|kind| kind != "custom") {
            continue;
        }
        if !is_plain_name(name, 128) {
            return Err(Refusal::invalid(format!(
                "tools.{nth}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        let schema = tool.get("input_schema").cloned();
        let schema = schema.ok_or_else(|| required(&format!("tools.{nth}.custom.input_schema")))?;
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(Refusal::invalid(format!(
                "tools.{nth}.custom.input_schema.type: Input should be 'object'"
            )));
        }
        tools.push(ToolAsk { name: name.to_owned(), schema });
    }
    match chosen("type").and_then(Value::as_str) {
        Some("none") => tools.clear(),
        Some("tool") => {
            let name = chosen("name").and_then(Value::as_str).unwrap_or_default();
            tools.retain(|tool| tool.name == name);
            if tools.is_empty() {
                return Err(Refusal::invalid(format!("Tool '{name}' not found in provided tools")));
            }
        }
        Some("auto" | "any") | None => {}
        Some(_) => return Err(Refusal::invalid("tool_choice.type: Input tag is not expected")),
    }
    if chosen("disable_parallel_tool_use") == Some(&Value::Bool(true)) {
        tools.truncate(1);
    }
    Ok(tools)
}

fn required(field: &str) -> Refusal {
    Refusal::invalid(format!("{field}: Field required"))
}

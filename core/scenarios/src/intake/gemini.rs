use serde_json::{Map, Value, json};

use backstop_vocabulary::Dialect;

use crate::{Delivery, ProviderSettings, Refusal, ToolAsk};

use super::{Intake, Passed, RequestHead, Said, Speaker, models, object};

/// Top-level fields the API knows.
const FIELDS: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
];

/// What the API says of a request it cannot read.
const INVALID: &str = "INVALID_ARGUMENT";

pub(super) fn read(
    provider: &ProviderSettings,
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<Intake, Refusal> {
    let credential = authenticate(provider, head)?;
    let path = head.path.split('?').next().unwrap_or_default();
    let path = ["/v1beta", "/v1"].into_iter().find_map(|version| path.strip_prefix(version));
    if (head.method, path) == ("GET", Some("/models")) {
        return Ok(Intake::Json(super::list_models(provider)));
    }
    let call = path.and_then(|path| path.strip_prefix("/models/")?.rsplit_once(':'));
    let (Some((model, method)), "POST") = (call, head.method) else {
        return Err(Refusal::new(404, "NOT_FOUND", "Not Found"));
    };
    if !super::knows(provider, model) {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for {method}."
        );
        return Err(Refusal::new(404, "NOT_FOUND", message));
    }
    let body = object(body)?;
    let delivery = match method {
        "countTokens" => return Ok(Intake::Json(count(&body))),
        "generateContent" => Delivery::Unary,
        "streamGenerateContent" => Delivery::Stream,
        _ => return Err(Refusal::new(404, "NOT_FOUND", "Not Found")),
    };
    check_fields(&body)?;
    let turns = turns(&body, model)?;
    let tools = tools(&body)?;
    let schema = schema(&body);
    let (model, dialect) = (model.to_owned(), Dialect::Gemini);
    let prefill = models::gemini_takes_prefill(&model).then_some(());
    let passed = Passed { provider, dialect, model, credential, delivery, tools, schema };
    Ok(passed.ask(&turns, prefill, head))
}

fn authenticate(provider: &ProviderSettings, head: &RequestHead<'_>) -> Result<String, Refusal> {
    let Some(key) = head.header("x-goog-api-key").or_else(|| head.bearer()) else {
        let message = "Method doesn't allow unregistered callers (callers without established \
                       identity). Please use API Key or other form of API consumer identity to call \
                       this API.";
        return Err(Refusal::new(403, "PERMISSION_DENIED", message));
    };
    if !provider.may_take(key) {
        let message = "API key not valid. Please pass a valid API key.";
        return Err(Refusal::new(400, INVALID, message).with_code("API_KEY_INVALID"));
    }
    Ok(key.to_owned())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, INVALID, message)
}

fn check_fields(body: &Map<String, Value>) -> Result<(), Refusal> {
    match body.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        None => Ok(()),
        Some(field) => Err(invalid(format!(
            "Invalid JSON payload received. Unknown name \"{field}\": Cannot find field."
        ))),
    }
}

fn count(body: &Map<String, Value>) -> Vec<u8> {
    let tokens = crate::wire::tokens(Value::Object(body.clone()).to_string().len());
    json!({ "totalTokens": tokens }).to_string().into_bytes()
}

fn turns(body: &Map<String, Value>, model: &str) -> Result<Vec<Said>, Refusal> {
    let contents = body.get("contents").and_then(Value::as_array);
    let contents = contents
        .filter(|list| !list.is_empty())
        .ok_or_else(|| invalid("* GenerateContentRequest.contents: contents is not specified\n"))?;
    let contents = &joined(contents);
    let mut said = Vec::with_capacity(contents.len());
    // How many calls of the content before wait for a result.
    let mut open = 0;
    for content in contents {
        let parts = content.get("parts").and_then(Value::as_array);
        let parts = parts.filter(|list| !list.is_empty()).ok_or_else(|| {
            invalid("* GenerateContentRequest.contents.parts: contents.parts must not be empty.\n")
        })?;
        let holding = |name: &str| parts.iter().filter(|part| part.get(name).is_some()).count();
        let results = holding("functionResponse");
        if results != open {
            return Err(invalid(
                "Please ensure that the number of function response parts is equal to the number \
                 of function call parts of the function call turn.",
            ));
        }
        open = holding("functionCall");
        let visible = |part: &&Value| part.get("thought") != Some(&Value::Bool(true));
        let texts = parts.iter().filter(visible).filter_map(|part| part.get("text")?.as_str());
        let text: String = texts.collect();
        let role = match content.get("role").and_then(Value::as_str) {
            Some("model") => Speaker::Model,
            None | Some("user") => Speaker::User,
            Some(_) => return Err(invalid("Please use a valid role: user, model.")),
        };
        said.push(Said { role, text, results: results > 0 });
    }
    check_end(&said, model)?;
    check_signatures(contents, model)?;
    Ok(said)
}

/// Contents of the model in a row are one turn: chats of the SDKs keep each chunk of a stream as a
/// content of its own.
fn joined(contents: &[Value]) -> Vec<Value> {
    let mut turns: Vec<Value> = Vec::with_capacity(contents.len());
    let of_model = |content: &Value| content["role"] == "model";
    for content in contents {
        let last = turns.last_mut().filter(|last| of_model(last) && of_model(content));
        let before = last.and_then(|last| last["parts"].as_array_mut());
        match (before, content["parts"].as_array()) {
            (Some(before), Some(parts)) if !parts.is_empty() => {
                before.extend(parts.iter().cloned());
            }
            _ => turns.push(content.clone()),
        }
    }
    turns
}

/// Newer models go on from nothing but what a user says.
fn check_end(said: &[Said], model: &str) -> Result<(), Refusal> {
    let ends_in_model = said.last().is_some_and(|last| last.role == Speaker::Model);
    if ends_in_model && !models::gemini_takes_prefill(model) {
        return Err(invalid(
            "Requests ending with a model turn are not supported unless the last part is a \
             function response.",
        ));
    }
    Ok(())
}

/// The first call of each step of the present turn must be signed.
fn check_signatures(contents: &[Value], model: &str) -> Result<(), Refusal> {
    if !models::gemini_signs_calls(model) {
        return Ok(());
    }
    let parts = |content: &Value| content["parts"].as_array().cloned().unwrap_or_default();
    let begins = |content: &Value| {
        content["role"] == "user"
            && parts(content).iter().any(|part| part.get("functionResponse").is_none())
    };
    let begin = contents.iter().rposition(begins).unwrap_or(0);
    for content in contents.iter().skip(begin) {
        let parts = parts(content);
        let first = parts.iter().find(|part| part.get("functionCall").is_some());
        if first.is_some_and(|part| part.get("thoughtSignature").is_none()) {
            return Err(invalid(
                "Function call is missing a thought_signature in functionCall parts. This is \
                 required for tools to work correctly.",
            ));
        }
    }
    Ok(())
}

fn tools(body: &Map<String, Value>) -> Result<Vec<ToolAsk>, Refusal> {
    let mut tools = Vec::new();
    let groups = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let declared = groups.filter_map(|group| group.get("functionDeclarations")?.as_array());
    for function in declared.flatten() {
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_name(name) {
            return Err(invalid(format!("Invalid function name: {name}.")));
        }
        // The API takes both spellings, and its SDK for Python sends the second.
        let names = ["parametersJsonSchema", "parameters_json_schema", "parameters"];
        let schema = names.iter().find_map(|name| function.get(*name));
        let schema = schema.cloned().map_or_else(|| json!({ "type": "object" }), plain);
        tools.push(ToolAsk { name: name.to_owned(), schema });
    }
    let config = body.get("toolConfig").and_then(|config| config.get("functionCallingConfig"));
    match config.and_then(|config| config.get("mode")).and_then(Value::as_str) {
        Some("NONE") => tools.clear(),
        Some("ANY" | "VALIDATED") => {
            let names = config.and_then(|config| config.get("allowedFunctionNames")?.as_array());
            if let Some(names) = names {
                tools.retain(|tool| names.iter().any(|name| name == &tool.name));
            }
        }
        _ => {}
    }
    Ok(tools)
}

/// The schema with its types in small letters, as everybody but this API writes them.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let small = |(name, value): (String, Value)| match (name.as_str(), value) {
                ("type", Value::String(word)) => (name, word.to_ascii_lowercase().into()),
                (_, value) => (name, plain(value)),
            };
            fields.into_iter().map(small).collect()
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn is_name(name: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    name.as_bytes().first().is_some_and(first) && name.len() <= 128 && name.bytes().all(plain)
}

fn schema(body: &Map<String, Value>) -> Option<Value> {
    let config = body.get("generationConfig")?;
    let object = json!({ "type": "object", "properties": { "answer": { "type": "string" } } });
    let schema = config.get("responseJsonSchema").or_else(|| config.get("responseSchema"));
    let is_json = config.get("responseMimeType")? == "application/json";
    is_json.then(|| schema.cloned().map_or(object, plain))
}

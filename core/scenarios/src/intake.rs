//! Requests as the real APIs read them: what they refuse is refused here, in the same words.

use backstop_vocabulary::Dialect;
use serde_json::{Map, Value, json};

use crate::ask::population_of;
use crate::digest::digest;
use crate::scenario::fits;
use crate::{Ask, Continuation, Delivery, ProviderSettings, Refusal, ToolAsk};

mod anthropic;
mod cloud;
mod converse;
mod gemini;
mod login;
mod models;

pub(crate) use models::refuses_tools_with_reasoning;
mod openai;
mod responses;

#[cfg(test)]
mod tests;

/// The head of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, without query.
    pub path: &'a str,
    /// The headers, names in lower case.
    pub headers: Vec<(&'a str, &'a str)>,
}

/// What a provider makes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Intake {
    /// A request for an answer.
    Ask(Box<Ask>),
    /// A question it answers at once, with this JSON: the list of models, a count of tokens.
    Json(Vec<u8>),
}

impl RequestHead<'_> {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The token of `authorization: Bearer …`.
    fn bearer(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer "))
    }
}

impl Intake {
    /// Reads a request as this provider would, or refuses it as this provider would.
    pub fn read(
        provider: &ProviderSettings,
        head: &RequestHead<'_>,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        if provider.tokens.is_some() {
            return login::read(provider, head);
        }
        let as_shown = cloud::as_elsewhere(head, body);
        let (path, headers, body) = match &as_shown {
            Some(elsewhere) => elsewhere.parts(head, body),
            None => (head.path, head.headers.clone(), body),
        };
        let head = &RequestHead { method: head.method, path, headers };
        if as_shown.as_ref().is_some_and(cloud::Elsewhere::is_chat) {
            let provider = ProviderSettings { dialect: Dialect::OpenaiChat, ..provider.clone() };
            return openai::read(&provider, head, body);
        }
        match provider.dialect {
            Dialect::AnthropicMessages => anthropic::read(provider, head, body),
            Dialect::OpenaiChat | Dialect::OpenaiResponses => openai::read(provider, head, body),
            Dialect::Gemini => gemini::read(provider, head, body),
            Dialect::BedrockConverse => converse::read(provider, head, body),
        }
    }
}

/// The body as a JSON object.
fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::invalid("The request body is not a JSON object.")),
        Err(error) => Err(Refusal::invalid(format!("The request body is not valid JSON: {error}"))),
    }
}

/// Whether the provider has this model.
fn knows(provider: &ProviderSettings, model: &str) -> bool {
    provider.models.iter().any(|known| fits(known, model))
}

/// The list of models in the shape of the dialect.
fn list_models(provider: &ProviderSettings) -> Vec<u8> {
    // A pattern is how the scenario says `any name`; no server lists one.
    let models: Vec<&String> = provider.models.iter().filter(|name| !name.contains('*')).collect();
    let names = models.iter();
    let list = match provider.dialect {
        Dialect::AnthropicMessages => {
            let data: Vec<Value> = names
                .map(|name| {
                    json!({ "type": "model", "id": name, "display_name": name,
                            "created_at": "2026-01-01T00:00:00Z" })
                })
                .collect();
            json!({ "data": data, "has_more": false, "first_id": models.first(),
                    "last_id": models.last() })
        }
        // Bedrock lists no models where it answers; the list is for who asks all the same.
        Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::BedrockConverse => {
            let data: Vec<Value> = names
                .map(|name| {
                    json!({ "id": name, "object": "model", "created": 1_767_225_600,
                            "owned_by": provider.vendor })
                })
                .collect();
            json!({ "object": "list", "data": data })
        }
        Dialect::Gemini => {
            let methods = ["generateContent", "countTokens"];
            let data: Vec<Value> = names
                .map(|name| {
                    json!({ "name": format!("models/{name}"), "displayName": name,
                            "supportedGenerationMethods": methods })
                })
                .collect();
            json!({ "models": data })
        }
    };
    list.to_string().into_bytes()
}

/// The visible text of a content: a string, or its text parts joined.
fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

/// One turn, reduced to what an answer depends on.
struct Said {
    role: Speaker,
    text: String,
    /// Holds results of tools.
    results: bool,
}

/// Who said it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    User,
    Model,
}

/// The prompt and the wish to continue, from the turns of a conversation.
fn prompt_of(turns: &[Said], prefill: Option<()>) -> (String, Option<Continuation>) {
    let asked = |turns: &[Said]| {
        let last = turns.iter().rev().find(|turn| turn.role == Speaker::User);
        last.map(|turn| turn.text.clone()).unwrap_or_default()
    };
    match turns {
        [.., said] if said.role == Speaker::Model => {
            let partial = said.text.clone();
            let wish = prefill.map(|()| Continuation { partial, prefill: true });
            (asked(turns), wish)
        }
        [before @ .., said, wish]
            if said.role == Speaker::Model && !wish.results && wants_more(&wish.text) =>
        {
            let partial = said.text.clone();
            (asked(before), Some(Continuation { partial, prefill: false }))
        }
        _ => (asked(turns), None),
    }
}

/// Whether a text asks to go on with an answer that broke off.
fn wants_more(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("continue")
        && ["interrupted", "cut off", "exactly"].iter().any(|w| text.contains(w))
}

/// The ask of a request that passed every check.
struct Passed<'a> {
    provider: &'a ProviderSettings,
    /// The dialect it is asked in, which is that of the answer.
    dialect: Dialect,
    model: String,
    credential: String,
    delivery: Delivery,
    tools: Vec<ToolAsk>,
    schema: Option<Value>,
}

impl Passed<'_> {
    fn ask(self, turns: &[Said], prefill: Option<()>, head: &RequestHead<'_>) -> Intake {
        let (prompt, continuation) = prompt_of(turns, prefill);
        let answered = turns.last().is_some_and(|turn| turn.results);
        Intake::Ask(Box::new(Ask {
            provider: self.provider.name.as_str().into(),
            dialect: self.dialect,
            model: self.model,
            credential: self.credential,
            region: head.header("x-simulated-region").map(str::to_owned),
            delivery: self.delivery,
            tools: if answered { Vec::new() } else { self.tools },
            schema: self.schema,
            population: population_of(&prompt),
            prompt: digest(prompt.as_bytes()),
            continuation,
            fresh_connection: false,
        }))
    }
}

/// The text of a string field.
fn string<'a>(body: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    body.get(field).and_then(Value::as_str)
}

/// Whether a name is made of letters, digits, `_` and `-`, and not too long.
fn is_plain_name(name: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= longest && name.bytes().all(plain)
}

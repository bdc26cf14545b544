//! A client's body → a request. Its model and delivery are not in it.

mod blocks;
mod options;
mod tools;

use serde_json::{Map, Value, json};

use backstop_exchange::{Request, Role, Text, Turn};
use backstop_vocabulary::Failure;

use super::wire::HERE;
use crate::json::{Fields, object};
use crate::losses::Losses;

/// What another provider cannot honour: the customer's own guardrail, which is there to be obeyed,
/// and the variables of a prompt that AWS holds.
const BOUND: [&str; 2] = ["guardrailConfig", "promptVariables"];

/// Names of Messages that mean something in its requests, blocks or tools.
const IN_MESSAGES: [&str; 8] = [
    "cache_control",
    "description",
    "input_schema",
    "output_config",
    "source",
    "thinking",
    "title",
    "type",
];

pub(crate) fn read_request(body: &[u8]) -> Result<Request, Failure> {
    let mut fields = Fields::top(object(body)?);
    let mut request = Request {
        dialect: Some(HERE),
        model: fields.string("modelId")?.unwrap_or_default(),
        // This dialect always reports usage.
        stream_usage: true,
        ..Request::default()
    };
    let mut losses = Losses::default();
    request.system = read_system(&mut fields, &mut losses)?;
    request.turns = read_turns(&mut fields, &mut losses)?;
    tools::read(&mut fields, &mut request, &mut losses)?;
    options::read(&mut fields, &mut request, &mut losses)?;
    request.bound = fields.first_of(&BOUND);
    request.extras.extend(own(fields, &mut losses));
    request.lost = losses.into_list();
    request.extras.retain(|_, value| !value.is_null());
    Ok(request)
}

fn read_system(fields: &mut Fields, losses: &mut Losses) -> Result<Vec<Text>, Failure> {
    let mut system: Vec<Text> = Vec::new();
    for (index, block) in fields.list("system")?.unwrap_or_default().into_iter().enumerate() {
        let place = format!("system[{index}]");
        let mut block = Fields::at(&place, block)?;
        if let Some(point) = block.value("cachePoint") {
            match system.last_mut() {
                Some(text) => text.cache_hint = Some(cache_hint(&point)),
                None => losses.add("system.cachePoint", "there is nothing before it"),
            }
        } else if let Some(guarded) = block.value("guardContent") {
            match guarded.pointer("/text/text").and_then(Value::as_str) {
                Some(text) => {
                    losses.add("system.guardContent", "became plain text");
                    system.push(Text::plain(text));
                }
                None => losses.add("system.guardContent", "only text is taken here"),
            }
        } else {
            system.push(Text::plain(block.needed_string("text")?));
            losses.add_rest("system", &block);
        }
    }
    Ok(system)
}

fn read_turns(fields: &mut Fields, losses: &mut Losses) -> Result<Vec<Turn>, Failure> {
    let messages = fields.list("messages")?;
    let messages = messages.ok_or_else(|| fields.wrong("messages", "given, as a list"))?;
    let turns = messages.into_iter().enumerate().map(|(index, message)| {
        let mut message = Fields::at(&format!("messages[{index}]"), message)?;
        let role = match message.needed_string("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(message.wrong("role", "`user`, `assistant` or `system`")),
        };
        let place = message.place_of("content");
        let content = message.list("content")?;
        let content = content.ok_or_else(|| message.wrong("content", "given, as a list"))?;
        let blocks = blocks::read(&place, content, losses)?;
        losses.add_rest("messages", &message);
        Ok(Turn { role, blocks, name: None })
    });
    turns.collect()
}

/// What may go back as it came: without the names that mean something in Messages, in whose shape
/// requests are written.
fn own(fields: Fields, losses: &mut Losses) -> Map<String, Value> {
    let mut rest = fields.rest;
    for name in IN_MESSAGES {
        if rest.shift_remove(name).is_some_and(|value| !value.is_null()) {
            losses.add(name, "not of this dialect");
        }
    }
    rest
}

/// The mark of a cache point, in the form that Messages has for it: both mean the same, so it may go
/// either way.
fn cache_hint(point: &Value) -> Value {
    let mut hint = json!({ "type": "ephemeral" });
    if let Some(ttl) = point.get("ttl").filter(|ttl| !ttl.is_null()) {
        hint["ttl"] = ttl.clone();
    }
    hint
}

#[cfg(test)]
mod tests;

//! Everything but items and tools: limits, sampling, reasoning, format, identity.

use serde_json::{Map, Value};

use backstop_exchange::{Format, JsonSchema, Request};
use backstop_vocabulary::Failure;

use super::super::wire::{INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS};
use crate::json::Fields;
use crate::openai_chat::read_effort_word;

pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    request.output_tokens_max = fields.count("max_output_tokens")?;
    request.sampling.temperature = fields.number("temperature")?;
    request.sampling.top_p = fields.number("top_p")?;
    read_include(fields, request)?;
    read_reasoning(fields, request)?;
    read_text(fields, request)?;
    request.stream = fields.flag("stream")?.unwrap_or(false);
    read_identity(fields, request)
}

/// What the answer shall also hold. Encrypted thoughts are asked for wherever there are some, so
/// that they can go back to who had them; the rest is for this dialect only.
fn read_include(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let top = fields.count("top_logprobs")?;
    let mut include = fields.list("include")?.unwrap_or_default();
    let asked = include.iter().any(|word| word == INCLUDE_LOGPROBS);
    if asked || top.is_some_and(|top| top > 0) {
        request.sampling.logprobs = Some(top.unwrap_or(0));
    }
    include.retain(|word| word != INCLUDE_LOGPROBS && word != INCLUDE_ENCRYPTED);
    if !include.is_empty() {
        fields.rest.insert("include".to_owned(), include.into());
    }
    Ok(())
}

fn read_reasoning(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let Some(mut reasoning) = fields.nested("reasoning")? else { return Ok(()) };
    if let Some(word) = reasoning.string("effort")? {
        request.reasoning.effort = read_effort_word(&word);
        if request.reasoning.effort.is_none() {
            // A word of a newer API: its provider may know it.
            reasoning.rest.insert("effort".to_owned(), word.into());
        }
    }
    // The older name of `summary`.
    let old = reasoning.string("generate_summary")?;
    if let Some(word) = reasoning.string("summary")?.or(old) {
        request.reasoning.visible = Some(word != "none");
        if word != "auto" {
            reasoning.rest.insert("summary".to_owned(), word.into());
        }
    }
    keep(fields, "reasoning", reasoning.rest);
    Ok(())
}

fn read_text(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let Some(mut text) = fields.nested("text")? else { return Ok(()) };
    request.verbosity = text.string("verbosity")?;
    if let Some(format) = text.nested("format")? {
        request.format = read_format(format)?;
    }
    keep(fields, "text", text.rest);
    Ok(())
}

fn read_format(mut format: Fields) -> Result<Format, Failure> {
    match format.needed_string("type")?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let schema = format.value("schema").filter(Value::is_object);
            Ok(Format::Schema(JsonSchema {
                name: format.string("name")?,
                description: format.string("description")?,
                strict: format.flag("strict")?,
                schema: schema.ok_or_else(|| format.wrong("schema", "a json schema"))?,
            }))
        }
        _ => Err(format.wrong("type", "`text`, `json_object` or `json_schema`")),
    }
}

fn read_identity(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let user = fields.string("user")?;
    match fields.string("safety_identifier")? {
        // Both may be given: the newer one is the person, the older one stays what it is.
        Some(person) => {
            request.user = Some(person);
            if let Some(user) = user {
                fields.rest.insert("user".to_owned(), user.into());
            }
        }
        None => request.user = user,
    }
    request.metadata = match fields.value("metadata") {
        None => Map::new(),
        Some(Value::Object(pairs)) => pairs,
        Some(_) => return Err(fields.wrong("metadata", "an object of strings")),
    };
    request.service_tier = fields.string("service_tier")?;
    request.parallel_tools = fields.flag("parallel_tool_calls")?;
    Ok(())
}

/// Leaves what was not read of a nested object where `extras` will find it.
fn keep(fields: &mut Fields, name: &str, mut rest: Map<String, Value>) {
    rest.retain(|_, value| !value.is_null());
    if !rest.is_empty() {
        fields.rest.insert(name.to_owned(), Value::Object(rest));
    }
}

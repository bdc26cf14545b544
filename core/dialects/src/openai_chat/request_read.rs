//! A client's body → a request.

mod messages;
mod parts;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::{Map, Value};

use backstop_exchange::{Effort, Format, JsonSchema, Request};
use backstop_vocabulary::{Dialect, Failure};

pub(super) use self::messages::FIELD;
pub(crate) use self::parts::source_of;
use crate::json::{Fields, object};
use crate::losses::Losses;

/// What another provider cannot answer without: sound it makes, a search it runs, a check it holds.
const BOUND: [&str; 3] = ["audio", "moderation", "web_search_options"];

/// Reads a request; what the neutral form has no place for stays in `extras`.
pub(crate) fn read_request(body: &[u8]) -> Result<Request, Failure> {
    let mut fields = Fields::top(object(body)?);
    let mut request = Request {
        dialect: Some(Dialect::OpenaiChat),
        model: fields.needed_string("model")?,
        ..Request::default()
    };
    let mut losses = Losses::default();
    messages::read(&mut fields, &mut request, &mut losses)?;
    tools::read(&mut fields, &mut request, &mut losses)?;
    request.lost = losses.into_list();
    read_limits(&mut fields, &mut request)?;
    read_sampling(&mut fields, &mut request)?;
    read_effort(&mut fields, &mut request)?;
    request.format = read_format(&mut fields)?;
    read_stream(&mut fields, &mut request)?;
    read_identity(&mut fields, &mut request)?;
    request.bound = fields.first_of(&BOUND);
    request.extras = fields.rest;
    request.extras.retain(|_, value| !value.is_null());
    Ok(request)
}

fn read_limits(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let old = fields.count("max_tokens")?;
    request.output_tokens_max = fields.count("max_completion_tokens")?.or(old);
    request.stop = match fields.value("stop") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(value) => {
            strings(&value).ok_or_else(|| fields.wrong("stop", "a string or a list of strings"))?
        }
    };
    Ok(())
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn read_sampling(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let sampling = &mut request.sampling;
    sampling.temperature = fields.number("temperature")?;
    sampling.top_p = fields.number("top_p")?;
    // Not `OpenAI`'s, but most compatible servers have it.
    sampling.top_k = positive(fields.value("top_k"), fields)?;
    sampling.presence_penalty = fields.number("presence_penalty")?;
    sampling.frequency_penalty = fields.number("frequency_penalty")?;
    sampling.seed = match fields.value("seed") {
        Some(seed) => {
            Some(seed.as_i64().ok_or_else(|| fields.wrong("seed", "a whole number of 64 bits"))?)
        }
        None => None,
    };
    sampling.answers = fields.count("n")?;
    if sampling.answers == Some(0) {
        return Err(fields.wrong("n", "1 or more"));
    }
    sampling.logit_bias = fields.value("logit_bias");
    let top = fields.count("top_logprobs")?;
    if fields.flag("logprobs")? == Some(true) {
        sampling.logprobs = Some(top.unwrap_or(0));
    } else if let Some(top) = top {
        fields.rest.insert("top_logprobs".to_owned(), top.into());
    }
    Ok(())
}

/// vLLM takes −1 for "no limit", which is what leaving it out means.
fn positive(value: Option<Value>, fields: &Fields) -> Result<Option<u64>, Failure> {
    match value {
        None => Ok(None),
        Some(value) if value.as_i64().is_some_and(|k| k < 0) => Ok(None),
        Some(value) => {
            value.as_u64().map(Some).ok_or_else(|| fields.wrong("top_k", "a whole number"))
        }
    }
}

fn read_effort(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let Some(word) = fields.string("reasoning_effort")? else { return Ok(()) };
    request.reasoning.effort = read_effort_word(&word);
    if request.reasoning.effort.is_none() {
        // A word of a newer API: its provider may know it.
        fields.rest.insert("reasoning_effort".to_owned(), word.into());
    }
    Ok(())
}

/// The effort of that name, in either of `OpenAI`'s dialects.
pub(crate) fn read_effort_word(word: &str) -> Option<Effort> {
    match word {
        "none" => Some(Effort::None),
        "minimal" => Some(Effort::Minimal),
        "low" => Some(Effort::Low),
        "medium" => Some(Effort::Medium),
        "high" => Some(Effort::High),
        "xhigh" => Some(Effort::Xhigh),
        "max" => Some(Effort::Max),
        _ => None,
    }
}

fn read_format(fields: &mut Fields) -> Result<Format, Failure> {
    let Some(whole) = fields.value("response_format") else { return Ok(Format::Text) };
    let mut format = Fields::at("response_format", whole.clone())?;
    match format.needed_string("type")?.as_str() {
        "text" => Ok(Format::Text),
        // llama.cpp takes a schema here as well.
        "json_object" => Ok(format.value("schema").map_or(Format::Json, |schema| {
            Format::Schema(JsonSchema { name: None, description: None, schema, strict: None })
        })),
        "json_schema" => {
            let mut inner = format
                .nested("json_schema")?
                .ok_or_else(|| format.wrong("json_schema", "given, with `name` and `schema`"))?;
            let schema = inner.value("schema").filter(Value::is_object);
            Ok(Format::Schema(JsonSchema {
                name: inner.string("name")?,
                description: inner.string("description")?,
                strict: inner.flag("strict")?,
                schema: schema.ok_or_else(|| inner.wrong("schema", "a json schema"))?,
            }))
        }
        _ => {
            // A form of one kind of server (a grammar, tags): for the same dialect only.
            fields.rest.insert("response_format".to_owned(), whole);
            Ok(Format::Text)
        }
    }
}

fn read_stream(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    request.stream = fields.flag("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.nested("stream_options")? {
        request.stream_usage = options.flag("include_usage")?.unwrap_or(false);
        if !options.rest.is_empty() {
            fields.rest.insert("stream_options".to_owned(), options.rest.into());
        }
    }
    Ok(())
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
    request.verbosity = fields.string("verbosity")?;
    request.parallel_tools = fields.flag("parallel_tool_calls")?;
    Ok(())
}

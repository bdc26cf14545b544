use backstop_exchange::{
    Format, JsonSchema, Reasoning, Request, Role, Text, Tool, ToolChoice, ToolKind, Turn,
};
use backstop_vocabulary::{Dialect, Failure};
use serde_json::{Map, Value};

use super::elsewhere::tool_elsewhere;
use super::wire::read_effort;
use crate::json::{Fields, object};
use crate::losses::Losses;

mod blocks;

use blocks::{read_blocks, read_texts};

/// What another provider cannot answer without: a conversation, a machine or tools that Anthropic
/// holds.
const BOUND: [&str; 3] = ["thread", "mcp_servers", "container"];

pub(crate) fn read_request(body: &[u8]) -> Result<Request, Failure> {
    let mut fields = Fields::top(object(body)?);
    let mut request = Request {
        model: fields.needed_string("model")?,
        dialect: Some(Dialect::AnthropicMessages),
        output_tokens_max: fields.count("max_tokens")?,
        stop: read_stop(&mut fields)?,
        stream: fields.flag("stream")?.unwrap_or(false),
        // This dialect always reports usage.
        stream_usage: true,
        service_tier: fields.string("service_tier")?,
        ..Request::default()
    };
    request.sampling.temperature = fields.number("temperature")?;
    request.sampling.top_p = fields.number("top_p")?;
    request.sampling.top_k = fields.count("top_k")?;
    let mut losses = Losses::default();
    if let Some(system) = fields.value("system") {
        request.system = read_texts("system", system, &mut losses)?;
    }
    request.turns = read_turns(&mut fields, &mut losses)?;
    request.lost = losses.into_list();
    request.tools = read_tools(&mut fields)?;
    (request.tool_choice, request.parallel_tools) = read_tool_choice(&mut fields)?;
    read_metadata(&mut fields, &mut request)?;
    read_thinking(&mut fields, &mut request.reasoning)?;
    read_output_config(&mut fields, &mut request)?;
    request.bound = fields.first_of(&BOUND);
    request.extras = fields.rest;
    Ok(request)
}

fn read_stop(fields: &mut Fields) -> Result<Vec<String>, Failure> {
    let list = fields.list("stop_sequences")?.unwrap_or_default();
    let texts = list.iter().map(|stop| stop.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| fields.wrong("stop_sequences", "a list of strings"))
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
        let content = message.value("content");
        let content = content.ok_or_else(|| message.wrong("content", "given"))?;
        let blocks = read_blocks(&message.place_of("content"), content, losses)?;
        losses.add_rest("messages", &message);
        Ok(Turn { role, blocks, name: None })
    });
    turns.collect()
}

fn read_tools(fields: &mut Fields) -> Result<Vec<Tool>, Failure> {
    let tools = fields.list("tools")?.unwrap_or_default();
    let tools = tools.into_iter().enumerate();
    tools.map(|(index, tool)| read_tool(&format!("tools[{index}]"), tool)).collect()
}

fn read_tool(place: &str, tool: Value) -> Result<Tool, Failure> {
    let kind = tool.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != "custom") {
        return Ok(read_hosted_tool(tool));
    }
    let mut fields = Fields::at(place, tool)?;
    fields.value("type");
    Ok(Tool {
        name: fields.needed_string("name")?,
        description: fields.string("description")?,
        schema: fields.value("input_schema"),
        strict: fields.flag("strict")?,
        kind: ToolKind::Function,
        run_by_client: true,
        cache_hint: fields.value("cache_control"),
        extras: fields.rest,
    })
}

/// A tool that Anthropic runs or has trained its models on: bound to this dialect, kept whole.
fn read_hosted_tool(tool: Value) -> Tool {
    let name = tool.get("name").or_else(|| tool.get("type")).and_then(Value::as_str);
    Tool {
        name: name.unwrap_or_default().to_owned(),
        run_by_client: tool_elsewhere(&tool).is_some(),
        kind: ToolKind::Hosted { dialect: Dialect::AnthropicMessages, json: tool },
        ..Tool::default()
    }
}

fn read_tool_choice(fields: &mut Fields) -> Result<(ToolChoice, Option<bool>), Failure> {
    let whole = fields.rest.get("tool_choice").cloned();
    let Some(mut choice) = fields.nested("tool_choice")? else {
        return Ok((ToolChoice::Unsaid, None));
    };
    let parallel = choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled);
    let choice = match choice.needed_string("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Any,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(choice.needed_string("name")?),
        // A form of a newer API: its provider may know it.
        _ => {
            fields.rest.extend(whole.map(|whole| ("tool_choice".to_owned(), whole)));
            return Ok((ToolChoice::Unsaid, None));
        }
    };
    Ok((choice, parallel))
}

fn read_metadata(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    if let Some(mut metadata) = fields.nested("metadata")? {
        request.user = metadata.string("user_id")?;
        request.metadata = metadata.rest;
    }
    Ok(())
}

/// Reads `thinking`. A form that only this dialect has (`between_tools`) and fields of its own stay
/// behind in `extras`.
pub(crate) fn read_thinking(fields: &mut Fields, reasoning: &mut Reasoning) -> Result<(), Failure> {
    let Some(mut thinking) = fields.nested("thinking")? else { return Ok(()) };
    let kind = thinking.needed_string("type")?;
    match kind.as_str() {
        "enabled" => {
            reasoning.enabled = Some(true);
            reasoning.budget_tokens = thinking.count("budget_tokens")?;
        }
        "adaptive" => (reasoning.enabled, reasoning.adaptive) = (Some(true), true),
        "disabled" => reasoning.enabled = Some(false),
        _ => {
            thinking.rest.insert("type".to_owned(), Value::from(kind));
            fields.rest.insert("thinking".to_owned(), Value::Object(thinking.rest));
            return Ok(());
        }
    }
    reasoning.visible = thinking.string("display")?.map(|display| display == "summarized");
    keep(fields, "thinking", thinking.rest);
    Ok(())
}

fn read_output_config(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    if let Some(mut config) = fields.nested("output_config")? {
        if let Some(name) = config.string("effort")? {
            request.reasoning.effort = read_effort(&name);
            if request.reasoning.effort.is_none() {
                // A word of a newer API: its provider may know it.
                config.rest.insert("effort".to_owned(), name.into());
            }
        }
        let whole = config.rest.get("format").cloned();
        if let Some(format) = config.nested("format")? {
            match read_format(format)? {
                Some(format) => request.format = format,
                None => config.rest.extend(whole.map(|whole| ("format".to_owned(), whole))),
            }
        }
        keep(fields, "output_config", config.rest);
    }
    // The name of `output_config.format` before it was generally available.
    let whole = fields.rest.get("output_format").cloned();
    if let Some(format) = fields.nested("output_format")? {
        match read_format(format)? {
            Some(format) => request.format = format,
            None => fields.rest.extend(whole.map(|whole| ("output_format".to_owned(), whole))),
        }
    }
    Ok(())
}

/// The form of the answer; `None` for one of a newer API.
fn read_format(mut format: Fields) -> Result<Option<Format>, Failure> {
    Ok(match format.needed_string("type")?.as_str() {
        "text" => Some(Format::Text),
        "json_schema" => {
            let schema = format.value("schema");
            let schema = schema.ok_or_else(|| format.wrong("schema", "given"))?;
            let (name, description, strict) = (None, None, None);
            Some(Format::Schema(JsonSchema { name, description, schema, strict }))
        }
        _ => None,
    })
}

/// Leaves what was not read of a nested object where `extras` will find it.
fn keep(fields: &mut Fields, name: &str, rest: Map<String, Value>) {
    if !rest.is_empty() {
        fields.rest.insert(name.to_owned(), Value::Object(rest));
    }
}

/// A text as the neutral form holds it; citations of earlier answers are lost.
fn text_of(mut fields: Fields, losses: &mut Losses) -> Result<Text, Failure> {
    let text = fields.needed_string("text")?;
    let cache_hint = fields.value("cache_control");
    losses.add_rest("messages", &fields);
    Ok(Text { text, cache_hint })
}

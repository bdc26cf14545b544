use serde_json::{Map, Value};

use backstop_exchange::{Request, Tool, ToolChoice, ToolKind};
use backstop_vocabulary::Failure;

use super::super::wire::HERE;
use super::{cache_hint, own};
use crate::json::Fields;
use crate::losses::Losses;

/// Reads `toolConfig`.
pub(super) fn read(
    fields: &mut Fields,
    request: &mut Request,
    losses: &mut Losses,
) -> Result<(), Failure> {
    let Some(mut config) = fields.nested("toolConfig")? else { return Ok(()) };
    for (index, tool) in config.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        let mut tool = Fields::at(&config.place_of(&format!("tools[{index}]")), tool)?;
        if let Some(point) = tool.value("cachePoint") {
            match request.tools.last_mut() {
                Some(last) => last.cache_hint = Some(cache_hint(&point)),
                None => losses.add("toolConfig.cachePoint", "there is nothing before it"),
            }
        } else if let Some(spec) = tool.nested("toolSpec")? {
            request.tools.push(function(spec, losses)?);
        } else if tool.rest.contains_key("input_schema") {
            return Err(tool.wrong("toolSpec", "given: this is a tool of another dialect"));
        } else {
            request.tools.push(hosted(tool.rest));
        }
    }
    request.tool_choice = choice(&mut config)?;
    losses.add_rest("toolConfig", &config);
    Ok(())
}

fn function(mut spec: Fields, losses: &mut Losses) -> Result<Tool, Failure> {
    Ok(Tool {
        name: spec.needed_string("name")?,
        description: spec.string("description")?,
        schema: spec.nested("inputSchema")?.and_then(|mut schema| schema.value("json")),
        strict: spec.flag("strict")?,
        kind: ToolKind::Function,
        run_by_client: true,
        cache_hint: None,
        extras: own(spec, losses),
    })
}

/// A tool that AWS runs: bound to this dialect, kept whole.
fn hosted(tool: Map<String, Value>) -> Tool {
    let name = tool.values().find_map(|inside| inside.get("name")?.as_str());
    Tool {
        name: name.unwrap_or_default().to_owned(),
        kind: ToolKind::Hosted { dialect: HERE, json: Value::Object(tool) },
        ..Tool::default()
    }
}

fn choice(config: &mut Fields) -> Result<ToolChoice, Failure> {
    let Some(mut choice) = config.nested("toolChoice")? else { return Ok(ToolChoice::Unsaid) };
    if let Some(mut tool) = choice.nested("tool")? {
        return Ok(ToolChoice::Named(tool.needed_string("name")?));
    }
    if choice.value("any").is_some() {
        return Ok(ToolChoice::Any);
    }
    let auto = choice.value("auto").is_some();
    Ok(if auto { ToolChoice::Auto } else { ToolChoice::Unsaid })
}

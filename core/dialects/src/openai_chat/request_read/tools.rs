//! `tools`, `tool_choice` and their deprecated forerunners → tools.

use serde_json::{Map, Value};

use backstop_exchange::{Request, Tool, ToolChoice, ToolKind};
use backstop_vocabulary::{Dialect, Failure};

use crate::json::Fields;
use crate::losses::Losses;

pub(super) fn read(
    fields: &mut Fields,
    request: &mut Request,
    losses: &mut Losses,
) -> Result<(), Failure> {
    for (index, function) in fields.list("functions")?.unwrap_or_default().into_iter().enumerate() {
        let function = Fields::at(&format!("functions[{index}]"), function)?;
        request.tools.push(read_function(function, Map::new(), losses)?);
    }
    for (index, tool) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        request.tools.push(read_tool(&format!("tools[{index}]"), tool, losses)?);
    }
    let old = fields.value("function_call");
    if let Some(choice) = fields.value("tool_choice") {
        request.tool_choice = read_choice(fields, &choice)?;
    } else if let Some(choice) = old {
        request.tool_choice = read_old_choice(fields, &choice)?;
    }
    Ok(())
}

fn read_tool(place: &str, tool: Value, losses: &mut Losses) -> Result<Tool, Failure> {
    let kind = tool.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !matches!(kind.as_str(), "" | "function" | "custom") {
        let hosted = ToolKind::Hosted { dialect: Dialect::OpenaiChat, json: tool };
        return Ok(Tool { name: kind, kind: hosted, ..Tool::default() });
    }
    let mut tool = Fields::at(place, tool)?;
    if tool.needed_string("type")? == "custom" {
        let custom = tool.nested("custom")?;
        let mut custom = custom.ok_or_else(|| tool.wrong("custom", "given, with `name`"))?;
        let (name, description) = (custom.needed_string("name")?, custom.string("description")?);
        let (kind, extras) = (ToolKind::Custom, custom.rest);
        return Ok(Tool { name, description, kind, extras, ..Tool::default() });
    }
    let function = tool.nested("function")?;
    let function = function.ok_or_else(|| tool.wrong("function", "given, with at least `name`"))?;
    read_function(function, tool.rest, losses)
}

fn read_function(
    mut function: Fields,
    extras: Map<String, Value>,
    losses: &mut Losses,
) -> Result<Tool, Failure> {
    let schema = function.value("parameters");
    if schema.as_ref().is_some_and(|schema| !schema.is_object()) {
        return Err(function.wrong("parameters", "a json schema, as an object"));
    }
    let tool = Tool {
        name: function.needed_string("name")?,
        description: function.string("description")?,
        schema,
        strict: function.flag("strict")?,
        kind: ToolKind::Function,
        run_by_client: true,
        cache_hint: None,
        extras,
    };
    losses.add_rest("tools.function", &function);
    Ok(tool)
}

fn read_choice(fields: &Fields, choice: &Value) -> Result<ToolChoice, Failure> {
    let forms = "none, auto, required, or an object that names a tool";
    if let Some(word) = choice.as_str() {
        return match word {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            // `any` is what some compatible servers call it.
            "required" | "any" => Ok(ToolChoice::Any),
            _ => Err(fields.wrong("tool_choice", forms)),
        };
    }
    if let Some(allowed) = choice.get("allowed_tools") {
        let tools = allowed.get("tools").and_then(Value::as_array);
        let names: Option<Vec<String>> =
            tools.and_then(|tools| tools.iter().map(name_in).collect());
        let required = allowed.get("mode").and_then(Value::as_str) == Some("required");
        return match names {
            Some(names) => Ok(ToolChoice::Among { names, required }),
            None => Err(fields.wrong("tool_choice.allowed_tools.tools", "a list of named tools")),
        };
    }
    name_in(choice).map(ToolChoice::Named).ok_or_else(|| fields.wrong("tool_choice", forms))
}

fn name_in(tool: &Value) -> Option<String> {
    let inner = tool.get("function").or_else(|| tool.get("custom")).unwrap_or(tool);
    inner.get("name").and_then(Value::as_str).map(str::to_owned)
}

fn read_old_choice(fields: &Fields, choice: &Value) -> Result<ToolChoice, Failure> {
    match choice.as_str() {
        Some("auto") => Ok(ToolChoice::Auto),
        Some("none") => Ok(ToolChoice::None),
        Some(_) | None => name_in(choice)
            .map(ToolChoice::Named)
            .ok_or_else(|| fields.wrong("function_call", "none, auto, or an object with `name`")),
    }
}

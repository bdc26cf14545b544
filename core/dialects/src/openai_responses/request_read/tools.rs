//! `tools` and `tool_choice` → tools.

use serde_json::Value;

use backstop_exchange::{Request, Tool, ToolChoice, ToolKind};
use backstop_vocabulary::{Dialect, Failure};

use super::super::namespace;
use crate::json::Fields;

pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    for (index, tool) in fields.list("tools")?.unwrap_or_default().into_iter().enumerate() {
        read_tools(&format!("tools[{index}]"), tool, &mut request.tools)?;
    }
    if let Some(choice) = fields.value("tool_choice") {
        match read_choice(fields, &choice)? {
            Some(choice) => request.tool_choice = choice,
            // A tool that the provider runs must be used: for the same dialect only.
            None => {
                fields.rest.insert("tool_choice".to_owned(), choice);
            }
        }
    }
    Ok(())
}

/// A tool, or those of a namespace: functions of the client, which only stand in a group.
fn read_tools(place: &str, tool: Value, tools: &mut Vec<Tool>) -> Result<(), Failure> {
    let by_client = |tool: &Value| matches!(tool["type"].as_str(), Some("function" | "custom"));
    let within = tool["tools"].as_array().filter(|list| list.iter().all(by_client));
    let name = tool["name"].as_str().filter(|_| tool["type"] == "namespace");
    let (Some(within), Some(name)) = (within, name) else {
        tools.push(read_tool(place, tool)?);
        return Ok(());
    };
    let mut group = tool.clone();
    group.as_object_mut().and_then(|group| group.shift_remove("tools"));
    for (index, one) in within.iter().enumerate() {
        let mut one = read_tool(&format!("{place}.tools[{index}]"), one.clone())?;
        namespace::enter(&mut one, name, &group);
        tools.push(one);
    }
    Ok(())
}

fn read_tool(place: &str, tool: Value) -> Result<Tool, Failure> {
    let whole = tool.clone();
    let mut tool = Fields::at(place, tool)?;
    let kind = tool.needed_string("type")?;
    let schema = match kind.as_str() {
        "function" => {
            let schema = tool.value("parameters");
            if schema.as_ref().is_some_and(|schema| !schema.is_object()) {
                return Err(tool.wrong("parameters", "a json schema, as an object"));
            }
            schema
        }
        "custom" => None,
        _ => {
            let name = tool.string("name").ok().flatten().unwrap_or(kind);
            let kind = ToolKind::Hosted { dialect: Dialect::OpenaiResponses, json: whole };
            return Ok(Tool { name, kind, ..Tool::default() });
        }
    };
    let custom = kind == "custom";
    Ok(Tool {
        name: tool.needed_string("name")?,
        description: tool.string("description")?,
        schema,
        strict: if custom { None } else { tool.flag("strict")? },
        kind: if custom { ToolKind::Custom } else { ToolKind::Function },
        cache_hint: None,
        extras: tool.rest,
        run_by_client: true,
    })
}

/// The choice; `None` for one of a tool that only this dialect has.
fn read_choice(fields: &Fields, choice: &Value) -> Result<Option<ToolChoice>, Failure> {
    let forms = "none, auto, required, or an object that names a tool";
    let name_in = |tool: &Value| tool.get("name").and_then(Value::as_str).map(str::to_owned);
    if let Some(word) = choice.as_str() {
        return match word {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Any)),
            _ => Err(fields.wrong("tool_choice", forms)),
        };
    }
    match choice.get("type").and_then(Value::as_str) {
        Some("function" | "custom") => match name_in(choice) {
            Some(name) => Ok(Some(ToolChoice::Named(name))),
            None => Err(fields.wrong("tool_choice.name", "given")),
        },
        Some("allowed_tools") => {
            let tools = choice.get("tools").and_then(Value::as_array);
            let Some(tools) = tools else {
                return Err(fields.wrong("tool_choice.tools", "a list of tools"));
            };
            let is_group = |tool: &Value| tool["type"] == "namespace";
            let name = |tool: &Value| name_in(tool).filter(|_| !is_group(tool));
            let names: Option<Vec<String>> = tools.iter().map(name).collect();
            let required = choice.get("mode").and_then(Value::as_str) == Some("required");
            Ok(names.map(|names| ToolChoice::Among { names, required }))
        }
        Some(_) => Ok(None),
        None => Err(fields.wrong("tool_choice", forms)),
    }
}

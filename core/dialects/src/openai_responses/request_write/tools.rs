//! Tools and the choice among them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use backstop_exchange::{Tool, ToolChoice, ToolKind};
use backstop_vocabulary::{Dialect, Failure};

use super::super::namespace;
use super::{Draft, unsupported};
use crate::dispatch::tool_elsewhere;
use crate::losses::{FLATTENED, REWRITTEN};
use crate::openai_chat::{Root, is_strict};
use crate::schema::{Subset, flat_root, lower_tool};
use crate::tool_names::input_schema;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let request = draft.request;
    let mut tools = Vec::new();
    let wanted = wanted(draft);
    for tool in &request.tools {
        if wanted.as_ref().is_none_or(|names| names.contains(tool.name.as_str())) {
            let written = write_tool(draft, tool)?;
            match tool.extras.get(namespace::FIELD).filter(|_| draft.has_namespaces()) {
                Some(group) => namespace::add(&mut tools, group, written),
                None => tools.push(written),
            }
        }
    }
    if tools.is_empty() {
        if matches!(request.tool_choice, ToolChoice::Any | ToolChoice::Named(_)) {
            draft.lose("tool_choice", "no tools are given");
        }
        return Ok(());
    }
    draft.set("tools", tools);
    if let Some(choice) = write_choice(draft) {
        draft.set("tool_choice", choice);
    }
    draft.set_if("parallel_tool_calls", request.parallel_tools);
    Ok(())
}

/// The tools to offer; `None` is all. Compatible servers know no choice among some tools: they get
/// only those.
fn wanted<'a>(draft: &Draft<'a>) -> Option<BTreeSet<&'a str>> {
    match &draft.request.tool_choice {
        ToolChoice::Among { names, .. } if !draft.is_original() => {
            Some(names.iter().map(String::as_str).collect())
        }
        ToolChoice::Among { .. }
        | ToolChoice::Unsaid
        | ToolChoice::Auto
        | ToolChoice::Any
        | ToolChoice::None
        | ToolChoice::Named(_) => None,
    }
}

fn write_tool(draft: &mut Draft<'_>, tool: &Tool) -> Result<Value, Failure> {
    if tool.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    match &tool.kind {
        ToolKind::Function => Ok(write_function(draft, tool)),
        ToolKind::Custom if draft.is_original() => Ok(write_custom(draft, tool)),
        ToolKind::Custom => {
            let name = draft.fit_name(&tool.name);
            draft.renames.emulate(&name);
            if tool.extras.contains_key("format") {
                draft.lose("tools.format", "the grammar is not enforced");
            }
            draft.losses.add_beyond_function(&tool.extras);
            Ok(json!({
                "type": "function", "name": name, "description": tool.description,
                "parameters": input_schema(), "strict": false,
            }))
        }
        ToolKind::Hosted { dialect: Dialect::OpenaiResponses, json } => Ok(json.clone()),
        ToolKind::Hosted { dialect, json } => {
            let stand = tool_elsewhere(*dialect, json).ok_or_else(|| {
                unsupported(format!("the tool `{}` runs at another provider", tool.name))
            })?;
            draft.losses.add_beyond_function(json.as_object().into_iter().flatten());
            Ok(json!({
                "type": "function",
                "name": draft.fit_name(&tool.name),
                "description": stand.description,
                "parameters": stand.schema,
                "strict": false,
            }))
        }
    }
}

/// The name of a tool: within its namespace where that goes too.
fn write_name(draft: &mut Draft<'_>, tool: &Tool) -> String {
    match namespace::split(&tool.name) {
        (Some(_), name) if draft.has_namespaces() => name.to_owned(),
        _ => draft.fit_name(&tool.name),
    }
}

fn write_function(draft: &mut Draft<'_>, tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("type".to_owned(), "function".into());
    function.insert("name".to_owned(), write_name(draft, tool).into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.as_str().into());
    }
    let schema = parameters(draft, tool);
    let (schema, strict) = strict_schema(draft, tool, schema);
    function.insert("parameters".to_owned(), schema);
    if let Some(strict) = strict {
        function.insert("strict".to_owned(), strict.into());
    }
    for (name, value) in &tool.extras {
        if name == namespace::FIELD && draft.has_namespaces() {
            // It stands around the tool.
        } else if name != namespace::FIELD && draft.is_native() {
            function.insert(name.clone(), value.clone());
        } else if name != "type" {
            draft.lose(&format!("tools.{name}"), "not in openai_responses");
        }
    }
    function.into()
}

/// The schema as the target enforces it, and whether it is asked to: here a tool is strict unless it
/// says otherwise; elsewhere it is not.
fn strict_schema(draft: &mut Draft<'_>, tool: &Tool, schema: Value) -> (Value, Option<bool>) {
    if draft.is_native() {
        return (schema, tool.strict);
    }
    let wanted = tool.strict.or(Some(false));
    if wanted != Some(true) || is_strict(&schema, Root::Tool) {
        return (schema, wanted);
    }
    let Some(lowered) = lower_tool(&schema, Subset::Openai) else {
        draft.lose("tools.strict", "the schema is outside the strict subset of openai_responses");
        return (schema, Some(false));
    };
    draft.lose("tools.parameters", REWRITTEN);
    let name = draft.fit_name(&tool.name);
    draft.renames.lower(&name, &schema);
    (lowered, wanted)
}

/// The schema of the arguments. Its root must be an object: some servers need it said.
fn parameters(draft: &mut Draft<'_>, tool: &Tool) -> Value {
    let Some(schema) = &tool.schema else {
        let empty = json!({ "type": "object", "properties": {} });
        return if draft.is_native() { Value::Null } else { empty };
    };
    if !draft.is_native()
        && let Some(flat) = flat_root(schema)
    {
        draft.lose("tools.parameters", FLATTENED);
        return flat;
    }
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut()
        && !draft.is_native()
        && !fields.contains_key("type")
    {
        fields.insert("type".to_owned(), "object".into());
    }
    schema
}

fn write_custom(draft: &mut Draft<'_>, tool: &Tool) -> Value {
    let mut custom = Map::new();
    custom.insert("type".to_owned(), "custom".into());
    custom.insert("name".to_owned(), write_name(draft, tool).into());
    if let Some(description) = &tool.description {
        custom.insert("description".to_owned(), description.as_str().into());
    }
    custom.extend(tool.extras.clone());
    custom.shift_remove(namespace::FIELD);
    // Chat Completions puts a grammar one level deeper.
    if let Some(grammar) = custom.get("format").and_then(|format| format.get("grammar")).cloned()
        && let Some(format) = custom.get_mut("format").and_then(Value::as_object_mut)
        && let Value::Object(grammar) = grammar
    {
        format.shift_remove("grammar");
        format.extend(grammar);
    }
    custom.into()
}

fn write_choice(draft: &mut Draft<'_>) -> Option<Value> {
    let request = draft.request;
    match &request.tool_choice {
        ToolChoice::Unsaid => None,
        ToolChoice::Auto => Some("auto".into()),
        ToolChoice::Any => Some("required".into()),
        ToolChoice::None => Some("none".into()),
        ToolChoice::Named(name) => Some(named(draft, &custom_names(draft), name)),
        ToolChoice::Among { names, required } => {
            let mode = if *required { "required" } else { "auto" };
            if !draft.is_original() {
                return Some(mode.into());
            }
            let custom = custom_names(draft);
            let tools: Vec<Value> = names.iter().map(|name| named(draft, &custom, name)).collect();
            Some(json!({ "type": "allowed_tools", "mode": mode, "tools": tools }))
        }
    }
}

/// The names of the tools that take free text here: a choice names them by another type.
fn custom_names<'a>(draft: &Draft<'a>) -> BTreeSet<&'a str> {
    let custom = draft.request.tools.iter().filter(|tool| tool.kind == ToolKind::Custom);
    custom.filter(|_| draft.is_original()).map(|tool| tool.name.as_str()).collect()
}

fn named(draft: &mut Draft<'_>, custom: &BTreeSet<&str>, name: &str) -> Value {
    let kind = if custom.contains(name) { "custom" } else { "function" };
    json!({ "type": kind, "name": draft.fit_name(name) })
}

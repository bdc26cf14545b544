//! Tools and the choice among them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use backstop_exchange::{Request, Tool, ToolChoice, ToolKind};
use backstop_vocabulary::{Dialect, Failure};

use super::strict::{Root, is_strict};
use super::{Draft, unsupported};
use crate::dispatch::tool_elsewhere;
use crate::losses::{FLATTENED, REWRITTEN};
use crate::schema::{Subset, flat_root, lower_tool};
use crate::tool_names::input_schema;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let request = draft.request;
    // Compatible servers know no choice among some tools: they get only those.
    let allowed = request.tool_choice.allowed().filter(|_| !draft.is_original());
    let mut tools = Vec::new();
    for tool in &request.tools {
        if allowed.as_ref().is_none_or(|allowed| allowed.contains(tool.name.as_str())) {
            tools.push(write_tool(draft, tool)?);
        } else {
            draft.lose("tools", "those not allowed are left out");
        }
    }
    if tools.is_empty() {
        // Choice and parallelism without tools are refused by the original, and mean nothing.
        if matches!(request.tool_choice, ToolChoice::Any | ToolChoice::Named(_)) {
            draft.lose("tool_choice", "no tools are given");
        }
        return Ok(());
    }
    if !draft.target.abilities.habits.heeds_tool_choice && !passes_unheeded(draft) {
        return Ok(());
    }
    draft.set("tools", tools);
    if let Some(choice) = write_choice(draft) {
        draft.set("tool_choice", choice);
    }
    draft.set_if("parallel_tool_calls", request.parallel_tools);
    Ok(())
}

/// Whether tools are given to a server that heeds no choice among them: not where none may be called.
fn passes_unheeded(draft: &mut Draft<'_>) -> bool {
    match &draft.request.tool_choice {
        ToolChoice::Unsaid | ToolChoice::Auto | ToolChoice::Among { required: false, .. } => true,
        ToolChoice::None => {
            draft.lose("tools", "left out: this server heeds no `tool_choice`");
            false
        }
        ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Among { required: true, .. } => {
            draft.lose("tool_choice", "not heeded by this server");
            true
        }
    }
}

fn write_tool(draft: &mut Draft<'_>, tool: &Tool) -> Result<Value, Failure> {
    if tool.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    match &tool.kind {
        ToolKind::Function => Ok(write_function(draft, tool)),
        ToolKind::Custom if draft.is_original() => Ok(write_custom(draft, tool)),
        ToolKind::Custom => Ok(emulate_custom(draft, tool)),
        ToolKind::Hosted { dialect: Dialect::OpenaiChat, json } => Ok(json.clone()),
        ToolKind::Hosted { dialect, json } => {
            let stand = tool_elsewhere(*dialect, json).ok_or_else(|| {
                unsupported(format!("the tool `{}` runs at another provider", tool.name))
            })?;
            draft.losses.add_beyond_function(json.as_object().into_iter().flatten());
            let function = json!({
                "name": draft.fit_name(&tool.name),
                "description": stand.description,
                "parameters": stand.schema,
            });
            Ok(json!({ "type": "function", "function": function }))
        }
    }
}

fn write_function(draft: &mut Draft<'_>, tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), draft.fit_name(&tool.name).into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.as_str().into());
    }
    let schema = parameters(draft, tool);
    let (schema, strict) = strict_schema(draft, tool, schema);
    if let Some(schema) = schema {
        function.insert("parameters".to_owned(), schema);
    }
    if let Some(strict) = strict {
        function.insert("strict".to_owned(), strict.into());
    }
    let mut whole = Map::new();
    whole.insert("type".to_owned(), "function".into());
    whole.insert("function".to_owned(), function.into());
    for (name, value) in &tool.extras {
        if draft.is_native() {
            whole.insert(name.clone(), value.clone());
        } else if name != "type" {
            draft.lose(&format!("tools.{name}"), "not in openai_chat");
        }
    }
    whole.into()
}

/// The schema as the target enforces it, and whether it is asked to.
fn strict_schema(
    draft: &mut Draft<'_>,
    tool: &Tool,
    schema: Option<Value>,
) -> (Option<Value>, Option<bool>) {
    let (Some(true), Some(own)) = (tool.strict, &schema) else { return (schema, tool.strict) };
    if is_strict(own, Root::Tool) {
        return (schema, tool.strict);
    }
    let Some(lowered) = lower_tool(own, Subset::Openai) else {
        draft.lose("tools.strict", "the schema is outside the strict subset of openai_chat");
        return (schema, Some(false));
    };
    draft.lose("tools.parameters", REWRITTEN);
    let name = draft.fit_name(&tool.name);
    draft.renames.lower(&name, own);
    (Some(lowered), Some(true))
}

/// The schema of the arguments. Its root must be an object: some servers need it said.
fn parameters(draft: &mut Draft<'_>, tool: &Tool) -> Option<Value> {
    let Some(schema) = &tool.schema else {
        let empty = json!({ "type": "object", "properties": {} });
        return (!draft.is_native()).then_some(empty);
    };
    if !draft.is_native()
        && let Some(flat) = flat_root(schema)
    {
        draft.lose("tools.parameters", FLATTENED);
        return Some(flat);
    }
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut()
        && !draft.is_native()
        && !fields.contains_key("type")
    {
        fields.insert("type".to_owned(), "object".into());
    }
    Some(schema)
}

fn write_custom(draft: &mut Draft<'_>, tool: &Tool) -> Value {
    let mut custom = Map::new();
    custom.insert("name".to_owned(), draft.fit_name(&tool.name).into());
    if let Some(description) = &tool.description {
        custom.insert("description".to_owned(), description.as_str().into());
    }
    custom.extend(tool.extras.clone());
    if !draft.is_native() && custom.shift_remove("namespace").is_some() {
        draft.lose("tools.namespace", "not in openai_chat");
    }
    // Responses puts a grammar one level higher.
    if let Some(format) = custom.get_mut("format").and_then(Value::as_object_mut)
        && format.contains_key("definition")
    {
        let mut grammar = std::mem::take(format);
        format.extend(grammar.shift_remove_entry("type"));
        format.insert("grammar".to_owned(), grammar.into());
    }
    json!({ "type": "custom", "custom": custom })
}

/// A tool with free text, as a function of one string, for servers that have only functions: its
/// calls are mapped back.
fn emulate_custom(draft: &mut Draft<'_>, tool: &Tool) -> Value {
    let name = draft.fit_name(&tool.name);
    draft.renames.emulate(&name);
    if tool.extras.contains_key("format") {
        draft.lose("tools.format", "the grammar is not enforced");
    }
    draft.losses.add_beyond_function(&tool.extras);
    let mut function = json!({ "name": name, "parameters": input_schema() });
    if let Some(description) = &tool.description {
        function["description"] = description.as_str().into();
    }
    json!({ "type": "function", "function": function })
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
            let allowed = json!({ "mode": mode, "tools": tools });
            Some(json!({ "type": "allowed_tools", "allowed_tools": allowed }))
        }
    }
}

/// The names of the tools that take free text, where the target has such: a choice names them by
/// another type.
fn custom_names<'a>(draft: &Draft<'a>) -> BTreeSet<&'a str> {
    let request: &'a Request = draft.request;
    let custom = request.tools.iter().filter(|tool| tool.kind == ToolKind::Custom);
    custom.filter(|_| draft.is_original()).map(|tool| tool.name.as_str()).collect()
}

fn named(draft: &mut Draft<'_>, custom: &BTreeSet<&str>, name: &str) -> Value {
    let fitted = draft.fit_name(name);
    if custom.contains(name) {
        json!({ "type": "custom", "custom": { "name": fitted } })
    } else {
        json!({ "type": "function", "function": { "name": fitted } })
    }
}

//! Tools and the choice among them.

use serde_json::{Map, Value, json};

use backstop_exchange::{Tool, ToolChoice, ToolKind};
use backstop_vocabulary::{Dialect, Failure};

use super::{Draft, NOT_HERE, unsupported};
use crate::dispatch::tool_elsewhere;
use crate::tool_names::input_schema;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let request = draft.request;
    let (mut functions, mut hosted) = (Vec::new(), Vec::new());
    for tool in &request.tools {
        match &tool.kind {
            ToolKind::Hosted { dialect: Dialect::Gemini, json } => hosted.push(json.clone()),
            ToolKind::Function | ToolKind::Custom | ToolKind::Hosted { .. } => {
                functions.push(write_function(draft, tool)?);
            }
        }
    }
    if request.parallel_tools == Some(false) {
        draft.lose("parallel_tool_calls", NOT_HERE);
    }
    let called = !functions.is_empty();
    if called {
        hosted.insert(0, json!({ "functionDeclarations": functions }));
    }
    if !hosted.is_empty() {
        draft.set("tools", hosted);
    }
    match mode(draft) {
        Some(config) if called => {
            draft.set("toolConfig", json!({ "functionCallingConfig": config }));
        }
        Some(_) if matches!(request.tool_choice, ToolChoice::Any | ToolChoice::Named(_)) => {
            draft.lose("tool_choice", "no tools are given");
        }
        Some(_) | None => {}
    }
    Ok(())
}

fn write_function(draft: &mut Draft<'_>, tool: &Tool) -> Result<Value, Failure> {
    if tool.cache_hint.is_some() {
        draft.lose_cache_hint();
    }
    let name = draft.fit_name(&tool.name);
    let mut function = Map::new();
    function.insert("name".to_owned(), name.as_str().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.as_str().into());
    }
    match &tool.kind {
        ToolKind::Function => {
            if let Some(schema) = &tool.schema {
                function.insert("parametersJsonSchema".to_owned(), schema.clone());
            }
            if tool.strict == Some(true) {
                draft.lose("tools.strict", "not enforced");
            }
        }
        ToolKind::Custom => {
            draft.renames.emulate(&name);
            function.insert("parametersJsonSchema".to_owned(), input_schema());
            if tool.extras.contains_key("format") {
                draft.lose("tools.format", "the grammar is not enforced");
            }
            draft.losses.add_beyond_function(&tool.extras);
            return Ok(function.into());
        }
        ToolKind::Hosted { dialect, json } => {
            let stand = tool_elsewhere(*dialect, json).ok_or_else(|| {
                unsupported(format!("the tool `{}` runs at another provider", tool.name))
            })?;
            draft.losses.add_beyond_function(json.as_object().into_iter().flatten());
            function.insert("description".to_owned(), stand.description.into());
            function.insert("parametersJsonSchema".to_owned(), stand.schema);
            return Ok(function.into());
        }
    }
    for (name, value) in &tool.extras {
        if draft.is_native() {
            function.insert(name.clone(), value.clone());
        } else if name != "type" {
            draft.lose(&format!("tools.{name}"), NOT_HERE);
        }
    }
    Ok(function.into())
}

/// The mode of calling; `None` leaves it to the provider.
fn mode(draft: &mut Draft<'_>) -> Option<Value> {
    let request = draft.request;
    let among = |draft: &mut Draft<'_>, names: &[String]| -> Vec<String> {
        names.iter().map(|name| draft.fit_name(name)).collect()
    };
    Some(match &request.tool_choice {
        ToolChoice::Unsaid => return None,
        ToolChoice::Auto => json!({ "mode": "AUTO" }),
        ToolChoice::Any => json!({ "mode": "ANY" }),
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Named(name) => {
            json!({ "mode": "ANY", "allowedFunctionNames": [draft.fit_name(name)] })
        }
        ToolChoice::Among { names, required: true } => {
            json!({ "mode": "ANY", "allowedFunctionNames": among(draft, names) })
        }
        // The one mode that takes names without asking for a call.
        ToolChoice::Among { names, required: false } => {
            json!({ "mode": "VALIDATED", "allowedFunctionNames": among(draft, names) })
        }
    })
}

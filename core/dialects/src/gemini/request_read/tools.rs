//! `tools` and `toolConfig` → tools.

use serde_json::{Map, Value, json};

use backstop_exchange::{Request, Tool, ToolChoice, ToolKind};
use backstop_vocabulary::{Dialect, Failure};

use super::super::{keys, schema};
use crate::json::Fields;

pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    for (index, tool) in keys::list(fields, "tools").unwrap_or_default().into_iter().enumerate() {
        let place = format!("tools[{index}]");
        let mut tool = keys::at(&place, tool)?;
        let declared = keys::list(&mut tool, "functionDeclarations").unwrap_or_default();
        for (nth, function) in declared.into_iter().enumerate() {
            let place = format!("{place}.functionDeclarations[{nth}]");
            request.tools.push(read_function(keys::at(&place, function)?)?);
        }
        // Whatever else stands there is run by the provider.
        for (name, settings) in tool.rest.into_iter().filter(|(_, value)| !value.is_null()) {
            let json = json!({ name.as_str(): settings });
            let name = snake(&name);
            let kind = ToolKind::Hosted { dialect: Dialect::Gemini, json };
            request.tools.push(Tool { name, kind, ..Tool::default() });
        }
    }
    if let Some(config) = keys::nested(fields, "toolConfig")? {
        read_config(config, fields, request)?;
    }
    Ok(())
}

/// `google_search` for `googleSearch`: the name that routes use.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

fn read_function(mut function: Fields) -> Result<Tool, Failure> {
    let plain = function.value("parametersJsonSchema");
    let own = function.value("parameters").map(schema::json_schema);
    let schema = plain.or(own);
    if schema.as_ref().is_some_and(|schema| !schema.is_object()) {
        return Err(function.wrong("parameters", "a schema, as an object"));
    }
    Ok(Tool {
        name: function.needed_string("name")?,
        description: function.string("description")?,
        schema,
        strict: None,
        kind: ToolKind::Function,
        cache_hint: None,
        run_by_client: true,
        extras: without_null(function.rest),
    })
}

/// The choice among tools. A mode that is more than a choice stays for this dialect.
fn read_config(
    mut config: Fields,
    fields: &mut Fields,
    request: &mut Request,
) -> Result<(), Failure> {
    if let Some(mut calling) = keys::nested(&mut config, "functionCallingConfig")? {
        let names: Vec<String> = keys::list(&mut calling, "allowedFunctionNames")
            .unwrap_or_default()
            .into_iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let mode = calling.string("mode")?.unwrap_or_default().to_ascii_uppercase();
        request.tool_choice = choice(&calling, &mode, names)?;
        if mode == "VALIDATED" {
            calling.rest.insert("mode".to_owned(), mode.into());
        }
        if calling.first_of(&["streamFunctionCallArguments"]).is_some() {
            let name = "toolConfig.streamFunctionCallArguments";
            request.bound.get_or_insert_with(|| name.to_owned());
        }
        let rest = without_null(calling.rest);
        if !rest.is_empty() {
            config.rest.insert("functionCallingConfig".to_owned(), Value::Object(rest));
        }
    }
    let rest = without_null(config.rest);
    if !rest.is_empty() {
        fields.rest.insert("toolConfig".to_owned(), Value::Object(rest));
    }
    Ok(())
}

fn choice(calling: &Fields, mode: &str, mut names: Vec<String>) -> Result<ToolChoice, Failure> {
    Ok(match (mode, names.len()) {
        ("" | "MODE_UNSPECIFIED", 0) => ToolChoice::Unsaid,
        ("AUTO" | "VALIDATED", 0) => ToolChoice::Auto,
        ("" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED", _) => {
            ToolChoice::Among { names, required: false }
        }
        ("ANY", 0) => ToolChoice::Any,
        ("ANY", 1) => ToolChoice::Named(names.remove(0)),
        ("ANY", _) => ToolChoice::Among { names, required: true },
        ("NONE", _) => ToolChoice::None,
        _ => return Err(calling.wrong("mode", "AUTO, ANY, NONE or VALIDATED")),
    })
}

fn without_null(mut map: Map<String, Value>) -> Map<String, Value> {
    map.retain(|_, value| !value.is_null());
    map
}

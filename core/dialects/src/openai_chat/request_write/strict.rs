//! Whether a schema lies in the subset that `OpenAI` enforces.

use serde_json::{Map, Value};

/// What the schema is for; a format's root must be an object, a tool's is one anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Format,
    Tool,
}

/// Keywords that make the original refuse a strict schema ("Structured outputs", supported schemas).
const REFUSED: [&str; 14] = [
    "default",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "propertyNames",
    "contains",
    "uniqueItems",
];

/// Whether every object lists all its properties as required and allows no others, no keyword is
/// outside the subset, and the root is an object.
pub(crate) fn is_strict(schema: &Value, root: Root) -> bool {
    let object = schema.get("type").and_then(Value::as_str) == Some("object");
    let bare = root == Root::Tool && schema.as_object().is_some_and(Map::is_empty);
    (object && schema.get("anyOf").is_none() && fits(schema)) || bare
}

fn fits(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else { return false };
    if REFUSED.iter().any(|keyword| fields.contains_key(*keyword)) {
        return false;
    }
    let lists = ["anyOf", "prefixItems"];
    let maps = ["properties", "$defs", "definitions"];
    let in_lists = lists.iter().filter_map(|key| fields.get(*key)?.as_array()).flatten();
    let in_maps = maps.iter().filter_map(|key| fields.get(*key)?.as_object());
    is_closed(fields)
        && in_lists.chain(in_maps.flat_map(Map::values)).chain(fields.get("items")).all(fits)
}

/// Whether the schema, if it is of an object, says exactly which properties there are.
fn is_closed(fields: &Map<String, Value>) -> bool {
    let of_object = match fields.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(_) | None => fields.contains_key("properties"),
    };
    if !of_object {
        return true;
    }
    let required = fields.get("required").and_then(Value::as_array);
    let needs = |name: &String| required.is_some_and(|names| names.iter().any(|n| n == name));
    let properties = fields.get("properties").and_then(Value::as_object);
    fields.get("additionalProperties") == Some(&Value::Bool(false))
        && properties.is_none_or(|properties| properties.keys().all(needs))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_closed_objects_with_all_properties_required_are_strict() {
        let strict = |schema: Value| is_strict(&schema, Root::Format);
        let closed = json!({
            "type": "object",
            "properties": { "a": { "type": ["string", "null"] } },
            "required": ["a"],
            "additionalProperties": false,
        });
        assert!(strict(closed.clone()));
        assert!(strict(json!({
            "type": "object", "properties": { "list": { "type": "array", "items": closed } },
            "required": ["list"], "additionalProperties": false,
        })));
        for (key, value) in [
            ("required", json!([])),
            ("additionalProperties", json!(true)),
            ("anyOf", json!([])),
            ("type", json!("array")),
            ("patternProperties", json!({})),
        ] {
            let mut open = closed.clone();
            open[key] = value;
            assert!(!strict(open), "{key}");
        }
        assert!(!strict(json!({
            "type": "object",
            "properties": { "inner": { "type": "object", "properties": { "x": {} } } },
            "required": ["inner"], "additionalProperties": false,
        })));
    }
}

//! The API's own schema language (a subset of `OpenAPI`) → JSON Schema.

use serde_json::{Map, Value};

use super::keys::camel;

/// Formats that say what the type says, or what other providers refuse.
const FORMATS: [&str; 5] = ["int32", "int64", "float", "double", "enum"];

/// The schema as everybody else writes it; one that is JSON Schema already stays what it is.
pub(super) fn json_schema(schema: Value) -> Value {
    let Value::Object(fields) = schema else { return schema };
    let mut out = Map::with_capacity(fields.len());
    let mut nullable = false;
    for (key, value) in fields {
        let key = camel(&key).into_owned();
        let value = match (key.as_str(), value) {
            ("nullable", value) => {
                nullable = value == Value::Bool(true);
                continue;
            }
            ("propertyOrdering" | "example", _) => continue,
            ("format", value) if value.as_str().is_some_and(|it| FORMATS.contains(&it)) => continue,
            ("type", value) if value == "TYPE_UNSPECIFIED" => continue,
            ("type", value) => lower(value),
            ("properties" | "$defs" | "defs", Value::Object(inner)) => {
                inner.into_iter().map(|(name, inner)| (name, json_schema(inner))).collect()
            }
            ("items" | "additionalProperties" | "not", value) => json_schema(value),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(inner)) => {
                inner.into_iter().map(json_schema).collect()
            }
            (
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
                | "maxProperties",
                value,
            ) => number(value),
            (_, value) => value,
        };
        out.insert(key, value);
    }
    if nullable {
        or_null(&mut out);
    }
    Value::Object(out)
}

fn lower(kind: Value) -> Value {
    match kind {
        Value::String(word) => word.to_ascii_lowercase().into(),
        Value::Array(words) => words.into_iter().map(lower).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => other,
    }
}

/// The API writes whole numbers as strings.
fn number(value: Value) -> Value {
    match value.as_str().and_then(|digits| digits.parse::<u64>().ok()) {
        Some(number) => number.into(),
        None => value,
    }
}

fn or_null(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type")
        && kind.is_string()
    {
        *kind = vec![kind.take(), "null".into()].into();
    } else if let Some(Value::Array(forms)) = schema.get_mut("anyOf") {
        forms.push(serde_json::json!({ "type": "null" }));
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn becomes_json_schema_and_leaves_names_of_properties_alone() {
        let schema = json!({
            "type": "OBJECT",
            "property_ordering": ["max_size"],
            "properties": {
                "max_size": { "type": "INTEGER", "format": "int32", "nullable": true },
                "type": { "type": "STRING", "format": "enum", "enum": ["A"], "nullable": true },
                "list": { "type": "ARRAY", "min_items": "1", "items": { "type": "NUMBER" } },
                "one": { "any_of": [{ "type": "BOOLEAN" }], "nullable": true },
            },
            "required": ["max_size"],
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "max_size": { "type": ["integer", "null"] },
                "type": { "type": ["string", "null"], "enum": ["A", null] },
                "list": { "type": "array", "minItems": 1, "items": { "type": "number" } },
                "one": { "anyOf": [{ "type": "boolean" }, { "type": "null" }] },
            },
            "required": ["max_size"],
        });
        assert_eq!(json_schema(schema), expected);
        assert_eq!(json_schema(expected.clone()), expected);
    }
}

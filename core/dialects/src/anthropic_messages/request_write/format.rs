use backstop_exchange::{Format, JsonSchema, Text};
use serde_json::{Map, Value, json};

use super::Writer;

/// Bounds that constrained decoding does not take; the schema keeps its shape without them.
const BOUNDS: [&str; 12] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
];

impl Writer<'_> {
    /// The `output_config.format`; where the target has none, an instruction in `system` instead.
    pub(super) fn format(&mut self, system: &mut Vec<Text>) -> Option<Value> {
        let (instruction, reason) = match &self.request.format {
            Format::Text => return None,
            Format::Schema(form) if self.target.abilities.schema => {
                let schema = self.fitted_schema(form);
                return Some(json!({ "type": "json_schema", "schema": schema }));
            }
            Format::Schema(form) => (
                format!(
                    "Reply with one JSON value that obeys this JSON Schema, and nothing else:\n{}",
                    form.schema
                ),
                "emulated by an instruction",
            ),
            Format::Json => (
                "Reply with one JSON object and nothing else.".to_owned(),
                "json mode emulated by an instruction",
            ),
        };
        self.lose(self.format_field(), reason);
        system.push(Text::plain(instruction));
        None
    }

    /// The schema as this provider takes it: objects closed, bounds left out.
    fn fitted_schema(&mut self, form: &JsonSchema) -> Value {
        let mut schema = form.schema.clone();
        if !self.native {
            let before = schema.clone();
            fit(&mut schema);
            if schema != before {
                self.lose("response_format", "schema rewritten to what the target enforces");
            }
        }
        schema
    }
}

/// Whether the provider enforces the schema as it is.
pub(super) fn is_fitted(schema: &Value) -> bool {
    let mut fitted = schema.clone();
    fit(&mut fitted);
    fitted == *schema
}

/// Closes every object and removes the bounds, at every place where a schema may stand. Names under
/// `properties` and values under `enum` or `const` are not schemas and stay as they are.
fn fit(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    for bound in BOUNDS {
        map.shift_remove(bound);
    }
    if map.get("minItems").and_then(Value::as_u64).is_some_and(|least| least > 1) {
        map.shift_remove("minItems");
    }
    let is_object =
        map.get("type").and_then(Value::as_str) == Some("object") || map.contains_key("properties");
    if is_object {
        map.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    if let Some(one_of) = map.shift_remove("oneOf") {
        map.insert("anyOf".to_owned(), one_of);
    }
    fit_children(map);
}

fn fit_children(map: &mut Map<String, Value>) {
    for name in ["properties", "$defs", "definitions"] {
        if let Some(children) = map.get_mut(name).and_then(Value::as_object_mut) {
            children.values_mut().for_each(fit);
        }
    }
    for name in ["anyOf", "allOf"] {
        if let Some(children) = map.get_mut(name).and_then(Value::as_array_mut) {
            children.iter_mut().for_each(fit);
        }
    }
    if let Some(items) = map.get_mut("items") {
        fit(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_objects_and_drops_bounds_but_not_properties_of_those_names() {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "minimum": { "type": "integer", "minimum": 3 },
                "list": { "type": "array", "items": { "type": "object", "properties": {} } },
                "one": { "oneOf": [{ "type": "string", "maxLength": 3 }, { "const": { "maximum": 1 } }] },
            },
        });
        fit(&mut schema);
        let expected = json!({
            "type": "object",
            "properties": {
                "minimum": { "type": "integer" },
                "list": {
                    "type": "array",
                    "items": { "type": "object", "properties": {}, "additionalProperties": false },
                },
                "one": { "anyOf": [{ "type": "string" }, { "const": { "maximum": 1 } }] },
            },
            "additionalProperties": false,
        });
        assert_eq!(schema, expected);
    }
}

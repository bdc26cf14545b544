use serde_json::{Map, Value};

/// How deep a schema is followed.
const DEPTH_MAX: u32 = 64;

/// Takes out of a value every `null` that only stands there because a lowered schema demands each
/// property; says whether there was any.
pub(crate) fn raise(value: &mut Value, schema: &Value) -> bool {
    raise_at(value, schema, (schema, 0))
}

fn raise_at(value: &mut Value, schema: &Value, (root, depth): (&Value, u32)) -> bool {
    let Some(schema) = resolved(schema, root).filter(|_| depth < DEPTH_MAX) else { return false };
    let at = (root, depth + 1);
    let mut raised = false;
    for name in ["anyOf", "oneOf", "allOf"] {
        let branches = schema.get(name).and_then(Value::as_array).into_iter().flatten();
        for branch in branches {
            if could_be(value, branch, at) {
                raised |= raise_at(value, branch, at);
            }
        }
    }
    match value {
        Value::Object(fields) => raised | raise_object(fields, schema, at),
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    raised |= raise_at(item, schema, at);
                }
            }
            raised
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => raised,
    }
}

fn raise_object(
    fields: &mut Map<String, Value>,
    schema: &Map<String, Value>,
    at: (&Value, u32),
) -> bool {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return false;
    };
    let required = schema.get("required").and_then(Value::as_array);
    let needed = |name: &String| required.is_some_and(|names| names.iter().any(|n| n == name));
    let before = fields.len();
    fields.retain(|name, value| {
        !value.is_null()
            || needed(name)
            || properties.get(name).is_none_or(|schema| takes_null(schema, at))
    });
    let mut raised = fields.len() < before;
    for (name, schema) in properties {
        if let Some(value) = fields.get_mut(name) {
            raised |= raise_at(value, schema, at);
        }
    }
    raised
}

/// Whether a branch may be the one that a value was written under: its fixed properties agree.
fn could_be(value: &Value, branch: &Value, (root, _): (&Value, u32)) -> bool {
    let (Value::Object(fields), Some(branch)) = (value, resolved(branch, root)) else {
        return true;
    };
    let properties = branch.get("properties").and_then(Value::as_object);
    properties.is_none_or(|properties| {
        fields.keys().all(|name| properties.contains_key(name))
            && properties.iter().all(|(name, schema)| {
                let fixed = schema.get("const");
                fixed.is_none_or(|fixed| fields.get(name) == Some(fixed))
            })
    })
}

/// Whether the schema takes `null` by itself.
pub(super) fn takes_null(schema: &Value, (root, depth): (&Value, u32)) -> bool {
    if depth >= DEPTH_MAX {
        return true;
    }
    let Some(fields) = resolved(schema, root) else { return true };
    let any = |name: &str| {
        let branches = fields.get(name).and_then(Value::as_array);
        branches.is_none_or(|all| all.iter().any(|one| takes_null(one, (root, depth + 1))))
    };
    let by_kind = match fields.get("type") {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "null"),
        Some(kind) => kind == "null",
    };
    let by_list = fields.get("enum").and_then(Value::as_array);
    by_kind
        && by_list.is_none_or(|list| list.iter().any(Value::is_null))
        && fields.get("const").is_none_or(Value::is_null)
        && any("anyOf")
        && any("oneOf")
}

/// The schema that a reference within the root stands for; itself where it is none. `None` for `true`
/// and `false`, and for what is not there.
pub(super) fn resolved<'a>(schema: &'a Value, root: &'a Value) -> Option<&'a Map<String, Value>> {
    let mut fields = schema.as_object()?;
    for _ in 0..DEPTH_MAX {
        let Some(place) = fields.get("$ref").and_then(Value::as_str) else { return Some(fields) };
        let pointer = place.strip_prefix('#')?;
        fields = root.pointer(pointer)?.as_object()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, written: &Value, expected: &Value) {
        let mut value = written.clone();
        let raised = raise(&mut value, schema);
        assert_eq!(value, *expected);
        assert_eq!(raised, written != expected);
    }

    #[test]
    fn takes_out_null_only_where_the_clients_schema_has_none() {
        let schema = json!({
            "type": "object",
            "properties": {
                "needed": { "type": "string" },
                "maybe": { "type": "string" },
                "nullable": { "type": ["string", "null"] },
                "any": {},
                "list": { "type": "array", "items": { "$ref": "#/$defs/node" } },
            },
            "required": ["needed"],
            "$defs": { "node": {
                "type": "object",
                "properties": { "next": { "$ref": "#/$defs/node" }, "n": { "type": "integer" } },
            } },
        });
        let written = json!({
            "needed": null, "maybe": null, "nullable": null, "any": null,
            "list": [{ "n": 1, "next": { "n": null, "next": null } }],
        });
        let expected = json!({
            "needed": null, "nullable": null, "any": null,
            "list": [{ "n": 1, "next": {} }],
        });
        check(&schema, &written, &expected);
        check(&schema, &json!({ "needed": "a" }), &json!({ "needed": "a" }));
    }

    #[test]
    fn follows_the_branch_whose_fixed_properties_agree() {
        let of = |kind: &str, other: Value| json!({ "type": "object", "properties": { "kind": { "const": kind }, "x": other } });
        let schema = json!({ "anyOf": [of("a", json!({ "type": "string" })), of("b", json!({}))] });
        check(&schema, &json!({ "kind": "a", "x": null }), &json!({ "kind": "a" }));
        check(&schema, &json!({ "kind": "b", "x": null }), &json!({ "kind": "b", "x": null }));
    }
}

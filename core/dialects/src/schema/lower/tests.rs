use super::*;
use crate::openai_chat::{Root, is_strict};

#[test]
fn what_may_be_left_out_may_be_null_for_openai() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "size": { "type": "integer", "enum": [1, 2], "default": 1, "description": "how big" },
            "kind": { "oneOf": [{ "const": "a" }, { "const": "b" }] },
            "note": { "type": ["string", "null"] },
            "next": { "$ref": "#/$defs/node" },
        },
        "required": ["name"],
        "$defs": { "node": { "type": "object", "properties": { "n": { "type": "number" } } } },
    });
    let lowered = lower(&schema, Subset::Openai).unwrap();
    assert!(is_strict(&lowered, Root::Format), "{lowered:#}");
    let properties = &lowered["properties"];
    assert_eq!(
        properties["size"],
        json!({ "type": ["integer", "null"], "enum": [1, 2, null], "description": "how big (default: 1)" })
    );
    let nothing = json!({ "type": "null" });
    assert_eq!(
        properties["kind"],
        json!({ "anyOf": [{ "anyOf": [{ "const": "a" }, { "const": "b" }] }, nothing] })
    );
    assert_eq!(properties["next"], json!({ "anyOf": [{ "$ref": "#/$defs/node" }, nothing] }));
    assert_eq!(properties["note"], json!({ "type": ["string", "null"] }));
    assert_eq!(properties["name"], json!({ "type": "string" }));
}

#[test]
fn what_is_strict_already_stays_as_it_is() {
    let strict = json!({
        "type": "object",
        "properties": { "a": { "type": "array", "items": { "type": "string", "pattern": "x" } } },
        "required": ["a"],
        "additionalProperties": false,
    });
    assert_eq!(lower(&strict, Subset::Openai), Some(strict.clone()));
    assert_eq!(lower(&strict, Subset::Anthropic), Some(strict));
}

#[test]
fn closes_objects_and_tells_of_bounds_but_not_of_properties_of_those_names() {
    let schema = json!({
        "type": "object",
        "properties": {
            "minimum": { "type": "integer", "minimum": 3 },
            "list": { "type": "array", "minItems": 2, "items": { "type": "string" } },
            "one": { "oneOf": [{ "type": "string", "maxLength": 3 }, { "const": { "maximum": 1 } }] },
        },
    });
    let expected = json!({
        "type": "object",
        "properties": {
            "minimum": { "type": "integer", "description": "(minimum: 3)" },
            "list": { "type": "array", "items": { "type": "string" }, "description": "(minItems: 2)" },
            "one": { "anyOf": [
                { "type": "string", "description": "(maxLength: 3)" },
                { "const": { "maximum": 1 } },
            ] },
        },
        "additionalProperties": false,
    });
    assert_eq!(lower(&schema, Subset::Anthropic), Some(expected));
}

#[test]
fn a_schema_whose_meaning_would_change_is_not_lowered() {
    let object = |property: Value| json!({ "type": "object", "properties": { "a": property } });
    let map = object(json!({ "type": "object", "additionalProperties": { "type": "string" } }));
    let open = object(json!({ "type": "object" }));
    let anything = object(json!(true));
    let elsewhere = object(json!({ "$ref": "https://example.com/schema" }));
    for schema in [map, open, anything, elsewhere] {
        assert_eq!(lower(&schema, Subset::Openai), None, "{schema}");
        assert_eq!(lower(&schema, Subset::Anthropic), None, "{schema}");
    }
    let recursive = object(json!({ "$ref": "#" }));
    assert!(lower(&recursive, Subset::Openai).is_some());
    assert_eq!(lower(&recursive, Subset::Anthropic), None);
    let either = json!({ "anyOf": [{ "type": "object" }] });
    assert_eq!(lower(&either, Subset::Openai), None);
}

#[test]
fn alternatives_at_the_root_of_a_tool_become_one_object() {
    let of = |name: &str| json!({ "type": "object", "properties": { "kind": { "type": "string" }, name: {} }, "required": ["kind", name] });
    let flat = flat_root(&json!({ "description": "d", "anyOf": [of("a"), of("b")] })).unwrap();
    assert_eq!(
        flat,
        json!({
            "description": "d",
            "type": "object",
            "properties": { "kind": { "type": "string" }, "a": {}, "b": {} },
            "required": ["kind"],
        })
    );
    let all = flat_root(&json!({ "allOf": [of("a"), of("b")] })).unwrap();
    assert_eq!(all["required"], json!(["kind", "a", "b"]));
    let reference = json!({ "$ref": "#/$defs/x", "$defs": { "x": of("a") } });
    let flat = flat_root(&reference).unwrap();
    assert_eq!((&flat["type"], &flat["required"]), (&json!("object"), &json!(["kind", "a"])));
    assert_eq!(flat_root(&of("a")), None);
}

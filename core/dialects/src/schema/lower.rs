use serde_json::{Map, Value, json};

use super::raise::{resolved, takes_null};

/// The most nodes of a schema that are looked at.
const NODES_MAX: u32 = 10_000;

/// What a provider enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subset {
    /// `OpenAI`: every property required, objects closed ("Structured outputs", supported schemas).
    Openai,
    /// Anthropic: objects closed, no bounds, no recursion ("Structured outputs", JSON Schema
    /// limitations).
    Anthropic,
}

/// Keywords that say something `OpenAI` does not enforce.
const NOT_OPENAI: [&str; 16] = [
    "default",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "contains",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "examples",
];

/// The same for Anthropic: bounds too.
const NOT_ANTHROPIC: [&str; 22] = [
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
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "contains",
];

/// The schema within a provider's subset; what it cannot enforce is told in descriptions. `None` for
/// a schema whose meaning the subset cannot hold: free maps, references elsewhere, recursion where it
/// is not taken, alternatives at the root of an `OpenAI` schema.
pub(crate) fn lower(schema: &Value, subset: Subset) -> Option<Value> {
    if subset == Subset::Anthropic && is_recursive(schema) {
        return None;
    }
    let object = schema.get("type").is_some_and(|kind| kind == "object");
    let apart = ["anyOf", "oneOf"].iter().any(|name| schema.get(*name).is_some());
    if subset == Subset::Openai && (!object || apart) {
        return None;
    }
    let mut lowered = schema.clone();
    Lowering { subset, root: schema, nodes: 0 }.schema(&mut lowered)?;
    Some(lowered)
}

/// The same for the arguments of a tool, where an object of which nothing is said has no properties.
pub(crate) fn lower_tool(schema: &Value, subset: Subset) -> Option<Value> {
    let fields = schema.as_object()?;
    let bare = fields.iter().all(|(name, value)| match name.as_str() {
        "type" => value == "object",
        "properties" => value.as_object().is_some_and(Map::is_empty),
        "required" => value.as_array().is_some_and(Vec::is_empty),
        "description" | "title" | "$schema" => true,
        _ => false,
    });
    if !bare {
        return lower(schema, subset);
    }
    let mut closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    if subset == Subset::Openai {
        closed["required"] = json!([]);
    }
    Some(closed)
}

/// One schema on its way down.
struct Lowering<'a> {
    subset: Subset,
    root: &'a Value,
    nodes: u32,
}

impl Lowering<'_> {
    fn schema(&mut self, schema: &mut Value) -> Option<()> {
        self.nodes += 1;
        // `true` is anything at all, and nobody enforces that.
        let fields = schema.as_object_mut().filter(|_| self.nodes <= NODES_MAX)?;
        if let Some(place) = fields.get("$ref").cloned() {
            resolved(&json!({ "$ref": place }), self.root)?;
            // Nothing may stand beside a reference.
            let kept = ["$ref", "$defs", "definitions"];
            fields.retain(|name, _| kept.contains(&name.as_str()));
        }
        self.merge_single_all_of(fields)?;
        if let Some(one_of) = fields.shift_remove("oneOf") {
            fields.insert("anyOf".to_owned(), one_of);
        }
        self.tell_the_rest(fields);
        self.close(fields)?;
        self.children(fields)
    }

    /// `allOf` of one schema is that schema; of more, only Anthropic takes it.
    fn merge_single_all_of(&self, fields: &mut Map<String, Value>) -> Option<()> {
        let Some(Value::Array(all)) = fields.get("allOf") else { return Some(()) };
        if let [Value::Object(only)] = all.as_slice() {
            let only = only.clone();
            fields.shift_remove("allOf");
            for (name, value) in only {
                fields.entry(name).or_insert(value);
            }
            return Some(());
        }
        (self.subset == Subset::Anthropic).then_some(())
    }

    /// Moves what is not enforced into the description, so that the model still knows of it.
    fn tell_the_rest(&self, fields: &mut Map<String, Value>) {
        let refused: &[&str] = match self.subset {
            Subset::Openai => &NOT_OPENAI,
            Subset::Anthropic => &NOT_ANTHROPIC,
        };
        let mut told = Vec::new();
        for name in refused {
            if let Some(value) = fields.shift_remove(*name) {
                told.push(format!("{name}: {value}"));
            }
        }
        let least = fields.get("minItems").and_then(Value::as_u64);
        if self.subset == Subset::Anthropic
            && let Some(least) = least.filter(|least| *least > 1)
        {
            fields.shift_remove("minItems");
            told.push(format!("minItems: {least}"));
        }
        if told.is_empty() {
            return;
        }
        let told = format!("({})", told.join(", "));
        let said = fields.get("description").and_then(Value::as_str);
        let said = said.map_or_else(|| told.clone(), |said| format!("{said} {told}"));
        fields.insert("description".to_owned(), said.into());
    }

    /// Closes an object; `None` for one that takes properties nobody has named.
    fn close(&self, fields: &mut Map<String, Value>) -> Option<()> {
        if !is_object(fields) {
            return Some(());
        }
        let named = fields.get("properties").and_then(Value::as_object);
        let named: Vec<String> = named.into_iter().flat_map(Map::keys).cloned().collect();
        match fields.get("additionalProperties") {
            Some(Value::Object(_)) => return None,
            Some(Value::Bool(true)) | None if named.is_empty() => return None,
            Some(_) | None => {}
        }
        fields.insert("additionalProperties".to_owned(), Value::Bool(false));
        if self.subset == Subset::Openai {
            self.require_all(fields, &named);
        }
        Some(())
    }

    /// Demands every property; one that may be left out may be `null` instead.
    fn require_all(&self, fields: &mut Map<String, Value>, named: &[String]) {
        let required = fields.get("required").and_then(Value::as_array).cloned();
        let optional = |name: &String| {
            required.as_ref().is_none_or(|names| names.iter().all(|needed| needed != name))
        };
        if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, schema) in properties.iter_mut() {
                if optional(name) && !takes_null(schema, (self.root, 0)) {
                    add_null(schema);
                }
            }
        }
        fields.insert("required".to_owned(), named.into());
    }

    fn children(&mut self, fields: &mut Map<String, Value>) -> Option<()> {
        for name in ["properties", "$defs", "definitions"] {
            if let Some(children) = fields.get_mut(name).and_then(Value::as_object_mut) {
                children.values_mut().try_for_each(|child| self.schema(child))?;
            }
        }
        for name in ["anyOf", "allOf", "prefixItems"] {
            if let Some(children) = fields.get_mut(name).and_then(Value::as_array_mut) {
                children.iter_mut().try_for_each(|child| self.schema(child))?;
            }
        }
        match fields.get_mut("items") {
            Some(items) => self.schema(items),
            None => Some(()),
        }
    }
}

fn is_object(fields: &Map<String, Value>) -> bool {
    match fields.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(_) | None => fields.contains_key("properties"),
    }
}

/// Lets a schema take `null` too.
fn add_null(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let simple =
        !["anyOf", "oneOf", "allOf", "$ref", "const"].iter().any(|name| fields.contains_key(*name));
    if simple && let Some(kind) = fields.get("type").cloned() {
        let mut kinds = kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]);
        kinds.push("null".into());
        fields.insert("type".to_owned(), kinds.into());
        if let Some(list) = fields.get_mut("enum").and_then(Value::as_array_mut) {
            list.push(Value::Null);
        }
        return;
    }
    let described = fields.shift_remove("description");
    let whole = Value::Object(std::mem::take(fields));
    *schema = json!({ "anyOf": [whole, { "type": "null" }] });
    if let Some(described) = described {
        schema["description"] = described;
    }
}

/// Whether a schema refers to itself.
fn is_recursive(root: &Value) -> bool {
    fn visits(schema: &Value, root: &Value, path: &mut Vec<String>, nodes: &mut u32) -> bool {
        *nodes += 1;
        if *nodes > NODES_MAX {
            return true;
        }
        match schema {
            Value::Object(fields) => {
                if let Some(place) = fields.get("$ref").and_then(Value::as_str) {
                    if path.iter().any(|seen| seen == place) {
                        return true;
                    }
                    let Some(target) = place.strip_prefix('#').and_then(|at| root.pointer(at))
                    else {
                        return false;
                    };
                    path.push(place.to_owned());
                    let again = visits(target, root, path, nodes);
                    path.pop();
                    return again;
                }
                let apart = |name: &str| matches!(name, "$defs" | "definitions" | "enum" | "const");
                fields.iter().any(|(name, value)| !apart(name) && visits(value, root, path, nodes))
            }
            Value::Array(items) => items.iter().any(|item| visits(item, root, path, nodes)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    visits(root, root, &mut vec!["#".to_owned()], &mut 0)
}

/// A tool's schema with an object at its root, where it has alternatives or a reference there that
/// providers refuse: one object with the properties of all. `None` where nothing need change.
pub(crate) fn flat_root(schema: &Value) -> Option<Value> {
    let fields = schema.as_object()?;
    let kinds = ["anyOf", "oneOf", "allOf", "$ref"];
    if !kinds.iter().any(|name| fields.contains_key(*name)) {
        return None;
    }
    let mut flat = fields.clone();
    flat.retain(|name, _| !kinds.contains(&name.as_str()));
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    let mut take = |part: &Map<String, Value>| {
        let own = part.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, schema) in own {
            properties.entry(name.clone()).or_insert_with(|| schema.clone());
        }
        part.get("required").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    required.extend(take(fields));
    if fields.contains_key("$ref") {
        required.extend(take(resolved(schema, schema)?));
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        let parts = fields.get(name).and_then(Value::as_array).into_iter().flatten();
        let needed: Vec<Vec<Value>> =
            parts.filter_map(|part| Some(take(resolved(part, schema)?))).collect();
        let Some((first, others)) = needed.split_first() else { continue };
        if name == "allOf" {
            required.extend(needed.iter().flatten().cloned());
        } else {
            // Only what every alternative needs is needed.
            let shared = first.iter().filter(|name| others.iter().all(|n| n.contains(name)));
            required.extend(shared.cloned());
        }
    }
    let mut unique = Vec::new();
    for name in required {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    flat.insert("type".to_owned(), "object".into());
    flat.insert("properties".to_owned(), properties.into());
    if unique.is_empty() {
        flat.shift_remove("required");
    } else {
        flat.insert("required".to_owned(), unique.into());
    }
    Some(flat.into())
}

#[cfg(test)]
mod tests;

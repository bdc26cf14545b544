//! Tools in namespaces: functions of the client in groups, each group with a name of its own.
//!
//! Only this dialect has them. The neutral form knows each function by both names in one, and other
//! dialects get it under what [`crate::tool_names`] makes of that; a call comes back under both.

use std::borrow::Cow;

use serde_json::{Value, json};

use backstop_exchange::Tool;

/// Stands between the names; no name of a tool has it.
const BETWEEN: char = '\u{1f}';

/// The field of a tool's extras that holds the namespace, less its tools.
pub(super) const FIELD: &str = "namespace";

/// Both names in one.
pub(super) fn joined<'a>(namespace: Option<&str>, name: &'a str) -> Cow<'a, str> {
    match namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => Cow::Owned(format!("{namespace}{BETWEEN}{name}")),
        None => Cow::Borrowed(name),
    }
}

/// The namespace and the name within.
pub(super) fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once(BETWEEN) {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    }
}

/// Writes a name into a call.
pub(super) fn write(item: &mut Value, name: &str) {
    let (namespace, name) = split(name);
    item["name"] = name.into();
    if let Some(namespace) = namespace {
        item["namespace"] = namespace.into();
    }
}

/// Gives a tool that stands in a namespace both names.
pub(super) fn enter(tool: &mut Tool, name: &str, namespace: &Value) {
    tool.name = joined(Some(name), &tool.name).into_owned();
    tool.extras.insert(FIELD.to_owned(), namespace.clone());
}

/// Adds a tool to the namespace it came from, which is the last one or a new one.
pub(super) fn add(tools: &mut Vec<Value>, namespace: &Value, tool: Value) {
    let last = tools.last_mut().filter(|last| last["type"] == "namespace");
    let same = last.filter(|last| last["name"] == namespace["name"]);
    if let Some(list) = same.and_then(|last| last["tools"].as_array_mut()) {
        list.push(tool);
        return;
    }
    let mut group = namespace.clone();
    group["tools"] = json!([tool]);
    tools.push(group);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_both_names_in_one_comes_back_under_both() {
        let name = joined(Some("crm"), "find");
        let mut item = json!({ "type": "function_call" });
        write(&mut item, &name);
        assert_eq!(item, json!({ "type": "function_call", "name": "find", "namespace": "crm" }));
    }

    #[test]
    fn a_name_without_a_namespace_stays_alone() {
        for nothing in [None, Some("")] {
            let mut item = json!({});
            write(&mut item, &joined(nothing, "find"));
            assert_eq!(item, json!({ "name": "find" }));
        }
    }
}

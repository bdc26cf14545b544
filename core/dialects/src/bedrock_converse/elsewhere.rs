//! What other dialects make of what only this one has.

use serde_json::Value;

/// No tool that Bedrock runs goes elsewhere.
pub(crate) const fn tool_elsewhere(_definition: &Value) -> Option<crate::dispatch::StandIn> {
    None
}

/// The text that says what a block says; `None` for what only a machine of AWS's can read.
pub(crate) fn text_elsewhere(kind: &str, block: &Value) -> Option<String> {
    let block = block.get(kind)?;
    let texts = |list: &Value| {
        let texts = list.as_array()?.iter().filter_map(|part| part.get("text")?.as_str());
        let text = texts.collect::<Vec<_>>().join("\n");
        (!text.is_empty()).then_some(text)
    };
    match kind {
        "guardContent" => block.pointer("/text/text")?.as_str().map(str::to_owned),
        "citationsContent" => texts(block.get("content")?),
        "searchResult" => {
            let text = texts(block.get("content")?)?;
            let name = |field: &str| block.get(field).and_then(Value::as_str).unwrap_or_default();
            Some(format!(
                "<search_result title=\"{}\" source=\"{}\">\n{text}\n</search_result>",
                name("title"),
                name("source")
            ))
        }
        "document" => {
            let text = texts(block.pointer("/source/content")?)?;
            let name = block.get("name").and_then(Value::as_str).unwrap_or_default();
            Some(format!("<document title=\"{name}\">\n{text}\n</document>"))
        }
        _ => None,
    }
}

//! What other dialects make of what only this one has.
//!
//! Tools that Anthropic defines and the client runs are ordinary functions there: the client answers
//! the calls anyway, the model only has to be told the shape it was trained on here. Schemas after
//! Anthropic's tool references (`bash_20250124`, `text_editor_20250124` and later,
//! `memory_20250818`).

use serde_json::{Value, json};

use crate::dispatch::StandIn;

/// The function that stands in for a tool of this type; `None` when the provider runs it, or when it
/// needs a screen.
pub(crate) fn tool_elsewhere(definition: &Value) -> Option<StandIn> {
    let kind = definition.get("type").and_then(Value::as_str)?;
    let (family, version) = kind.rsplit_once('_')?;
    match family {
        "bash" => Some(bash()),
        "text_editor" => Some(text_editor(version)),
        "memory" => Some(memory()),
        _ => None,
    }
}

/// The text that says what a block says; `None` for what only a machine of Anthropic's can read.
pub(crate) fn text_elsewhere(kind: &str, block: &Value) -> Option<String> {
    let field = |name: &str| block.get(name).and_then(Value::as_str);
    match kind {
        "tool_reference" => Some(format!("The tool `{}` can be called now.", field("tool_name")?)),
        "search_result" => Some(enclosed(kind, block, block.get("content")?)),
        "document" => Some(enclosed(kind, block, block.pointer("/source/content")?)),
        "compaction" => field("content").map(|summary| format!("<summary>\n{summary}\n</summary>")),
        _ => None,
    }
}

/// A content of texts between tags that name its title and source.
fn enclosed(tag: &str, block: &Value, content: &Value) -> String {
    let mut head = tag.to_owned();
    for name in ["title", "source"] {
        if let Some(value) = block.get(name).filter(|value| value.is_string()) {
            head = format!("{head} {name}={value}");
        }
    }
    let blocks = content.as_array().into_iter().flatten().map(text_in);
    let texts: Vec<&str> = content.as_str().into_iter().chain(blocks).collect();
    format!("<{head}>\n{}\n</{tag}>", texts.join("\n"))
}

fn text_in(block: &Value) -> &str {
    block.get("text").and_then(Value::as_str).unwrap_or("[a picture that is not shown]")
}

fn bash() -> StandIn {
    StandIn {
        description: "Run a command in a persistent bash session and return its output.",
        schema: json!({
            "type": "object",
            "properties": {
                "command": {
                    "type": "string",
                    "description": "The command to run. Required unless `restart` is given.",
                },
                "restart": {
                    "type": "boolean",
                    "description": "Whether to restart the session instead.",
                },
            },
        }),
    }
}

fn text_editor(version: &str) -> StandIn {
    let mut commands = vec!["view", "create", "str_replace", "insert"];
    if matches!(version, "20241022" | "20250124") {
        commands.push("undo_edit");
    }
    StandIn {
        description: "View, create and edit text files.",
        schema: json!({
            "type": "object",
            "properties": {
                "command": { "type": "string", "enum": commands },
                "path": { "type": "string", "description": "The path of the file or directory." },
                "view_range": {
                    "type": "array",
                    "items": { "type": "integer" },
                    "description": "For `view`: first and last line, from 1; -1 is the end.",
                },
                "file_text": { "type": "string", "description": "For `create`: the content." },
                "old_str": {
                    "type": "string",
                    "description": "For `str_replace`: the text to replace, exactly and once there.",
                },
                "new_str": { "type": "string", "description": "For `str_replace`: the new text." },
                "insert_line": {
                    "type": "integer",
                    "description": "For `insert`: the line to insert after; 0 is the beginning.",
                },
                "insert_text": { "type": "string", "description": "For `insert`: the text." },
            },
            "required": ["command", "path"],
        }),
    }
}

fn memory() -> StandIn {
    StandIn {
        description: "Keep notes in files under /memories that outlast the conversation.",
        schema: json!({
            "type": "object",
            "properties": {
                "command": {
                    "type": "string",
                    "enum": ["view", "create", "str_replace", "insert", "delete", "rename"],
                },
                "path": { "type": "string", "description": "The path, below /memories." },
                "view_range": { "type": "array", "items": { "type": "integer" } },
                "file_text": { "type": "string", "description": "For `create`: the content." },
                "old_str": { "type": "string", "description": "For `str_replace`." },
                "new_str": { "type": "string", "description": "For `str_replace`." },
                "insert_line": { "type": "integer", "description": "For `insert`." },
                "insert_text": { "type": "string", "description": "For `insert`." },
                "old_path": { "type": "string", "description": "For `rename`." },
                "new_path": { "type": "string", "description": "For `rename`." },
            },
            "required": ["command"],
        }),
    }
}

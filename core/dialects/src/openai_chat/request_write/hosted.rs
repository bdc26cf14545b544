//! Tools that Anthropic defines and the client runs, as ordinary functions.
//!
//! The client answers the calls anyway; the model only has to be told the shape it was trained on
//! elsewhere. Schemas after Anthropic's tool references (`bash_20250124`, `text_editor_20250124` and
//! later, `memory_20250818`).

use serde_json::{Value, json};

/// A tool's description and schema.
pub(super) struct Stand {
    pub(super) description: &'static str,
    pub(super) schema: Value,
}

/// The function that stands in for a tool of this type; `None` when the provider runs it, or when it
/// needs a screen.
pub(super) fn stand_in(kind: &str) -> Option<Stand> {
    let (family, version) = kind.rsplit_once('_')?;
    match family {
        "bash" => Some(bash()),
        "text_editor" => Some(text_editor(version)),
        "memory" => Some(memory()),
        _ => None,
    }
}

fn bash() -> Stand {
    Stand {
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

fn text_editor(version: &str) -> Stand {
    let mut commands = vec!["view", "create", "str_replace", "insert"];
    if matches!(version, "20241022" | "20250124") {
        commands.push("undo_edit");
    }
    Stand {
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

fn memory() -> Stand {
    Stand {
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

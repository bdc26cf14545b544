//! The fields of a request that decide its way; the model and the delivery are not among them.

use backstop_vocabulary::Failure;

use crate::scan::{Cursor, Scan, is_empty, is_null, member};

/// How the names of content blocks begin that are not text.
const MEDIA: [&[u8]; 4] = [b"\"image\"", b"\"document\"", b"\"video\"", b"\"audio\""];

/// Takes one top-level field, or passes over it.
pub(crate) fn scan_field(
    scan: &mut Scan,
    cursor: &mut Cursor<'_>,
    key: &str,
) -> Result<(), Failure> {
    match key {
        "messages" => scan.media = cursor.value_marked(&MEDIA)?,
        "outputConfig" => {
            let form = member(cursor, "textFormat")?;
            scan.format |= form.is_some_and(|form| !is_null(form));
        }
        "guardrailConfig" | "promptVariables" => scan.special |= !is_empty(cursor.value()?),
        "toolConfig" => tools(scan, cursor)?,
        _ => {
            cursor.value()?;
        }
    }
    Ok(())
}

fn tools(scan: &mut Scan, cursor: &mut Cursor<'_>) -> Result<(), Failure> {
    if !cursor.is_at(b'{') {
        return cursor.value().map(|_| ());
    }
    cursor.members(|cursor, key| {
        if key != "tools" || !cursor.is_at(b'[') {
            return cursor.value().map(|_| ());
        }
        cursor.elements(|cursor| {
            scan.tools = true;
            scan.special |= member(cursor, "systemTool")?.is_some_and(|tool| !is_null(tool));
            Ok(())
        })
    })
}

//! The fields of a request that decide its way. Model and stream are not among them.

use backstop_vocabulary::Failure;

use super::keys::camel;
use crate::scan::{Cursor, Scan, is_empty, is_null};

/// How the names of parts begin that are not text.
const MEDIA: [&[u8]; 4] = [b"\"inlineData", b"\"inline_data", b"\"fileData", b"\"file_data"];

/// Takes one top-level field, or passes over it.
pub(crate) fn scan_field(
    scan: &mut Scan,
    cursor: &mut Cursor<'_>,
    key: &str,
) -> Result<(), Failure> {
    match camel(key).as_ref() {
        "contents" => scan.media = cursor.value_marked(&MEDIA)?,
        "generationConfig" => return scan_config(scan, cursor),
        "cachedContent" | "continuationToken" | "modelArmorConfig" => {
            scan.special |= !is_empty(cursor.value()?);
        }
        "tools" => return scan_tools(scan, cursor),
        // Arguments that come in pieces of a form that nobody else has.
        "toolConfig" => {
            let marks: [&[u8]; 2] = [b"\"streamFunctionCall", b"\"stream_function_call"];
            scan.special |= cursor.value_marked(&marks)?;
        }
        _ => {
            cursor.value()?;
        }
    }
    Ok(())
}

fn scan_config(scan: &mut Scan, cursor: &mut Cursor<'_>) -> Result<(), Failure> {
    if !cursor.is_at(b'{') {
        return cursor.value().map(|_| ());
    }
    cursor.members(|cursor, key| {
        let value = cursor.value()?;
        match camel(key).as_ref() {
            "responseMimeType" => scan.format |= !is_null(value) && value != b"\"text/plain\"",
            "responseSchema" | "responseJsonSchema" => scan.format |= !is_null(value),
            "candidateCount" => scan.special |= !is_null(value) && value != b"1",
            "responseLogprobs" => scan.special |= value == b"true",
            "responseModalities" => scan.special |= !is_empty(value),
            _ => {}
        }
        Ok(())
    })
}

/// Declared functions are tools of the client; everything else is run by the provider.
fn scan_tools(scan: &mut Scan, cursor: &mut Cursor<'_>) -> Result<(), Failure> {
    let mut of_one = |cursor: &mut Cursor<'_>| {
        if !cursor.is_at(b'{') {
            return cursor.value().map(|_| ());
        }
        cursor.members(|cursor, key| {
            let value = cursor.value()?;
            if camel(key) == "functionDeclarations" {
                scan.tools |= !is_empty(value);
            } else {
                scan.special |= !is_null(value);
            }
            Ok(())
        })
    };
    if cursor.is_at(b'[') { cursor.elements(of_one) } else { of_one(cursor) }
}

//! The fields of a request that decide its way.

use backstop_vocabulary::Failure;
use memchr::memmem;

use crate::scan::{Cursor, Scan, is_empty, is_null, member};

/// How the names of items and parts begin that ask for more than text, or stand for what the provider
/// holds. A text may begin so too: then the body is read in full for nothing, which is harmless.
const ITEMS: [&[u8]; 5] =
    [b"\"input_image", b"\"input_file", b"\"input_audio", b"\"item_reference", b"\"compaction"];

/// Takes one top-level field, or passes over it.
pub(crate) fn scan_field(
    scan: &mut Scan,
    cursor: &mut Cursor<'_>,
    key: &str,
) -> Result<(), Failure> {
    match key {
        "text" => scan.format |= asks_for_form(cursor)?,
        "input" => {
            scan.talk = cursor.at();
            scan.media = cursor.value_marked(&ITEMS)?;
        }
        "store" => scan.unkept = cursor.value()? == b"false",
        "previous_response_id" => {
            let start = cursor.at();
            let value = cursor.value()?;
            scan.previous_at = start..cursor.at();
            scan.special |= !is_empty(value);
            scan.previous = serde_json::from_slice(value).unwrap_or_default();
        }
        "background" => scan.background = cursor.value()? == b"true",
        "conversation" | "prompt" => scan.special |= !is_empty(cursor.value()?),
        "top_logprobs" => {
            let value = cursor.value()?;
            scan.special |= !is_null(value) && value != b"0";
        }
        "include" => scan.special |= memmem::find(cursor.value()?, b"logprobs").is_some(),
        "tools" => scan.take_tools(cursor, &[b"\"function\"", b"\"custom\""])?,
        _ => return scan.take_common(cursor, key, &[]),
    }
    Ok(())
}

/// Whether `text` asks for a form of the answer other than text.
fn asks_for_form(cursor: &mut Cursor<'_>) -> Result<bool, Failure> {
    let mut asks = false;
    if !cursor.is_at(b'{') {
        return cursor.value().map(|_| false);
    }
    cursor.members(|cursor, key| {
        if key == "format" {
            let kind = member(cursor, "type")?;
            asks = kind.is_some_and(|kind| kind != b"\"text\"");
            return Ok(());
        }
        cursor.value().map(|_| ())
    })?;
    Ok(asks)
}

//! The fields of a request that decide its way.

use backstop_vocabulary::Failure;

use crate::scan::{Cursor, Scan, is_empty, is_null, member};

/// How the names of content parts begin that are not text.
const MEDIA: [&[u8]; 2] = [b"\"image", b"\"document"];

/// Takes one top-level field, or passes over it.
pub(crate) fn scan_field(
    scan: &mut Scan,
    cursor: &mut Cursor<'_>,
    key: &str,
) -> Result<(), Failure> {
    match key {
        "metadata" => {
            if let Some(user) = member(cursor, "user_id")? {
                scan.user = crate::hash::fnv64(user);
            }
        }
        "thread" => {
            scan.thread = !cursor.is_at(b'n');
            let previous = member(cursor, "previous_message_id")?.unwrap_or_default();
            scan.previous = serde_json::from_slice(previous).unwrap_or_default();
        }
        "output_config" => {
            scan.format |= member(cursor, "format")?.is_some_and(|value| !is_null(value));
        }
        "output_format" => scan.format |= !is_null(cursor.value()?),
        "mcp_servers" | "container" | "fallbacks" => scan.special |= !is_empty(cursor.value()?),
        "inference_geo" => {
            let place = cursor.value()?;
            scan.rules |= !is_null(place) && place != b"\"global\"";
            scan.special |= scan.rules;
        }
        "tools" => scan.take_tools(cursor, &[b"\"custom\""])?,
        _ => return scan.take_common(cursor, key, &MEDIA),
    }
    Ok(())
}

//! The fields of a request that decide its way.

use backstop_vocabulary::Failure;

use crate::scan::{Cursor, Scan, is_empty, is_null, member};

/// How the names of content parts begin that are not text.
const MEDIA: [&[u8]; 3] = [b"\"image", b"\"input_audio", b"\"file"];

/// Takes one top-level field, or passes over it.
pub(crate) fn scan_field(
    scan: &mut Scan,
    cursor: &mut Cursor<'_>,
    key: &str,
) -> Result<(), Failure> {
    match key {
        "response_format" => {
            let kind = member(cursor, "type")?;
            scan.format |= kind.is_some_and(|kind| kind != b"\"text\"");
        }
        "n" => {
            let value = cursor.value()?;
            scan.special |= !is_null(value) && value != b"1";
        }
        "logprobs" => scan.special |= cursor.value()? == b"true",
        "top_logprobs" | "functions" | "audio" | "web_search_options" | "moderation" => {
            scan.special |= !is_empty(cursor.value()?);
        }
        "tools" => scan.take_tools(cursor, &[b"\"function\""])?,
        "stream_options" => {
            scan.stream_usage =
                member(cursor, "include_usage")?.is_some_and(|value| value == b"true");
        }
        _ => return scan.take_common(cursor, key, &MEDIA),
    }
    Ok(())
}

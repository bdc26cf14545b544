//! One message of an AWS event-stream, taken apart and put together.
//!
//! Format: "Amazon Event Stream", as Smithy's documentation (`eventstream`) describes it: four bytes
//! of total length, four of the headers' length, their CRC-32; headers; payload; the CRC-32 of
//! everything before. All numbers big-endian.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The lengths and their checksum.
pub(super) const PRELUDE_BYTES: usize = 12;
/// The checksum at the end.
const TAIL_BYTES: usize = 4;
/// The type of a header's value that is a string.
const STRING: u8 = 7;

/// The polynomial of CRC-32 (ISO-HDLC, as in zip and Ethernet), reflected.
const POLYNOMIAL: u32 = 0xedb8_8320;

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at: u32 = 0;
    while at < 256 {
        let (mut value, mut bit) = (at, 0);
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[at as usize] = value;
        at += 1;
    }
    table
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let at = (crc ^ u32::from(*byte)) & 0xff;
        CRC_TABLE.get(at as usize).copied().unwrap_or_default() ^ crc >> 8
    })
}

/// What is wrong with a message, to be told to people.
pub(super) type Flaw = &'static str;

/// The whole length of the message that begins with this prelude, its checksum verified.
pub(super) fn length(prelude: &[u8]) -> Result<usize, Flaw> {
    let (lengths, check) = prelude.split_at_checked(8).ok_or("a message has no prelude")?;
    if number(check, 0) != Some(crc32(lengths)) {
        return Err("the prelude of a message does not match its checksum");
    }
    let (total, headers) = (number(lengths, 0).unwrap_or(0), number(lengths, 4).unwrap_or(0));
    let (total, headers) = (total as usize, headers as usize);
    if total < PRELUDE_BYTES + TAIL_BYTES || headers > total - PRELUDE_BYTES - TAIL_BYTES {
        return Err("the lengths of a message contradict each other");
    }
    Ok(total)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// Where the parts of a message stand that say what it is.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) kind: Kind,
    /// The event's or exception's name.
    pub(super) name: Range<usize>,
    /// `:error-message` of an error without a payload.
    pub(super) words: Range<usize>,
    pub(super) payload: Range<usize>,
}

/// What a message is, by its `:message-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Event,
    /// `exception` or `error`: the stream is over.
    Exception,
}

/// Takes a whole message apart, its checksum verified.
pub(super) fn parts(message: &[u8]) -> Result<Parts, Flaw> {
    let end = message.len().saturating_sub(TAIL_BYTES);
    let body = message.get(..end).unwrap_or(&[]);
    if number(message, end) != Some(crc32(body)) {
        return Err("a message does not match its checksum");
    }
    let headers = number(message, 4).unwrap_or(0) as usize;
    let mut parts = Parts { payload: PRELUDE_BYTES + headers..end, ..Parts::default() };
    let mut at = PRELUDE_BYTES;
    while at < parts.payload.start {
        let (name, kind, value) = header(body, at).ok_or("a header of a message is cut")?;
        at = value.end;
        if at > parts.payload.start {
            return Err("a header of a message is cut");
        }
        if kind == STRING {
            parts.note(body, name, value);
        }
    }
    Ok(parts)
}

impl Parts {
    fn note(&mut self, body: &[u8], name: &[u8], value: Range<usize>) {
        match name {
            b":message-type" => {
                let is_event = body.get(value) == Some(b"event");
                self.kind = if is_event { Kind::Event } else { Kind::Exception };
            }
            b":event-type" | b":exception-type" | b":error-code" => self.name = value,
            b":error-message" => self.words = value,
            _ => {}
        }
    }
}

/// The header that begins at `at`: its name, the type of its value, and where the value stands.
fn header(body: &[u8], at: usize) -> Option<(&[u8], u8, Range<usize>)> {
    let name_start = at + 1;
    let name_end = name_start + usize::from(*body.get(at)?);
    let name = body.get(name_start..name_end)?;
    let kind = *body.get(name_end)?;
    let start = name_end + 1;
    let range = match kind {
        // True and false.
        0 | 1 => start..start,
        // A byte, a short, an integer, a long or a time.
        2 => start..start + 1,
        3 => start..start + 2,
        4 => start..start + 4,
        5 | 8 => start..start + 8,
        // Bytes or text with their length before them.
        6 | STRING => {
            let length = u16::from_be_bytes(body.get(start..start + 2)?.try_into().ok()?);
            start + 2..start + 2 + usize::from(length)
        }
        // An UUID.
        9 => start..start + 16,
        _ => return None,
    };
    Some((name, kind, range))
}

/// Appends a message that is an event of this type, with JSON as its payload.
pub fn event_message(event: &str, json: &[u8], out: &mut Vec<u8>) {
    message([":event-type", "event"], event, json, out);
}

/// Appends the message that ends a stream with an exception of this type.
pub fn exception_message(exception: &str, json: &[u8], out: &mut Vec<u8>) {
    message([":exception-type", "exception"], exception, json, out);
}

/// Appends an event of another dialect as `InvokeModel` wraps it.
pub fn chunk_message(json: &[u8], out: &mut Vec<u8>) {
    let payload = format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(json));
    event_message("chunk", payload.as_bytes(), out);
}

/// The event inside the payload of a `chunk`.
pub(super) fn chunk(payload: &[u8]) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Chunk<'a> {
        #[serde(borrow)]
        bytes: std::borrow::Cow<'a, str>,
    }
    let chunk: Chunk<'_> = serde_json::from_slice(payload).ok()?;
    STANDARD.decode(chunk.bytes.as_bytes()).ok()
}

/// Headers and payloads longer than the format can say are cut: names are ours and short, and a
/// payload of four gigabytes is nobody's.
fn message([name_of, kind]: [&str; 2], name: &str, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE_BYTES]);
    for (header, value) in
        [(name_of, name), (":content-type", "application/json"), (":message-type", kind)]
    {
        out.push(u8::try_from(header.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(header.as_bytes());
        out.push(STRING);
        out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    let headers = out.len() - start - PRELUDE_BYTES;
    out.extend_from_slice(payload);
    let total = out.len() - start + TAIL_BYTES;
    let lengths = [total, headers].map(|n| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
    let lengths = lengths.concat();
    let prelude = [lengths.as_slice(), &crc32(&lengths).to_be_bytes()].concat();
    if let Some(place) = out.get_mut(start..start + PRELUDE_BYTES) {
        place.copy_from_slice(&prelude);
    }
    let check = crc32(out.get(start..).unwrap_or(&[]));
    out.extend_from_slice(&check.to_be_bytes());
}

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use backstop_vocabulary::{Class, Failure};

use crate::surrogates::mended;

/// May stand before the first line of a stream.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts a byte stream into server-sent events, byte for byte.
///
/// The raw bytes of all frames and [`Frames::rest`] together are exactly what was fed, and where
/// the chunks were cut makes no difference. A chunk that holds whole frames is not copied.
/// Format: WHATWG HTML, "Server-sent events", with LF, CR LF or CR at the end of lines.
#[derive(Debug)]
pub struct Frames {
    frame_bytes_max: usize,
    /// What was fed and not looked at yet.
    fresh: Bytes,
    /// The beginning of a frame from earlier chunks; it has been looked at.
    begun: BytesMut,
    cut: Cut,
    first: bool,
    broken: bool,
}

impl Frames {
    /// A parser that gives up on the stream when a frame is longer than `frame_bytes_max`.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max,
            fresh: Bytes::new(),
            begun: BytesMut::new(),
            cut: Cut::default(),
            first: true,
            broken: false,
        }
    }

    /// Takes the next bytes of the stream; then call `next` until it gives `None`.
    pub fn feed(&mut self, chunk: Bytes) {
        if self.fresh.is_empty() {
            self.fresh = chunk;
        } else {
            let mut joined = BytesMut::from(self.fresh.as_ref());
            joined.extend_from_slice(&chunk);
            self.fresh = joined.freeze();
        }
    }

    /// The bytes after the last whole frame: at the end of a stream, what was cut off, or an error
    /// that is no frame at all. Complete once `next` has given `None`.
    pub fn rest(&self) -> &[u8] {
        if self.begun.is_empty() { &self.fresh } else { &self.begun }
    }

    /// The next frame if it is all here and as nearly all are: a line of data, perhaps one with the
    /// event's name before it, each ended by LF. Anything else is left untouched.
    fn plain(&mut self) -> Option<Frame> {
        if !self.begun.is_empty() || self.cut != Cut::default() {
            return None;
        }
        let (mut at, mut event) = (0, 0..0);
        if let Some(rest) = self.fresh.strip_prefix(b"event: ") {
            event = 7..7 + line(rest)?;
            at = event.end + 1;
        }
        let rest = self.fresh.get(at..)?.strip_prefix(b"data: ")?;
        let length = line(rest)?;
        let data = at + 6..at + 6 + length;
        let end = data.end + 2;
        if rest.get(length + 1) != Some(&b'\n') || end > self.frame_bytes_max {
            return None;
        }
        self.first = false;
        Some(Frame { raw: self.fresh.split_to(end), event, data: Data::Line(data) })
    }

    fn too_long(&mut self) -> Failure {
        self.broken = true;
        let message = format!("a frame of the answer is over {} bytes", self.frame_bytes_max);
        Failure::new(Class::BadAnswer, message)
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, Failure>;

    /// The next whole frame; `None` until more is fed. An error is the last item.
    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        if let Some(frame) = self.plain() {
            return Some(Ok(frame));
        }
        let end = self.cut.end_of_frame(&self.fresh);
        let length = self.begun.len() + end.unwrap_or(self.fresh.len());
        if length > self.frame_bytes_max {
            return Some(Err(self.too_long()));
        }
        let Some(end) = end else {
            self.begun.extend_from_slice(&self.fresh);
            self.fresh = Bytes::new();
            return None;
        };
        let mut raw = self.fresh.split_to(end);
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(&raw);
            raw = self.begun.split().freeze();
        }
        let marked = std::mem::take(&mut self.first) && raw.starts_with(BYTE_ORDER_MARK);
        Some(Ok(Frame::parse(raw, if marked { BYTE_ORDER_MARK.len() } else { 0 })))
    }
}

/// How long the line is that begins here and is ended by LF.
fn line(text: &[u8]) -> Option<usize> {
    let length = memchr2(b'\n', b'\r', text)?;
    (text.get(length) == Some(&b'\n')).then_some(length)
}

/// Finds the blank line, over any number of chunks.
///
/// A CR may be half of a CR LF whose LF has not come yet. It ends a frame at once only where the
/// line before it ended in a bare CR; a LF after all would then open the next frame.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cut {
    /// Whether the current line holds anything.
    line_begun: bool,
    /// Whether the last byte was a CR that ended a line, and whether that line was blank.
    after_cr: Option<Blank>,
    /// Whether the latest line ended in a bare CR.
    bare_cr: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blank {
    Yes,
    No,
    /// The frame was already closed by this CR.
    Closed,
}

impl Cut {
    /// Where the frame ends in `bytes`, which follow on those of earlier calls.
    fn end_of_frame(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if let Some(blank) = self.after_cr {
                let next = *bytes.get(at)?;
                self.after_cr = None;
                self.bare_cr = next != b'\n';
                at += usize::from(next == b'\n');
                if blank == Blank::Yes {
                    return Some(at);
                }
            }
            let left = bytes.get(at..)?;
            let Some(length) = memchr2(b'\n', b'\r', left) else {
                self.line_begun |= !left.is_empty();
                return None;
            };
            let blank = length == 0 && !self.line_begun;
            self.line_begun = false;
            at += length + 1;
            if left.get(length) == Some(&b'\n') {
                self.bare_cr = false;
                if blank {
                    return Some(at);
                }
            } else if blank && self.bare_cr {
                self.after_cr = Some(Blank::Closed);
                return Some(at);
            } else {
                self.after_cr = Some(if blank { Blank::Yes } else { Blank::No });
            }
        }
    }
}

/// One server-sent event.
#[derive(Clone, Debug)]
pub struct Frame {
    raw: Bytes,
    event: Range<usize>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    None,
    /// One line: where it stands in the raw bytes.
    Line(Range<usize>),
    /// Several lines, joined.
    Lines(Vec<u8>),
}

impl Frame {
    /// Reads the lines of `raw` from byte `at` on.
    fn parse(raw: Bytes, mut at: usize) -> Self {
        let mut frame = Self { event: 0..0, data: Data::None, raw: Bytes::new() };
        while let Some(left) = raw.get(at..).filter(|left| !left.is_empty()) {
            let length = memchr2(b'\n', b'\r', left).unwrap_or(left.len());
            frame.take_line(&raw, at..at + length);
            at += length + 1;
        }
        frame.raw = raw;
        frame
    }

    fn take_line(&mut self, raw: &[u8], line: Range<usize>) {
        let Some(bytes) = raw.get(line.clone()) else { return };
        let colon = memchr(b':', bytes).unwrap_or(bytes.len());
        let (name, rest) = bytes.split_at(colon);
        let skip = match rest {
            [_, b' ', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        };
        let value = line.start + colon + skip..line.end;
        match name {
            b"data" => self.add_data(raw, value),
            b"event" => self.event = value,
            _ => {}
        }
    }

    fn add_data(&mut self, raw: &[u8], value: Range<usize>) {
        let line = raw.get(value.clone()).unwrap_or(&[]);
        self.data = match std::mem::replace(&mut self.data, Data::None) {
            Data::None => Data::Line(value),
            Data::Line(first) => {
                let first = raw.get(first).unwrap_or(&[]);
                Data::Lines([first, b"\n", line].concat())
            }
            Data::Lines(mut lines) => {
                lines.push(b'\n');
                lines.extend_from_slice(line);
                Data::Lines(lines)
            }
        };
    }

    /// The same event with its half characters mended; `None` if it has none.
    pub(crate) fn mended(&self) -> Option<Self> {
        let mut data = mended(self.data())?;
        // Line feeds are white space in JSON, and would end the line here.
        data.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        let head = format!("event: {}\ndata: ", self.event());
        Some(Self::parse(Bytes::from([head.as_bytes(), &data, b"\n\n"].concat()), 0))
    }

    /// The bytes as they came, the blank line included.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The event's name; empty if there is none or it is not UTF-8.
    pub fn event(&self) -> &str {
        self.raw.get(self.event.clone()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("")
    }

    /// The event's data, its lines joined by LF.
    pub fn data(&self) -> &[u8] {
        match &self.data {
            Data::None => &[],
            Data::Line(range) => self.raw.get(range.clone()).unwrap_or(&[]),
            Data::Lines(lines) => lines,
        }
    }

    /// Whether it carries nothing: a comment, or an empty line.
    pub const fn is_comment(&self) -> bool {
        matches!(self.data, Data::None) && self.event.start == self.event.end
    }
}

#[cfg(test)]
mod tests;

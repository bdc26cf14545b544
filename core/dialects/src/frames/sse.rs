use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use backstop_vocabulary::{Class, Failure};

use super::{Data, Frame};

/// May stand before the first line of a stream.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts a byte stream into server-sent events, byte for byte.
///
/// The raw bytes of all frames and [`Sse::rest`] together are exactly what was fed, and where
/// the chunks were cut makes no difference. A chunk that holds whole frames is not copied.
/// Format: WHATWG HTML, "Server-sent events", with LF, CR LF or CR at the end of lines.
#[derive(Debug)]
pub(super) struct Sse {
    frame_bytes_max: usize,
    /// What was fed and not looked at yet.
    fresh: Bytes,
    /// The beginning of a frame from earlier chunks; it has been looked at.
    begun: BytesMut,
    cut: Cut,
    first: bool,
    broken: bool,
}

impl Sse {
    /// A parser that gives up on the stream when a frame is longer than `frame_bytes_max`.
    pub(super) fn new(frame_bytes_max: usize) -> Self {
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
    pub(super) fn feed(&mut self, chunk: Bytes) {
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
    pub(super) fn rest(&self) -> &[u8] {
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

impl Iterator for Sse {
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

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr2};

use backstop_vocabulary::Failure;

use crate::surrogates::mended;

mod event_stream;
mod list;
mod message;
mod sse;

pub use message::{chunk_message, event_message, exception_message};

use event_stream::EventStream;
use list::List;
use sse::Sse;

/// How the pieces of a streamed answer are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events: WHATWG HTML, "Server-sent events".
    #[default]
    Sse,
    /// Binary messages of AWS (`application/vnd.amazon.eventstream`): a prelude of lengths, headers,
    /// a payload, two checksums. What `InvokeModel` wraps in them comes out as server-sent events of
    /// the dialect inside; every other message stands as it came.
    EventStream,
    /// JSON: of one list (Gemini without `alt=sse`) each element comes out as a server-sent event.
    /// What begins otherwise is read as server-sent events.
    List,
}

/// Cuts a byte stream into frames.
///
/// Of server-sent events the raw bytes of all frames and [`Frames::rest`] together are exactly what
/// was fed. Where the chunks were cut makes no difference in either framing. A chunk that holds
/// whole frames is not copied.
#[derive(Debug)]
pub struct Frames(Cutter);

#[derive(Debug)]
enum Cutter {
    Sse(Sse),
    EventStream(EventStream),
    List(List),
}

impl Frames {
    /// A parser that gives up on the stream when a frame is longer than `frame_bytes_max`.
    pub fn new(framing: Framing, frame_bytes_max: usize) -> Self {
        Self(match framing {
            Framing::Sse => Cutter::Sse(Sse::new(frame_bytes_max)),
            Framing::EventStream => Cutter::EventStream(EventStream::new(frame_bytes_max)),
            Framing::List => Cutter::List(List::new(frame_bytes_max)),
        })
    }

    /// Takes the next bytes of the stream; then call `next` until it gives `None`.
    pub fn feed(&mut self, chunk: Bytes) {
        match &mut self.0 {
            Cutter::Sse(sse) => sse.feed(chunk),
            Cutter::EventStream(messages) => messages.feed(chunk),
            Cutter::List(list) => match list.other(&chunk) {
                // Events by another name.
                Some(frame_bytes_max) => {
                    let mut sse = Sse::new(frame_bytes_max);
                    sse.feed(chunk);
                    self.0 = Cutter::Sse(sse);
                }
                None => list.feed(&chunk),
            },
        }
    }

    /// The bytes after the last whole frame: at the end of a stream, what was cut off, or an error
    /// that is no frame at all. Complete once `next` has given `None`.
    pub fn rest(&self) -> &[u8] {
        match &self.0 {
            Cutter::Sse(sse) => sse.rest(),
            Cutter::EventStream(messages) => messages.rest(),
            Cutter::List(list) => list.rest(),
        }
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, Failure>;

    /// The next whole frame; `None` until more is fed. An error is the last item, and so is a frame
    /// that reports an exception.
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Cutter::Sse(sse) => sse.next(),
            Cutter::EventStream(messages) => messages.next(),
            Cutter::List(list) => list.next(),
        }
    }
}

/// One server-sent event, or one message of an event-stream.
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
    /// What the exception says that ends an event-stream: where it stands in the raw bytes.
    Exception(Range<usize>),
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
            Data::Exception(range) => Data::Exception(range),
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

    /// The failure that an event-stream ended with, if this is its exception.
    pub(crate) fn exception(&self) -> Option<Failure> {
        let told = matches!(self.data, Data::Exception(_));
        told.then(|| crate::aws::of_exception(self.event(), self.data()))
    }

    /// The bytes as they came, the blank line included; of `InvokeModel`, the event inside.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The event's name, or the type of the message; empty if there is none or it is not UTF-8.
    pub fn event(&self) -> &str {
        self.raw.get(self.event.clone()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("")
    }

    /// The event's data, its lines joined by LF; or the payload of the message.
    pub fn data(&self) -> &[u8] {
        match &self.data {
            Data::None => &[],
            Data::Line(range) | Data::Exception(range) => {
                self.raw.get(range.clone()).unwrap_or(&[])
            }
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

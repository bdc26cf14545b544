use std::ops::Range;

use bytes::Bytes;

use backstop_vocabulary::Failure;

/// Cuts a byte stream into server-sent events, byte for byte.
#[derive(Debug)]
pub struct Frames {
    frame_bytes_max: usize,
    buffer: Bytes,
}

impl Frames {
    /// A parser that refuses frames longer than `frame_bytes_max`.
    pub const fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, buffer: Bytes::new() }
    }

    /// Takes the next bytes of the stream; call `next` until it gives `None` before the next `feed`.
    pub fn feed(&mut self, chunk: Bytes) {
        let _ = self.frame_bytes_max;
        self.buffer = chunk;
    }

    /// The bytes after the last whole frame.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

/// One server-sent event.
#[derive(Clone, Debug)]
pub struct Frame {
    raw: Bytes,
    event: Range<usize>,
    data: Range<usize>,
}

impl Frame {
    /// The bytes as they came, the blank line included.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The event's name; empty if none.
    pub fn event(&self) -> &str {
        self.raw.get(self.event.clone()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("")
    }

    /// The event's data, lines joined by LF.
    pub fn data(&self) -> &[u8] {
        self.raw.get(self.data.clone()).unwrap_or(&[])
    }

    /// Whether it carries nothing: a comment, or an empty line.
    pub const fn is_comment(&self) -> bool {
        self.event.start == self.event.end && self.data.start == self.data.end
    }
}

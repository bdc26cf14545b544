//! How the pieces of a stream are told apart on their way to the client.

use bytes::Bytes;

use backstop_dialects::{Frames, Framing};

use crate::relay::FRAME_BYTES_MAX;

/// Server-sent events as they are, or one JSON list with the data of each as an element.
#[derive(Debug)]
pub(crate) enum Shape {
    /// As they are.
    Events,
    /// As a list.
    List {
        /// Takes the events apart again.
        frames: Box<Frames>,
        /// What stands before the next element.
        before: &'static [u8],
    },
}

impl Shape {
    /// The shape that a client asked for.
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse | Framing::EventStream => Self::Events,
            Framing::List => {
                let frames = Box::new(Frames::new(Framing::Sse, FRAME_BYTES_MAX));
                Self::List { frames, before: b"[" }
            }
        }
    }

    /// Whole events, in this shape. What carries nothing becomes a line break.
    pub(crate) fn take(&mut self, events: Bytes) -> Bytes {
        let Self::List { frames, before } = self else { return events };
        let mut out = Vec::with_capacity(events.len());
        frames.feed(events);
        for frame in frames.by_ref().flatten() {
            if frame.data().is_empty() {
                out.extend_from_slice(b"\r\n");
                continue;
            }
            out.extend_from_slice(before);
            out.extend_from_slice(frame.data());
            *before = b",\r\n";
        }
        Bytes::from(out)
    }

    /// What ends the stream.
    pub(crate) fn end(&mut self) -> Option<Bytes> {
        let Self::List { before, .. } = self else { return None };
        let end: &[u8] = if *before == b"[" { b"[]\n" } else { b"]\n" };
        Some(Bytes::from_static(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_the_elements_of_one_list() {
        let mut shape = Shape::new(Framing::List);
        let mut text = Vec::new();
        for piece in ["data: {\"a\":1}\r\n\r\n", "\r\n\r\n", "data: {\"b\":\ndata: 2}\n\n"] {
            text.extend_from_slice(&shape.take(Bytes::from_static(piece.as_bytes())));
        }
        text.extend_from_slice(&shape.end().unwrap());
        let list: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(list, serde_json::json!([{ "a": 1 }, { "b": 2 }]));
        assert_eq!(&*Shape::new(Framing::List).end().unwrap(), b"[]\n");
        assert!(Shape::new(Framing::Sse).end().is_none());
    }
}

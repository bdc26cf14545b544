use backstop_dialects::{Frames, Framing, Head, StreamReader, StreamWriter};
use backstop_exchange::Event;
use backstop_vocabulary::{Dialect, Failure};
use bytes::Bytes;

use crate::FRAME_BYTES_MAX;

/// Everything a stream says, and how it ended.
pub fn read(
    dialect: Dialect,
    framing: Framing,
    pieces: Vec<Bytes>,
) -> (Vec<Event>, Result<(), Failure>) {
    let mut frames = Frames::new(framing, 16 * FRAME_BYTES_MAX);
    let mut reader = StreamReader::new(dialect);
    let mut events = Vec::new();
    for piece in pieces {
        frames.feed(piece);
        for frame in frames.by_ref() {
            match frame {
                Ok(frame) => reader.read(&frame, &mut events),
                Err(failure) => return (events, Err(failure)),
            }
        }
    }
    let ended =
        backstop_dialects::read_rest(dialect, frames.rest()).map_or_else(|| reader.finish(), Err);
    (events, ended)
}

/// The stream a client of `dialect` gets for these events.
pub fn write(dialect: Dialect, events: &[Event]) -> Vec<u8> {
    let mut writer = StreamWriter::new(dialect, head());
    let mut out = Vec::new();
    for event in events {
        match event {
            Event::Failed(failure) => writer.fail(failure, &mut out),
            other => writer.write(other, &mut out),
        }
    }
    out
}

/// The head of an answer.
pub fn head() -> Head {
    let id = "fuzz".to_owned();
    Head { id, model: String::new(), created_unix: 1_772_409_600, usage: true, kept: false }
}

//! What the fuzz targets share. Each target is one reader of bytes that strangers send, with the
//! promises that must hold whatever they are.
//!
//! `fuzz/run` builds and runs them all; goldens and scenarios of the tree are their seeds.

#![forbid(unsafe_code)]

use backstop_dialects::{Frames, Head, StreamReader, StreamWriter};
use backstop_exchange::Event;
use backstop_vocabulary::{Dialect, Failure};
use bytes::Bytes;

/// Frames longer than this are refused.
pub const FRAME_BYTES_MAX: usize = 1 << 16;

/// The input, and a number that decides what is not in it: the last byte.
pub fn input(data: &[u8]) -> (&[u8], u8) {
    data.split_last().map_or((&[], 0), |(last, rest)| (rest, *last))
}

/// The bytes in pieces of 1 to 64 bytes, cut as `seed` says; 0 does not cut.
pub fn pieces(data: &[u8], seed: u8) -> Vec<Bytes> {
    let mut state = u32::from(seed);
    let mut rest = Bytes::copy_from_slice(data);
    let mut pieces = Vec::new();
    while seed > 0 && !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (state >> 26) as usize;
        pieces.push(rest.split_to(length.min(rest.len())));
    }
    pieces.push(rest);
    pieces
}

/// Everything a stream says, and how it ended.
pub fn read(dialect: Dialect, pieces: Vec<Bytes>) -> (Vec<Event>, Result<(), Failure>) {
    let mut frames = Frames::new(FRAME_BYTES_MAX);
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
    let ended = backstop_dialects::read_rest(dialect, frames.rest()).map_or_else(|| reader.finish(), Err);
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
    Head { id: "fuzz".to_owned(), model: String::new(), created_unix: 1_772_409_600, usage: true }
}

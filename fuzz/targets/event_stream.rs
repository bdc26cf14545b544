//! Event-streams: where the chunks were cut makes no difference, and what `InvokeModel` wraps comes
//! out as whole server-sent events.
#![no_main]

use backstop_dialects::{Frames, Framing, StreamReader, chunk_message, event_message};
use backstop_fuzz::{FRAME_BYTES_MAX, input, pieces};
use backstop_vocabulary::Dialect;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

type Seen = (Vec<(Vec<u8>, String, Vec<u8>)>, Vec<u8>, bool);

fn cut(pieces: Vec<Bytes>) -> Seen {
    let mut frames = Frames::new(Framing::EventStream, FRAME_BYTES_MAX);
    let (mut seen, mut events) = (Vec::new(), Vec::new());
    let mut readers = Dialect::ALL.map(StreamReader::new);
    for piece in pieces {
        frames.feed(piece);
        for frame in frames.by_ref() {
            let Ok(frame) = frame else { return (seen, Vec::new(), true) };
            readers.iter_mut().for_each(|reader| reader.read(&frame, &mut events));
            seen.push((frame.raw().to_vec(), frame.event().to_owned(), frame.data().to_vec()));
        }
    }
    (seen, frames.rest().to_vec(), false)
}

fuzz_target!(|data: &[u8]| {
    let (data, seed) = input(data);
    assert_eq!(cut(pieces(data, 0)), cut(pieces(data, seed)));
    // Checksums keep a fuzzer out: what it writes is also wrapped soundly.
    let mut sound = Vec::new();
    chunk_message(data, &mut sound);
    event_message("contentBlockDelta", data, &mut sound);
    let whole = cut(pieces(&sound, 0));
    assert_eq!(whole, cut(pieces(&sound, seed)));
    let Some((raw, event, inside)) = whole.0.first() else { return };
    let mut frames = Frames::new(Framing::Sse, 2 * FRAME_BYTES_MAX);
    frames.feed(Bytes::copy_from_slice(raw));
    let frame = frames.next().expect("a frame").expect("a sound one");
    assert_eq!(
        (frame.raw().as_ref(), frame.event(), frame.data()),
        (&raw[..], event.as_str(), &inside[..])
    );
    assert!(frames.next().is_none() && frames.rest().is_empty());
});

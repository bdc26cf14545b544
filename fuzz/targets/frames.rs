//! Frames: nothing is lost or made up, and where the chunks were cut makes no difference.
#![no_main]

use backstop_dialects::{Frames, Framing};
use backstop_fuzz::{FRAME_BYTES_MAX, input, pieces};
use libfuzzer_sys::fuzz_target;

type Seen = (Vec<(Vec<u8>, String, Vec<u8>)>, Vec<u8>, bool);

fn cut(framing: Framing, data: &[u8], seed: u8) -> Seen {
    let mut frames = Frames::new(framing, FRAME_BYTES_MAX);
    let mut seen = Vec::new();
    for piece in pieces(data, seed) {
        frames.feed(piece);
        for frame in frames.by_ref() {
            match frame {
                Ok(frame) => seen.push((
                    frame.raw().to_vec(),
                    frame.event().to_owned(),
                    frame.data().to_vec(),
                )),
                Err(_) => return (seen, Vec::new(), true),
            }
        }
    }
    (seen, frames.rest().to_vec(), false)
}

fuzz_target!(|data: &[u8]| {
    let (data, seed) = input(data);
    let whole = cut(Framing::Sse, data, 0);
    assert_eq!(whole, cut(Framing::Sse, data, seed));
    // Past its limit a list may give up sooner or later.
    let list = cut(Framing::List, data, 0);
    if !list.2 && data.first() == Some(&b'[') {
        assert_eq!(list, cut(Framing::List, data, seed));
    }
    if !whole.2 {
        let mut all: Vec<u8> = whole.0.iter().flat_map(|frame| frame.0.clone()).collect();
        all.extend_from_slice(&whole.1);
        assert_eq!(all, data);
    }
});

//! Streams: cuts make no difference; at most one terminal event, and nothing after it; what we write
//! from a sound stream is a sound stream.
#![no_main]

use backstop_dialects::{Framing, framing};
use backstop_exchange::{Event, Finish};
use backstop_fuzz::{input, pieces, read, write};
use backstop_vocabulary::{Class, Dialect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (data, seed) = input(data);
    for dialect in Dialect::ALL {
        // As server-sent events also of an event-stream, whose checksums keep a fuzzer out.
        let (events, ended) = read(dialect, Framing::Sse, pieces(data, 0));
        let in_pieces = read(dialect, Framing::Sse, pieces(data, seed));
        assert_eq!((&events, &ended), (&in_pieces.0, &in_pieces.1));
        let terminal = |event: &Event| matches!(event, Event::Done | Event::Failed(_));
        let at = events.iter().position(terminal);
        assert!(at.is_none_or(|at| at + 1 == events.len()), "{events:?}");
        for client in Dialect::ALL {
            let written = write(client, &events);
            // A reason that a dialect has no word for may be a fault in the words of another.
            let named = !events.iter().any(|it| matches!(it, Event::Finish(Finish::Other(_))));
            if named && events.last() == Some(&Event::Done) {
                let (again, _) = read(client, framing(client), pieces(&written, seed));
                // Blocks that only the provider's dialect has leave nothing behind in another.
                let sound = match again.last() {
                    Some(Event::Failed(failure)) => failure.class == Class::EmptyAnswer,
                    last => last == Some(&Event::Done),
                };
                assert!(sound, "{again:?}\n{}", String::from_utf8_lossy(&written));
            }
        }
    }
});

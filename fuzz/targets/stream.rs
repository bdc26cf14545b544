//! Streams: cuts make no difference; at most one terminal event, and nothing after it; what we write
//! from a sound stream is a sound stream.
#![no_main]

use backstop_exchange::Event;
use backstop_fuzz::{input, pieces, read, write};
use backstop_vocabulary::{Class, Dialect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (data, seed) = input(data);
    for dialect in Dialect::ALL {
        let (events, ended) = read(dialect, pieces(data, 0));
        assert_eq!((&events, &ended), (&read(dialect, pieces(data, seed)).0, &ended));
        let terminal = |event: &Event| matches!(event, Event::Done | Event::Failed(_));
        let at = events.iter().position(terminal);
        assert!(at.is_none_or(|at| at + 1 == events.len()), "{events:?}");
        for client in Dialect::ALL {
            let written = write(client, &events);
            if matches!(events.last(), Some(Event::Done)) {
                let (again, _) = read(client, pieces(&written, seed));
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

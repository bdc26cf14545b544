//! Whole answers: whatever is read can be written for a client of either dialect, and read again.
#![no_main]

use backstop_dialects::{read_answer, write_answer};
use backstop_exchange::{Answer, Event};
use backstop_fuzz::head;
use backstop_vocabulary::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for dialect in Dialect::ALL {
        let mut events = Vec::new();
        if read_answer(dialect, data, &mut events).is_err() {
            continue;
        }
        assert_eq!(events.last(), Some(&Event::Done));
        let mut answer = Answer::default();
        if events.into_iter().try_for_each(|event| answer.take(event)).is_err() {
            continue;
        }
        for client in Dialect::ALL {
            let written = write_answer(client, &answer, &head());
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&written);
            assert!(read.is_ok());
        }
    }
});

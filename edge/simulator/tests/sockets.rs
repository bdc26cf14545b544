//! The simulator observed from a raw client through real loopback sockets.

#[path = "sockets/raw.rs"]
mod raw;

use raw::{Asked, End, Seen};

#[tokio::test]
async fn healthy_answers_are_whole_in_both_dialects_streamed_and_not() {
    let stage = raw::Stage::open("").await;
    for asked in Asked::ALL {
        let seen = stage.ask(asked).await;
        assert_eq!((seen.status, seen.end), (200, End::Clean), "{asked:?} {seen:?}");
        assert!(seen.body.contains("The end is #"), "{asked:?} {seen:?}");
    }
}

fn unused(_: &Seen) {}

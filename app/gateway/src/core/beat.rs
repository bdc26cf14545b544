//! Keeps new timers from waking the runtime that they are set in.
//!
//! A runtime that is about to sleep wakes itself by two system calls whenever a timer is due before
//! all others, only to see when to wake. Each request sets such timers and gives them up again. While
//! requests come, a beat is due before any of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// Shorter than any timer that most requests set: those of [`crate::wait`] and of a stream's tail.
const EVERY: Duration = Duration::from_millis(200);

/// The beat of one serving thread; at rest while no requests come.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    stirred: AtomicBool,
    begin: Notify,
}

impl Beat {
    /// A request has come.
    pub(crate) fn stir(&self) {
        if !self.stirred.swap(true, Ordering::Relaxed) {
            self.begin.notify_one();
        }
    }

    /// Beats for ever, in the runtime whose timers it is for.
    pub(crate) async fn run(&self) {
        loop {
            self.begin.notified().await;
            self.until_quiet().await;
        }
    }

    /// Beats until no request came between two beats; says how often that was.
    async fn until_quiet(&self) -> u32 {
        let mut beats = 0;
        while self.stirred.swap(false, Ordering::Relaxed) {
            sleep(EVERY).await;
            beats += 1;
        }
        beats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn beats_while_requests_come_and_no_longer() {
        let beat = Beat::default();
        assert_eq!(beat.until_quiet().await, 0);
        beat.stir();
        let requests = async {
            for _ in 0..3 {
                sleep(EVERY / 2).await;
                beat.stir();
            }
        };
        // Requests at 0, 100, 200 and 300 ms; beats at 200, 400 and, for nobody any more, 600 ms.
        let (beats, ()) = tokio::join!(beat.until_quiet(), requests);
        assert_eq!(beats, 3);
        assert_eq!(beat.until_quiet().await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn is_begun_by_a_request_while_at_rest() {
        let beat = std::sync::Arc::new(Beat::default());
        let running = tokio::spawn({
            let beat = std::sync::Arc::clone(&beat);
            async move { beat.run().await }
        });
        for _ in 0..2 {
            beat.stir();
            sleep(EVERY * 3).await;
            assert!(!beat.stirred.load(Ordering::Relaxed), "nobody beat");
        }
        running.abort();
    }
}

//! Time that passes faster than it does: real sockets, and clocks that run out in a moment.

use std::convert::Infallible;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::Notify;

/// How far time moves between two looks at the sockets. Whoever waits for a socket waits for few of
/// them, because both ends are served by the thread that moves the time: however busy the machine,
/// an answer that is on its way comes in a few milliseconds of this time.
const STEP: Duration = Duration::from_millis(1);

/// Runs a test in time of its own, which it may move further by itself (`tokio::time::advance`) where
/// nothing else runs beside it. Nothing in it may depend on timers of the system's, such as those
/// of a full TCP window.
pub(crate) async fn quickly<T>(test: impl Future<Output = T>) -> T {
    tokio::time::pause();
    let (ask, asked) = mpsc::channel::<()>();
    let told = std::sync::Arc::new(Notify::new());
    let tell = std::sync::Arc::clone(&told);
    // Paused time jumps to the next timer when all tasks wait, be it for a socket; not while a
    // blocking task runs.
    let _ticking = tokio::task::spawn_blocking(move || {
        while asked.recv().is_ok() {
            tell.notify_one();
        }
    });
    let passing = async {
        loop {
            ask.send(()).expect("it listens as long as there is somebody to hear");
            // Out of work until then, so that the sockets are looked at.
            told.notified().await;
            tokio::time::advance(STEP).await;
        }
    };
    let ended = tokio::select! {
        ended = test => ended,
        never = async { let never: Infallible = passing.await; never } => match never {},
    };
    tokio::time::resume();
    ended
}

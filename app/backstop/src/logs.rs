//! Structured logs, on standard error, which nobody may be reading.
//!
//! A pipe that is full holds up whoever writes to it, and a request must not wait for whatever
//! collects logs. So lines wait in a queue for a thread of their own; what finds no room is dropped
//! and counted.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Lines that may wait for whoever reads standard error: about a megabyte.
const LINES_MAX: usize = 4096;
/// How long the end of the process waits for the last lines to be read.
const FINISH_MAX: Duration = Duration::from_secs(1);

/// The queue of this process, once logging has started.
static LINES: OnceLock<Lines> = OnceLock::new();

/// How a line of log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// Starts logging: `BACKSTOP_LOG` says how much (`info` by default; `debug`, `backstop_gateway=debug`…).
pub(crate) fn start(form: Form) {
    start_at("info", form);
}

/// Starts logging for a command whose standard error is for people: nothing unless `BACKSTOP_LOG`
/// asks for it.
pub(crate) fn start_quietly() {
    start_at("off", Form::Text);
}

/// Waits for the lines logged so far to be written, if somebody reads them.
pub(crate) fn finish() {
    let (written, wait) = sync_channel(1);
    let asked = LINES.get().is_some_and(|lines| lines.queue.try_send(Item::Mark(written)).is_ok());
    if asked {
        // Late or not, the process ends.
        let _in_time = wait.recv_timeout(FINISH_MAX);
    }
}

fn start_at(usual: &str, form: Form) {
    let filter = EnvFilter::try_from_env("BACKSTOP_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = LINES.get_or_init(|| Lines::start(io::stderr()));
    let builder = fmt().with_env_filter(filter).with_writer(move || lines).with_target(false);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = builder.with_ansi(io::stderr().is_terminal() && !plain);
    // A second start in one process keeps the first: nothing is lost.
    let _started = if form == Form::Json { builder.json().try_init() } else { builder.try_init() };
}

/// Where lines are left for the thread that writes them.
struct Lines {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

enum Item {
    Line(Box<[u8]>),
    /// Dropped when everything before it is written.
    Mark(#[expect(dead_code, reason = "its drop is the message")] SyncSender<()>),
}

impl Lines {
    /// Starts the thread; without one, everything is dropped.
    fn start(out: impl io::Write + Send + 'static) -> Self {
        let (queue, items) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        let work = move || write_all(out, &items, &counted);
        if let Err(error) = std::thread::Builder::new().name("logs".to_owned()).spawn(work) {
            eprintln!("backstop: cannot start the thread that writes logs: {error}");
        }
        Self { queue, dropped }
    }
}

fn write_all(mut out: impl io::Write, items: &Receiver<Item>, dropped: &AtomicU64) {
    for item in items {
        if let Item::Line(line) = item {
            // Whoever read it is gone: there is nobody to tell.
            let _written = out.write_all(&line);
        }
        let lines = dropped.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "lines of log were dropped: standard error was read too slowly");
        }
    }
}

/// One call is one line: that is how the subscriber writes.
impl io::Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.into())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Takes a line each time it is told to.
    struct Slow {
        turns: Receiver<()>,
        taken: SyncSender<Vec<u8>>,
    }

    impl io::Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.turns.recv().map_err(io::Error::other)?;
            self.taken.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_never_waits_for_who_reads() {
        let (go, turns) = sync_channel(LINES_MAX);
        let (taken, lines) = sync_channel(LINES_MAX);
        let log = Lines::start(Slow { turns, taken });
        for number in 0..LINES_MAX + 100 {
            (&log).write_all(number.to_string().as_bytes()).expect("it takes all");
        }
        // The queue, and one in the hands of the thread at most.
        let dropped = log.dropped.load(Ordering::Relaxed);
        assert!((99..=100).contains(&dropped), "{dropped}");
        (0..10).for_each(|_| go.send(()).expect("the thread lives"));
        let first: Vec<String> =
            lines.iter().take(10).map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
        assert_eq!(first, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}

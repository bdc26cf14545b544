//! The applications: they ask at a set number of connections, closed or at a fixed rate.

mod idle;
mod streams;
mod unary;

use std::io::Write as _;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::canned::{Dialect, Manner};
use crate::stats::percentile;

/// What kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Whole answers, each connection asking again as soon as it has its answer (closed loop), or
    /// all together at `--rate` (open loop: a request that had to wait for its connection is timed
    /// from when it was due).
    Unary,
    /// Streams, each connection beginning the next as soon as one is complete.
    Streams,
    /// Streams that stop after their first piece, held until standard input ends.
    Idle,
}

/// The applications' arguments.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    #[arg(long, value_enum)]
    kind: Kind,
    #[arg(long)]
    address: SocketAddr,
    #[arg(long, value_enum)]
    dialect: Dialect,
    #[arg(long)]
    model: String,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Length of the measurement, after a warm-up
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Requests per second of an open loop
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, default_value_t = 100)]
    chunks: u32,
    #[arg(long, default_value_t = 10)]
    interval_ms: u32,
}

/// What was measured. Times are in microseconds: whole answers, or first pieces of text.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: u32,
    pub(crate) p99_us: u32,
}

/// One thread's part.
#[derive(Debug, Default)]
struct Tally {
    times_us: Vec<u32>,
    failed: u64,
    done: u64,
}

/// How long connections are used before anything counts.
const WARM_UP: Duration = Duration::from_millis(300);

impl Load {
    /// Runs the load. Says `go` on standard output when the measurement begins, and prints the
    /// result as one line of JSON at its end.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.kind == Kind::Idle {
            return idle::hold(&self);
        }
        let threads: Vec<_> = (0..self.threads)
            .map(|number| {
                let load = self.clone();
                thread::spawn(move || load.one_thread(number))
            })
            .collect();
        thread::sleep(WARM_UP);
        say("go")?;
        let mut all = Tally::default();
        for thread in threads {
            let Ok(part) = thread.join() else { anyhow::bail!("a loading thread panicked") };
            let part = part?;
            all.times_us.extend(part.times_us);
            all.failed += part.failed;
            all.done += part.done;
        }
        all.times_us.sort_unstable();
        let measured = Measured {
            done: all.done,
            failed: all.failed,
            seconds: self.seconds,
            p50_us: percentile(&all.times_us, 50),
            p99_us: percentile(&all.times_us, 99),
        };
        say(&serde_json::to_string(&measured)?)
    }

    fn one_thread(&self, number: usize) -> anyhow::Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let from = number * self.connections / self.threads;
        let to = (number + 1) * self.connections / self.threads;
        match self.kind {
            Kind::Unary => runtime.block_on(unary::drive(self, from..to)),
            Kind::Streams | Kind::Idle => runtime.block_on(streams::drive(self, from..to)),
        }
    }

    fn request(&self) -> Vec<u8> {
        let (chunks, interval_ms) = (self.chunks, self.interval_ms);
        let manner = match self.kind {
            Kind::Unary => None,
            Kind::Streams => Some(Manner { chunks, interval_ms, hold: false }),
            Kind::Idle => Some(Manner { chunks, interval_ms, hold: true }),
        };
        self.dialect.request(&self.model, manner)
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

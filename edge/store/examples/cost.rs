//! Says what a journal row costs: the caller, and the writing thread. Asserts nothing.
//!
//! `cargo run --release -p backstop-store --example cost`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::sync::Arc;
use std::time::Instant;

use backstop_store::{AttemptRow, Caps, Entry, Journal, Outcome};
use backstop_vocabulary::{Dialect, RequestId, Tier, Usage};

const ROWS: u32 = 200_000;
/// Fewer than the queue holds, so that nothing is dropped.
const BURST: u32 = 10_000;

fn main() {
    let path = std::env::temp_dir().join(format!("backstop-cost-{}.db", std::process::id()));
    // As fast as it goes: no sampling.
    let caps = Caps { rate_max: u32::MAX, ..Caps::default() };
    let journal = Journal::open(Some(&path), caps).unwrap();
    let (mut building, mut recording, mut writing) = (0.0, 0.0, 0.0);
    for burst in 0..ROWS / BURST {
        let start = Instant::now();
        let entries: Vec<Entry> = (0..BURST).map(|row| entry(burst * BURST + row)).collect();
        building += start.elapsed().as_secs_f64();
        let start = Instant::now();
        for entry in entries {
            journal.record(entry);
        }
        recording += start.elapsed().as_secs_f64();
        let start = Instant::now();
        journal.flush();
        writing += start.elapsed().as_secs_f64();
    }
    let size = std::fs::metadata(&path).unwrap().len();
    println!("building an entry  {:8.3} µs", building * 1e6 / f64::from(ROWS));
    println!("record()           {:8.3} µs", recording * 1e6 / f64::from(ROWS));
    println!(
        "writing a row      {:8.3} µs (flush after each {BURST})",
        writing * 1e6 / f64::from(ROWS)
    );
    println!("a row on disk      {:8} bytes", size / u64::from(ROWS));
    println!("{:?}", journal.standing());
    let start = Instant::now();
    let counts = journal.counts(0).unwrap();
    println!(
        "counts() over all  {:8.1} ms ({} requests)",
        start.elapsed().as_secs_f64() * 1e3,
        counts.requests
    );
    journal.close();
    sampled();
    for suffix in ["", "-wal", "-shm"] {
        let _absent = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

/// The cost of a clean request that another one stands for.
fn sampled() {
    let journal = Journal::in_memory(Caps { rate_max: 1, ..Caps::default() });
    let start = Instant::now();
    for row in 0..ROWS {
        journal.record_clean(1, || entry(row));
    }
    println!("sampled away       {:8.3} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROWS));
}

fn entry(row: u32) -> Entry {
    let target: Arc<str> = Arc::from("openai/gpt-6.1-sol");
    Entry {
        request: RequestId::from_bits(u128::from(row)),
        at_unix_ms: 1_772_400_000_000 + u64::from(row),
        caller: "local".into(),
        app: Some("shop-frontend".into()),
        workflow: None,
        session: None,
        route: "support".into(),
        api: Dialect::OpenaiChat.into(),
        model_asked: "gpt-6.1-sol".into(),
        stream: true,
        outcome: Outcome::Answered,
        class: None,
        answered_by: Some("openai/gpt-6.1-sol".into()),
        rung: Some(1),
        tier: Some(Tier::Full),
        finish: Some("stop".into()),
        resumed: false,
        losses: Vec::new(),
        usage: Some(Usage { input_uncached: 812, output: 160, ..Usage::default() }),
        cost: None,
        first_token_us: Some(412_345),
        total_us: 2_112_345,
        attempts: vec![AttemptRow {
            target,
            purpose: "first".into(),
            class: None,
            status: Some(200),
            provider_code: None,
            upstream_request_id: Some("req_011CSHoEeqs5C35K2UUqR7Fy".into()),
            first_token_us: Some(411_111),
            total_us: 2_111_111,
        }],
    }
}

//! The shared cell under every interleaving that ten thousand random schedules find.
//!
//! Built with the checker's primitives instead of the standard ones:
//! `cargo test -p backstop-gateway --features shuttle --test cell_shuttle`.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use backstop_gateway::Cell;
use backstop_resilience::{Purpose, Tuning, Verdict};
use backstop_vocabulary::{Class, Failure, Moment, Timing};
use shuttle::sync::Arc;
use shuttle::thread;

const SCHEDULES: usize = 10_000;
const THREADS: usize = 3;

fn cell() -> Arc<Cell> {
    Arc::new(Cell::new(Tuning::default(), 7, THREADS))
}

fn broken() -> Failure {
    Failure::new(Class::ServerError, "it failed")
}

/// Runs `part` on every thread at once, and `after` when all have ended.
fn check(start: fn() -> Arc<Cell>, part: fn(&Cell, usize), after: fn(&Cell)) {
    shuttle::check_random(
        move || {
            let cell = start();
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let cell = Arc::clone(&cell);
                    thread::spawn(move || part(&cell, number))
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(cell.in_flight(), 0);
            after(&cell);
        },
        SCHEDULES,
    );
}

#[test]
fn no_success_is_lost_however_the_threads_meet() {
    /// With 14 on each of three threads: 42 pay for four retries, and so do 40; 39 do not.
    const EACH: usize = 14;
    check(
        cell,
        |cell, number| {
            for _ in 0..EACH {
                assert_eq!(cell.admit(Moment::ZERO, Purpose::Traffic), Verdict::Attempt);
                cell.answered(number, Moment::ZERO, &Timing::default());
                cell.leave();
            }
        },
        |cell| {
            // Whoever looks next gets what was left because the lock was taken.
            let _memory = cell.memory(Moment::ZERO);
            let mut retries = 0;
            while cell.retry_allowed(Moment::ZERO) {
                cell.take_retry(Moment::ZERO);
                retries += 1;
            }
            assert_eq!(retries, 4);
        },
    );
}

fn opened() -> Arc<Cell> {
    let cell = cell();
    (0..5).for_each(|_| cell.failed(Moment::ZERO, &broken()));
    assert_eq!(cell.openings(), 1);
    cell
}

#[test]
fn only_one_probe_is_out_at_a_time_however_it_ends() {
    static OUT: AtomicU32 = AtomicU32::new(0);
    static GRANTED: AtomicU32 = AtomicU32::new(0);
    check(
        opened,
        |cell, number| {
            let due = cell
                .probe_due(Moment::ZERO)
                .map_or(Moment::from_secs(600), |due| due.max(Moment::from_secs(600)));
            let lease = match cell.admit(due, Purpose::Probe) {
                Verdict::Probe(lease) => lease,
                Verdict::Refused { .. } => return,
                Verdict::Attempt => panic!("the target is not closed"),
            };
            assert_eq!(OUT.fetch_add(1, SeqCst), 0, "two probes at once");
            GRANTED.fetch_add(1, SeqCst);
            thread::yield_now();
            OUT.fetch_sub(1, SeqCst);
            match number {
                0 => cell.probed(due, lease, Ok(())),
                1 => cell.probed(due, lease, Err(&broken())),
                _ => cell.release(due, lease),
            }
            cell.leave();
        },
        |_| assert!(GRANTED.swap(0, SeqCst) >= 1, "nobody may try the target"),
    );
}

#[test]
fn failures_of_all_threads_open_the_target_once() {
    check(
        cell,
        |cell, _| {
            for _ in 0..2 {
                if cell.admit(Moment::ZERO, Purpose::Traffic) == Verdict::Attempt {
                    cell.failed(Moment::ZERO, &broken());
                    cell.leave();
                }
            }
        },
        |cell| {
            assert_eq!(cell.openings(), 1);
            let verdict = cell.admit(Moment::ZERO, Purpose::Traffic);
            assert!(matches!(verdict, Verdict::Refused { .. }), "{verdict:?}");
        },
    );
}

#[test]
fn no_mixture_of_calls_locks_up_or_leaks() {
    check(
        cell,
        |cell, number| {
            let now = Moment::ZERO + Duration::from_millis(1500 * number as u64);
            let admitted = cell.admit(now, Purpose::Traffic);
            match number {
                0 => cell.answered(0, now, &Timing::default()),
                1 => cell.slow(now),
                _ => cell.failed(now, &broken()),
            }
            let _outlook = cell.outlook(now);
            cell.fallback_proved(now);
            let _memory = cell.memory(now);
            assert_eq!(admitted, Verdict::Attempt);
            cell.leave();
        },
        |cell| assert_eq!(cell.openings(), 0),
    );
}

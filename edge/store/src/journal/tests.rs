use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::{Caps, Journal, Queue, Writer};
use crate::Recorded;
use crate::store::tests::{File, clean, full};
use crate::store::{Bounds, Counts, State, Store, StoreError};

/// The names of what a file holds, oldest first.
fn seconds(journal: &Journal) -> Vec<u64> {
    let recent = journal.recent(usize::MAX).unwrap();
    recent.iter().rev().map(|row| row.entry.at_unix_ms / 1000).collect()
}

#[test]
fn shows_what_was_recorded_once_it_is_flushed() {
    let file = File::new();
    for journal in [
        Journal::open(Some(&file.0), Caps::default()).unwrap(),
        Journal::in_memory(Caps::default()),
    ] {
        journal.record(clean(1));
        journal.record(full(2));
        journal.record_clean(3000, || clean(3));
        journal.flush();
        assert_eq!(seconds(&journal), [1, 2, 3]);
        assert_eq!(journal.counts(2000).unwrap().requests, 2);
        assert_eq!(journal.dropped(), 0);
        journal.close();
    }
}

#[test]
fn keeps_rows_and_health_over_a_restart() {
    let file = File::new();
    let journal = Journal::open(Some(&file.0), Caps::default()).unwrap();
    assert_eq!(journal.health_load(), None);
    journal.record(clean(1));
    for at in 0..10 {
        // The first is written soon, the others wait; the last must not be lost.
        journal.health_save(format!("[{at}]"), 1000 + at);
        journal.flush();
    }
    journal.close();
    let journal = Journal::open(Some(&file.0), Caps::default()).unwrap();
    assert_eq!(journal.health_load(), Some(("[9]".to_owned(), 1009)));
    assert_eq!(seconds(&journal), [1]);
    journal.close();
}

#[test]
fn counts_what_comes_after_the_end() {
    let file = File::new();
    let journal = Journal::open(Some(&file.0), Caps::default()).unwrap();
    journal.close();
    journal.record(full(1));
    journal.close();
    journal.flush();
    assert_eq!(journal.dropped(), 1);
    assert!(seconds(&journal).is_empty());
}

#[test]
fn samples_clean_requests_and_keeps_every_unclean_one() {
    let file = File::new();
    let caps = Caps { rate_max: 10, ..Caps::default() };
    let journal = Journal::open(Some(&file.0), caps).unwrap();
    let mut built = 0;
    for number in 0..1000 {
        let mut entry = if number % 10 == 0 { full(1) } else { clean(1) };
        entry.at_unix_ms = 1000;
        if entry.is_clean() {
            journal.record_clean(1000, || {
                built += 1;
                entry
            });
        } else {
            journal.record(entry);
        }
    }
    journal.close();
    let counts = journal.counts(0).unwrap();
    assert_eq!(counts.failed, 100);
    let kept = journal.recent(usize::MAX).unwrap();
    assert_eq!(kept.len(), 100 + built);
    assert!(built < 60, "{built}");
    let sampled_away = journal.standing().sampled_away;
    assert_eq!(sampled_away, 900 - built as u64);
    // What the last skipped ones weigh is still to come.
    assert!((850..=900).contains(&counts.answered), "{}", counts.answered);
}

/// A store whose disk is full until it is told otherwise, that shows when it is asked.
struct Faulty {
    asked: std::sync::mpsc::SyncSender<usize>,
    answers: std::sync::mpsc::Receiver<bool>,
    kept: crate::store::Memory,
}

impl Store for Faulty {
    fn append(&mut self, rows: &[Recorded]) -> Result<(), StoreError> {
        self.asked.send(rows.len()).unwrap();
        if self.answers.recv().unwrap() {
            return self.kept.append(rows);
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        Err(rusqlite::Error::SqliteFailure(code, None).into())
    }

    fn trim(&mut self, bounds: &Bounds) -> Result<u64, StoreError> {
        self.kept.trim(bounds)
    }

    fn save_state(&mut self, name: &str, state: &State) -> Result<(), StoreError> {
        self.kept.save_state(name, state)
    }

    fn load_state(&mut self, name: &str) -> Result<Option<State>, StoreError> {
        self.kept.load_state(name)
    }

    fn recent(&mut self, rows_max: usize) -> Result<Vec<Recorded>, StoreError> {
        self.kept.recent(rows_max)
    }

    fn counts(&mut self, since_unix_ms: u64) -> Result<Counts, StoreError> {
        self.kept.counts(since_unix_ms)
    }
}

#[test]
fn goes_on_while_the_disk_is_full_and_writes_all_it_could_keep_afterwards() {
    let (asked, was_asked) = std::sync::mpsc::sync_channel(0);
    let (answer, answers) = std::sync::mpsc::channel();
    let mut kept = crate::store::Memory::default();
    let store = Faulty { asked, answers, kept: kept.clone() };
    let caps = Caps { queue_rows_max: 8, ..Caps::default() };
    let queue = Arc::new(Queue::new(caps.queue_rows_max));
    let offer = |entry| queue.offer(Recorded { entry, weight: 1 });
    offer(clean(0));
    let writer = Writer::start(Box::new(store), Arc::clone(&queue), caps).unwrap();
    assert_eq!(was_asked.recv().unwrap(), 1);
    // The writer is busy with a disk that will turn out to be full. Six clean ones find room, the
    // next does not; two unclean ones still do.
    (1..=7).for_each(|number| offer(clean(number)));
    assert_eq!(queue.standing().dropped, 1);
    (8..=10).for_each(|number| offer(full(number)));
    assert_eq!(queue.standing().dropped, 2);
    answer.send(false).unwrap();
    queue.wake();
    // Tried again, now with what waited; nothing of the first batch was lost.
    assert_eq!(was_asked.recv().unwrap(), 9);
    assert!(queue.standing().failing);
    assert_eq!(queue.standing().write_failures, 1);
    answer.send(true).unwrap();
    queue.flush();
    assert!(!queue.standing().failing);
    let recent = kept.recent(100).unwrap();
    let found: Vec<u64> = recent.iter().rev().map(|row| row.entry.at_unix_ms / 1000).collect();
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    queue.close();
    writer.join();
}

#[test]
fn goes_on_in_memory_where_the_file_cannot_be_had() {
    let foreign = File::new();
    std::fs::write(&foreign.0, "the shopping list").unwrap();
    let nowhere = foreign.beside(".absent").join("backstop.db");
    for path in [&foreign.0, &nowhere] {
        let journal = Journal::open(Some(path), Caps::default()).unwrap();
        journal.record(full(1));
        assert_eq!(journal.recent(9).unwrap().len(), 1);
        journal.close();
    }
    assert_eq!(std::fs::read_to_string(&foreign.0).unwrap(), "the shopping list");
}

/// Not a test of its own: the writer of the next one, in a process that will be killed.
#[test]
fn child_that_records_until_it_is_killed() {
    let Some(path) = std::env::var_os("BACKSTOP_TEST_STORE") else { return };
    let journal = Journal::open(Some(path.as_ref()), Caps::default()).unwrap();
    let start = std::time::Instant::now();
    for number in 0.. {
        let mut entry = full(number);
        entry.at_unix_ms = u64::try_from(start.elapsed().as_millis()).unwrap();
        let at = entry.at_unix_ms;
        journal.record(entry);
        // After the fact: what was said was recorded.
        println!("\nat={at}");
    }
}

#[test]
fn loses_at_most_a_second_when_it_is_killed_and_is_never_corrupt() {
    for kill_at_ms in [30, 400, 1_700] {
        let file = File::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::child_that_records_until_it_is_killed"])
            .arg("--nocapture")
            .env("BACKSTOP_TEST_STORE", &file.0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut times = output.filter_map(|line| line.strip_prefix("at=")?.parse::<u64>().ok());
        let said = times.by_ref().find(|&at| at >= kill_at_ms).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let last = times.last().unwrap_or(said);

        let journal = Journal::open(Some(&file.0), Caps::default()).unwrap();
        assert_eq!(journal.standing().set_aside, None);
        let newest = journal.recent(1).unwrap().first().map_or(0, |row| row.entry.at_unix_ms);
        assert!(last.saturating_sub(newest) <= 1000, "said {last}, kept {newest}");
        // And it goes on from there.
        journal.record(full(1));
        journal.close();
        let connection = rusqlite::Connection::open(&file.0).unwrap();
        let check = "PRAGMA integrity_check";
        let sound: String = connection.query_row(check, (), |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
}

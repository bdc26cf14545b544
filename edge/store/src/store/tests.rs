//! What every store promises: a function per promise, and one line per back end at the end.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use backstop_vocabulary::{Basis, Chance, Class, Dialect, RequestId, Tier, Usage};

use super::{Bounds, Memory, Recorded, Sqlite, State, Store, StoreError};
use crate::{AttemptRow, CostEstimated, Entry, Outcome};

/// A file of its own for each call, removed when dropped.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("backstop-store-{}-{number}.db", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.remove();
        file
    }

    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        super::sqlite::with_suffix(&self.0, suffix)
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", ".damaged", ".damaged-wal", ".damaged-shm"] {
            let _absent = std::fs::remove_file(self.beside(suffix));
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A clean entry of this number, a second after the one before.
pub(crate) fn clean(number: u64) -> Entry {
    Entry {
        request: RequestId::from_bits(u128::from(number)),
        at_unix_ms: number * 1000,
        caller: "local".into(),
        app: None,
        workflow: None,
        session: None,
        route: "support".into(),
        api: Dialect::OpenaiChat.into(),
        model_asked: "gpt-6.1".into(),
        stream: true,
        outcome: Outcome::Answered,
        class: None,
        answered_by: Some("openai/gpt-6.1".into()),
        rung: Some(1),
        tier: Some(Tier::Full),
        finish: Some(Cow::Borrowed("stop")),
        resumed: false,
        losses: Vec::new(),
        usage: Some(Usage { input_uncached: 812, output: 160, ..Usage::default() }),
        cost: Some(CostEstimated { micros: 2_415, currency: "USD".into() }),
        first_token_us: Some(412_000),
        total_us: 2_100_000,
        attempts: vec![attempt("openai/gpt-6.1", None)],
    }
}

pub(crate) fn attempt(target: &str, class: Option<Class>) -> AttemptRow {
    AttemptRow {
        target: target.into(),
        purpose: Cow::Borrowed("first"),
        class,
        status: Some(200),
        provider_code: None,
        upstream_request_id: Some("req_011CSHoEeqs5C35K2UUqR7Fy".into()),
        first_token_us: Some(411_000),
        total_us: 2_090_000,
    }
}

/// An entry with something in every field, and nothing simple in any text.
pub(crate) fn full(number: u64) -> Entry {
    let odd = "\"\\ \u{0}\u{1F600}\u{7}' ; --";
    let mut failed = attempt(odd, Some(Class::Overloaded));
    failed.status = Some(529);
    failed.provider_code = Some(odd.into());
    failed.upstream_request_id = None;
    Entry {
        request: RequestId::from_bits(Chance::from_seed(number).next_u64().into()),
        app: Some(odd.into()),
        workflow: Some("billing".into()),
        session: Some("".into()),
        api: Dialect::AnthropicMessages.into(),
        outcome: Outcome::Failed,
        class: Some(Class::StreamCut),
        tier: Some(Tier::Degraded),
        finish: Some(Cow::Borrowed(odd)),
        resumed: true,
        losses: vec![odd.to_owned(), "the image was left out".to_owned()],
        usage: Some(Usage {
            input_uncached: 1,
            cache_read: 2,
            cache_write: 3,
            output: 4,
            reasoning: 5,
            basis: Basis::Estimated,
        }),
        attempts: vec![failed, attempt("local/qwen3", Some(Class::StreamCut))],
        ..clean(number)
    }
}

/// An entry in which everything that may be absent is.
fn bare(number: u64) -> Entry {
    Entry {
        class: None,
        answered_by: None,
        rung: None,
        tier: None,
        finish: None,
        usage: None,
        first_token_us: None,
        attempts: Vec::new(),
        outcome: Outcome::Left,
        ..clean(number)
    }
}

fn row(entry: Entry) -> Recorded {
    Recorded { entry, weight: 1 }
}

fn rows(numbers: std::ops::Range<u64>) -> Vec<Recorded> {
    numbers.map(|number| row(clean(number))).collect()
}

fn seconds(store: &mut dyn Store) -> Vec<u64> {
    let recent = store.recent(usize::MAX).unwrap();
    recent.iter().rev().map(|row| row.entry.at_unix_ms / 1000).collect()
}

fn gives_back_what_it_was_given(mut store: impl Store) {
    let given =
        vec![row(clean(1)), Recorded { entry: full(2), weight: 7 }, row(bare(3)), row(full(4))];
    store.append(&given).unwrap();
    let mut found = store.recent(10).unwrap();
    found.reverse();
    assert_eq!(found, given);
}

fn gives_the_newest_first_and_no_more_than_asked(mut store: impl Store) {
    store.append(&rows(0..5)).unwrap();
    store.append(&rows(5..8)).unwrap();
    let found = store.recent(3).unwrap();
    assert_eq!(
        found.iter().map(|row| row.entry.at_unix_ms).collect::<Vec<_>>(),
        [7000, 6000, 5000]
    );
}

fn counts_by_weight_from_a_time_on(mut store: impl Store) {
    let rescued = Entry {
        outcome: Outcome::Answered,
        class: None,
        resumed: false,
        answered_by: Some("local/qwen3".into()),
        ..full(12)
    };
    let given = [
        row(full(1)),
        Recorded { entry: clean(10), weight: 5 },
        row(full(11)),
        row(rescued),
        row(Entry { class: Some(Class::ClientLeft), ..bare(13) }),
    ];
    store.append(&given).unwrap();
    let counts = store.counts(10_000).unwrap();
    assert_eq!((counts.requests, counts.answered, counts.failed, counts.left), (8, 6, 1, 1));
    assert_eq!((counts.full, counts.rescued, counts.attempts), (5, 1, 9));
    let classes = [("client_left".to_owned(), 1), ("stream_cut".to_owned(), 1)];
    assert_eq!(counts.classes, classes.into());
    let answered_by = [("local/qwen3".to_owned(), 1), ("openai/gpt-6.1".to_owned(), 5)];
    assert_eq!(counts.answered_by, answered_by.into());
}

fn removes_the_oldest_above_the_age_and_only_those(mut store: impl Store) {
    store.append(&rows(0..100)).unwrap();
    let bounds = Bounds { size_bytes_max: u64::MAX, oldest_unix_ms: 40_000 };
    while store.trim(&bounds).unwrap() > 0 {}
    assert_eq!(seconds(&mut store), (40..100).collect::<Vec<_>>());
}

fn stays_within_its_size_and_keeps_the_newest(mut store: impl Store) {
    let bounds = Bounds { size_bytes_max: 3 << 20, oldest_unix_ms: 0 };
    for batch in 0..40 {
        store.append(&rows(batch * 1000..(batch + 1) * 1000)).unwrap();
        store.trim(&bounds).unwrap();
    }
    let kept = seconds(&mut store);
    assert!((1_000..15_000).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept.last(), Some(&39_999));
    assert!(kept.is_sorted());
}

fn keeps_the_last_of_each_state(mut store: impl Store) {
    assert_eq!(store.load_state("health").unwrap(), None);
    let state = |json: &str, at| State { json: json.to_owned(), saved_at_unix_ms: at };
    for (name, json) in [("health", "{}"), ("other", "[]"), ("health", "{\"a\":1}")] {
        store.save_state(name, &state(json, 5)).unwrap();
    }
    assert_eq!(store.load_state("health").unwrap(), Some(state("{\"a\":1}", 5)));
    assert_eq!(store.load_state("other").unwrap(), Some(state("[]", 5)));
}

macro_rules! conformance {
    ($name:ident, $new:expr) => {
        mod $name {
            conformance!($name, $new;
                gives_back_what_it_was_given,
                gives_the_newest_first_and_no_more_than_asked,
                counts_by_weight_from_a_time_on,
                removes_the_oldest_above_the_age_and_only_those,
                stays_within_its_size_and_keeps_the_newest,
                keeps_the_last_of_each_state,
            );
        }
    };
    ($name:ident, $new:expr; $($promise:ident,)+) => {
        $(#[test] fn $promise() {
            let (store, _file) = $new();
            super::$promise(store);
        })+
    };
}

conformance!(memory, || (super::Memory::default(), ()));
conformance!(sqlite, || {
    let file = super::File::new();
    (super::Sqlite::open(&file.0).unwrap(), file)
});

#[test]
fn appends_all_or_nothing_on_a_full_disk_and_recovers() {
    let file = File::new();
    let mut store = Sqlite::open(&file.0).unwrap();
    store.append(&rows(0..10)).unwrap();
    store.limit_pages(store.file_bytes().cast_signed() / 4096 + 4);
    let error = store.append(&rows(10..2000)).unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert_eq!(seconds(&mut store), (0..10).collect::<Vec<_>>());
    store.limit_pages(1 << 30);
    store.append(&rows(10..2000)).unwrap();
    assert_eq!(seconds(&mut store).len(), 2000);
}

#[test]
fn gives_space_back_when_its_cap_is_lowered() {
    let file = File::new();
    let mut store = Sqlite::open(&file.0).unwrap();
    store.append(&rows(0..20_000)).unwrap();
    let before = store.file_bytes();
    let bounds = Bounds { size_bytes_max: 1 << 20, oldest_unix_ms: 0 };
    while store.trim(&bounds).unwrap() > 0 {}
    assert!(before > 4 << 20, "{before}");
    assert!(store.file_bytes() <= 1 << 20, "{}", store.file_bytes());
}

#[test]
fn keeps_what_it_has_over_a_restart() {
    let file = File::new();
    Sqlite::open(&file.0).unwrap().append(&rows(0..3)).unwrap();
    assert_eq!(seconds(&mut Sqlite::open(&file.0).unwrap()), [0, 1, 2]);
}

#[test]
fn a_file_of_an_older_version_is_brought_up_to_date_with_its_rows() {
    let file = File::new();
    Sqlite::open(&file.0).unwrap().append(&rows(0..2)).unwrap();
    let connection = rusqlite::Connection::open(&file.0).unwrap();
    let back = "ALTER TABLE requests DROP COLUMN currency;
                ALTER TABLE requests DROP COLUMN cost_estimated_micros;";
    connection.execute_batch(back).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let mut store = Sqlite::open(&file.0).unwrap();
    store.append(&rows(2..3)).unwrap();
    let costs: Vec<bool> =
        store.recent(3).unwrap().iter().map(|row| row.entry.cost.is_some()).collect();
    assert_eq!(costs, [true, false, false], "what was not kept is not known");
}

#[test]
fn refuses_a_file_of_a_newer_version_and_leaves_it_alone() {
    let file = File::new();
    drop(Sqlite::open(&file.0).unwrap());
    let connection = rusqlite::Connection::open(&file.0).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Sqlite::open(&file.0).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, known: 2 }), "{error}");
    let message = error.into_failure().message;
    assert!(message.contains("newer"), "{message}");
}

#[test]
fn leaves_a_file_alone_that_is_no_database() {
    for text in ["x", "this is not a database, and long enough to tell: ".repeat(100).as_str()] {
        let file = File::new();
        std::fs::write(&file.0, text).unwrap();
        let error = Sqlite::open(&file.0).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert!(error.is_out_of_reach());
        assert_eq!(std::fs::read_to_string(&file.0).unwrap(), text);
        assert!(!file.beside(".damaged").exists());
    }
    let empty = File::new();
    std::fs::write(&empty.0, "").unwrap();
    Sqlite::open(&empty.0).unwrap().append(&rows(0..1)).unwrap();
}

#[test]
fn sets_a_database_aside_that_is_damaged_behind_its_head() {
    let file = File::new();
    std::fs::write(&file.0, [b"SQLite format 3\0".as_slice(), &[0xAA; 8192]].concat()).unwrap();
    let mut store = Sqlite::open(&file.0).unwrap();
    let aside = store.set_aside.clone().unwrap();
    assert_eq!(aside, file.beside(".damaged"));
    assert_eq!(std::fs::read(aside).unwrap().len(), 8208);
    store.append(&rows(0..1)).unwrap();
}

#[test]
fn sets_a_file_aside_that_is_damaged_while_it_writes() {
    let file = File::new();
    let mut store = Sqlite::open(&file.0).unwrap();
    store.append(&rows(0..5_000)).unwrap();
    drop(store);
    // All but the first page and the root pages of the tables.
    let mut bytes = std::fs::read(&file.0).unwrap();
    bytes[5 * 4096..].fill(0xAA);
    std::fs::write(&file.0, bytes).unwrap();
    let mut store = Sqlite::open(&file.0).unwrap();
    store.append(&rows(5_000..6_000)).unwrap();
    assert!(store.set_aside.is_some());
    assert_eq!(seconds(&mut store).len(), 1000);
}

#[test]
fn says_why_it_cannot_be_opened() {
    let error = Sqlite::open(std::path::Path::new("/nowhere/at/all.db")).unwrap_err();
    let message = error.into_failure().message;
    assert!(message.contains("/nowhere/at/all.db"), "{message}");
}

#[test]
fn lets_others_read_while_it_writes() {
    let file = File::new();
    let mut store = Sqlite::open(&file.0).unwrap();
    store.append(&rows(0..2000)).unwrap();
    let mut reader = Sqlite::open_reader(&file.0).unwrap();
    let writing = std::thread::spawn(move || {
        for batch in 2..30 {
            store.append(&rows(batch * 1000..(batch + 1) * 1000)).unwrap();
            store.trim(&Bounds { size_bytes_max: 2 << 20, oldest_unix_ms: 0 }).unwrap();
        }
    });
    while !writing.is_finished() {
        let found = seconds(&mut reader);
        // Always whole batches, without a hole.
        assert_eq!((found[found.len() - 1] + 1) % 1000, 0);
        assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    }
    writing.join().unwrap();
}

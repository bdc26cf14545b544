//! The tables, their versions, and every statement.

use std::sync::LazyLock;

use rusqlite::{Connection, Row, TransactionBehavior};

use super::super::{Counts, StoreError, columns};

/// What brings a file from version `n` to `n + 1`; the last one's end is the version we know.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE requests (
        id INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL, weight INTEGER NOT NULL, request TEXT NOT NULL,
        caller TEXT NOT NULL, app TEXT, workflow TEXT, session TEXT, route TEXT NOT NULL,
        dialect TEXT NOT NULL, model TEXT NOT NULL, stream INTEGER NOT NULL,
        outcome TEXT NOT NULL, class TEXT, answered_by TEXT, rung INTEGER, tier TEXT,
        finish TEXT, resumed INTEGER NOT NULL, losses TEXT,
        input_uncached INTEGER, cache_read INTEGER, cache_write INTEGER, output INTEGER,
        reasoning INTEGER, estimated INTEGER,
        first_token_us INTEGER, total_us INTEGER NOT NULL,
        attempts_n INTEGER NOT NULL, attempts TEXT NOT NULL
    ) STRICT;
    CREATE TABLE states (
        name TEXT PRIMARY KEY, json TEXT NOT NULL, saved_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE requests ADD COLUMN cost_estimated_micros INTEGER;
    ALTER TABLE requests ADD COLUMN currency TEXT;
",
];

pub(super) static INSERT: LazyLock<String> = LazyLock::new(|| {
    let places = vec!["?"; columns::NAMES.split(',').count()].join(", ");
    format!("INSERT INTO requests ({}) VALUES ({places})", columns::NAMES)
});

pub(super) static RECENT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM requests ORDER BY id DESC LIMIT ?", columns::NAMES));

/// Rows are in the order of their ends, so the oldest are those with the lowest ids.
pub(super) const LAST_TO_TRIM: &str = "
    SELECT max(id) FROM (SELECT id, at_ms FROM requests ORDER BY id LIMIT ?) WHERE at_ms < ?";

pub(super) const TRIM: &str = "DELETE FROM requests WHERE id <= ?";

pub(super) const SAVE_STATE: &str = "
    INSERT INTO states (name, json, saved_at_ms) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET json = excluded.json, saved_at_ms = excluded.saved_at_ms";

pub(super) const LOAD_STATE: &str = "SELECT json, saved_at_ms FROM states WHERE name = ?";

pub(super) const COUNTS: &str = "
    SELECT outcome, class, answered_by, tier, resumed OR attempts_n > 1,
           sum(weight), sum(weight * attempts_n)
    FROM requests WHERE at_ms >= ? GROUP BY 1, 2, 3, 4, 5";

/// Adds one row of [`COUNTS`].
pub(super) fn add(counts: &mut Counts, row: &Row<'_>) -> rusqlite::Result<()> {
    let outcome: String = row.get(0)?;
    let class: Option<String> = row.get(1)?;
    let answered_by: Option<String> = row.get(2)?;
    let tier: Option<String> = row.get(3)?;
    let rescued: bool = row.get(4)?;
    let weight = columns::unsigned(row, 5)?;
    counts.requests += weight;
    counts.attempts += columns::unsigned(row, 6)?;
    if outcome == "answered" {
        counts.answered += weight;
        counts.full += if tier.as_deref() == Some("full") { weight } else { 0 };
        counts.rescued += if rescued { weight } else { 0 };
        if let Some(target) = answered_by {
            *counts.answered_by.entry(target).or_default() += weight;
        }
        return Ok(());
    }
    let sum = if outcome == "left" { &mut counts.left } else { &mut counts.failed };
    *sum += weight;
    if let Some(class) = class {
        *counts.classes.entry(class).or_default() += weight;
    }
    Ok(())
}

/// Sets the connection up and brings the file to the version we know.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    // Before the first table, or it has no effect: lets a lowered cap shrink the file.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(32);
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    // Immediate: two processes that open a new file at once must not both migrate it.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

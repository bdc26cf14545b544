use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::{Bounds, Counts, Recorded, State, Store, StoreError, columns};

mod schema;

/// How every `SQLite` database begins (its file format, 1.3.1).
const HEAD: &[u8] = b"SQLite format 3\0";
/// Rows that one call of `trim` removes at most: twice the writer's largest batch, so that a store at
/// its cap always shrinks faster than it grows.
const TRIM_ROWS_MAX: usize = 2 * crate::journal::BATCH_ROWS_MAX;
/// Free pages that one call gives back to the file system when the file is larger than its cap.
const VACUUM_PAGES_MAX: u64 = 1024;
/// How long to wait for another process, for example the predecessor during a hand-over.
const BUSY_MS_MAX: u64 = 5_000;

/// The embedded back end: one `SQLite` file in WAL mode.
///
/// `synchronous=NORMAL`: a commit survives the end of this process at once and a power cut after the
/// next checkpoint; the file is never corrupt after either.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    /// Where a damaged predecessor of the file was put, if there was one.
    pub(crate) set_aside: Option<PathBuf>,
}

impl Sqlite {
    /// Opens or creates the file for writing; a damaged one is set aside and a new one begun.
    /// A file that is no database is left as it is.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        match Self::open_as_is(path) {
            Err(StoreError::Damaged(cause)) => Self::start_over(path, &cause),
            other => other,
        }
    }

    fn open_as_is(path: &Path) -> Result<Self, StoreError> {
        if is_foreign(path) {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
        let mut connection = Connection::open(path)
            .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
        schema::prepare(&mut connection).map_err(|error| match error {
            StoreError::Other(source) => StoreError::Open { path: path.to_owned(), source },
            StoreError::Open { .. }
            | StoreError::Foreign { .. }
            | StoreError::SetAside { .. }
            | StoreError::Newer { .. }
            | StoreError::Full(_)
            | StoreError::Damaged(_)
            | StoreError::Thread(_) => error,
        })?;
        Ok(Self { connection, path: path.to_owned(), set_aside: None })
    }

    /// Opens an existing file for questions only; any number may read while one writes.
    pub(crate) fn open_reader(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
        Ok(Self { connection, path: path.to_owned(), set_aside: None })
    }

    /// Puts the damaged file beside itself, for whoever wants to look at it, and begins a new one.
    fn start_over(path: &Path, cause: &rusqlite::Error) -> Result<Self, StoreError> {
        let aside = free_name(path);
        std::fs::rename(path, &aside)
            .map_err(|source| StoreError::SetAside { path: path.to_owned(), source })?;
        for suffix in ["-wal", "-shm"] {
            // Often absent, and worthless without its file: renamed only to get it out of the way.
            let _moved = std::fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix));
        }
        tracing::warn!(
            path = %path.display(), aside = %aside.display(), %cause,
            "the store's file is damaged: it was set aside and a new one begun"
        );
        let mut fresh = Self::open_as_is(path)?;
        fresh.set_aside = Some(aside);
        Ok(fresh)
    }

    fn append_all(&mut self, rows: &[Recorded]) -> rusqlite::Result<()> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        {
            let mut insert = transaction.prepare_cached(&schema::INSERT)?;
            for row in rows {
                columns::bind(&mut insert, row)?;
                insert.raw_execute()?;
            }
        }
        transaction.commit()
    }

    /// The last id among the oldest rows that are outside the bounds.
    fn last_to_trim(&self, bounds: &Bounds) -> rusqlite::Result<Option<i64>> {
        let oldest_unix_ms = if self.bytes_used()? > bounds.size_bytes_max {
            u64::MAX
        } else {
            bounds.oldest_unix_ms
        };
        self.connection.prepare_cached(schema::LAST_TO_TRIM)?.query_row(
            (TRIM_ROWS_MAX.cast_signed(), i64::try_from(oldest_unix_ms).unwrap_or(i64::MAX)),
            |row| row.get(0),
        )
    }

    fn bytes_used(&self) -> rusqlite::Result<u64> {
        let (pages, free) = (self.pragma("page_count")?, self.pragma("freelist_count")?);
        Ok(pages.saturating_sub(free) * self.pragma("page_size")?)
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<u64> {
        self.connection
            .prepare_cached(&format!("PRAGMA {name}"))?
            .query_row((), |row| columns::unsigned(row, 0))
    }

    /// Gives pages back to the file system, as after a cap was lowered.
    fn shrink(&self, bounds: &Bounds) -> rusqlite::Result<()> {
        let file_bytes = self.pragma("page_count")? * self.pragma("page_size")?;
        if file_bytes > bounds.size_bytes_max && self.pragma("freelist_count")? > 0 {
            let sql = format!("PRAGMA incremental_vacuum({VACUUM_PAGES_MAX})");
            let mut vacuum = self.connection.prepare_cached(&sql)?;
            let mut steps = vacuum.query(())?;
            // Each step frees one page.
            while steps.next()?.is_some() {}
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages_max: i64) {
        self.connection.pragma_update(None, "max_page_count", pages_max).unwrap();
    }

    #[cfg(test)]
    pub(crate) fn file_bytes(&self) -> u64 {
        self.pragma("page_count").unwrap() * self.pragma("page_size").unwrap()
    }
}

/// Whether a file holds something else than a database: somebody named the wrong one. What has no
/// bytes may become one, and a database of ours that is damaged still begins like one.
fn is_foreign(path: &Path) -> bool {
    let mut head = Vec::new();
    let opened = std::fs::File::open(path);
    let read = opened.and_then(|file| file.take(HEAD.len() as u64).read_to_end(&mut head));
    // What cannot be read, or is not there, is for the database to judge.
    read.is_ok() && !head.is_empty() && head != HEAD
}

impl Store for Sqlite {
    fn append(&mut self, rows: &[Recorded]) -> Result<(), StoreError> {
        match self.append_all(rows).map_err(StoreError::from) {
            Err(StoreError::Damaged(cause)) => {
                *self = Self::start_over(&self.path, &cause)?;
                Ok(self.append_all(rows)?)
            }
            other => other,
        }
    }

    fn trim(&mut self, bounds: &Bounds) -> Result<u64, StoreError> {
        let removed = match self.last_to_trim(bounds)? {
            Some(last) => self.connection.prepare_cached(schema::TRIM)?.execute([last])?,
            None => 0,
        };
        self.shrink(bounds)?;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }

    fn save_state(&mut self, name: &str, state: &State) -> Result<(), StoreError> {
        let saved_at = i64::try_from(state.saved_at_unix_ms).unwrap_or(i64::MAX);
        let mut save = self.connection.prepare_cached(schema::SAVE_STATE)?;
        save.execute((name, &state.json, saved_at))?;
        Ok(())
    }

    fn load_state(&mut self, name: &str) -> Result<Option<State>, StoreError> {
        let mut load = self.connection.prepare_cached(schema::LOAD_STATE)?;
        let state = load.query_row([name], |row| {
            Ok(State { json: row.get(0)?, saved_at_unix_ms: columns::unsigned(row, 1)? })
        });
        Ok(state.optional()?)
    }

    fn recent(&mut self, rows_max: usize) -> Result<Vec<Recorded>, StoreError> {
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let mut recent = self.connection.prepare_cached(&schema::RECENT)?;
        let rows = recent.query_map([rows_max], columns::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn counts(&mut self, since_unix_ms: u64) -> Result<Counts, StoreError> {
        let since = i64::try_from(since_unix_ms).unwrap_or(i64::MAX);
        let mut counts = Counts::default();
        let mut sums = self.connection.prepare_cached(schema::COUNTS)?;
        let mut rows = sums.query([since])?;
        while let Some(row) = rows.next()? {
            schema::add(&mut counts, row)?;
        }
        Ok(counts)
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The first of `<path>.damaged`, `<path>.damaged-2`… that is not taken.
fn free_name(path: &Path) -> PathBuf {
    let first = with_suffix(path, ".damaged");
    let others = (2_u32..).map(|number| with_suffix(path, &format!(".damaged-{number}")));
    std::iter::once(first.clone()).chain(others).find(|name| !name.exists()).unwrap_or(first)
}

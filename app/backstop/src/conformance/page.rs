//! The page: tables of cells, with what they leave unsaid below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use backstop_vocabulary::Dialect;

use super::cell::Cell;

/// Everything that was found, in order.
#[derive(Debug, Default)]
pub(super) struct Page {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    client: Dialect,
    case: &'static str,
    cells: Vec<(&'static str, Cell)>,
}

impl Page {
    /// Adds a cell; cells of a row come one after the other.
    pub(super) fn add(
        &mut self,
        client: Dialect,
        case: &'static str,
        kind: &'static str,
        cell: Cell,
    ) {
        match self.rows.last_mut().filter(|row| (row.client, row.case) == (client, case)) {
            Some(row) => row.cells.push((kind, cell)),
            None => self.rows.push(Row { client, case, cells: vec![(kind, cell)] }),
        }
    }

    /// Whether nothing is there that must not be.
    pub(super) fn is_whole(&self) -> bool {
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        cells.into_iter().all(|(_, cell)| !matches!(cell, Cell::Wrong(_)))
    }

    /// The page as docs hold it.
    pub(super) fn markdown(&self) -> String {
        let mut page = String::from(INTRODUCTION);
        for client in Dialect::ALL {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.client == client).collect();
            table(&mut page, client, &rows);
        }
        page
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> Value {
        let cell = |(kind, cell): &(&'static str, Cell)| {
            let (word, detail) = said(cell);
            json!({ "provider": kind, "outcome": word, "detail": detail })
        };
        let row = |row: &Row| {
            let cells: Vec<Value> = row.cells.iter().map(cell).collect();
            json!({ "client": row.client.name(), "case": row.case, "cells": cells })
        };
        json!({ "whole": self.is_whole(), "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

const INTRODUCTION: &str = "\
# Conformance

What becomes of every kind of request, for clients of every dialect, at every kind of provider.
`backstop conformance` prints this page: each cell is a request through the gateway itself, to a
simulated provider that reads its own dialect and looks whether the question arrived, with a client
that looks whether the answer did. A test keeps the page and the gateway in step.

| Word | Meaning |
|---|---|
| pass | question and answer arrived as they were meant |
| lossy | the answer came; the note says what could not be carried, as `backstop-lost` tells the client |
| refused | this provider cannot serve the request, and another rung is tried; alone, it is this error |
| not in dialect | a client of this dialect has no words to ask for it |

For failures the cell says what the client is told when no other provider is there to answer: the
status and type of the error, or how its stream ends. No broken answer ends like a complete one.
";

fn table(page: &mut String, client: Dialect, rows: &[&Row]) {
    let Some(first) = rows.first() else { return };
    let mut notes = Notes::default();
    // A string takes everything.
    let _written = write!(page, "\n## Clients of `{client}`\n\n| |");
    for (kind, _) in &first.cells {
        let _written = write!(page, " {kind} |");
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(first.cells.len()));
    page.push('\n');
    for row in rows {
        let _written = write!(page, "| {} |", row.case);
        for (_, cell) in &row.cells {
            let _written = write!(page, " {} |", notes.word(cell));
        }
        page.push('\n');
    }
    notes.write(page);
}

/// Notes below a table, each once.
#[derive(Default)]
struct Notes {
    numbers: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl Notes {
    fn word(&mut self, cell: &Cell) -> String {
        match said(cell) {
            (word, "") => word.to_owned(),
            ("", told) => told.to_owned(),
            (word, detail) => format!("{word} ({})", self.number(detail)),
        }
    }

    fn number(&mut self, detail: &str) -> usize {
        if let Some(number) = self.numbers.get(detail) {
            return *number;
        }
        self.texts.push(detail.to_owned());
        self.numbers.insert(detail.to_owned(), self.texts.len());
        self.texts.len()
    }

    fn write(&self, page: &mut String) {
        page.push('\n');
        for (at, text) in self.texts.iter().enumerate() {
            let _written = writeln!(page, "{}. {text}", at + 1);
        }
    }
}

/// The word for a cell, and what more there is to say.
fn said(cell: &Cell) -> (&'static str, &str) {
    match cell {
        Cell::Pass => ("pass", ""),
        Cell::Lossy(lost) => ("lossy", lost),
        Cell::Refused(why) => ("refused", why),
        Cell::Unsayable(why) => ("not in dialect", why),
        Cell::Told(told) => ("", told),
        Cell::Wrong(what) => ("WRONG", what),
    }
}

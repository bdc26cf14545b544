//! The page: tables of cells, with what they leave unsaid below.

mod notes;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use backstop_vocabulary::Dialect;

use self::notes::Notes;
use super::cell::{Behind, Cell, Told};

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

impl Row {
    fn is_failure(&self) -> bool {
        self.cells.iter().any(|(_, cell)| matches!(cell, Cell::Failed(..)))
    }
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
        self.cells().all(|cell| !matches!(cell, Cell::Wrong(_)))
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|row| &row.cells).map(|(_, cell)| cell)
    }

    /// The page as docs hold it.
    pub(super) fn markdown(&self) -> String {
        let mut page = format!("{TITLE}{}{WORDS}", self.counts());
        for client in Dialect::ALL {
            let of_client = |row: &&Row| row.client == client;
            let (failures, requests): (Vec<&Row>, Vec<&Row>) =
                self.rows.iter().filter(of_client).partition(|row| row.is_failure());
            // A string takes everything.
            let _written = write!(page, "\n## Clients of `{client}`\n");
            table(&mut page, &requests);
            let _written = write!(page, "\n### When a provider fails `{client}` clients\n");
            table(&mut page, &failures);
            words(&mut page, &failures);
        }
        page
    }

    /// How many cells there are of each outcome.
    fn counts(&self) -> String {
        let mut counts: BTreeMap<(bool, &'static str), usize> = BTreeMap::new();
        for cell in self.cells() {
            let is_failure = matches!(cell, Cell::Failed(..));
            *counts.entry((is_failure, outcome(cell))).or_default() += 1;
        }
        let list = |failures| {
            let of = counts.iter().filter(|((is_failure, _), _)| *is_failure == failures);
            let all: usize = of.clone().map(|(_, count)| count).sum();
            let each: Vec<String> =
                of.map(|((_, word), count)| format!("{count} {word}")).collect();
            format!("{all}: {}", each.join(", "))
        };
        format!(
            "Requests, {}.\nFailures with another provider behind, {}.\n",
            list(false),
            list(true)
        )
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> Value {
        let cell = |(kind, cell): &(&'static str, Cell)| {
            let mut said = json!({
                "provider": kind, "outcome": outcome(cell), "detail": detail(cell),
            });
            if let Cell::Failed(told, _) = cell {
                said["alone"] = json!(alone(told).trim_matches('`'));
            }
            said
        };
        let row = |row: &Row| {
            let cells: Vec<Value> = row.cells.iter().map(cell).collect();
            json!({ "client": row.client.name(), "case": row.case, "cells": cells })
        };
        json!({ "whole": self.is_whole(), "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

const TITLE: &str = "\
# Conformance

What becomes of every kind of request and of every failure, for clients of every dialect, at every
kind of provider. `backstop conformance` prints this page: each cell is a request through the gateway
itself, to simulated providers that read their own dialect and look whether the question arrived,
with a client that looks whether the answer did. A test keeps the page and the gateway in step.

";

const WORDS: &str = "
| Word | Meaning |
|---|---|
| pass | question and answer arrived as they were meant |
| lossy | the answer came; the note says what could not be carried, as `backstop-lost` tells the client |
| refused | this provider cannot serve the request, and another rung is tried; alone, it is this error |
| not in dialect | a client of this dialect has no words to ask for it |

Failures are played twice. Before the arrow stands what the client is told when no other provider is
there: a [class](failure-classes.md), whose status and type stand below the table, or how its stream
ends. No broken answer ends like a complete one. Behind the arrow stands what becomes of it with a second
provider of another maker on another API: OpenAI's Chat behind those that serve Claude, Anthropic
behind all others.

| Word | Meaning |
|---|---|
| pass | the second answers, and the client gets a whole answer |
| goes on | the client has the beginning, and the second goes on from there; the client reads one whole answer |
| lossy, goes on lossy | the same, with the loss in the note |
| told | the failure is the last word, and the second is not asked: nobody shops for a laxer model |
";

fn table(page: &mut String, rows: &[&Row]) {
    let Some(first) = rows.first() else { return };
    let mut notes = Notes::default();
    // A string takes everything.
    page.push_str("\n| |");
    for (kind, _) in &first.cells {
        let _written = write!(page, " {kind} |");
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(first.cells.len()));
    page.push('\n');
    for row in rows {
        let _written = write!(page, "| {} |", row.case);
        for (_, cell) in &row.cells {
            let arrow = if let Cell::Failed(told, _) = cell {
                alone(told) + " → "
            } else {
                String::new()
            };
            let _written = write!(page, " {arrow}{} |", notes.word(outcome(cell), detail(cell)));
        }
        page.push('\n');
    }
    notes.write(page);
}

/// In which words clients are told of a class.
fn words(page: &mut String, rows: &[&Row]) {
    let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, cell) in rows.iter().flat_map(|row| &row.cells) {
        let Cell::Failed(Told::Error { class, words: said }, _) = cell else { continue };
        words.entry(said).or_default().push(class);
    }
    page.push_str("\n| Told as | Class |\n|---|---|\n");
    for (said, mut classes) in words {
        classes.sort_unstable();
        classes.dedup();
        // A string takes everything.
        let _written = writeln!(page, "| {said} | `{}` |", classes.join("`, `"));
    }
}

/// What a client is told when there is nobody else.
fn alone(told: &Told) -> String {
    match told {
        Told::Error { class, .. } => format!("`{class}`"),
        Told::Frame => "error frame".to_owned(),
        Told::Answer => "its answer".to_owned(),
    }
}

/// The word for a cell.
const fn outcome(cell: &Cell) -> &'static str {
    match cell {
        Cell::Pass => "pass",
        Cell::Lossy(_) => "lossy",
        Cell::Refused(_) => "refused",
        Cell::Unsayable(_) => "not in dialect",
        Cell::Failed(_, Behind::Answers(lost)) => {
            if lost.is_empty() {
                "pass"
            } else {
                "lossy"
            }
        }
        Cell::Failed(_, Behind::GoesOn(lost)) => {
            if lost.is_empty() {
                "goes on"
            } else {
                "goes on lossy"
            }
        }
        Cell::Failed(_, Behind::Told(_)) => "told",
        Cell::Wrong(_) => "WRONG",
    }
}

/// What more there is to say of a cell.
fn detail(cell: &Cell) -> &str {
    match cell {
        Cell::Pass | Cell::Failed(_, Behind::Told(_)) => "",
        Cell::Lossy(said)
        | Cell::Refused(said)
        | Cell::Unsayable(said)
        | Cell::Wrong(said)
        | Cell::Failed(_, Behind::Answers(said) | Behind::GoesOn(said)) => said,
    }
}

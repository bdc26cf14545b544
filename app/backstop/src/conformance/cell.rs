//! What became of one request: a cell of the page.

use backstop_exchange::{Event, Request};

use super::cases::Case;
use super::client;
use super::stage::Got;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Question and answer arrived as they were meant.
    Pass,
    /// The answer came; these things could not be carried, and the client was told.
    Lossy(String),
    /// The client got an error that says why this provider cannot serve it.
    Refused(String),
    /// The client's own dialect cannot ask for this.
    Unsayable(String),
    /// A failure: what the client is told when it is alone, and what becomes of it otherwise.
    Failed(Told, Behind),
    /// What must not be.
    Wrong(String),
}

/// What a client is told of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// An error of this class before any answer, in these words.
    Error {
        /// The class, as the gateway names it.
        class: String,
        /// The status, and the type of the error.
        words: String,
    },
    /// An answer was begun, and ends in an error frame.
    Frame,
    /// The provider's own answer.
    Answer,
}

/// What becomes of a failure when another provider stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// The other answers; what it could not carry.
    Answers(String),
    /// The other goes on where the answer broke off.
    GoesOn(String),
    /// The client is told all the same.
    Told(Told),
}

/// Judges an ordinary request.
pub(super) fn judge(case: &Case, got: &Got, seen: Option<&Request>) -> Cell {
    if got.status >= 400 {
        return refused(got);
    }
    let (events, ended) = client::read(got);
    if let Err(failure) = ended {
        return Cell::Wrong(format!("the answer ends in {}", failure.class));
    }
    let lost = got.header("backstop-lost").to_owned();
    if !(case.returns)(&events) {
        return wrong("the answer came back changed", &events);
    }
    let arrived = seen.is_some_and(|asked| (case.arrives)(asked));
    match (arrived, lost.is_empty()) {
        (true, true) => Cell::Pass,
        (_, false) => Cell::Lossy(lost),
        (false, true) => Cell::Wrong("the question was changed without a word".to_owned()),
    }
}

fn wrong(what: &str, events: &[Event]) -> Cell {
    Cell::Wrong(format!("{what}: {events:?}"))
}

/// An error before any answer.
fn refused(got: &Got) -> Cell {
    let code = got.header("backstop-error");
    let message = message(got);
    match code {
        "unsupported_feature" | "no_target" => Cell::Refused(message),
        _ => Cell::Wrong(format!("{} {code}: {message}", got.status)),
    }
}

/// The message of an error, wherever the dialect has it.
pub(super) fn message(got: &Got) -> String {
    let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap_or_default();
    let places = ["/error/message", "/message"];
    let message = places.iter().find_map(|place| body.pointer(place)?.as_str());
    let message = message.unwrap_or_default();
    // Which request it was is no matter of conformance.
    message.split_once(" (request id").map_or(message, |(words, _)| words).to_owned()
}

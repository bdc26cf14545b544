//! The rows of failures: what a client is told when the only provider fails.

use backstop_dialects::Delivery;
use backstop_exchange::Event;
use backstop_scenarios::{Complaint, RetryAdvice};
use backstop_vocabulary::{Class, Dialect, Failure};

use super::cases::{calls, plain};
use super::cell::{Cell, message};
use super::kinds::Kind;
use super::provider::Script;
use super::{client, stage};

/// A row.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    delivery: Delivery,
    script: fn() -> Script,
}

/// All rows: what a provider can say by a status, and a stream that breaks at each kind of block.
pub(super) fn all() -> &'static [Fault] {
    const ALL: &[Fault] = &[
        refusal("overloaded", || Script::Complain(Complaint::Status(529))),
        refusal("server error", || Script::Complain(Complaint::Status(500))),
        refusal("rate limited", || Script::Complain(Complaint::RateLimit(RetryAdvice::Seconds(7)))),
        refusal("growing too fast", || Script::Complain(Complaint::Acceleration)),
        refusal("out of quota", || Script::Complain(Complaint::Quota)),
        refusal("payment due", || Script::Complain(Complaint::Payment)),
        refusal("key refused (401)", || Script::Complain(Complaint::Auth401)),
        refusal("access refused (403)", || Script::Complain(Complaint::Auth403)),
        refusal("model unknown", || Script::Complain(Complaint::ModelNotFound)),
        refusal("invalid request", || refuse(Class::InvalidRequest, "messages.0.role: unknown")),
        refusal("prompt too long", || {
            refuse(Class::ContextTooLong, "prompt is too long: 9 tokens > 8 maximum")
        }),
        refusal("body too large", || {
            refuse(Class::RequestTooLarge, "Request exceeds the maximum size")
        }),
        refusal("feature not supported", || {
            refuse(
                Class::UnsupportedFeature,
                "This model does not support assistant message prefill.",
            )
        }),
        refusal("reasoning state refused", || {
            refuse(
                Class::SignatureRefused,
                "messages.1.content.0: Invalid `signature` in `thinking` block",
            )
        }),
        refusal("content refused", || {
            refuse(Class::ContentRefused, "Output blocked by content filtering policy")
        }),
        breakage("break before content", || Script::Break(up_to(0))),
        breakage("break in the text", || Script::Break(text())),
        breakage("break in the reasoning", || Script::Break(reasoning())),
        breakage("break in a tool call", || Script::Break(up_to(2))),
        breakage("break between two calls", || Script::Break(up_to(4))),
        breakage("break in the second call", || Script::Break(up_to(6))),
    ];
    ALL
}

const fn refusal(name: &'static str, script: fn() -> Script) -> Fault {
    Fault { name, delivery: Delivery::Whole, script }
}

const fn breakage(name: &'static str, script: fn() -> Script) -> Fault {
    Fault { name, delivery: Delivery::Stream, script }
}

/// A refusal in the words by which some vendors alone tell its reason.
fn refuse(class: Class, words: &'static str) -> Script {
    Script::Refuse(Failure::new(class, words))
}

/// The beginning of an answer with two calls, of four events each.
fn up_to(content: usize) -> Vec<Event> {
    calls(&["Rome", "Oslo"]).into_iter().take(1 + content).collect()
}

fn text() -> Vec<Event> {
    let mut events = up_to(0);
    events.push(Event::Text("It is mi".to_owned()));
    events
}

fn reasoning() -> Vec<Event> {
    let mut events = up_to(0);
    events.push(Event::Reasoning("Rome is so".to_owned()));
    events
}

/// What the client is told.
pub(super) async fn cell(client: Dialect, kind: &Kind, fault: &Fault) -> anyhow::Result<Cell> {
    let asked = match client::write(client, &plain(), fault.delivery) {
        Ok(asked) => asked,
        Err(cell) => return Ok(cell),
    };
    let (got, _) = stage::play(client, kind, (asked, fault.delivery), (fault.script)()).await?;
    if got.status >= 400 {
        return Ok(told(&got));
    }
    let (events, ended) = client::read(&got);
    let has_content = events.iter().any(Event::is_meaningful);
    Ok(match (ended, &got.broke) {
        (Ok(()), _) => Cell::Wrong(format!("a broken answer that looks complete: {events:?}")),
        (Err(_), None) => Cell::Wrong("an error, and then a proper end".to_owned()),
        (Err(_), Some(_)) if matches!(events.last(), Some(Event::Failed(_))) => {
            let begun = if has_content { "content, then " } else { "" };
            Cell::Told(format!("{begun}error frame"))
        }
        (Err(_), Some(_)) => Cell::Wrong("no error frame before the end".to_owned()),
    })
}

/// Status and code of an error before any answer.
fn told(got: &stage::Got) -> Cell {
    let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap_or_default();
    if message(got).is_empty() {
        return Cell::Wrong(format!("{}: an error without a message", got.status));
    }
    let word = ["/error/type", "/error/status", "/error/code"]
        .iter()
        .find_map(|place| body.pointer(place)?.as_str());
    let mut told = format!("{} {}", got.status, word.unwrap_or_default()).trim_end().to_owned();
    // What the gateway made of it, in the list of failed attempts.
    let attempts = got.header("backstop-attempts");
    if let Some((_, rest)) = attempts.split_once("error=") {
        told = format!("`{}`: {told}", rest.split([';', ',']).next().unwrap_or_default());
    }
    Cell::Told(told)
}

//! The rows of failures: each class that a provider can cause, and a stream that breaks at each kind
//! of block.

use backstop_dialects::Delivery;
use backstop_exchange::{Event, Finish, Request};
use backstop_scenarios::{Complaint, RetryAdvice};
use backstop_vocabulary::{Class, Failure};

use super::cases::{
    PROSE, calls, cities, declined, declines, ends, plain, prose, says, text, with_tools,
};
use super::script::{Script, Then};

/// A row.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) delivery: Delivery,
    pub(super) script: fn() -> Script,
    pub(super) question: fn() -> Request,
    /// What the provider behind answers to the question it reads.
    pub(super) second: fn(&Request) -> Vec<Event>,
    /// Whether the client has the whole answer; the events it read.
    pub(super) is_whole: fn(&[Event]) -> bool,
    /// Whether the failure is the last word even where somebody else could answer.
    pub(super) stands: bool,
}

/// As much of the text as a client gets before it breaks off.
const HALF: &str = "It is mild in";

/// All rows.
pub(super) const FAULTS: &[Fault] = &[
    whole("name not resolved", || Script::Unreachable(Class::DnsFailed)),
    whole("connection refused", || Script::Unreachable(Class::ConnectFailed)),
    whole("connection takes too long", || Script::Unreachable(Class::ConnectTimeout)),
    whole("TLS fails", || Script::Unreachable(Class::TlsFailed)),
    whole("no HTTP", || Script::Noise),
    whole("silence", || Script::Silent),
    whole("overloaded", || Script::Complain(Complaint::Status(529))),
    whole("server error", || Script::Complain(Complaint::Status(500))),
    whole("rate limited", || Script::Complain(Complaint::RateLimit(RetryAdvice::Seconds(7)))),
    whole("growing too fast", || Script::Complain(Complaint::Acceleration)),
    whole("out of quota", || Script::Complain(Complaint::Quota)),
    whole("payment due", || Script::Complain(Complaint::Payment)),
    whole("key refused (401)", || Script::Complain(Complaint::Auth401)),
    whole("access refused (403)", || Script::Complain(Complaint::Auth403)),
    whole("model unknown", || Script::Complain(Complaint::ModelNotFound)),
    whole("redirected", || Script::Redirect),
    whole("web page", || Script::Page),
    whole("empty answer", || Script::Answer(ends(&[], Finish::End))),
    whole("invalid request", || refuse(Class::InvalidRequest, "messages.0.role: unknown")),
    whole("prompt too long", || {
        refuse(Class::ContextTooLong, "prompt is too long: 9 tokens > 8 maximum")
    }),
    whole("body too large", || refuse(Class::RequestTooLarge, "Request exceeds the maximum size")),
    whole("feature not supported", || {
        refuse(Class::UnsupportedFeature, "This model does not support assistant message prefill.")
    }),
    whole("reasoning state refused", || {
        refuse(
            Class::SignatureRefused,
            "messages.1.content.0: Invalid `signature` in `thinking` block",
        )
    }),
    refused("content refused", || {
        refuse(Class::ContentRefused, "Output blocked by content filtering policy")
    }),
    refused("model declines", || Script::Answer(declined())),
    streamed("error frame before content", || {
        Script::Begin(up_to(0).into_iter().chain([overloaded()]).collect(), Then::End)
    }),
    streamed("break before content", || Script::Begin(up_to(0), Then::Break)),
    streamed("silence before content", || Script::Begin(up_to(0), Then::Silence)),
    in_text("break in the text", || Script::Begin(half(), Then::Break)),
    in_text("silence in the text", || Script::Begin(half(), Then::Silence)),
    in_text("end in the text", || Script::Begin(half(), Then::End)),
    in_text("error frame in the text", || {
        Script::Begin(half().into_iter().chain([overloaded()]).collect(), Then::End)
    }),
    streamed("break in the reasoning", || Script::Begin(reasoning(), Then::Break)),
    in_calls("break in a tool call", || Script::Begin(up_to(2), Then::Break)),
    in_calls("break between two calls", || Script::Begin(up_to(4), Then::Break)),
    in_calls("break in the second call", || Script::Begin(up_to(6), Then::Break)),
];

const fn whole(name: &'static str, script: fn() -> Script) -> Fault {
    Fault {
        name,
        delivery: Delivery::Whole,
        script,
        question: plain,
        second: |_| prose(),
        is_whole: |events| text(events) == PROSE,
        stands: false,
    }
}

/// A no that somebody else is not asked about.
const fn refused(name: &'static str, script: fn() -> Script) -> Fault {
    Fault { is_whole: declines, stands: true, ..whole(name, script) }
}

const fn streamed(name: &'static str, script: fn() -> Script) -> Fault {
    Fault { delivery: Delivery::Stream, ..whole(name, script) }
}

/// The provider behind goes on where the text broke off, from its last word, if it is asked to.
const fn in_text(name: &'static str, script: fn() -> Script) -> Fault {
    Fault { second: goes_on, ..streamed(name, script) }
}

fn goes_on(asked: &Request) -> Vec<Event> {
    if says(asked, HALF) {
        return ends(&[Event::Text("in Rome today.".to_owned())], Finish::End);
    }
    prose()
}

const fn in_calls(name: &'static str, script: fn() -> Script) -> Fault {
    Fault {
        question: with_tools,
        second: |_| calls(&["Rome", "Oslo"]),
        is_whole: |events| cities(events) == ["Rome", "Oslo"],
        ..streamed(name, script)
    }
}

/// A refusal in the words by which some vendors alone tell its reason.
fn refuse(class: Class, words: &'static str) -> Script {
    Script::Refuse(Failure::new(class, words))
}

fn overloaded() -> Event {
    Event::Failed(Failure::new(Class::Overloaded, "overloaded"))
}

/// The beginning of an answer with two calls, of four events each.
fn up_to(content: usize) -> Vec<Event> {
    calls(&["Rome", "Oslo"]).into_iter().take(1 + content).collect()
}

fn half() -> Vec<Event> {
    let mut events = up_to(0);
    events.push(Event::Text(HALF.to_owned()));
    events
}

fn reasoning() -> Vec<Event> {
    let mut events = up_to(0);
    events.push(Event::Reasoning("Rome is so".to_owned()));
    events
}

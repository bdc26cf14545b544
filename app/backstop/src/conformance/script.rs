//! What a provider does when it is asked.

use backstop_exchange::{Event, Request};
use backstop_scenarios::Complaint;
use backstop_vocabulary::{Class, Dialect, Failure};

/// What a provider does when it is asked.
#[derive(Debug)]
pub(super) enum Script {
    /// Answers.
    Answer(Vec<Event>),
    /// Answers what it is asked.
    Reply(fn(&Request) -> Vec<Event>),
    /// Says that it cannot, as its vendor does.
    Complain(Complaint),
    /// Refuses the request for this reason.
    Refuse(Failure),
    /// Begins a stream with these events, and what follows is missing.
    Begin(Vec<Event>, Then),
    /// Cannot be connected to, for this reason.
    Unreachable(Class),
    /// Takes the question and never says a word.
    Silent,
    /// Answers with a page for people.
    Page,
    /// Sends the caller elsewhere.
    Redirect,
    /// Answers with what is no HTTP.
    Noise,
}

/// What follows the last event of a stream that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The connection breaks.
    Break,
    /// The body ends properly, as if all had been said.
    End,
    /// Nothing, for ever.
    Silence,
}

/// The words by which some vendors alone tell the reason of a refusal.
pub(super) const fn in_own_words(class: Class, errors: Dialect) -> Option<&'static str> {
    match (class, errors) {
        (Class::ContextTooLong, Dialect::Gemini) => {
            Some("The input token count (9) exceeds the maximum number of tokens allowed (8).")
        }
        (Class::ContextTooLong, Dialect::BedrockConverse) => {
            Some("Input is too long for requested model.")
        }
        (Class::RequestTooLarge, Dialect::Gemini) => {
            Some("Request payload size exceeds the limit: 20971520 bytes.")
        }
        (Class::SignatureRefused, Dialect::Gemini) => Some("Corrupted thought signature."),
        (Class::SignatureRefused, Dialect::BedrockConverse) => {
            Some("messages.1.content.0.thinking.signature: Field required")
        }
        _ => None,
    }
}

/// Whether a vendor has no error for this, and says it in an ordinary answer.
pub(super) const fn is_said_in_answers(class: Class, errors: Dialect) -> bool {
    matches!((class, errors), (Class::ContentRefused, Dialect::Gemini | Dialect::BedrockConverse))
}

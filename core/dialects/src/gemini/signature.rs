//! State of reasoning in the one slot that this dialect has for it: `thoughtSignature` of a part.
//!
//! A signature says something about the part it stands at, so where it stood is kept as its kind.
//! State of other issuers is put into the same slot behind a mark. Clients hold the slot to be
//! base 64, and some write it anew in the other alphabet, so the marked text is encoded.

use backstop_exchange::Artefact;
use backstop_vocabulary::Dialect;

use crate::{base64, issuer};

/// The kind of a signature of a thought, or of a part that holds nothing else.
pub(super) const THOUGHT: &str = "signature";
/// The kind of a signature of the text before it.
pub(super) const TEXT: &str = "text_signature";
/// The kind of a signature of the call after it.
pub(crate) const CALL: &str = "call_signature";

/// What stands in for the signature of a call that another model made: the provider does not
/// check it. A documented value, at a cost in quality.
pub(super) const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// The same as JSON.
pub(crate) const UNSIGNED: &str = "\"skip_thought_signature_validator\"";

/// The same in base 64, for clients: those in Go and Java refuse an answer whose slot holds
/// anything else, and the provider takes either.
pub(super) const PLACEHOLDER_FOR_CLIENTS: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// What stands for no state at all: the documented values.
const NOTHING: [&str; 3] =
    [PLACEHOLDER, PLACEHOLDER_FOR_CLIENTS, "context_engineering_is_the_way_to_go"];

/// How the slot begins when it holds a mark of ours: `backstop:`, encoded.
const MARK: &str = "YmFja3N0b3A6";

/// What a slot holds, under its true issuer; `None` for a stand-in.
pub(super) fn read(data: String, kind: &str) -> Option<Artefact> {
    if data.is_empty() || NOTHING.contains(&data.as_str()) {
        return None;
    }
    let marked = data.starts_with(MARK).then(|| base64::decode(&data)).flatten();
    let data = marked.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(data);
    issuer::read(Artefact { dialect: Dialect::Gemini, kind: kind.to_owned(), data })
}

/// The state as this slot carries it.
pub(super) fn write(artefact: &Artefact) -> String {
    let carried = issuer::write(artefact, Dialect::Gemini);
    if artefact.dialect == Dialect::Gemini {
        return carried.into_owned();
    }
    base64::encode(carried.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_others_is_base_64_here_and_comes_back_to_them() {
        let (dialect, kind) = (Dialect::AnthropicMessages, "signature".to_owned());
        let thought = Artefact { dialect, kind, data: "a?>/b==".to_owned() };
        let carried = write(&thought);
        assert!(carried.starts_with(MARK), "{carried}");
        assert_eq!(read(carried.clone(), THOUGHT), Some(thought.clone()));
        let safe = carried.replace('+', "-").replace('/', "_");
        assert_eq!(read(safe, THOUGHT), Some(thought));
    }

    #[test]
    fn own_signatures_stay_byte_for_byte_and_stand_ins_are_nothing() {
        let own = read("Cs0B+/x=".to_owned(), CALL).unwrap();
        assert_eq!((own.kind.as_str(), write(&own).as_str()), (CALL, "Cs0B+/x="));
        for nothing in NOTHING {
            assert_eq!(read(nothing.to_owned(), CALL), None);
        }
    }

    #[test]
    fn the_stand_in_for_clients_is_the_documented_one_in_base_64() {
        assert_eq!(base64::encode(PLACEHOLDER.as_bytes()), PLACEHOLDER_FOR_CLIENTS);
    }
}

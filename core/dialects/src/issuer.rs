//! Keeps state of one vendor apart from that of another while clients carry both about.
//!
//! A client sends reasoning back in whatever slot its dialect has. State of another dialect is put
//! into that slot behind a mark that names its issuer; on its way back the mark is read, so that it
//! goes to its issuer again and to nobody else.

use std::borrow::Cow;

use backstop_exchange::Artefact;
use backstop_vocabulary::Dialect;

/// What everything begins with that this gateway put into a slot for state.
pub(crate) const MARK: &str = "backstop:";

/// The state as a client of dialect `here` carries it.
pub(crate) fn write(artefact: &Artefact, here: Dialect) -> Cow<'_, str> {
    if artefact.dialect == here {
        return Cow::Borrowed(&artefact.data);
    }
    let Artefact { dialect, kind, data } = artefact;
    Cow::Owned(format!("{MARK}{dialect}:{kind}:{data}"))
}

/// What was carried, under its true issuer: `carried` if nothing else is said, `None` for a mark of
/// ours that stands for no state at all.
pub(crate) fn read(carried: Artefact) -> Option<Artefact> {
    let Some(marked) = carried.data.strip_prefix(MARK) else { return Some(carried) };
    let (dialect, rest) = marked.split_once(':')?;
    let (kind, data) = rest.split_once(':')?;
    let dialect = Dialect::from_name(dialect)?;
    Some(Artefact { dialect, kind: kind.to_owned(), data: data.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_comes_back_to_its_issuer_and_a_stand_in_to_nobody() {
        let of = |dialect, data: &str| Artefact {
            dialect,
            kind: "signature".to_owned(),
            data: data.to_owned(),
        };
        let thought = of(Dialect::AnthropicMessages, "a:b==");
        assert_eq!(write(&thought, Dialect::AnthropicMessages), "a:b==");
        let carried = write(&thought, Dialect::OpenaiResponses).into_owned();
        assert_eq!(carried, "backstop:anthropic_messages:signature:a:b==");
        assert_eq!(read(of(Dialect::OpenaiResponses, &carried)), Some(thought.clone()));
        assert_eq!(read(thought.clone()), Some(thought));
        assert_eq!(read(of(Dialect::AnthropicMessages, "backstop:unsigned")), None);
    }
}

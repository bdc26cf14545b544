//! Reasoning of earlier answers in a client's own bytes: where it stands, and the bytes without it.
//!
//! On the same dialect a request goes out as it came, so that the provider finds its prompt cache and
//! its own reasoning again. What another made must not go with it. So it is cut out of the bytes, and
//! every other byte stays as it was.

use std::borrow::Cow;
use std::ops::Range;

use backstop_exchange::Artefact;
use backstop_vocabulary::{Dialect, Failure};
use memchr::memmem;

use crate::{anthropic_messages, bedrock_converse, gemini, openai_chat, openai_responses};

/// The reasoning that a request carries.
#[derive(Clone, Debug, Default)]
pub struct Thoughts {
    /// In the order of the conversation.
    pub(crate) list: Vec<Option<Artefact>>,
    /// What they stand among.
    pub(crate) turns: Vec<Turn>,
    /// State at what it signs (Gemini), which stays without it: where the value stands.
    pub(crate) seals: Vec<(Range<usize>, Artefact)>,
    /// `thinking`, where it has a form that every call under way must begin with a thought for.
    pub(crate) demand: Option<Range<usize>>,
    /// What else must go where thinking is switched off, and what is left of it.
    pub(crate) with_thinking: Option<(Range<usize>, String)>,
}

/// A turn, or a list of items, with the places of its parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    /// All of it, where it can go as a whole.
    pub(crate) at: Option<Range<usize>>,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) at: Range<usize>,
    pub(crate) kind: Kind,
}

/// What a part is to the thoughts around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A thought: its place in the list.
    Thought(usize),
    /// Something the model said or did.
    Act,
    /// The result of a call.
    Result,
    /// Anything else.
    Other,
}

/// A change to a body: other text at this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub at: Range<usize>,
    /// What comes instead.
    pub with: Cow<'static, str>,
}

/// Finds the reasoning in the body of a request; `None` where there is none, which is found out at
/// the speed of a search. Bodies that [`crate::scan`] refuses have none.
pub fn thoughts(dialect: Dialect, body: &[u8]) -> Option<Thoughts> {
    let (is_marked, find): (fn(&[u8]) -> bool, Find) = match dialect {
        Dialect::AnthropicMessages => {
            (anthropic_messages::has_thoughts, anthropic_messages::find_thoughts)
        }
        Dialect::OpenaiChat => (openai_chat::has_thoughts, |_, _| Ok(())),
        Dialect::OpenaiResponses => {
            (openai_responses::has_thoughts, openai_responses::find_thoughts)
        }
        Dialect::Gemini => (gemini::has_thoughts, gemini::find_thoughts),
        Dialect::BedrockConverse => {
            (bedrock_converse::has_thoughts, bedrock_converse::find_thoughts)
        }
    };
    if !is_marked(body) {
        return None;
    }
    let mut thoughts = Thoughts::default();
    find(body, &mut thoughts).ok()?;
    let any = !thoughts.list.is_empty() || !thoughts.seals.is_empty();
    (any || thoughts.demand.is_some()).then_some(thoughts)
}

type Find = fn(&[u8], &mut Thoughts) -> Result<(), Failure>;

/// Whether this is the signature of the call after it, which its issuer may want back with the call.
pub fn signs_call(artefact: &Artefact) -> bool {
    artefact.dialect == Dialect::Gemini && artefact.kind == gemini::CALL
}

/// The body with these changes, which must not overlap; every other byte as it was.
pub fn edited(body: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.at.start);
    let mut out = Vec::with_capacity(body.len());
    let mut from = 0;
    for Edit { at, with } in edits {
        out.extend_from_slice(body.get(from..at.start).unwrap_or(&[]));
        out.extend_from_slice(with.as_bytes());
        from = at.end;
    }
    out.extend_from_slice(body.get(from..).unwrap_or(&[]));
    out
}

impl Thoughts {
    /// What marks each as its issuer's, in order; `None` for one that nobody has signed.
    pub fn artefacts(&self) -> impl Iterator<Item = Option<&Artefact>> {
        let seals = self.seals.iter().map(|(_, artefact)| Some(artefact));
        self.list.iter().map(Option::as_ref).chain(seals)
    }

    /// The changes that leave only what the target can read: `stays` says so of each thought that
    /// bears a mark. Thoughts without one go, turns that are empty then, and thoughts that nothing
    /// comes of. Where the turn under way has lost its thought, thinking is switched off.
    pub fn without(&self, stays: &mut dyn FnMut(&Artefact) -> bool) -> Vec<Edit> {
        let kept: Vec<bool> =
            self.list.iter().map(|artefact| artefact.as_ref().is_some_and(&mut *stays)).collect();
        let mut edits = Vec::new();
        let masks: Vec<Vec<bool>> = self.turns.iter().map(|turn| turn.mask(&kept)).collect();
        let gone = |nth: usize| {
            let turn: &Turn = &self.turns[nth];
            turn.at.is_some() && !turn.parts.is_empty() && !masks[nth].contains(&true)
        };
        for (nth, turn) in self.turns.iter().enumerate() {
            if !gone(nth) {
                let places: Vec<_> = turn.parts.iter().map(|part| part.at.clone()).collect();
                cut(&places, &masks[nth], &mut edits);
            }
        }
        for (at, _) in self.seals.iter().filter(|(_, artefact)| !stays(artefact)) {
            edits.push(Edit { at: at.clone(), with: Cow::Borrowed(gemini::UNSIGNED) });
        }
        let turns: Option<Vec<_>> = self.turns.iter().map(|turn| turn.at.clone()).collect();
        if let Some(turns) = turns {
            let mask: Vec<bool> = (0..turns.len()).map(|nth| !gone(nth)).collect();
            cut(&turns, &mask, &mut edits);
        }
        if let Some(thinking) = self.demand.clone().filter(|_| self.call_lacks_thought(&masks)) {
            edits.push(Edit { at: thinking, with: Cow::Borrowed("{\"type\":\"disabled\"}") });
            if let Some((at, left)) = self.with_thinking.clone() {
                edits.push(Edit { at, with: Cow::Owned(left) });
            }
        }
        edits
    }

    /// Whether the calls whose results come last were made in a turn that begins without a thought.
    fn call_lacks_thought(&self, masks: &[Vec<bool>]) -> bool {
        let kinds = |nth: usize| {
            let parts = self.turns[nth].parts.iter().zip(&masks[nth]);
            parts.filter(|(_, kept)| **kept).map(|(part, _)| part.kind)
        };
        let answers = self
            .turns
            .len()
            .checked_sub(1)
            .is_some_and(|last| kinds(last).any(|kind| kind == Kind::Result));
        let of_model =
            |nth: &usize| kinds(*nth).any(|kind| matches!(kind, Kind::Act | Kind::Thought(_)));
        let calls = (0..self.turns.len()).rev().find(of_model);
        answers && calls.is_some_and(|nth| kinds(nth).next() == Some(Kind::Act))
    }
}

impl Turn {
    /// Which of its parts stay. A thought that nothing follows is no part of a conversation.
    fn mask(&self, kept: &[bool]) -> Vec<bool> {
        let mut mask = vec![true; self.parts.len()];
        let mut leads = false;
        for (nth, part) in self.parts.iter().enumerate().rev() {
            match part.kind {
                Kind::Thought(thought) => {
                    // In a turn of its own the issuer judges what stands last.
                    let leads = leads || self.at.is_some();
                    mask[nth] = leads && kept.get(thought).copied().unwrap_or(false);
                }
                Kind::Act => leads = true,
                Kind::Result | Kind::Other => leads = false,
            }
        }
        mask
    }
}

/// The edits that leave only those elements of a list that `stay`.
fn cut(places: &[Range<usize>], stay: &[bool], edits: &mut Vec<Edit>) {
    let mut nth = 0;
    while nth < places.len() {
        if stay[nth] {
            nth += 1;
            continue;
        }
        let run = (nth..places.len()).find(|next| stay[*next]).unwrap_or(places.len());
        // With one of the commas beside them.
        let at = if run < places.len() {
            places[nth].start..places[run].start
        } else if nth > 0 {
            places[nth - 1].end..places[run - 1].end
        } else {
            places[0].start..places[run - 1].end
        };
        edits.push(Edit { at, with: Cow::Borrowed("") });
        nth = run;
    }
}

/// Whether the body has this string as a value: `word` is its end with the closing quote.
pub(crate) fn has_value(body: &[u8], word: &[u8]) -> bool {
    memmem::find_iter(body, word).any(|at| {
        let rest = body.get(at + word.len()..).unwrap_or(&[]);
        rest.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b':')
    })
}

/// The text of a JSON string; empty for anything else.
pub(crate) fn text_of(token: &[u8]) -> String {
    serde_json::from_slice(token).unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! Joins a continued text to what was already delivered, so that nothing is sent twice.
//!
//! ```text
//!              fits, cut or plain
//!  Deciding ───────────────────────▶ Joined (all text passes)
//!     └───────────▶ `NoSeam`
//! ```
//!
//! The new text may go on exactly, repeat some of the end, or start over. All three are one case:
//! it agrees with the delivered text from some place on, up to that text's end (or from nowhere).
//! Whitespace runs compare equal. What starts over and then differs, or repeats a passage and then
//! differs, does not fit.
//!
//! A short repetition is cut only where it begins a word: "bro" before "brown" is a cut word, "e" in
//! "the" before "end" is chance. Where chance is as likely, there is no joint: "1" before "10" may be 10
//! or 110, "*" before "*" one mark or two. A reduplicated word ("mama") split in its middle is misread.

mod fit;
mod fold;

use std::fmt;

use crate::Method;
use fit::{Ending, Fit, LastWord, fit_instruction, fit_prefill};
use fold::Folded;

/// The continuation does not fit what was delivered; the break of the first stream is what the
/// client must hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSeam;

impl fmt::Display for NoSeam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the continuation does not fit what was delivered")
    }
}

impl std::error::Error for NoSeam {}

/// The joint between a delivered text and its continuation.
#[derive(Clone, Debug)]
pub struct Seam {
    method: Method,
    old: Vec<char>,
    /// The white space that the delivered text ends in.
    trail: String,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Deciding {
        held: String,
        new: Folded,
        /// Nothing can be decided before this many characters are there.
        wake_at: usize,
    },
    /// What is left of the trail to be cut, should the new text bring it again.
    Joined {
        strip: String,
    },
    Broken,
}

impl Seam {
    /// The joint after `delivered`, for a continuation that was asked for in this way.
    pub fn new(delivered: &str, method: Method) -> Self {
        let (body, trail) = delivered.split_at(delivered.trim_end().len());
        let state = if body.is_empty() {
            State::Joined { strip: String::new() }
        } else {
            State::Deciding { held: String::new(), new: Folded::default(), wake_at: 1 }
        };
        let mut old = Folded::default();
        old.push(body);
        Self { method, old: old.into_chars(), trail: trail.to_owned(), state }
    }

    /// Takes the next piece of the new text and gives what may be sent now, perhaps nothing.
    pub fn feed(&mut self, piece: &str) -> Result<String, NoSeam> {
        if let State::Deciding { held, new, wake_at } = &mut self.state {
            held.push_str(piece);
            new.push(piece);
            if new.chars().len() < *wake_at {
                return Ok(String::new());
            }
            return self.decide(Ending::Open);
        }
        self.pass(piece)
    }

    /// Takes the end of the new text and gives the rest that may be sent.
    pub fn finish(&mut self) -> Result<String, NoSeam> {
        match self.state {
            State::Deciding { .. } => self.decide(Ending::Over),
            State::Joined { .. } => Ok(String::new()),
            State::Broken => Err(NoSeam),
        }
    }

    /// Whether the joint is made: from here on text passes as it comes.
    pub const fn is_joined(&self) -> bool {
        matches!(self.state, State::Joined { .. })
    }

    fn decide(&mut self, ending: Ending) -> Result<String, NoSeam> {
        let State::Deciding { held, new, wake_at } = &mut self.state else { return Err(NoSeam) };
        let fit = match self.method {
            Method::Prefill => fit_prefill(&self.old, new.chars(), ending),
            Method::Instruction => {
                let last = if self.trail.is_empty() { LastWord::MayGoOn } else { LastWord::Whole };
                fit_instruction(&self.old, new.chars(), (ending, last))
            }
        };
        let (cut, strip) = match (fit, self.method) {
            (Fit::Unclear(at), _) => {
                *wake_at = at;
                return Ok(String::new());
            }
            (Fit::Differs, _) => {
                self.state = State::Broken;
                return Err(NoSeam);
            }
            (Fit::Repeats(chars), _) => (new.end_of(chars), self.trail.clone()),
            // The prefill had lost its trail, so the target brings it again.
            (Fit::Continues, Method::Prefill) => (0, self.trail.clone()),
            (Fit::Continues, Method::Instruction) => (0, String::new()),
        };
        let rest = held.split_off(cut);
        self.state = State::Joined { strip };
        self.pass(&rest)
    }

    fn pass(&mut self, piece: &str) -> Result<String, NoSeam> {
        let State::Joined { strip } = &mut self.state else { return Err(NoSeam) };
        let mut rest = piece;
        while let (Some(known), Some(next)) = (strip.chars().next(), rest.chars().next()) {
            if known != next {
                strip.clear();
                break;
            }
            strip.drain(..known.len_utf8());
            rest = &rest[next.len_utf8()..];
        }
        Ok(rest.to_owned())
    }
}

#[cfg(test)]
mod tests;

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

mod fold;

use std::fmt;

use crate::Method;
use fold::Folded;

/// The new text is held until this much of it is there (wire facts 8.4: 200 to 400 characters).
const HOLD_CHARS: usize = 240;
/// How far back an overlap may begin; a restart is looked for at the very beginning as well.
const REACH_CHARS: usize = 16 * 1024;
/// From here on a repetition is no chance, wherever it begins.
const OVERLAP_CHARS: usize = 12;
/// Up to here a repetition of digits, signs or marks may be chance, as these double often.
const CHANCE_CHARS: usize = 2;
/// An agreement with the very beginning of this length is a restart.
const RESTART_CHARS: usize = 24;
/// An agreement with some passage of this length, that then differs, is a rewording.
const PASSAGE_CHARS: usize = 64;

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

/// What the held text is, seen against the delivered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Too early to say before this many characters.
    Unclear(usize),
    /// So many characters of it are known already.
    Repeats(usize),
    Continues,
    Differs,
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
                fit_instruction(&self.old, new.chars(), (ending, self.trail.is_empty()))
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

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Open,
    Over,
}

/// A target that was given the text as its own beginning goes on; a restart is the only surprise.
fn fit_prefill(old: &[char], new: &[char], ending: Ending) -> Fit {
    if old.len() < OVERLAP_CHARS {
        return Fit::Continues;
    }
    let agreed = agreement(old, new);
    if agreed == old.len() {
        Fit::Repeats(agreed)
    } else if agreed == new.len() && ending == Ending::Open {
        Fit::Unclear(later(new.len(), old.len()))
    } else if agreed >= RESTART_CHARS {
        Fit::Differs
    } else {
        Fit::Continues
    }
}

/// `may_go_on`: whether the last word of the old text may be a part of one.
fn fit_instruction(old: &[char], new: &[char], (ending, may_go_on): (Ending, bool)) -> Fit {
    if new.len() < HOLD_CHARS && ending == Ending::Open {
        return Fit::Unclear(HOLD_CHARS);
    }
    let from = old.len().saturating_sub(REACH_CHARS);
    let mut differs = false;
    for start in std::iter::once(0).chain(from.max(1)..old.len()) {
        let agreed = agreement(&old[start..], new);
        let whole = old.len() - start;
        if agreed == whole {
            let begins = begins_word(old, start);
            if may_go_on && begins && may_be_chance(&old[start..]) {
                return Fit::Differs;
            }
            if begins || whole >= OVERLAP_CHARS {
                return Fit::Repeats(whole);
            }
        } else if agreed == new.len() && ending == Ending::Open {
            return Fit::Unclear(later(new.len(), whole));
        } else {
            let most = if start == 0 { RESTART_CHARS } else { PASSAGE_CHARS };
            // An end inside a repeated passage leaves the answer unfinished.
            let stopped = agreed == new.len() && agreed >= OVERLAP_CHARS;
            differs |= agreed >= most || stopped;
        }
    }
    if differs || is_reworded(old, new) { Fit::Differs } else { Fit::Continues }
}

/// When to look again: at the end of the agreement, or somewhat later, so that the looking stays
/// linear in the text.
fn later(known: usize, whole: usize) -> usize {
    whole.min(known + (known / 4).max(16)).max(known + 1)
}

fn agreement(old: &[char], new: &[char]) -> usize {
    old.iter().zip(new).take_while(|(old, new)| old == new).count()
}

/// Whether a word begins here, or a mark of a list or table after a space.
fn begins_word(old: &[char], start: usize) -> bool {
    let before = start.checked_sub(1).map_or(' ', |index| old[index]);
    before == ' ' || !before.is_alphanumeric() && old[start].is_alphanumeric()
}

/// Whether so short an end of the text may well be followed by its like. What begins with a letter that
/// has cases seldom is; digits, the signs of other scripts and marks are.
fn may_be_chance(end: &[char]) -> bool {
    let letter_first = end.first().is_some_and(|it| it.is_lowercase() || it.is_uppercase());
    let is_word = end.iter().all(|letter| letter.is_alphanumeric());
    let is_mark = end.iter().all(|letter| !letter.is_alphanumeric() && Some(letter) == end.first());
    end.len() <= CHANCE_CHARS && (is_mark || is_word && !letter_first)
}

/// Whether most three-word runs of the new beginning stand in the delivered beginning: an answer
/// that starts over in slightly other words.
fn is_reworded(old: &[char], new: &[char]) -> bool {
    let words = |text: &[char], most: usize| -> Vec<String> {
        let text: String = text.iter().take(most * 12).collect();
        text.split(' ').take(most).map(str::to_lowercase).collect()
    };
    let (old, new) = (words(old, 60), words(new, 30));
    if new.len() < 12 {
        return false;
    }
    let known = new.windows(3).filter(|run| old.windows(3).any(|old| old == *run)).count();
    known * 2 > new.len() - 2
}

#[cfg(test)]
mod tests;

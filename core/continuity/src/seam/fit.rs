//! What a continuation is, seen against the delivered text: a repetition of its end, an exact going on,
//! or something that does not fit. Where two of them are likely it does not fit.

/// The new text is held until this much of it is there (wire facts 8.4: 200 to 400 characters).
const HOLD_CHARS: usize = 240;
/// How far back an overlap may begin; a restart is looked for at the very beginning as well.
const REACH_CHARS: usize = 16 * 1024;
/// From here on a repetition is no chance, wherever it begins.
const OVERLAP_CHARS: usize = 12;
/// From here on a repetition inside a word is no chance either; what it is nobody can tell.
const CHANCE_IN_WORD: usize = 4;
/// Up to here a repetition of digits, signs or marks may be chance, as these double often.
const CHANCE_CHARS: usize = 2;
/// Thai, Lao, Tibetan, kana, Han and others from here on are written without spaces.
const FIRST_WITHOUT_SPACES: char = '\u{0E00}';
/// An agreement with the very beginning of this length is a restart.
const RESTART_CHARS: usize = 24;
/// An agreement with some passage of this length, that then differs, is a rewording.
const PASSAGE_CHARS: usize = 64;

/// What the held text is, seen against the delivered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Too early to say before this many characters.
    Unclear(usize),
    /// So many characters of it are known already.
    Repeats(usize),
    Continues,
    Differs,
}

/// Whether the last word of the delivered text may be a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastWord {
    /// White space follows it.
    Whole,
    MayGoOn,
}

/// Whether more of the new text may come.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ending {
    Open,
    Over,
}

/// A target that was given the text as its own beginning goes on; a restart is the only surprise.
pub(super) fn fit_prefill(old: &[char], new: &[char], ending: Ending) -> Fit {
    if old.len() < OVERLAP_CHARS {
        return Fit::Continues;
    }
    let agreed = agreement(old, new);
    if agreed == old.len() {
        if border(old) >= OVERLAP_CHARS { Fit::Differs } else { Fit::Repeats(agreed) }
    } else if agreed == new.len() && ending == Ending::Open {
        Fit::Unclear(later(new.len(), old.len()))
    } else if agreed >= RESTART_CHARS {
        Fit::Differs
    } else {
        Fit::Continues
    }
}

/// A target that was asked in words repeats some of the end, goes on exactly, or starts over.
pub(super) fn fit_instruction(
    old: &[char],
    new: &[char],
    (ending, last): (Ending, LastWord),
) -> Fit {
    if new.len() < HOLD_CHARS && ending == Ending::Open {
        return Fit::Unclear(HOLD_CHARS);
    }
    let from = old.len().saturating_sub(REACH_CHARS);
    let mut differs = false;
    for start in std::iter::once(0).chain(from.max(1)..old.len()) {
        let agreed = agreement(&old[start..], new);
        let whole = old.len() - start;
        if agreed == whole {
            match judge(old, start, last) {
                Overlap::Repetition => return Fit::Repeats(whole),
                Overlap::Doubtful => return Fit::Differs,
                Overlap::Chance => {}
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

/// What an end of the old text is that the new one begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlap {
    /// The target says it again, as it was asked to.
    Repetition,
    /// As likely the answer itself says it twice.
    Doubtful,
    /// A few letters inside a word.
    Chance,
}

fn judge(old: &[char], start: usize, last: LastWord) -> Overlap {
    let end = &old[start..];
    if end.len() >= OVERLAP_CHARS {
        return if repeats_itself(old, end.len()) {
            Overlap::Doubtful
        } else {
            Overlap::Repetition
        };
    }
    if !begins_word(old, start) {
        return if end.len() < CHANCE_IN_WORD { Overlap::Chance } else { Overlap::Doubtful };
    }
    let doubtful = last == LastWord::MayGoOn && may_be_chance(end) || is_doubled(old);
    if doubtful { Overlap::Doubtful } else { Overlap::Repetition }
}

/// Whether the text says its last so many characters over and over: that passage stands before itself,
/// or a long beginning of it is its end as well.
fn repeats_itself(old: &[char], chars: usize) -> bool {
    let stands_before = |gap: usize| {
        let before = old.len().checked_sub(chars + gap);
        before.is_some_and(|end| agreement_of_ends(old, &old[..end]) >= OVERLAP_CHARS)
    };
    stands_before(0) || stands_before(1) || border(&old[old.len() - chars..]) >= OVERLAP_CHARS
}

/// The longest beginning of the text, less than all of it and no longer than [`REACH_CHARS`], that is its
/// end as well (the search of Knuth, Morris and Pratt: its time and memory do not grow with the text).
fn border(text: &[char]) -> usize {
    let most = REACH_CHARS.min(text.len().saturating_sub(1));
    let (head, tail) = (&text[..most], &text[text.len() - most..]);
    let mut borders = vec![0; most];
    let extend = |borders: &[usize], mut known: usize, next: char| {
        while known > 0 && head.get(known) != Some(&next) {
            known = borders[known - 1];
        }
        known + usize::from(head.get(known) == Some(&next))
    };
    for at in 1..most {
        borders[at] = extend(&borders, borders[at - 1], head[at]);
    }
    tail.iter().fold(0, |known, next| extend(&borders, known, *next))
}

/// Whether the text ends in the same word twice.
fn is_doubled(old: &[char]) -> bool {
    let mut words = old.rsplit(|letter| letter.is_whitespace());
    words.next().is_some_and(|last| words.next() == Some(last))
}

fn agreement_of_ends(one: &[char], other: &[char]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count()
}

/// When to look again: at the end of the agreement, or somewhat later, so that the looking stays
/// linear in the text.
fn later(known: usize, whole: usize) -> usize {
    whole.min(known + (known / 4).max(16)).max(known + 1)
}

fn agreement(old: &[char], new: &[char]) -> usize {
    old.iter().zip(new).take_while(|(old, new)| old == new).count()
}

/// Whether a word begins here, or a mark of a list or table after a space. In scripts without spaces
/// every sign may begin one.
fn begins_word(old: &[char], start: usize) -> bool {
    let before = start.checked_sub(1).map_or(' ', |index| old[index]);
    let letter = old[start];
    let has_no_spaces = letter >= FIRST_WITHOUT_SPACES && letter.is_alphabetic();
    before == ' ' || has_no_spaces || !before.is_alphanumeric() && letter.is_alphanumeric()
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
mod tests {
    use super::*;

    #[test]
    fn finds_the_longest_beginning_that_is_the_end_too() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let rows =
            [("", 0), ("a", 0), ("aa", 1), ("aaaa", 3), ("abcab", 2), ("abab", 2), ("ab", 0)];
        for (text, longest) in rows {
            assert_eq!(border(&letters(text)), longest, "{text}");
        }
        let row = letters(&"0123456789".repeat(100_000));
        let found = border(&row);
        assert!(found <= REACH_CHARS && found + 10 > REACH_CHARS, "{found}");
    }
}

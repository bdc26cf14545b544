/// A text with every run of white space as one space and none at its beginning, and where each
/// character ended in the original.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    chars: Vec<char>,
    ends: Vec<usize>,
    bytes: usize,
}

impl Folded {
    /// Adds a piece of the original.
    pub(super) fn push(&mut self, piece: &str) {
        for char in piece.chars() {
            self.bytes += char.len_utf8();
            let folded = if char.is_whitespace() { ' ' } else { char };
            if folded != ' ' || self.chars.last().is_some_and(|last| *last != ' ') {
                self.chars.push(folded);
                self.ends.push(self.bytes);
            } else if let Some(end) = self.ends.last_mut() {
                *end = self.bytes;
            }
        }
    }

    /// The folded characters.
    pub(super) fn chars(&self) -> &[char] {
        &self.chars
    }

    /// The folded characters, without their places.
    pub(super) fn into_chars(self) -> Vec<char> {
        self.chars
    }

    /// The byte of the original at which its first `count` folded characters end.
    pub(super) fn end_of(&self, count: usize) -> usize {
        count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0)
    }
}

//! Notes below a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Notes, each once.
#[derive(Default)]
pub(super) struct Notes {
    numbers: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl Notes {
    /// A word, with the number of its note where there is more to say.
    pub(super) fn word(&mut self, word: &str, detail: &str) -> String {
        if detail.is_empty() {
            return word.to_owned();
        }
        format!("{word} ({})", self.number(detail))
    }

    fn number(&mut self, detail: &str) -> usize {
        if let Some(number) = self.numbers.get(detail) {
            return *number;
        }
        self.texts.push(detail.to_owned());
        self.numbers.insert(detail.to_owned(), self.texts.len());
        self.texts.len()
    }

    /// The list of notes.
    pub(super) fn write(&self, page: &mut String) {
        if !self.texts.is_empty() {
            page.push('\n');
        }
        for (at, text) in self.texts.iter().enumerate() {
            // A string takes everything.
            let _written = writeln!(page, "{}. {text}", at + 1);
        }
    }
}

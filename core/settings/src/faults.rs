use crate::error::SettingsError;
use crate::yaml::Place;

/// Everything found wrong so far: reading goes on, so that all of it is said at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<SettingsError>);

impl Faults {
    /// Notes one; a place that already has a fault keeps its first.
    pub(crate) fn add(
        &mut self,
        place: Place,
        path: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) {
        let error = SettingsError {
            line: place.line,
            column: place.column,
            path: path.to_owned(),
            what: what.into(),
            cure: cure.into(),
        };
        let known = self.0.iter().any(|one| {
            (one.line, one.column, &one.path) == (error.line, error.column, &error.path)
        });
        if !known {
            self.0.push(error);
        }
    }

    /// The value, when nothing was wrong; else everything that was, in the order of the file.
    pub(crate) fn end<T>(mut self, value: Option<T>) -> Result<T, Vec<SettingsError>> {
        self.0.sort();
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(self.0),
        }
    }
}

/// The name closest to `word` that one could have meant.
pub(crate) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let measured = names.into_iter().map(|name| (distance(word, name), name));
    measured.filter(|(far, _)| *far <= allowed).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// How many letters to insert, remove, exchange or swap (Damerau-Levenshtein, adjacent swaps).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_what_was_meant_and_nothing_wilder() {
        let names = ["listen", "routes", "providers", "limits"];
        let guess = |word| closest(word, names);
        assert_eq!(guess("rouets"), Some("routes"));
        assert_eq!(guess("provider"), Some("providers"));
        assert_eq!(guess("limit"), Some("limits"));
        assert_eq!(guess("banana"), None);
        assert_eq!(guess(""), None);
    }
}

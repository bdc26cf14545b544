use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::hash::fnv64;

/// The tool names a request had to change for its target, and what the client calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renames {
    originals: BTreeMap<String, String>,
}

impl Renames {
    /// The client's name of the tool that the target calls `name`; `name` itself if it was kept.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.originals.get(name).map_or(name, String::as_str)
    }

    /// Whether every name was kept, so that answers need no mapping.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// The name to use at a target that takes `[A-Za-z0-9_-]`, at most `bytes_max` of them (64 or
    /// more). A name that does not fit becomes up to 55 of its letters, `_` and 8 hex digits of its
    /// hash: the same name every time, so definitions, choices and history agree.
    pub(crate) fn fit(&mut self, name: &str, bytes_max: usize) -> String {
        if fits(name) && name.len() <= bytes_max {
            return name.to_owned();
        }
        let hash = fnv64(name.as_bytes()) >> 32;
        let letters: String = name.chars().map(plain).take(55).collect();
        let fitted = format!("{letters}_{hash:08x}");
        self.originals.insert(fitted.clone(), name.to_owned());
        fitted
    }
}

/// A call id that a target takes: the original where it consists of `[A-Za-z0-9_-]` and is at most
/// `bytes_max` long, else `prefix` and 16 hex digits of its hash. Needs no state: a call and its
/// result, and every replay of them, map alike.
pub(crate) fn fit_id<'a>(id: &'a str, prefix: &str, bytes_max: usize) -> Cow<'a, str> {
    if fits(id) && id.len() <= bytes_max {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("{prefix}{:016x}", fnv64(id.as_bytes())))
}

fn fits(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

const fn plain(letter: char) -> char {
    if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_name_that_fits_and_shortens_one_that_does_not_the_same_way_every_time() {
        let mut renames = Renames::default();
        assert_eq!(renames.fit("read_file", 64), "read_file");
        assert!(renames.is_empty());
        let long = format!("mcp__server__{}", "x".repeat(60));
        let short = renames.fit(&long, 64);
        assert_eq!(short.len(), 64);
        assert_eq!(short, renames.fit(&long, 64));
        assert_eq!(renames.original(&short), long);
        assert_eq!(renames.original("read_file"), "read_file");
    }

    #[test]
    fn names_with_other_letters_stay_apart() {
        let mut renames = Renames::default();
        let (dot, colon) = (renames.fit("a.b", 64), renames.fit("a:b", 64));
        assert_ne!(dot, colon);
        assert_eq!((renames.original(&dot), renames.original(&colon)), ("a.b", "a:b"));
    }

    #[test]
    fn ids_are_kept_or_mapped_without_state() {
        assert_eq!(fit_id("call_1", "toolu_", 64), "call_1");
        let mapped = fit_id("functions.read:0", "toolu_", 64);
        assert_eq!(mapped, fit_id("functions.read:0", "toolu_", 64));
        assert!(mapped.starts_with("toolu_") && mapped.len() == 22, "{mapped}");
        assert_eq!(fit_id("", "toolu_", 64).len(), 22);
    }
}

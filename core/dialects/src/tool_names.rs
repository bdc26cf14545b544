use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use backstop_exchange::{Event, ToolKind};
use serde_json::{Value, json};

use crate::hash::fnv64;

/// The tool names a request had to change for its target, and what the client calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renames {
    originals: BTreeMap<String, String>,
    /// Tools with free text that the target knows as functions of one string.
    emulated: BTreeSet<String>,
}

impl Renames {
    /// The client's name of the tool that the target calls `name`; `name` itself if it was kept.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.originals.get(name).map_or(name, String::as_str)
    }

    /// Whether every name was kept, so that answers need no mapping.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty() && self.emulated.is_empty()
    }

    /// Notes that the target knows this tool as a function of one string ([`input_schema`]).
    pub(crate) fn emulate(&mut self, name: &str) {
        self.emulated.insert(name.to_owned());
    }

    /// The name to use at a target that takes `[A-Za-z0-9_-]`, at most `bytes_max` of them (64 or
    /// more). A name that does not fit becomes up to 55 of its letters, `_` and 8 hex digits of its
    /// hash: the same name every time, so definitions, choices and history agree.
    pub(crate) fn fit(&mut self, name: &str, bytes_max: usize) -> String {
        if fits(name) && name.len() <= bytes_max {
            return name.to_owned();
        }
        self.refit(name)
    }

    /// The name to use at a target that does not take this one: what [`Self::fit`] makes of one, with
    /// a letter or `_` first.
    pub(crate) fn refit(&mut self, name: &str) -> String {
        let hash = fnv64(name.as_bytes()) >> 32;
        let mut letters: String = name.chars().map(plain).take(55).collect();
        if !letters.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            letters.replace_range(..letters.len().min(1), "_");
        }
        let fitted = format!("{letters}_{hash:08x}");
        self.originals.insert(fitted.clone(), name.to_owned());
        fitted
    }
}

/// Gives an answer's tools back the names and the form that the client knows.
#[derive(Clone, Debug, Default)]
pub struct Restorer {
    renames: Renames,
    /// The arguments so far of calls whose free text came as a function's argument.
    open: BTreeMap<u32, String>,
}

impl Restorer {
    /// A restorer for one answer.
    pub const fn new(renames: Renames) -> Self {
        Self { renames, open: BTreeMap::new() }
    }

    /// The event as the client shall see it. Free text that came as a function's argument is given in
    /// one piece when the call ends; until then there is nothing to see.
    pub fn restore(&mut self, mut event: Event, mut give: impl FnMut(Event)) {
        if self.renames.is_empty() {
            return give(event);
        }
        if let Event::ToolStart { ordinal, name, kind, .. } = &mut event {
            if self.renames.emulated.contains(name) {
                self.open.insert(*ordinal, String::new());
                *kind = ToolKind::Custom;
            }
            *name = self.renames.original(name).to_owned();
        }
        if let Event::ToolArguments { ordinal, fragment } = &event
            && let Some(arguments) = self.open.get_mut(ordinal)
        {
            return arguments.push_str(fragment);
        }
        if let Event::ToolEnd { ordinal } = &event
            && let Some(arguments) = self.open.remove(ordinal)
        {
            let fragment = input_of(&arguments);
            if !fragment.is_empty() {
                give(Event::ToolArguments { ordinal: *ordinal, fragment });
            }
        }
        give(event);
    }
}

/// The schema of the function that stands in for a tool with free text.
pub(crate) fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "input": { "type": "string", "description": "The input, as plain text." } },
        "required": ["input"],
        "additionalProperties": false,
    })
}

/// The free text in a stand-in's arguments; arguments of another shape are the text themselves.
fn input_of(arguments: &str) -> String {
    let read: Result<Value, _> = serde_json::from_str(arguments);
    let input = read.ok().and_then(|object| object.get("input")?.as_str().map(str::to_owned));
    input.unwrap_or_else(|| arguments.to_owned())
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
    fn free_text_that_came_as_an_argument_is_free_text_again() {
        let mut renames = Renames::default();
        renames.emulate("patch");
        let mut restorer = Restorer::new(renames);
        let mut seen = Vec::new();
        let piece = |ordinal, fragment: &str| Event::ToolArguments {
            ordinal,
            fragment: fragment.to_owned(),
        };
        let start = |ordinal, name: &str, kind| Event::ToolStart {
            ordinal,
            id: "i".to_owned(),
            name: name.to_owned(),
            kind,
        };
        for event in [
            start(0, "patch", ToolKind::Function),
            piece(0, "{\"inp"),
            piece(0, "ut\":\"a\\n\\\"b\"}"),
            Event::ToolEnd { ordinal: 0 },
            start(1, "other", ToolKind::Function),
            piece(1, "{\"input\":1}"),
            Event::ToolEnd { ordinal: 1 },
        ] {
            restorer.restore(event, |event| seen.push(event));
        }
        let expected = [
            start(0, "patch", ToolKind::Custom),
            piece(0, "a\n\"b"),
            Event::ToolEnd { ordinal: 0 },
            start(1, "other", ToolKind::Function),
            piece(1, "{\"input\":1}"),
            Event::ToolEnd { ordinal: 1 },
        ];
        assert_eq!(seen, expected);
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

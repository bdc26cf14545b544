use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::hash::fnv64;

/// What a request had to change for its target and the answer must have back: the client's names of
/// tools, and whatever else the target knows in another form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Renames {
    originals: BTreeMap<String, String>,
    /// Tools with free text that the target knows as functions of one string.
    emulated: BTreeSet<String>,
    /// The client's own schemas of tools whose schema was lowered so that `null` stands for what is
    /// not there.
    lowered: BTreeMap<String, Value>,
    /// The same for the answer's form.
    schema: Option<Value>,
    /// The tool whose arguments are the answer.
    answer: Option<String>,
    /// Stop strings that the target does not know.
    stops: Vec<String>,
    /// Whether a stream is asked for its usage and the client did not ask.
    usage_unasked: bool,
}

impl Renames {
    /// The client's name of the tool that the target calls `name`; `name` itself if it was kept.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.originals.get(name).map_or(name, String::as_str)
    }

    /// Whether every name was kept, so that answers need no mapping.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
            && self.emulated.is_empty()
            && self.lowered.is_empty()
            && self.schema.is_none()
            && self.answer.is_none()
            && self.stops.is_empty()
    }

    /// Notes that the arguments of a call of this tool are the answer: the target has no other way to
    /// be held to a form.
    #[must_use]
    pub fn answered_by(mut self, tool: &str) -> Self {
        self.answer = Some(tool.to_owned());
        self
    }

    /// Notes that `null` in the arguments of this tool may stand for what the client's schema leaves
    /// out.
    pub(crate) fn lower(&mut self, name: &str, schema: &Value) {
        self.lowered.insert(name.to_owned(), schema.clone());
    }

    /// The same for the answer's form.
    pub(crate) fn lower_answer(&mut self, schema: &Value) {
        self.schema = Some(schema.clone());
    }

    /// Notes that only the gateway asks what the stream costs: the client has no use for an event
    /// that tells nothing else.
    pub(crate) fn ask_usage(&mut self) {
        self.usage_unasked = true;
    }

    /// Whether an event that tells nothing but the usage is not for the client.
    pub const fn hides_usage(&self) -> bool {
        self.usage_unasked
    }

    /// Notes that the gateway must look for these itself.
    pub(crate) fn watch(&mut self, stops: &[String]) {
        self.stops = stops.to_vec();
    }

    pub(crate) fn stops(&self) -> &[String] {
        &self.stops
    }

    pub(crate) const fn schema(&self) -> Option<&Value> {
        self.schema.as_ref()
    }

    pub(crate) fn schema_of(&self, name: &str) -> Option<&Value> {
        self.lowered.get(name)
    }

    pub(crate) fn is_emulated(&self, name: &str) -> bool {
        self.emulated.contains(name)
    }

    pub(crate) fn is_answer(&self, name: &str) -> bool {
        self.answer.as_deref() == Some(name)
    }

    pub(crate) const fn has_answer_tool(&self) -> bool {
        self.answer.is_some()
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

/// The schema of the function that stands in for a tool with free text.
pub(crate) fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "input": { "type": "string", "description": "The input, as plain text." } },
        "required": ["input"],
        "additionalProperties": false,
    })
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

/// A call id of nine letters and digits: the original if it is one, else the first nine digits of its
/// hash in base 36.
pub(crate) fn nine(id: &str) -> Cow<'_, str> {
    if id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Cow::Borrowed(id);
    }
    let mut rest = fnv64(id.as_bytes());
    let digit = |_| {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        rest /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    };
    Cow::Owned((0..9).map(digit).collect())
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
        assert_eq!(nine("a1B2c3D4e"), "a1B2c3D4e");
        for id in ["", "call_1", "toolu_01", "a1B2c3D4-"] {
            let mapped = nine(id);
            assert!(mapped.len() == 9 && mapped.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert_eq!(mapped, nine(id));
        }
        assert_ne!(nine("call_1"), nine("call_2"));
    }
}

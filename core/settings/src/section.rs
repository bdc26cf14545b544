//! A cursor over the tree: each step knows its place and path, and notes what is wrong.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::faults::{Faults, closest};
use crate::later;
use crate::units::{self, Complaint};
use crate::yaml::{Name, Node, Place, Text, Value};

/// A value somewhere in the settings.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) path: String,
    pub(crate) node: &'a Node,
}

/// A map whose keys are known.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) path: String,
    pub(crate) place: Place,
    entries: &'a [(Name, Node)],
}

/// What a section may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// The section's name for the table of later keys.
    pub(crate) section: &'static str,
    /// The keys this version understands, in the order docs list them.
    pub(crate) names: &'static [&'static str],
}

impl<'a> Field<'a> {
    pub(crate) const fn place(&self) -> Place {
        self.node.place
    }

    /// Whether the value is a list.
    pub(crate) const fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Notes a fault at this value.
    pub(crate) fn fault(
        &self,
        faults: &mut Faults,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) {
        faults.add(self.node.place, &self.path, what, cure);
    }

    fn expected(&self, faults: &mut Faults, expected: &str, example: &str) {
        let found = self.node.value.kind();
        self.fault(
            faults,
            format!("{expected} is expected here, not {found}"),
            format!("write it like `{example}`"),
        );
    }

    /// The text, which must not be empty; never quoted by this function.
    pub(crate) fn text(&self, faults: &mut Faults, example: &str) -> Option<&'a Text> {
        match &self.node.value {
            Value::Text(text) if !text.value.trim().is_empty() => Some(text),
            Value::Text(_) | Value::Empty => {
                self.fault(faults, "this is empty", format!("write it like `{example}`"));
                None
            }
            Value::Switch(_) | Value::Whole(_) | Value::Fraction(_) => {
                let found = self.node.value.kind();
                self.fault(
                    faults,
                    format!("text is expected here, not {found}"),
                    format!("put it in quotes, like `\"{example}\"`"),
                );
                None
            }
            Value::List(_) | Value::Map(_) => {
                self.expected(faults, "text", example);
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&self, faults: &mut Faults, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let text = self.text(faults, names.first().copied().unwrap_or_default())?;
        if let Some((_, word)) = words.iter().find(|(name, _)| *name == text.value) {
            return Some(*word);
        }
        let list = names.join("`, `");
        let guess = closest(&text.written, names.iter().copied());
        let cure = guess.map_or_else(
            || format!("write one of `{list}`"),
            |guess| format!("did you mean `{guess}`? it is one of `{list}`"),
        );
        self.fault(faults, format!("`{}` is not known here", text.written), cure);
        None
    }

    pub(crate) fn switch(&self, faults: &mut Faults) -> Option<bool> {
        match &self.node.value {
            Value::Switch(on) => Some(*on),
            Value::Text(text) if text.value == "true" => Some(true),
            Value::Text(text) if text.value == "false" => Some(false),
            Value::Empty
            | Value::Text(_)
            | Value::Whole(_)
            | Value::Fraction(_)
            | Value::List(_)
            | Value::Map(_) => {
                self.expected(faults, "`true` or `false`", "true");
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(crate) fn whole(&self, faults: &mut Faults, range: RangeInclusive<u64>) -> Option<u64> {
        let number = match &self.node.value {
            Value::Whole(number) => Some(*number),
            Value::Text(text) => text.value.trim().parse::<i128>().ok(),
            Value::Empty
            | Value::Switch(_)
            | Value::Fraction(_)
            | Value::List(_)
            | Value::Map(_) => None,
        };
        let Some(number) = number else {
            self.expected(faults, "a whole number", &range.start().to_string());
            return None;
        };
        let fitting = u64::try_from(number).ok().filter(|number| range.contains(number));
        if fitting.is_none() {
            let what = "this number is out of range".to_owned();
            self.fault(faults, what, format!("write {} to {}", range.start(), range.end()));
        }
        fitting
    }

    /// A number within `range`.
    pub(crate) fn number(&self, faults: &mut Faults, range: RangeInclusive<f64>) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "numbers of people are smaller than that")]
        let number = match &self.node.value {
            Value::Whole(number) => Some(*number as f64),
            Value::Fraction(number) => Some(*number),
            Value::Text(text) => text.value.trim().parse().ok(),
            Value::Empty | Value::Switch(_) | Value::List(_) | Value::Map(_) => None,
        };
        let Some(number) = number else {
            self.expected(faults, "a number", "2.5");
            return None;
        };
        if range.contains(&number) {
            return Some(number);
        }
        let cure = format!("write {} to {}", range.start(), range.end());
        self.fault(faults, "this number is out of range", cure);
        None
    }

    pub(crate) fn duration(&self, faults: &mut Faults) -> Option<Duration> {
        self.amount(faults, "60s", units::duration)
    }

    /// A duration that is not zero.
    pub(crate) fn some_time(&self, faults: &mut Faults) -> Option<Duration> {
        let duration = self.duration(faults)?;
        if duration.is_zero() {
            self.fault(faults, "this leaves no time at all", "write more than nothing, like `60s`");
            return None;
        }
        Some(duration)
    }

    pub(crate) fn bytes(&self, faults: &mut Faults) -> Option<u64> {
        let bytes = self.amount(faults, "32MiB", units::bytes)?;
        if bytes == 0 {
            self.fault(faults, "this leaves no room at all", "write more than nothing");
            return None;
        }
        Some(bytes)
    }

    pub(crate) fn share(&self, faults: &mut Faults) -> Option<f64> {
        self.amount(faults, "1%", units::share)
    }

    fn amount<T>(
        &self,
        faults: &mut Faults,
        example: &str,
        read: impl Fn(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let (value, written) = match &self.node.value {
            Value::Text(text) => (text.value.clone(), text.written.clone()),
            Value::Whole(number) => (number.to_string(), number.to_string()),
            Value::Fraction(number) => (number.to_string(), number.to_string()),
            Value::Empty | Value::Switch(_) | Value::List(_) | Value::Map(_) => {
                self.expected(faults, "an amount with its unit", example);
                return None;
            }
        };
        match read(&value) {
            Ok(amount) => Some(amount),
            Err((what, cure)) => {
                // What a variable holds is not ours to print.
                let what = if value == written {
                    what
                } else {
                    format!("`{written}` is not an amount with a unit")
                };
                self.fault(faults, what, cure);
                None
            }
        }
    }

    /// The items of a list.
    pub(crate) fn list(&self, faults: &mut Faults, example: &str) -> Vec<Self> {
        if let Value::List(items) = &self.node.value {
            let path = |at| format!("{}[{at}]", self.path);
            return items
                .iter()
                .enumerate()
                .map(|(at, node)| Self { path: path(at), node })
                .collect();
        }
        self.expected(faults, "a list", example);
        Vec::new()
    }

    /// The entries of a map whose keys are the operator's own.
    pub(crate) fn map(&self, faults: &mut Faults, example: &str) -> Vec<(&'a Name, Self)> {
        if let Value::Map(entries) = &self.node.value {
            let field =
                |name: &Name, node| Self { path: format!("{}.{}", self.path, name.text), node };
            return entries.iter().map(|(name, node)| (name, field(name, node))).collect();
        }
        self.expected(faults, "a map", example);
        Vec::new()
    }

    /// The map with these keys; every other key is noted.
    pub(crate) fn section(&self, faults: &mut Faults, keys: Keys) -> Option<Section<'a>> {
        let Value::Map(entries) = &self.node.value else {
            let example = keys.names.first().copied().unwrap_or_default();
            if matches!(self.node.value, Value::Empty) {
                let cure = format!("write `{{}}` for what is usual, or keys like `{example}: …`");
                self.fault(faults, "nothing stands here", cure);
            } else {
                self.expected(faults, "a map", &format!("{example}: …"));
            }
            return None;
        };
        let section = Section { path: self.path.clone(), place: self.node.place, entries };
        for (name, _) in
            entries.iter().filter(|(name, _)| !keys.names.contains(&name.text.as_str()))
        {
            let path = section.path_of(&name.text);
            let (what, cure) = unknown_key(&name.text, keys);
            faults.add(name.place, &path, what, cure);
        }
        Some(section)
    }
}

fn unknown_key(name: &str, keys: Keys) -> Complaint {
    if name.contains("${") {
        let cure = "write the key itself; variables are for values".to_owned();
        return ("a variable cannot be a key".to_owned(), cure);
    }
    if let Some(complaint) = later::key(keys.section, name) {
        return complaint;
    }
    let cure = closest(name, keys.names.iter().copied()).map_or_else(
        || format!("the keys here are `{}`", keys.names.join("`, `")),
        |guess| format!("did you mean `{guess}`?"),
    );
    ("this key is not known".to_owned(), cure)
}

impl<'a> Section<'a> {
    /// The value of a key, if it stands there.
    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        let (_, node) = self.entries.iter().find(|(name, _)| name.text == key)?;
        Some(Field { path: self.path_of(key), node })
    }

    /// The value of a key that must stand there.
    pub(crate) fn need(&self, faults: &mut Faults, key: &str, example: &str) -> Option<Field<'a>> {
        let field = self.get(key);
        if field.is_none() {
            let what = format!("`{key}` is missing");
            faults.add(self.place, &self.path, what, format!("add it, like `{key}: {example}`"));
        }
        field
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

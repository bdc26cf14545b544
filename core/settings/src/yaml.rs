//! YAML text into a tree that remembers where each part stood.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::error::SettingsError;
use crate::substitute::{shield, unshield};

/// A place in the file, from 1; zeros when it is not in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A value and where it stood.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Empty,
    Switch(bool),
    Whole(i128),
    Fraction(f64),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(Name, Node)>),
}

/// A text: as it is meant, and as it was written.
#[derive(Clone)]
pub(crate) struct Text {
    /// With its variables filled in: may hold a secret.
    pub(crate) value: String,
    /// As it stands in the file: what a message may quote.
    pub(crate) written: String,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Value {
    /// The kind of value, in the words of an error message.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Switch(_) => "true or false",
            Self::Whole(_) | Self::Fraction(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// The tree of the text; an empty text is an empty map.
pub(crate) fn parse(text: &str) -> Result<Node, SettingsError> {
    let shielded = shield(text);
    match serde_saphyr::from_str::<Option<Raw>>(&shielded) {
        Ok(raw) => {
            let empty = Node { place: Place { line: 1, column: 1 }, value: Value::Map(Vec::new()) };
            let node = raw.map_or_else(|| empty.clone(), Node::from);
            Ok(if matches!(node.value, Value::Empty) { empty } else { node })
        }
        Err(error) => Err(syntax_error(text, error.without_snippet())),
    }
}

/// Says what is wrong with the YAML itself, without ever quoting the file.
fn syntax_error(text: &str, error: &serde_saphyr::Error) -> SettingsError {
    let place = error.location().map_or(Place { line: 1, column: 1 }, Place::from);
    let line = text.lines().nth(place.line.saturating_sub(1) as usize).unwrap_or_default();
    let (what, cure) =
        if let serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } = error {
            (format!("the key `{}` stands here twice", unshield(key)), "keep one of the two")
        } else if let serde_saphyr::Error::MultipleDocuments { .. } = error {
            let cure = "keep one document and no `---` after its first line";
            ("a second document begins here".to_owned(), cure)
        } else {
            ("this is not valid YAML".to_owned(), likely_cure(line))
        };
    let cure = cure.to_owned();
    SettingsError { line: place.line, column: place.column, path: String::new(), what, cure }
}

/// What most often breaks such a line.
fn likely_cure(line: &str) -> &'static str {
    if line.contains('\t') {
        "indent with spaces, not with tabs"
    } else if line.contains('*') {
        "a `*` at the start of a value needs quotes: `\"*\"`"
    } else {
        "look for a missing colon, bracket or quote, or a wrong indentation, here or just above"
    }
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self { line: number(location.line()), column: number(location.column()) }
    }
}

/// What serde sees: a value and its location.
type Raw = Spanned<RawValue>;

enum RawValue {
    Empty,
    Switch(bool),
    Whole(i128),
    Fraction(f64),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl From<Raw> for Node {
    fn from(raw: Raw) -> Self {
        let place = Place::from(raw.referenced);
        let value = match raw.value {
            RawValue::Empty => Value::Empty,
            RawValue::Switch(on) => Value::Switch(on),
            RawValue::Whole(number) => Value::Whole(number),
            RawValue::Fraction(number) => Value::Fraction(number),
            RawValue::Text(text) => {
                let written = unshield(&text);
                Value::Text(Text { value: written.clone(), written })
            }
            RawValue::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            RawValue::Map(entries) => Value::Map(entries.into_iter().map(entry).collect()),
        };
        Self { place, value }
    }
}

fn entry((key, value): (Spanned<String>, Raw)) -> (Name, Node) {
    let name = Name { text: unshield(&key.value), place: Place::from(key.referenced) };
    (name, Node::from(value))
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Empty)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Empty)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn visit_bool<E>(self, on: bool) -> Result<RawValue, E> {
        Ok(RawValue::Switch(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RawValue, E> {
        Ok(RawValue::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<RawValue, E> {
        Ok(RawValue::Whole(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<RawValue, E> {
        Ok(RawValue::Whole(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<RawValue, E> {
        Ok(RawValue::Whole(i128::try_from(number).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<RawValue, E> {
        Ok(RawValue::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawValue::Map(map))
    }
}

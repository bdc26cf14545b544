//! Looking things up in a tree whose keys are another program's.

use crate::yaml::{Name, Node, Value};

impl Node {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[(Name, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Empty
            | Value::Switch(_)
            | Value::Whole(_)
            | Value::Fraction(_)
            | Value::Text(_)
            | Value::List(_) => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Empty
            | Value::Switch(_)
            | Value::Whole(_)
            | Value::Fraction(_)
            | Value::Text(_)
            | Value::Map(_) => &[],
        }
    }

    /// A text, or a number as text.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.value.trim().to_owned()),
            Value::Whole(number) => Some(number.to_string()),
            Value::Fraction(number) => Some(number.to_string()),
            Value::Empty | Value::Switch(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A number, or a text that is one.
    pub(super) fn number(&self) -> Option<f64> {
        self.text()?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// A text, or the texts of a list.
    pub(super) fn texts(&self) -> Vec<String> {
        match self.text() {
            Some(text) => vec![text],
            None => self.items().iter().filter_map(Self::text).collect(),
        }
    }
}

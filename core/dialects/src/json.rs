//! Lenient reading of JSON that others wrote, with errors that say where and what to do.

use serde_json::{Map, Value};

use backstop_vocabulary::{Class, Failure};

use crate::surrogates::mended;

/// A request that no provider could take; `message` says where and how to cure it.
pub(crate) fn invalid(message: impl Into<Box<str>>) -> Failure {
    Failure::new(Class::InvalidRequest, message)
}

/// The body as a JSON object, or where it stops being one.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    let read: Result<Value, _> = serde_json::from_slice(body);
    let read = read.or_else(|error| match mended(body) {
        Some(body) => serde_json::from_slice(&body),
        None => Err(error),
    });
    match read {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(invalid("the body must be a json object")),
        Err(error) => Err(invalid(format!(
            "the body is not valid json at line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

/// The top-level fields of a body, taken out one by one; what remains is what we have no place for.
/// `null` counts as absent. A field of the wrong kind is an error that names it.
#[derive(Debug)]
pub(crate) struct Fields {
    /// What has not been taken.
    pub(crate) rest: Map<String, Value>,
    /// Where these fields stand, for messages: empty, or `messages[3].`.
    place: String,
}

impl Fields {
    /// The fields of the whole body.
    pub(crate) const fn top(rest: Map<String, Value>) -> Self {
        Self { rest, place: String::new() }
    }

    /// The fields of the object at `place` (for example `tools[0]`).
    pub(crate) fn at(place: &str, value: Value) -> Result<Self, Failure> {
        match value {
            Value::Object(rest) => Ok(Self { rest, place: format!("{place}.") }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(invalid(format!("`{place}` must be an object"))),
        }
    }

    /// The full name of a field, for messages and for the place of a nested object.
    pub(crate) fn place_of(&self, name: &str) -> String {
        format!("{}{name}", self.place)
    }

    /// The field, whatever it is.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.rest.shift_remove(name).filter(|value| !value.is_null())
    }

    /// A string field.
    pub(crate) fn string(&mut self, name: &str) -> Result<Option<String>, Failure> {
        self.value(name)
            .map(|value| match value {
                Value::String(text) => Ok(text),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_) => Err(self.wrong(name, "a string")),
            })
            .transpose()
    }

    /// A string field that must be there.
    pub(crate) fn needed_string(&mut self, name: &str) -> Result<String, Failure> {
        self.string(name)?.ok_or_else(|| self.wrong(name, "given, as a string"))
    }

    /// A true-or-false field.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Failure> {
        let value = self.value(name);
        value.map(|v| v.as_bool().ok_or_else(|| self.wrong(name, "true or false"))).transpose()
    }

    /// A whole number from 0 up; `8.0` counts as whole.
    pub(crate) fn count(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let value = self.value(name);
        value
            .map(|v| whole(&v).ok_or_else(|| self.wrong(name, "a whole number, 0 or more")))
            .transpose()
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<f64>, Failure> {
        let value = self.value(name);
        value.map(|v| v.as_f64().ok_or_else(|| self.wrong(name, "a number"))).transpose()
    }

    /// A list.
    pub(crate) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Failure> {
        self.value(name)
            .map(|value| match value {
                Value::Array(items) => Ok(items),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_) => Err(self.wrong(name, "a list")),
            })
            .transpose()
    }

    /// A nested object.
    pub(crate) fn nested(&mut self, name: &str) -> Result<Option<Self>, Failure> {
        self.value(name).map(|value| Self::at(&self.place_of(name), value)).transpose()
    }

    /// The first of these that is there and says something.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<String> {
        let given = |name: &&&str| self.rest.get(**name).is_some_and(|value| !is_blank(value));
        names.iter().find(given).map(|name| (*name).to_owned())
    }

    /// The error that `name` must be `what`.
    pub(crate) fn wrong(&self, name: &str, what: &str) -> Failure {
        invalid(format!("`{}` must be {what}", self.place_of(name)))
    }
}

/// Whether a field that has this value might as well not be there.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Whether a field says only what would be so without it.
pub(crate) fn says_nothing(name: &str, value: &Value) -> bool {
    let nothing = match name {
        "store" | "background" => value == &Value::Bool(false),
        "truncation" => value == "disabled",
        _ => false,
    };
    nothing || value.is_null()
}

/// The text of a value. `to_string` would check and copy every piece of it once more.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    // Writing to memory what has only strings for keys cannot fail.
    let _written = serde_json::to_writer(&mut out, value);
    out
}

/// A whole number from 0 up, also when it is written `8.0`.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        let fits = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        fits.then_some(number as u64)
    })
}

/// The arguments of a call in a history, as the object some dialects want: nothing is `{}`, and what
/// is not a JSON object is kept under `_raw` rather than failing the request.
pub(crate) fn arguments_object(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    if let Ok(Value::Object(map)) = serde_json::from_str(text) {
        return Value::Object(map);
    }
    let mut map = Map::new();
    map.insert("_raw".to_owned(), Value::String(text.to_owned()));
    Value::Object(map)
}

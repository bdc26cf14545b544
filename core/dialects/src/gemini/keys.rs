//! Names of fields in either of the two spellings that the API takes, also mixed in one body:
//! `inlineData` and `inline_data`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use backstop_vocabulary::Failure;

use crate::json::Fields;

/// The top-level fields, by the names that docs use.
pub(super) fn top(map: Map<String, Value>) -> Fields {
    Fields::top(in_camel_case(map))
}

/// The fields of the object at `place`, by the names that docs use.
pub(super) fn at(place: &str, value: Value) -> Result<Fields, Failure> {
    let mut fields = Fields::at(place, value)?;
    fields.rest = in_camel_case(std::mem::take(&mut fields.rest));
    Ok(fields)
}

/// A nested object of `fields`.
pub(super) fn nested(fields: &mut Fields, name: &str) -> Result<Option<Fields>, Failure> {
    let place = fields.place_of(name);
    fields.value(name).map(|value| at(&place, value)).transpose()
}

/// What the API takes for a list: a list, or the only thing in it.
pub(super) fn list(fields: &mut Fields, name: &str) -> Option<Vec<Value>> {
    fields.value(name).map(|value| match value {
        Value::Array(items) => items,
        only @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => vec![only],
    })
}

fn in_camel_case(map: Map<String, Value>) -> Map<String, Value> {
    if !map.keys().any(|key| key.contains('_')) {
        return map;
    }
    map.into_iter().map(|(key, value)| (camel(&key).into_owned(), value)).collect()
}

/// `inlineData` for `inline_data`; other names as they are.
pub(super) fn camel(name: &str) -> Cow<'_, str> {
    if !name.get(1..).is_some_and(|rest| rest.contains('_')) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len());
    let mut raise = false;
    for (at, letter) in name.char_indices() {
        if letter == '_' && at > 0 {
            raise = true;
        } else {
            out.push(if raise { letter.to_ascii_uppercase() } else { letter });
            raise = false;
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_name() {
        assert_eq!(camel("inline_data"), "inlineData");
        assert_eq!(camel("parameters_json_schema"), "parametersJsonSchema");
        assert_eq!(
            (camel("inlineData"), camel("_x"), camel("")),
            ("inlineData".into(), "_x".into(), "".into())
        );
    }
}

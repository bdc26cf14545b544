//! `${NAME}` and `${NAME:-default}` in values, never in keys.
//!
//! The text is parsed first and filled in afterwards, so that what a variable holds can never become
//! YAML. For that the characters of a reference that mean something to YAML are exchanged, one for
//! one, for characters of the private use area while the parser looks: columns stay true, and
//! `{ api_key: ${KEY} }` needs no quotes.

use std::collections::BTreeMap;

use crate::faults::Faults;
use crate::yaml::{Node, Text, Value};

/// What YAML must not see inside a reference, and what it sees instead.
const SHIELDS: [(char, char); 9] = [
    ('{', '\u{F8D0}'),
    ('}', '\u{F8D1}'),
    (',', '\u{F8D2}'),
    ('[', '\u{F8D3}'),
    (']', '\u{F8D4}'),
    ('#', '\u{F8D5}'),
    (':', '\u{F8D6}'),
    (' ', '\u{F8D7}'),
    ('*', '\u{F8D8}'),
];

/// The text with every reference made harmless to YAML; as many characters as before.
pub(crate) fn shield(text: &str) -> String {
    let mut shielded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        shielded.push_str(before);
        let line = reference.split('\n').next().unwrap_or(reference);
        // A reference ends on its own line; without an end it is left to be reported as text.
        let end = line.find('}').map_or(1, |end| end + 1);
        let exchanged = reference[..end].chars().map(|found| {
            SHIELDS
                .iter()
                .find(|(plain, _)| *plain == found)
                .map_or(found, |(_, stand_in)| *stand_in)
        });
        shielded.extend(exchanged);
        rest = &reference[end..];
    }
    shielded.push_str(rest);
    shielded
}

/// The text as it stood in the file.
pub(crate) fn unshield(text: &str) -> String {
    let back = |found: char| {
        SHIELDS.iter().find(|(_, stand_in)| *stand_in == found).map_or(found, |(plain, _)| *plain)
    };
    text.chars().map(back).collect()
}

/// Fills the variables of every value in; an unset one without a default is a fault at its place.
pub(crate) fn fill_in(node: &mut Node, env: &BTreeMap<String, String>, faults: &mut Faults) {
    walk(node, "", env, faults);
}

fn walk(node: &mut Node, path: &str, env: &BTreeMap<String, String>, faults: &mut Faults) {
    match &mut node.value {
        Value::Text(text) => {
            if let Err((what, cure)) = fill_text(text, env) {
                faults.add(node.place, path, what, cure);
            }
        }
        Value::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{at}]"), env, faults);
            }
        }
        Value::Map(entries) => {
            for (name, value) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                walk(value, &format!("{path}{dot}{}", name.text), env, faults);
            }
        }
        Value::Empty | Value::Switch(_) | Value::Whole(_) | Value::Fraction(_) => {}
    }
}

/// Fills one text in. On an error the text keeps a filling, so that it is reported only once.
fn fill_text(text: &mut Text, env: &BTreeMap<String, String>) -> Result<(), (String, String)> {
    let mut filled = String::with_capacity(text.written.len());
    let mut rest = text.written.as_str();
    while let Some(at) = rest.find("${") {
        filled.push_str(&rest[..at]);
        let Some((reference, after)) = rest[at + 2..].split_once('}') else {
            return Err((
                "a `${` here has no `}`".to_owned(),
                "write `${NAME}` or `${NAME:-default}` on one line".to_owned(),
            ));
        };
        filled.push_str(&look_up(reference, env)?);
        rest = after;
    }
    filled.push_str(rest);
    text.value = filled;
    Ok(())
}

fn look_up(reference: &str, env: &BTreeMap<String, String>) -> Result<String, (String, String)> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.is_empty() || !name.chars().all(fits) {
        return Err((
            "the name between `${` and `}` is not a variable's name".to_owned(),
            "use letters, digits and `_`, for example `${OPENAI_API_KEY}`".to_owned(),
        ));
    }
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    let value = env.get(name).filter(|value| default.is_none() || !value.is_empty());
    value.map(String::as_str).or(default).map(str::to_owned).ok_or_else(|| {
        (
            format!("the variable `{name}` is not set"),
            format!("set it before starting, or give a default: `${{{name}:-…}}`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: Result<&str, &str>) {
        let env = BTreeMap::from([
            ("KEY".to_owned(), "sk-1".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        let mut text = Text { value: String::new(), written: written.to_owned() };
        let result = fill_text(&mut text, &env).map_err(|(what, _)| what);
        let result = result.as_ref().map(|()| text.value.as_str()).map_err(String::as_str);
        assert_eq!(result, expected, "{written}");
        assert_eq!(unshield(&shield(written)), written);
        assert_eq!(shield(written).chars().count(), written.chars().count());
    }

    #[test]
    fn fills_variables_in_and_names_those_that_are_missing() {
        check("plain", Ok("plain"));
        check("${KEY}", Ok("sk-1"));
        check("a${KEY}b${KEY}c", Ok("ask-1bsk-1c"));
        check("${EMPTY}", Ok(""));
        check("${EMPTY:-x}", Ok("x"));
        check("${NONE:-http://a:1/{b, #c}}", Ok("http://a:1/{b, #c}"));
        check("${NONE}", Err("the variable `NONE` is not set"));
        check("${NO NE}", Err("the name between `${` and `}` is not a variable's name"));
        check("${KEY", Err("a `${` here has no `}`"));
    }
}

use backstop_exchange::Loss;
use serde_json::Value;

use crate::json::Fields;

/// The most losses listed for one request; what is beyond is summed up in one more.
const LOSSES_MAX: usize = 50;
/// The most letters of a field's name.
const FIELD_CHARS_MAX: usize = 64;

/// The reason where a schema was lowered: what is not enforced is told.
pub(crate) const REWRITTEN: &str = "schema rewritten to what the target enforces";
/// The reason where the gateway looks for stop strings itself.
pub(crate) const WATCHED: &str = "the gateway looks for them";
/// The reason where alternatives at the root of a schema became one object.
pub(crate) const FLATTENED: &str = "alternatives at the root became one object";

/// What a request loses on its way, each thing once.
///
/// The names of fields come from clients and the list goes into a header: so there are never many
/// of them, and their letters are plain.
#[derive(Debug, Default)]
pub(crate) struct Losses(Vec<Loss>);

impl Losses {
    /// Begins with what the reader of the request lost.
    pub(crate) fn after(read: &[Loss]) -> Self {
        Self(read.to_vec())
    }

    /// Takes the list up, to be put back with [`Self::into_list`].
    pub(crate) fn resumed(list: &mut Vec<Loss>) -> Self {
        Self(std::mem::take(list))
    }

    /// Lists what is left of an object whose other fields were read, as fields of `of`.
    pub(crate) fn add_rest(&mut self, of: &str, fields: &Fields) {
        for (name, _) in fields.rest.iter().filter(|(name, value)| *name != "type" && says(value)) {
            self.add(&format!("{of}.{name}"), "not kept where a request is written anew");
        }
    }

    /// Lists what a tool says beyond its function, where only that can go.
    pub(crate) fn add_beyond_function<'a>(
        &mut self,
        tool: impl IntoIterator<Item = (&'a String, &'a Value)>,
    ) {
        const CARRIED: [&str; 4] = ["type", "name", "description", "format"];
        let beyond =
            |(name, value): &(&String, &Value)| !CARRIED.contains(&name.as_str()) && says(value);
        for (name, _) in tool.into_iter().filter(beyond) {
            self.add(&format!("tools.{name}"), "not of a function that stands in");
        }
    }

    /// Lists a loss, once however often it occurs.
    pub(crate) fn add(&mut self, field: &str, reason: &str) {
        let field: String = field.chars().take(FIELD_CHARS_MAX).map(plain).collect();
        let known = |loss: &Loss| loss.field == field && loss.reason == reason;
        if self.0.iter().any(known) {
            return;
        }
        match self.0.len() {
            0..LOSSES_MAX => self.0.push(Loss::new(field, reason)),
            LOSSES_MAX => self.0.push(Loss::new("others", "too many to list")),
            _ => {}
        }
    }

    /// The list, in the order things were lost.
    pub(crate) fn into_list(self) -> Vec<Loss> {
        self.0
    }
}

/// Whether a value says anything that leaving it out does not.
fn says(value: &Value) -> bool {
    match value {
        Value::Null => false,
        // Called by the model itself is what happens without a word.
        Value::Array(items) => items.iter().any(|item| item != "direct"),
        // A call made by the model itself says so in its newest form.
        Value::Object(fields) => {
            !fields.is_empty() && fields.get("type").is_none_or(|kind| kind != "direct")
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

const fn plain(letter: char) -> char {
    if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '[' | ']') {
        letter
    } else {
        '_'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_each_loss_once_with_letters_that_a_header_takes() {
        let mut losses = Losses::default();
        for _ in 0..3 {
            losses.add("messages.über, kind=x\n", "not here");
        }
        let list: Vec<String> = losses.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(list, ["messages._ber__kind_x_=not here"]);
    }

    #[test]
    fn a_client_that_makes_up_fields_does_not_make_the_list_long() {
        let mut losses = Losses::default();
        for number in 0..1_000 {
            losses.add(&format!("field{number}"), "not here");
        }
        let list = losses.into_list();
        assert_eq!(list.len(), LOSSES_MAX + 1);
        assert_eq!(list.last().map(|loss| loss.field.as_str()), Some("others"));
    }
}

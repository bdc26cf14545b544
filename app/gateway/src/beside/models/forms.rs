//! The list of models as the clients of each API read it.

use serde_json::{Value, json};

use backstop_catalogue::{Catalogue, Model};
use backstop_exchange::ReasoningForm;

/// The most models on one page where the client names no number, and where it does.
const ANTHROPIC_PAGE: (usize, usize) = (20, 1000);
const GEMINI_PAGE: (usize, usize) = (50, 1000);

/// Who reads the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `anthropic-version` is among the headers.
    Anthropic,
    /// The path begins with `/v1beta`.
    Gemini,
    /// Anybody else.
    Openai,
}

impl Form {
    /// The page that this query asks for.
    pub(super) fn page(self, names: &[String], query: &str, catalogue: &Catalogue) -> Value {
        let entries = |names: &[String]| -> Vec<Value> {
            names.iter().map(|name| self.entry(name, catalogue)).collect()
        };
        match self {
            Self::Openai => json!({
                "object": "list", "data": entries(names), "has_more": false,
                "first_id": names.first(), "last_id": names.last(),
            }),
            Self::Anthropic => {
                let (page, has_more) = anthropic_page(names, query);
                json!({
                    "data": entries(page), "has_more": has_more,
                    "first_id": page.first(), "last_id": page.last(),
                })
            }
            Self::Gemini => {
                let size = size(query, "pageSize", GEMINI_PAGE);
                let from = field(query, "pageToken").and_then(|it| it.parse().ok()).unwrap_or(0);
                let rest = names.get(from..).unwrap_or(&[]);
                let page = &rest[..rest.len().min(size)];
                let mut list = json!({ "models": entries(page) });
                if page.len() < rest.len() {
                    list["nextPageToken"] = (from + page.len()).to_string().into();
                }
                list
            }
        }
    }

    /// One model.
    pub(super) fn entry(self, name: &str, catalogue: &Catalogue) -> Value {
        let known = catalogue.model("", name);
        match self {
            // Both sets of keys: what asks without a version may be of either kind.
            Self::Openai => json!({
                "id": name, "type": "model", "object": "model", "display_name": name,
                "created": 0, "created_at": "1970-01-01T00:00:00Z", "owned_by": "backstop",
            }),
            Self::Anthropic => anthropic(name, known),
            Self::Gemini => gemini(name, known),
        }
    }

    /// That there is no such model.
    pub(super) fn unknown(self, name: &str) -> Value {
        let message = format!("no route offers the model `{name}`");
        match self {
            Self::Anthropic | Self::Openai => json!({
                "type": "error",
                "error": { "type": "not_found_error", "message": message,
                           "code": "model_not_found", "param": null },
            }),
            Self::Gemini => json!({
                "error": { "code": 404, "message": message, "status": "NOT_FOUND" },
            }),
        }
    }
}

fn anthropic(name: &str, known: Option<&Model>) -> Value {
    let mut entry = json!({
        "id": name, "type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z",
    });
    let Some(able) = known.map(|model| &model.abilities) else { return entry };
    let can = |has: bool| json!({ "supported": has });
    let reasons = able.reasoning != ReasoningForm::None;
    entry["max_input_tokens"] = json!(able.context_tokens_max);
    entry["max_tokens"] = json!(able.output_tokens_max);
    entry["capabilities"] = json!({
        "image_input": can(able.images), "pdf_input": can(able.documents),
        "structured_outputs": can(able.schema),
        "thinking": { "supported": reasons, "types": {
            "adaptive": can(able.reasoning == ReasoningForm::Adaptive),
            "enabled": can(able.reasoning == ReasoningForm::Budget),
        } },
    });
    entry
}

fn gemini(name: &str, known: Option<&Model>) -> Value {
    let mut entry = json!({
        "name": format!("models/{name}"), "displayName": name, "version": "001",
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    });
    if let Some(able) = known.map(|model| &model.abilities) {
        // A limit that nobody knows is left out: the SDK for Java cannot read `null` for a number.
        let limits = [
            ("inputTokenLimit", able.context_tokens_max),
            ("outputTokenLimit", able.output_tokens_max),
        ];
        for (name, tokens) in limits {
            if let Some(tokens) = tokens {
                entry[name] = tokens.into();
            }
        }
        entry["thinking"] = json!(able.reasoning != ReasoningForm::None);
    }
    entry
}

/// The page behind `after_id`, or the last one before `before_id`; and whether more follows in that
/// direction.
fn anthropic_page<'a>(names: &'a [String], query: &str) -> (&'a [String], bool) {
    let size = size(query, "limit", ANTHROPIC_PAGE);
    let place = |field_name: &str| {
        let id = field(query, field_name)?;
        names.iter().position(|name| *name == id)
    };
    if let Some(before) = place("before_id") {
        let from = before.saturating_sub(size);
        return (&names[from..before], from > 0);
    }
    let rest = &names[place("after_id").map_or(0, |at| at + 1)..];
    let page = &rest[..rest.len().min(size)];
    (page, page.len() < rest.len())
}

/// How many a page may have: what the client says, within what the API takes.
fn size(query: &str, name: &str, (usual, most): (usize, usize)) -> usize {
    let said = field(query, name).and_then(|text| text.parse().ok());
    said.map_or(usual, |size: usize| size.clamp(1, most))
}

/// A field of a query. Names of models have nothing in them that must be escaped but `/` and `:`.
fn field(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find_map(|(known, value)| (known == name).then_some(value))?;
    Some(unescaped(value))
}

/// The name behind `%2F`, `%2f`, `%3A` and `%3a`.
pub(super) fn unescaped(text: &str) -> String {
    let slashes = text.replace("%2F", "/").replace("%2f", "/");
    slashes.replace("%3A", ":").replace("%3a", ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a", "b", "org/c:1", "d", "e"].map(str::to_owned).to_vec()
    }

    #[track_caller]
    fn check(form: Form, query: &str, ids: &[&str], more: &Value) {
        let page = form.page(&names(), query, &Catalogue::default());
        let (list, id, next) = match form {
            Form::Gemini => ("models", "name", &page["nextPageToken"]),
            Form::Anthropic | Form::Openai => ("data", "id", &page["has_more"]),
        };
        let told: Vec<&str> =
            page[list].as_array().unwrap().iter().map(|it| it[id].as_str().unwrap()).collect();
        assert_eq!(told, ids, "{query}");
        assert_eq!(next, more, "{query}");
    }

    #[test]
    fn pages_go_forwards_and_backwards() {
        let (more, last) = (json!(true), json!(false));
        check(Form::Anthropic, "", &["a", "b", "org/c:1", "d", "e"], &last);
        check(Form::Anthropic, "limit=2", &["a", "b"], &more);
        check(Form::Anthropic, "limit=2&after_id=b", &["org/c:1", "d"], &more);
        check(Form::Anthropic, "after_id=org%2Fc%3A1", &["d", "e"], &last);
        check(Form::Anthropic, "limit=2&before_id=d", &["b", "org/c:1"], &more);
        check(Form::Anthropic, "limit=0&before_id=b", &["a"], &last);
        check(Form::Anthropic, "limit=9999&after_id=e", &[], &last);
        check(Form::Openai, "limit=1", &["a", "b", "org/c:1", "d", "e"], &last);
        check(Form::Gemini, "pageSize=2", &["models/a", "models/b"], &json!("2"));
        check(
            Form::Gemini,
            "pageSize=3&pageToken=2",
            &["models/org/c:1", "models/d", "models/e"],
            &Value::Null,
        );
        check(Form::Gemini, "pageToken=99", &[], &Value::Null);
    }

    #[test]
    fn what_the_catalogue_knows_is_told_in_the_words_of_each_api() {
        let catalogue = Catalogue::built_in();
        let entry = Form::Anthropic.entry("claude-opus-4-6", &catalogue);
        assert!(entry["max_tokens"].as_u64().is_some_and(|max| max >= 10_000), "{entry}");
        assert_eq!(entry["capabilities"]["image_input"]["supported"], true, "{entry}");
        let entry = Form::Anthropic.entry("nobody-knows-it", &catalogue);
        assert!(entry.get("capabilities").is_none(), "{entry}");
    }
}

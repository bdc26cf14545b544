//! What of a request an error names as its reason, in the words of the many servers there are.
//!
//! | Server | How it says so |
//! |---|---|
//! | `OpenAI`, Azure | `param` and `code`; `Unsupported parameter: 'x'`, `Unknown parameter: 'x'`, `Unrecognized request argument supplied: x` |
//! | Anthropic | `x: Extra inputs are not permitted`, `` `x` is deprecated for this model `` |
//! | Mistral and others on `FastAPI` | `extra_forbidden` with a place (`loc`) |
//! | Groq | `property 'x' is unsupported` |
//! | Gemini | `Unknown name "x" at 'y'` |
//! | Bedrock | `extraneous key [x] is not permitted` |

use serde_json::Value;

use backstop_vocabulary::Refused;

/// Longer paths are no names of fields.
const PATH_BYTES_MAX: usize = 96;

/// How Bedrock hands on what a vendor says.
const FROM_BEHIND: &str = "the model returned the following errors: ";

/// What the error in this body names, if anything.
pub(crate) fn named(body: &[u8]) -> Option<Refused> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let body = body.get(0).unwrap_or(&body);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let message = error.as_str().or_else(|| text("message")).unwrap_or_default();
    let words = message.to_ascii_lowercase();
    let said = spoken(&words);
    if is_prefill(said) {
        return Some(Refused::Prefill);
    }
    if said.starts_with("tool call id was ") && said.contains("length of 9") {
        return Some(Refused::CallIds);
    }
    if said.starts_with("function tools with reasoning_effort") {
        let unless_off = words.contains("'none'") || words.contains("`none`");
        return is_of_tools(text("param")).then_some(Refused::ToolsWithReasoning { unless_off });
    }
    if is_of_both(&words) {
        let (stays, goes) = ("temperature".into(), "top_p".into());
        return Some(Refused::Both { stays, goes });
    }
    let path = by_code(text("code"), text("param"))
        .or_else(|| by_place(error).or_else(|| by_place(body)))
        .or_else(|| by_wording(message, &words))?;
    let path: Box<str> = Some(path).filter(|path| is_path(path))?.into();
    if let Some(to) = renamed(message) {
        return Some(Refused::Renamed { from: path, to });
    }
    let of_value = text("code") == Some("unsupported_value") || words.contains("unsupported value");
    let only_default = words.contains("only the default");
    Some(if of_value && !only_default { Refused::Value(path) } else { Refused::Field(path) })
}

/// The server's own words: what it quotes may be the client's, and so may all that follows. Words like
/// `doesn't` quote nothing.
fn spoken(words: &str) -> &str {
    let words = words.strip_prefix(FROM_BEHIND).unwrap_or(words);
    let opens = |(at, c): &(usize, char)| {
        let inside = words[..*at].ends_with(|c: char| c.is_ascii_alphanumeric());
        matches!(c, '"' | '`') || (*c == '\'' && !inside)
    };
    words.char_indices().find(opens).map_or(words, |(at, _)| &words[..at])
}

fn is_prefill(said: &str) -> bool {
    let sentences = [
        "does not support assistant message prefill",
        "assistant response prefill is incompatible with",
        "requests ending with a model turn are not supported",
        "expected last role user or tool",
        "when the last message is from the assistant",
    ];
    sentences.iter().any(|sentence| said.contains(sentence))
}

/// Whether the field named beside the words, if any, is one of those that the words are about.
fn is_of_tools(param: Option<&str>) -> bool {
    param.is_none_or(|it| ["", "reasoning_effort", "reasoning", "tools"].contains(&it))
}

fn is_of_both(words: &str) -> bool {
    let words = words.strip_prefix(FROM_BEHIND).unwrap_or(words).replace(['`', '\'', '"'], "");
    ["temperature and top_p", "top_p and temperature"].into_iter().any(|both| {
        words.starts_with(&format!("{both} cannot both be specified"))
            || words.starts_with(&format!("cannot specify both {both}"))
    })
}

fn is_path(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']');
    !text.is_empty() && text.len() <= PATH_BYTES_MAX && text.bytes().all(plain)
}

/// `OpenAI`: the code says that the parameter is the reason.
fn by_code(code: Option<&str>, param: Option<&str>) -> Option<String> {
    let known = ["unsupported_parameter", "unsupported_value", "unknown_parameter"];
    known.contains(&code?).then(|| param.map(str::to_owned)).flatten()
}

/// `FastAPI`: a list of complaints, each with its place below `body`.
fn by_place(error: &Value) -> Option<String> {
    let of = |at: &Value| at.get("detail").and_then(Value::as_array).cloned();
    let list = of(error).or_else(|| of(error.get("message")?))?;
    let complaint = list.iter().find(|it| it["type"] == "extra_forbidden")?;
    let place = complaint["loc"].as_array()?.iter().filter(|step| *step != "body");
    let step = |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
    Some(place.map(step).collect::<Vec<_>>().join("."))
}

fn by_wording(message: &str, words: &str) -> Option<String> {
    // The case of a name counts, that of the words around it does not.
    let after = |mark: &str| words.find(mark).and_then(|at| message.get(at + mark.len()..));
    let before = |mark: &str| words.find(mark).and_then(|at| message.get(..at));
    // Nothing counts that stands where a client's own words may.
    let from = words.strip_prefix(FROM_BEHIND).map_or(0, |_| FROM_BEHIND.len());
    let own = from + spoken(words).len();
    let first = |mark: &str| after(mark).filter(|_| words.find(mark).is_some_and(|at| at < own));
    let quoted = ["unsupported parameter: ", "unsupported value: ", "unknown parameter: "];
    let argument =
        ["unrecognized request argument supplied: ", "unrecognized request arguments supplied: "];
    if let Some(rest) = quoted.iter().find_map(|mark| first(mark)) {
        return first_name(rest);
    }
    if let Some(rest) = argument.iter().find_map(|mark| first(mark)) {
        return first_name(rest);
    }
    let extra = ": extra inputs are not permitted";
    if let Some(path) = before(extra).filter(|_| first(extra).is_some()) {
        return path.split_whitespace().last().map(str::to_owned);
    }
    if let Some(rest) = first("extraneous key [") {
        return first_name(rest);
    }
    if let Some(rest) = first("unknown name \"") {
        let name = rest.split('"').next()?;
        let place = after(" at '").and_then(|rest| rest.split('\'').next());
        return Some(place.map_or_else(|| name.to_owned(), |place| format!("{place}.{name}")));
    }
    let property = words.contains("unsupported").then(|| after("property '")).flatten();
    if let Some(rest) = property {
        // `'messages.1' : for … (property 'x' is unsupported)`.
        let name = first_name(rest)?;
        let place = message.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
        let place = place.filter(|place| place.starts_with("messages."));
        return Some(place.map_or_else(|| name.clone(), |place| format!("{place}.{name}")));
    }
    let refused = [
        " is not supported",
        " is deprecated for this model",
        " is unsupported",
        " are not supported",
        " does not support",
    ];
    let before = refused.iter().find_map(|mark| before(mark))?;
    let name = before.split_whitespace().last()?;
    let bare = name.trim_matches(['`', '\'', '"']);
    // A name and not the end of any sentence.
    let is_quoted = bare.len() + 2 == name.len() && name.chars().next() == name.chars().last();
    let is_plain = bare.len() == name.len() && before.len() <= own;
    (is_quoted || (is_plain && bare.contains('_'))).then(|| bare.to_owned())
}

/// The first name of a text, without its quotes.
fn first_name(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['\'', '"', '`']);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.[]".contains(c)));
    let name = text.get(..end.unwrap_or(text.len()))?.trim_end_matches('.');
    let name = if name.contains('[') { name } else { name.trim_end_matches(']') };
    (!name.is_empty()).then(|| name.to_owned())
}

/// `Use 'max_completion_tokens' instead.`
fn renamed(message: &str) -> Option<Box<str>> {
    let rest = message.split("Use '").nth(1)?;
    let (name, after) = rest.split_once('\'')?;
    (after.starts_with(" instead") && is_path(name)).then(|| name.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(body: &Value, expected: &Refused) {
        let named = named(body.to_string().as_bytes());
        assert_eq!(named.as_ref(), Some(expected), "{body}");
    }

    fn field(path: &str) -> Refused {
        Refused::Field(path.into())
    }

    fn openai(message: &str, param: &str, code: &str) -> Value {
        let said = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let (param, code) = (said(param), said(code));
        json!({ "error": { "message": message, "type": "invalid_request_error", "param": param, "code": code } })
    }

    fn says(message: &str) -> Value {
        json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } })
    }

    #[test]
    fn the_field_that_is_refused_is_found_whoever_says_so() {
        let gone = "Unsupported parameter: 'temperature' is not supported with this model.";
        check(&openai(gone, "temperature", "unsupported_parameter"), &field("temperature"));
        check(&openai(gone, "", ""), &field("temperature"));
        let nested = "Unsupported parameter: 'reasoning.effort' is not supported with this model.";
        check(
            &openai(nested, "reasoning.effort", "unsupported_parameter"),
            &field("reasoning.effort"),
        );
        check(&openai("Unknown parameter: 'input[0].name'.", "", ""), &field("input[0].name"));
        let argument = "Unrecognized request argument supplied: prompt_cache_key";
        check(&openai(argument, "", ""), &field("prompt_cache_key"));
        check(&openai("property 'metadata' is unsupported", "", ""), &field("metadata"));
        let groq = "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]";
        check(&openai(groq, "", ""), &field("messages.1.reasoning_content"));
        check(
            &says("messages.0.content.0.text.cache_control.ttl: Extra inputs are not permitted"),
            &field("messages.0.content.0.text.cache_control.ttl"),
        );
        check(&says("`top_k` is deprecated for this model."), &field("top_k"));
        let place = json!([{ "type": "extra_forbidden", "loc": ["body", "tools", 0, "strict"], "msg": "Extra inputs are not permitted" }]);
        check(&json!({ "detail": place }), &field("tools.0.strict"));
        check(
            &json!({ "object": "error", "message": { "detail": place }, "type": "invalid_request_error" }),
            &field("tools.0.strict"),
        );
        let google = "Invalid JSON payload received. Unknown name \"topW\" at 'generation_config': Cannot find field.";
        check(
            &json!([{ "error": { "code": 400, "message": google, "status": "INVALID_ARGUMENT" } }]),
            &field("generation_config.topW"),
        );
        let aws = "Malformed input request: #: extraneous key [top_k] is not permitted, please reformat your input and try again.";
        check(&json!({ "message": aws }), &field("top_k"));
    }

    #[test]
    fn a_value_a_name_and_a_pair_are_told_from_a_field() {
        let wrong =
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model.";
        let body = openai(wrong, "reasoning_effort", "unsupported_value");
        check(&body, &Refused::Value("reasoning_effort".into()));
        let default = "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.";
        check(&openai(default, "temperature", "unsupported_value"), &field("temperature"));
        let other = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        let (from, to) = ("max_tokens".into(), "max_completion_tokens".into());
        let body = openai(other, "max_tokens", "unsupported_parameter");
        check(&body, &Refused::Renamed { from, to });
        let both = "`temperature` and `top_p` cannot both be specified for this model. Please use only one.";
        let (stays, goes) = ("temperature".into(), "top_p".into());
        check(&says(both), &Refused::Both { stays, goes });
    }

    #[test]
    fn a_begun_answer_and_tools_beside_thoughts_have_their_own_names() {
        for message in [
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            "Requests ending with a model turn are not supported unless the last part is a function response.",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            "Assistant response prefill is incompatible with enable_thinking.",
        ] {
            check(&says(message), &Refused::Prefill);
        }
        let tools = "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. Please use /v1/responses instead.";
        let refused = |unless_off| Refused::ToolsWithReasoning { unless_off };
        check(&openai(tools, "reasoning_effort", ""), &refused(false));
        let tools = "Function tools with reasoning_effort are not supported for gpt-6 in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.";
        check(&openai(tools, "reasoning_effort", ""), &refused(true));
    }

    #[test]
    fn what_a_client_sent_is_not_taken_for_the_words_of_the_server() {
        for sent in [
            "function tools with reasoning_effort",
            "' Function tools with reasoning_effort are not supported '",
            "this model does not support assistant message prefill",
            "temperature and top_p cannot both be specified",
            "tool call id was x but must have a length of 9",
            "unsupported parameter: temperature",
            "unknown name \"seed\" at 'x'",
            "x: extra inputs are not permitted",
            "top_p is not supported",
        ] {
            let message = format!("Invalid value: '{sent}'. Supported values are: 'auto'.");
            let body = openai(&message, "service_tier", "invalid_value");
            assert_eq!(named(body.to_string().as_bytes()), None, "{message}");
        }
        let tools = "Function tools with reasoning_effort are not supported";
        let body = openai(tools, "service_tier", "");
        assert_eq!(named(body.to_string().as_bytes()), None);
        let id = "Tool call id was function tools with reasoning_effort but must be a-z";
        assert_eq!(named(says(id).to_string().as_bytes()), None);
        let behind = "The model returned the following errors: This model doesn't go on and does not support assistant message prefill.";
        check(&says(behind), &Refused::Prefill);
    }

    #[test]
    fn ids_of_calls_that_are_too_long_are_told_from_other_ids() {
        let ids = "Tool call id was call_abc but must be a-z, A-Z, 0-9, with a length of 9.";
        check(&json!({ "object": "error", "message": ids, "code": "3280" }), &Refused::CallIds);
    }

    #[test]
    fn what_names_nothing_names_nothing() {
        for message in [
            "messages: at least one message is required",
            "this model does not support what is asked",
            "The model is not supported",
            "",
        ] {
            assert_eq!(named(says(message).to_string().as_bytes()), None, "{message}");
        }
        assert_eq!(named(br#"{"error":"image input is not supported"}"#), None);
        assert_eq!(named(b"<html>"), None);
        assert_eq!(named(b"7"), None);
    }
}

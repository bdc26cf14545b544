//! YAML as people write it.

/// A text as a value: plain where it can be, else in quotes.
pub(super) fn quoted(text: &str) -> String {
    let begins = |c: char| c.is_ascii_alphanumeric() || "$./_".contains(c);
    let plain = |c: char| c.is_ascii_alphanumeric() || "$./_-{}@".contains(c);
    let variable = text.starts_with("${") && text.matches('{').count() == 1;
    let braces = text.contains(['{', '}']) && !variable;
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"];
    let other = word.contains(&text.to_ascii_lowercase().as_str()) || text.parse::<f64>().is_ok();
    let url = text.starts_with("http://") || text.starts_with("https://");
    let fits =
        |c: char| plain(c) || (url && ":?&=%".contains(c)) || (c == '*' && !text.starts_with('*'));
    let good = text.starts_with(begins) && text.chars().all(fits) && !text.ends_with(':');
    if good && !other && !braces {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}

/// Texts as a list on one line.
pub(super) fn list(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| in_flow(&text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A value within `[…]` or `{…}`, where a variable's brace would end the map.
pub(super) fn in_flow(text: &str) -> String {
    let plain = quoted(text);
    let url = plain.contains(':') && !plain.starts_with('"');
    if url { serde_json::to_string(text).unwrap_or_default() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_yaml_would_take_for_something_else() {
        let plain = [
            "gpt-5.4",
            "claude-*",
            "${KEY}",
            "https://a.example/v1",
            "${BASE}/v1",
            "a@b",
            "openai/*",
        ];
        for text in plain {
            assert_eq!(quoted(text), text);
        }
        for text in ["*", "7", "1.5", "no", "a: b", "a:b", "a #b", "", "x{y}", "-a", "${A}{"] {
            assert_eq!(quoted(text), format!("{text:?}"));
        }
        assert_eq!(list(["a*".to_owned(), "*".to_owned()]), "[a*, \"*\"]");
        assert_eq!(in_flow("https://a.example"), "\"https://a.example\"");
    }
}

//! From a status or a provider's code to the failures it may be.

use backstop_dialects::{ErrorHead, read_error};
use backstop_vocabulary::{Class, Dialect};

use super::pages::Page;

/// The most suggestions for a code that nobody knows.
const SUGGESTIONS_MAX: usize = 5;
/// A code that no provider has, to see what an unknown one is taken for.
const NONSENSE: &str = "no_such_code_anywhere";

/// The failures that this code may be, in the order docs list them.
pub(crate) fn find(code: &str) -> Vec<Page> {
    let code = code.trim().trim_matches('`').to_ascii_lowercase();
    if let Some(class) = Class::from_code(&code) {
        return Page::of(class).into_iter().collect();
    }
    let read = match status(&code) {
        Some(_) => Vec::new(),
        None => read_as(&code),
    };
    Page::all().filter(|page| read.contains(&page.class) || mentions(*page, &code)).collect()
}

/// The clauses of a page that mention this code; all when none does.
pub(crate) fn clauses(page: Page, code: &str) -> String {
    let code = code.to_ascii_lowercase();
    let all = page.seen_as();
    let telling: Vec<String> =
        all.iter().filter(|clause| clause_mentions(clause, &code)).cloned().collect();
    if telling.is_empty() { all.join("; ") } else { telling.join("; ") }
}

/// Known codes that look like this one, the likest first.
pub(crate) fn suggestions(code: &str) -> Vec<String> {
    let code = code.to_ascii_lowercase();
    let mut known: Vec<String> = Page::all()
        .flat_map(|page| {
            let words = page.seen_as().iter().flat_map(|it| words(it)).collect::<Vec<_>>();
            let words = words.into_iter().filter(|word| is_code(word));
            words.chain([page.class.code().to_owned()]).collect::<Vec<_>>()
        })
        .collect();
    known.sort();
    known.dedup();
    let mut near: Vec<(usize, String)> =
        known.into_iter().map(|known| (distance(&code, &known), known)).collect();
    // A letter or two are in every code.
    let telling = code.len() > 2;
    near.retain(|(distance, known)| {
        telling && (2 * distance <= known.len() || known.contains(&code))
    });
    near.sort();
    near.into_iter().map(|(_, known)| known).take(SUGGESTIONS_MAX).collect()
}

/// What the gateway's own readers take the code for, at the statuses it may come with.
fn read_as(code: &str) -> Vec<Class> {
    let mut classes = Vec::new();
    for dialect in Dialect::ALL {
        for status in [400, 401, 402, 403, 404, 413, 429, 500, 503, 529] {
            let taken = |code: &str| {
                let head =
                    ErrorHead { status, content_type: "application/json", ..ErrorHead::default() };
                let error = serde_json::json!({ "type": code, "code": code, "message": "" });
                let body = serde_json::json!({ "type": "error", "error": error }).to_string();
                read_error(dialect, &head, body.as_bytes()).class
            };
            let class = taken(code);
            if class != taken(NONSENSE) && !classes.contains(&class) {
                classes.push(class);
            }
        }
    }
    classes
}

fn mentions(page: Page, code: &str) -> bool {
    page.seen_as().iter().any(|clause| clause_mentions(clause, code))
}

fn clause_mentions(clause: &str, code: &str) -> bool {
    let words = words(clause);
    match status(code) {
        Some(status) => words.iter().enumerate().any(|(at, word)| {
            let until = match words.get(at + 1).map(String::as_str) {
                Some("to") => words.get(at + 2).and_then(|word| self::status(word)),
                Some(_) | None => None,
            };
            self::status(word).is_some_and(|from| (from..=until.unwrap_or(from)).contains(&status))
        }),
        None => words.iter().any(|word| is_code(word) && word.eq_ignore_ascii_case(code)),
    }
}

fn words(clause: &str) -> Vec<String> {
    let words = clause.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether a word of a page is a code and no plain word: `slow_down`, `UNAVAILABLE`.
fn is_code(word: &str) -> bool {
    word.contains('_') || word.get(1..).is_some_and(|rest| rest.contains(char::is_uppercase))
}

fn status(word: &str) -> Option<u16> {
    word.parse().ok().filter(|status| (100..=599).contains(status))
}

/// Levenshtein's distance: how many letters to change, add or leave out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (nth, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = nth + 1;
        for (at, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, expected: &[&str]) {
        let codes: Vec<&str> = find(code).iter().map(|page| page.class.code()).collect();
        assert_eq!(codes, expected, "{code}");
    }

    #[test]
    fn finds_what_a_status_or_a_code_may_be() {
        check("rung_exhausted", &["rung_exhausted"]);
        check("529", &["overloaded", "rung_exhausted"]);
        check("523", &["server_error"]);
        check("402", &["quota_exhausted"]);
        check("508", &["loop_detected"]);
        check("overloaded_error", &["overloaded"]);
        check("insufficient_quota", &["quota_exhausted"]);
        check("rate_limit_error", &["rate_limited"]);
        check("context_length_exceeded", &["context_too_long"]);
        check("ThrottlingException", &["rate_limited"]);
        check("slow_down", &["acceleration"]);
        check("64", &[]);
        check("never_heard_of", &[]);
        check("", &[]);
        let all = find("429");
        assert!(all.len() >= 5, "{all:?}");
    }

    #[test]
    fn suggests_what_looks_alike() {
        assert_eq!(suggestions("overload_error")[0], "overloaded_error");
        assert_eq!(suggestions("rung_exausted")[0], "rung_exhausted");
        assert!(suggestions("quota").iter().any(|it| it == "quota_exhausted"));
        assert_eq!(suggestions("zzzzzz"), [""; 0]);
        assert_eq!(suggestions(""), [""; 0]);
    }
}

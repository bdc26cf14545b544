//! `OpenAI`'s embeddings. The bytes pass as they are; what came back is checked for what a client
//! relies on: a vector for each input, all of one length, of the length that was asked for.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use backstop_vocabulary::{Basis, Class, Failure, Usage};

use crate::errors::{ErrorHead, is_html};
use crate::openai_chat;

/// The path, at us and below a provider's base URL.
pub const EMBEDDINGS_PATH: &str = "/v1/embeddings";

/// Reads the body of a 200 that answers `request`: the usage, where the provider tells it.
///
/// Errors are `EmptyAnswer` and `BadAnswer`: a web page, an error inside the 200, vectors that are
/// missing or of another length than `dimensions` asked for. Another host may do better.
pub fn read_embeddings(request: &[u8], answer: &[u8]) -> Result<Option<Usage>, Failure> {
    let bad = |what: String| Err(Failure::new(Class::BadAnswer, what));
    let answer = answer.trim_ascii();
    if answer.is_empty() {
        return Err(Failure::new(Class::EmptyAnswer, "the provider answered nothing"));
    }
    if is_html("", answer) {
        return bad("the provider answered with a web page".to_owned());
    }
    let Ok(read) = serde_json::from_slice::<Answer<'_>>(answer) else {
        return bad("the provider sent embeddings that are not valid json".to_owned());
    };
    if read.error.is_some() {
        let head = ErrorHead { status: 200, ..ErrorHead::default() };
        return Err(openai_chat::read_error(&head, answer));
    }
    let lengths: Vec<u64> = read.data.iter().map(|item| length(item.embedding)).collect();
    let Some((first, rest)) = lengths.split_first() else {
        return Err(Failure::new(Class::EmptyAnswer, "the provider answered without a vector"));
    };
    // A request that cannot be read is for the provider to judge, and it did not refuse it.
    let asked: Asked<'_> = serde_json::from_slice(request).unwrap_or_default();
    let came = lengths.len() as u64;
    if let Some(inputs) = asked.input.and_then(inputs).filter(|inputs| *inputs != came) {
        return bad(format!("the provider gave {came} vectors for {inputs} inputs"));
    }
    if *first == 0 || rest.iter().any(|length| length != first) {
        return bad("the provider gave vectors of different lengths".to_owned());
    }
    match asked.dimensions.filter(|wanted| wanted != first) {
        Some(wanted) => bad(format!("the provider gave {first} dimensions instead of {wanted}")),
        None => Ok(read.usage.map(Tokens::usage)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    dimensions: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    data: Vec<Item<'a>>,
    usage: Option<Tokens>,
    error: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
}

impl Tokens {
    fn usage(self) -> Usage {
        Usage { input_uncached: self.prompt_tokens, basis: Basis::Reported, ..Usage::default() }
    }
}

/// How many inputs these are: a text, a list of texts, the tokens of one, a list of such lists.
fn inputs(input: &RawValue) -> Option<u64> {
    let items = input.get().strip_prefix('[');
    let Some(items) = items else { return Some(1) };
    let is_token = items.trim_start().starts_with(|first: char| first.is_ascii_digit());
    if is_token { Some(1) } else { count(input) }
}

/// How many numbers a vector has: as a list, or as base64 of 32-bit floats.
fn length(vector: &RawValue) -> u64 {
    if let Ok(coded) = serde_json::from_str::<String>(vector.get()) {
        return coded.trim_end_matches('=').len() as u64 * 3 / 4 / 4;
    }
    count(vector).unwrap_or(0)
}

/// The items of a list; they take up no memory.
fn count(list: &RawValue) -> Option<u64> {
    serde_json::from_str::<Vec<IgnoredAny>>(list.get()).ok().map(|items| items.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"model":"m","input":["a","b"],"dimensions":2}"#;

    #[track_caller]
    fn check(request: &str, answer: &str, told: Result<u64, &str>) {
        let read = read_embeddings(request.as_bytes(), answer.as_bytes());
        let read = read.map(|usage| usage.map_or(0, |usage| usage.input()));
        match (read, told) {
            (Ok(tokens), Ok(wanted)) => assert_eq!(tokens, wanted),
            (Err(failure), Err(wanted)) => {
                assert!(failure.message.contains(wanted), "{}", failure.message);
            }
            (read, told) => panic!("{read:?} instead of {told:?}"),
        }
    }

    fn of(vectors: &str) -> String {
        format!(
            r#"{{"object":"list","data":[{vectors}],"usage":{{"prompt_tokens":7,"total_tokens":7}}}}"#
        )
    }

    #[test]
    fn a_vector_for_each_input_of_the_length_asked_for_is_an_answer() {
        let floats = of(r#"{"embedding":[0.5,-1e-3],"index":0},{"embedding":[1,2],"index":1}"#);
        check(TWO, &floats, Ok(7));
        // Two floats of four bytes each.
        let coded = of(r#"{"embedding":"AAAAPwAAgD8="},{"embedding":"AAAAPwAAgD8="}"#);
        check(TWO, &coded, Ok(7));
        for input in ["\"text\"", "[1,2,3]", "[[1,2,3]]", "[\"text\"]"] {
            check(&format!(r#"{{"input":{input}}}"#), &of(r#"{"embedding":[1]}"#), Ok(7));
        }
        check(r#"{"input":"a"}"#, r#"{"data":[{"embedding":[1]}]}"#, Ok(0));
    }

    #[test]
    fn anything_else_is_a_failure_that_another_host_may_mend() {
        check(TWO, &of(r#"{"embedding":[1,2]}"#), Err("1 vectors for 2 inputs"));
        check(TWO, &of(r#"{"embedding":[1,2]},{"embedding":[1]}"#), Err("different lengths"));
        check(TWO, &of(r#"{"embedding":[1]},{"embedding":[1]}"#), Err("1 dimensions instead of 2"));
        check(TWO, &of(""), Err("without a vector"));
        check(TWO, "", Err("nothing"));
        check(TWO, "<!DOCTYPE html><html></html>", Err("web page"));
        check(TWO, "{\"data\":[{\"embedding\":[1,2", Err("not valid json"));
        check(TWO, r#"{"error":{"message":"no","type":"server_error","code":null}}"#, Err(""));
    }
}

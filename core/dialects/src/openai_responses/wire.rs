//! Words of the wire that reading and writing share.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use backstop_exchange::{Artefact, Finish};
use backstop_vocabulary::{Basis, Dialect, Usage};

use crate::json::whole;
use crate::openai_chat::Words;

/// Where clients and providers meet.
pub(crate) const PATH: &str = "/v1/responses";

/// A comment: every client skips it, while an event of an unknown type breaks some.
pub(crate) const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// What the ids of answers begin with that we wrote, so that they are known again.
pub(crate) const ID_PREFIX: &str = "resp_backstop_";

/// The artefact kind of a reasoning item's `encrypted_content`.
pub(super) const ENCRYPTED: &str = "encrypted";

/// What must be included for thoughts to be replayed to who had them.
pub(super) const INCLUDE_ENCRYPTED: &str = "reasoning.encrypted_content";

/// What must be included for probabilities of tokens.
pub(super) const INCLUDE_LOGPROBS: &str = "message.output_text.logprobs";

/// Longer call ids are refused.
pub(super) const CALL_ID_BYTES_MAX: usize = 64;

/// An event of a stream, or what stands in for one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wire<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Words<'a>,
    #[serde(borrow)]
    pub(super) object: Words<'a>,
    pub(super) sequence_number: Option<u64>,
    pub(super) output_index: Option<u64>,
    #[serde(borrow)]
    pub(super) delta: Words<'a>,
    /// What deltas added up to: the text of a part, the arguments or input of a call.
    #[serde(borrow)]
    pub(super) text: Words<'a>,
    #[serde(borrow)]
    pub(super) refusal: Words<'a>,
    #[serde(borrow)]
    pub(super) arguments: Words<'a>,
    #[serde(borrow)]
    pub(super) input: Words<'a>,
    #[serde(borrow)]
    pub(super) part: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// The answer as a whole, as the first and last events and unary answers hold it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow)]
    pub(super) object: Words<'a>,
    #[serde(borrow)]
    pub(super) model: Words<'a>,
    #[serde(borrow)]
    pub(super) created_at: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) status: Words<'a>,
    pub(super) output: Option<Vec<Value>>,
    pub(super) incomplete_details: Option<Value>,
    pub(super) usage: Option<Value>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl Response<'_> {
    /// Seconds since 1970-01-01; some servers give a fraction.
    pub(super) fn created(&self) -> Option<u64> {
        whole(&serde_json::from_str(self.created_at?.get()).ok()?)
    }

    /// Why the answer is incomplete, if it says so.
    pub(super) fn incomplete_reason(&self) -> &str {
        let details = self.incomplete_details.as_ref();
        details.and_then(|details| details.get("reason")?.as_str()).unwrap_or_default()
    }
}

/// The JSON in `data`. Checking UTF-8 once is cheaper than at every string.
pub(super) fn parse<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Option<T> {
    serde_json::from_str(std::str::from_utf8(data).ok()?).ok()
}

/// State of this dialect.
pub(super) fn encrypted(data: String) -> Artefact {
    Artefact { dialect: Dialect::OpenaiResponses, kind: ENCRYPTED.to_owned(), data }
}

/// The texts of parts, one paragraph each.
pub(super) fn joined_texts(parts: &[Value]) -> String {
    let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
    let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    texts.join("\n\n")
}

/// The figures of a `usage` object, where input tokens include cached ones and output tokens include
/// reasoning.
pub(super) fn read_usage(usage: &Value) -> Option<Usage> {
    usage.as_object()?;
    let figure = |pointer: &str| usage.pointer(pointer).and_then(whole).unwrap_or(0);
    let cache_read = figure("/input_tokens_details/cached_tokens");
    let cache_write = figure("/input_tokens_details/cache_write_tokens");
    let input = figure("/input_tokens");
    Some(Usage {
        input_uncached: input.saturating_sub(cache_read).saturating_sub(cache_write),
        cache_read,
        cache_write,
        output: figure("/output_tokens"),
        reasoning: figure("/output_tokens_details/reasoning_tokens"),
        basis: Basis::Reported,
    })
}

/// The `usage` object of these figures.
pub(super) fn usage_json(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input(),
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input().saturating_add(usage.output),
    })
}

/// How an answer ended, as this dialect says it: a status, and why it is incomplete if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending<'a> {
    pub(super) status: &'static str,
    pub(super) incomplete: Option<&'a str>,
}

/// The ending for a reason. A refusal in words is a complete answer; an unknown reason stays what it
/// was: calling it complete would make a success of who knows what.
pub(super) fn ending(finish: Option<&Finish>, refused_in_words: Said) -> Ending<'_> {
    let incomplete = match finish {
        None | Some(Finish::End | Finish::Stop(_) | Finish::ToolUse) => None,
        Some(Finish::Refused { .. }) if refused_in_words == Said::Yes => None,
        Some(Finish::Length | Finish::WindowFull | Finish::Paused) => Some("max_output_tokens"),
        Some(Finish::Refused { .. }) => Some("content_filter"),
        Some(Finish::Other(reason)) => Some(reason.as_str()),
    };
    let status = if incomplete.is_some() { "incomplete" } else { "completed" };
    Ending { status, incomplete }
}

/// Whether the model declined in its own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Said {
    #[default]
    No,
    Yes,
}

/// What the object of an answer is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shell<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) created: u64,
    pub(super) status: &'a str,
    pub(super) incomplete: Option<&'a str>,
    pub(super) usage: Option<&'a Usage>,
    pub(super) kept: bool,
}

impl Shell<'_> {
    /// The object, with everything in it that typed clients ask for. No provider keeps an answer of
    /// ours: `store` says whether the gateway does.
    pub(super) fn json(&self, output: Vec<Value>, error: &Value) -> Value {
        let mut response = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": self.status,
            "background": false,
            "error": error,
            "incomplete_details": self.incomplete.map(|reason| json!({ "reason": reason })),
            "instructions": null,
            "max_output_tokens": null,
            "model": self.model,
            "output": null,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "reasoning": { "effort": null, "summary": null },
            "service_tier": "default",
            "store": self.kept,
            "temperature": null,
            "text": { "format": { "type": "text" } },
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "truncation": "disabled",
            "usage": self.usage.map(usage_json),
            "metadata": {},
        });
        // Filled in here, because `json!` would copy it; its place is kept above.
        response["output"] = Value::Array(output);
        response
    }
}

/// A part of a message that holds text.
pub(super) fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

/// A part of a message in which the model declines.
pub(super) fn refusal_part(text: &str) -> Value {
    json!({ "type": "refusal", "refusal": text })
}

/// A message of the model.
pub(super) fn message_item(id: &str, status: &str, content: Vec<Value>) -> Value {
    let mut item = Map::new();
    item.insert("id".to_owned(), id.into());
    item.insert("type".to_owned(), "message".into());
    item.insert("status".to_owned(), status.into());
    item.insert("role".to_owned(), "assistant".into());
    item.insert("content".to_owned(), content.into());
    item.into()
}

/// A thought: its summary in paragraphs, and what only its issuer can read.
pub(super) fn reasoning_item(id: &str, paragraphs: &[String], encrypted: Option<&str>) -> Value {
    let summary: Vec<Value> =
        paragraphs.iter().map(|text| json!({ "type": "summary_text", "text": text })).collect();
    let mut item = json!({ "id": id, "type": "reasoning", "summary": summary });
    if let Some(data) = encrypted {
        item["encrypted_content"] = data.into();
    }
    item
}

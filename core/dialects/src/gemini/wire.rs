//! Words of the wire that reading and writing share.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use backstop_exchange::Finish;
use backstop_vocabulary::{Basis, Usage};

use crate::json::whole;
use crate::openai_chat::Words;

/// A blank line: every client skips it, while a comment breaks some, and a chunk without candidates
/// spoils the history that others keep.
pub(crate) const KEEP_ALIVE: &[u8] = b"\r\n\r\n";

/// How the ids of calls begin that we made up because nobody gave them one.
pub(super) const MINTED: &str = "call_backstop_";

/// Longer names of tools are refused.
pub(super) const NAME_BYTES_MAX: usize = 128;

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    pub(super) prompt_feedback: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) model_version: Words<'a>,
    #[serde(borrow)]
    pub(super) response_id: Words<'a>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// One of the answers; we read the first.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    pub(super) index: Option<u64>,
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Words<'a>,
}

/// What one answer says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

/// A piece of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Words<'a>>,
    pub(super) thought: Option<bool>,
    #[serde(borrow)]
    pub(super) thought_signature: Words<'a>,
    #[serde(borrow)]
    pub(super) function_call: Option<Call<'a>>,
    #[serde(borrow)]
    pub(super) inline_data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) file_data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) executable_code: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) code_execution_result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_call: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_response: Option<&'a RawValue>,
}

/// A call of a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow)]
    pub(super) name: Words<'a>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
    /// Arguments in pieces, a form that a client has to ask for.
    #[serde(borrow)]
    pub(super) partial_args: Option<&'a RawValue>,
    pub(super) will_continue: Option<bool>,
}

impl<'a> Chunk<'a> {
    /// The chunk in `data`. Checking UTF-8 once is cheaper than at every string.
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        serde_json::from_str(std::str::from_utf8(data).ok()?).ok()
    }
}

impl Part<'_> {
    /// The name of what it holds that only this dialect has.
    pub(super) fn foreign(&self) -> Option<&'static str> {
        let kinds = [
            ("inlineData", self.inline_data.is_some()),
            ("fileData", self.file_data.is_some()),
            ("executableCode", self.executable_code.is_some()),
            ("codeExecutionResult", self.code_execution_result.is_some()),
            ("toolCall", self.tool_call.is_some()),
            ("toolResponse", self.tool_response.is_some()),
        ];
        kinds.into_iter().find(|(_, there)| *there).map(|(kind, _)| kind)
    }
}

/// What the end of an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The answer is over, for this reason.
    Finish(Finish),
    /// The model failed: its output cannot be used.
    Malformed,
    /// The provider gave up.
    GaveUp,
    /// A signature was missing or refused.
    Signature,
}

/// The meaning of a reason. That an answer called tools, the reason does not say.
pub(super) fn ending(reason: &str) -> Ending {
    Ending::Finish(match reason {
        "STOP" => Finish::End,
        "MAX_TOKENS" => Finish::Length,
        "CONTINUATION" | "TOO_MANY_TOOL_CALLS" => Finish::Paused,
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" => {
            return Ending::Malformed;
        }
        "OTHER" => return Ending::GaveUp,
        "MISSING_THOUGHT_SIGNATURE" => return Ending::Signature,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
        | "MODEL_ARMOR" | "ESCALATION" | "JAILBREAK" | "NO_IMAGE" => refused(reason),
        reason if reason.starts_with("IMAGE_") => refused(reason),
        other => Finish::Other(other.to_owned()),
    })
}

/// A refusal, with the API's word for why.
pub(super) fn refused(reason: &str) -> Finish {
    Finish::Refused { category: Some(reason.to_ascii_lowercase()) }
}

/// The reason as this dialect's clients know it. The one that asks them to go on is not used: some
/// do so by themselves, with a token that nobody here has.
pub(super) fn finish_reason(finish: Option<&Finish>) -> String {
    let word = match finish {
        None | Some(Finish::End | Finish::Stop(_) | Finish::ToolUse) => "STOP",
        Some(Finish::Length | Finish::WindowFull | Finish::Paused) => "MAX_TOKENS",
        Some(Finish::Refused { category: Some(category) }) => {
            let own = category.to_ascii_uppercase();
            let known = ending(&own) == Ending::Finish(refused(&own));
            return if known { own } else { "SAFETY".to_owned() };
        }
        Some(Finish::Refused { category: None }) => "SAFETY",
        Some(Finish::Other(_)) => "OTHER",
    };
    word.to_owned()
}

/// The figures of a `usageMetadata` object: the prompt includes what was cached, thoughts are counted
/// apart from the candidates.
pub(super) fn read_usage(raw: &RawValue) -> Option<Usage> {
    let usage: Value = serde_json::from_str(raw.get()).ok()?;
    usage.as_object()?;
    let figure = |name: &str| usage.get(name).and_then(whole).unwrap_or(0);
    let cache_read = figure("cachedContentTokenCount");
    let prompt = figure("promptTokenCount").saturating_add(figure("toolUsePromptTokenCount"));
    let reasoning = figure("thoughtsTokenCount");
    Some(Usage {
        input_uncached: prompt.saturating_sub(cache_read),
        cache_read,
        cache_write: 0,
        output: figure("candidatesTokenCount").saturating_add(reasoning),
        reasoning,
        basis: Basis::Reported,
    })
}

/// The `usageMetadata` object of these figures.
pub(super) fn usage_json(usage: &Usage) -> Value {
    let mut figures = Map::new();
    let mut set = |name: &str, figure: u64| {
        figures.insert(name.to_owned(), figure.into());
    };
    set("promptTokenCount", usage.input());
    set("candidatesTokenCount", usage.output.saturating_sub(usage.reasoning));
    set("totalTokenCount", usage.input().saturating_add(usage.output));
    if usage.cache_read > 0 {
        set("cachedContentTokenCount", usage.cache_read);
    }
    if usage.reasoning > 0 {
        set("thoughtsTokenCount", usage.reasoning);
    }
    figures.into()
}

/// A part that is a call.
pub(super) fn call_part(id: &str, name: &str, arguments: &str, signature: Option<&str>) -> Value {
    let args = crate::json::arguments_object(arguments);
    let mut part = json!({ "functionCall": { "id": id, "name": name, "args": null } });
    // Filled in here, because `json!` would copy it; its place is kept above.
    part["functionCall"]["args"] = args;
    if let Some(signature) = signature {
        part["thoughtSignature"] = signature.into();
    }
    part
}

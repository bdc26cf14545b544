//! Words of the wire that reading and writing share.

use backstop_exchange::{Artefact, Effort, Event, Finish};
use backstop_vocabulary::{Dialect, Usage};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::json::whole;

/// Where clients and providers meet.
pub(crate) const PATH: &str = "/v1/messages";

/// A ping: clients skip it anywhere in a stream, also before `message_start`.
pub(crate) const KEEP_ALIVE: &[u8] = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";

/// The signature of thoughts that have none of Anthropic's.
pub(crate) const OWN_SIGNATURE: &str = "backstop:unsigned";

/// The artefact kind of a `thinking` block's signature.
pub(crate) const SIGNATURE: &str = "signature";

/// The artefact kind of a `redacted_thinking` block's data.
pub(crate) const REDACTED: &str = "redacted";

/// State of this dialect.
pub(super) fn artefact(kind: &str, data: String) -> Artefact {
    Artefact { dialect: Dialect::AnthropicMessages, kind: kind.to_owned(), data }
}

/// The event of a signature.
pub(super) fn signed(data: String) -> Event {
    Event::ReasoningSignature(artefact(SIGNATURE, data))
}

/// The event of a thought that only its issuer can read.
pub(super) fn redacted(data: String) -> Event {
    Event::ReasoningOpaque(artefact(REDACTED, data))
}

/// The most letters of a tool's name.
pub(super) const TOOL_NAME_BYTES_MAX: usize = 128;

/// What minted call ids begin with.
pub(super) const CALL_ID_PREFIX: &str = "toolu_";

/// The most letters of a call id; the API states a pattern and no length.
pub(super) const CALL_ID_BYTES_MAX: usize = 256;

/// The block that is open in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenBlock {
    Text,
    Thinking {
        signed: bool,
    },
    /// A call; the arguments of a custom tool are one string of its input.
    Call {
        ordinal: u32,
        custom: bool,
    },
    /// A block of the provider that only its own bytes can fill.
    Other,
}

/// Usage as far as one event tells it; `None` is "not said here".
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct WireUsage {
    #[serde(default, deserialize_with = "figure")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "figure")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "figure")]
    cache_read_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "figure")]
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct OutputDetails {
    #[serde(default, deserialize_with = "figure")]
    thinking_tokens: Option<u64>,
}

/// A whole number, however it is written. Compatible servers put anything here, and no answer is
/// worth losing for a figure.
fn figure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(whole(&Value::deserialize(deserializer)?))
}

impl WireUsage {
    /// Puts what is said here over what was said before: the counters are cumulative.
    pub(super) fn apply(self, usage: &mut Usage) {
        let reasoning = self.output_tokens_details.and_then(|details| details.thinking_tokens);
        let pairs = [
            (&mut usage.input_uncached, self.input_tokens),
            (&mut usage.cache_write, self.cache_creation_input_tokens),
            (&mut usage.cache_read, self.cache_read_input_tokens),
            (&mut usage.output, self.output_tokens),
            (&mut usage.reasoning, reasoning),
        ];
        for (slot, said) in pairs {
            *slot = said.unwrap_or(*slot);
        }
    }
}

/// Usage as clients read it.
pub(super) fn usage_json(usage: &Usage) -> Value {
    let mut json = json!({
        "input_tokens": usage.input_uncached,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    });
    if usage.reasoning > 0 {
        json["output_tokens_details"] = json!({ "thinking_tokens": usage.reasoning });
    }
    json
}

/// What a refusal says about itself.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct StopDetails {
    category: Option<String>,
}

/// What a `stop_reason` means.
pub(super) fn read_finish(
    reason: &str,
    stop_sequence: Option<String>,
    details: Option<StopDetails>,
) -> Finish {
    match reason {
        "end_turn" => Finish::End,
        "stop_sequence" => Finish::Stop(stop_sequence),
        "tool_use" => Finish::ToolUse,
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::WindowFull,
        "pause_turn" => Finish::Paused,
        "refusal" => Finish::Refused { category: details.and_then(|details| details.category) },
        other => Finish::Other(other.to_owned()),
    }
}

/// The fields `stop_reason`, `stop_sequence` and `stop_details` that say why an answer ended.
///
/// An answer that holds calls ends in `tool_use` whatever a provider said about its natural end:
/// clients run the calls only then.
pub(crate) fn finish_fields(finish: Option<&Finish>, calls: usize) -> (String, Value, Value) {
    let natural = if calls > 0 { "tool_use" } else { "end_turn" };
    let (mut sequence, mut details) = (Value::Null, Value::Null);
    let reason = match finish {
        None | Some(Finish::End | Finish::Stop(None) | Finish::ToolUse) => natural,
        Some(Finish::Stop(Some(met))) => {
            sequence = Value::from(met.as_str());
            "stop_sequence"
        }
        Some(Finish::Length) => "max_tokens",
        Some(Finish::WindowFull) => "model_context_window_exceeded",
        Some(Finish::Paused) => "pause_turn",
        Some(Finish::Refused { category }) => {
            details = json!({ "type": "refusal", "category": category, "explanation": null });
            "refusal"
        }
        Some(Finish::Other(other)) => other,
    };
    (reason.to_owned(), sequence, details)
}

/// The efforts by their names here; `none` and `minimal` exist only elsewhere.
pub(crate) fn read_effort(name: &str) -> Option<Effort> {
    Some(match name {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::Xhigh,
        "max" => Effort::Max,
        _ => return None,
    })
}

/// The name of an effort; the lowest there is for those below it.
pub(super) const fn effort_name(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Xhigh => "xhigh",
        Effort::Max => "max",
    }
}

//! The JSON of chunks and answers, borrowed from the frame where possible.
//!
//! A whole answer is read with the same types as a chunk: it has a `message` where a chunk has a
//! `delta`. Lenient on purpose: compatible servers put `null`, numbers and lists where the original
//! has strings.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use backstop_exchange::Finish;
use backstop_vocabulary::{Basis, Usage};

use crate::json::whole;

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow)]
    pub(super) model: Words<'a>,
    #[serde(borrow)]
    pub(super) object: Words<'a>,
    #[serde(borrow)]
    pub(super) created: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) choices: Choices<'a>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    /// The chunk in `data`. Checking UTF-8 once is cheaper than at every string.
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        serde_json::from_str(std::str::from_utf8(data).ok()?).ok()
    }
}

/// One of the answers; we read the first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<i64>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    /// Boxed: no chunk has it, and each is moved several times.
    #[serde(borrow)]
    pub(super) message: Option<Box<Delta<'a>>>,
    #[serde(borrow)]
    pub(super) finish_reason: Words<'a>,
    /// vLLM: the stop string that was met, or the id of a stop token.
    #[serde(borrow)]
    pub(super) stop_reason: Option<&'a RawValue>,
    /// `OpenRouter`: why the finish reason is `error`.
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// What a chunk adds, or the whole message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Words<'a>,
    #[serde(borrow)]
    pub(super) refusal: Words<'a>,
    #[serde(borrow)]
    pub(super) reasoning_content: Words<'a>,
    #[serde(borrow)]
    pub(super) reasoning: Words<'a>,
    /// `OpenRouter`: the same text again in parts, or an encrypted thought.
    #[serde(borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<CallPiece<'a>>>,
    #[serde(borrow)]
    pub(super) function_call: Option<Box<FunctionPiece<'a>>>,
    /// Spoken words; only the provider's own bytes can carry them.
    #[serde(borrow)]
    pub(super) audio: Option<&'a RawValue>,
    /// `OpenRouter`: pictures the model made.
    #[serde(borrow)]
    pub(super) images: Option<&'a RawValue>,
}

/// A piece of a tool call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallPiece<'a> {
    pub(super) index: Option<i64>,
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow)]
    pub(super) function: Option<FunctionPiece<'a>>,
    #[serde(borrow)]
    pub(super) custom: Option<CustomPiece<'a>>,
}

/// A piece of a function's name and arguments; these may be an object instead of a string.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionPiece<'a> {
    #[serde(borrow)]
    pub(super) name: Words<'a>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// A piece of a custom tool's name and input.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CustomPiece<'a> {
    #[serde(borrow)]
    pub(super) name: Words<'a>,
    #[serde(borrow)]
    pub(super) input: Words<'a>,
}

/// The choice with index 0, without a list for it.
#[derive(Debug, Default)]
pub(super) struct Choices<'a> {
    /// Whether the field was there at all.
    pub(super) given: bool,
    pub(super) first: Option<Choice<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Choices::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut first = None;
                while let Some(choice) = seq.next_element::<Choice<'de>>()? {
                    if first.is_none() && choice.index.unwrap_or(0) == 0 {
                        first = Some(choice);
                    }
                }
                Ok(Choices { given: true, first })
            }
        }
        deserializer.deserialize_any(First)
    }
}

/// A string; `null` and numbers are empty, lists of parts are joined, of an object its `text`.
#[derive(Debug, Default)]
pub(crate) struct Words<'a>(Cow<'a, str>);

impl Words<'_> {
    pub(crate) const fn of(text: &str) -> Words<'_> {
        Words(Cow::Borrowed(text))
    }

    /// The same words, borrowed from these.
    pub(crate) fn share(&self) -> Words<'_> {
        Words::of(&self.0)
    }

    pub(crate) fn get(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Words(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Words(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Words(Cow::Owned(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Words::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut joined = String::new();
        while let Some(part) = seq.next_element::<Words<'de>>()? {
            joined.push_str(part.get());
        }
        Ok(Words(Cow::Owned(joined)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut text = Words::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "text" {
                text = map.next_value()?;
            } else {
                let _: IgnoredAny = map.next_value()?;
            }
        }
        Ok(text)
    }
}

/// A `usage` object; figures stay raw until they are needed, because servers put `null` anywhere.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage<'a> {
    #[serde(borrow)]
    prompt_tokens: Figure<'a>,
    #[serde(borrow)]
    completion_tokens: Figure<'a>,
    #[serde(borrow)]
    prompt_cache_hit_tokens: Figure<'a>,
    #[serde(borrow)]
    prompt_tokens_details: Figure<'a>,
    #[serde(borrow)]
    completion_tokens_details: Figure<'a>,
}

/// The parts of the prompt and of the completion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct WireDetails<'a> {
    #[serde(borrow)]
    cached_tokens: Figure<'a>,
    #[serde(borrow)]
    cache_write_tokens: Figure<'a>,
    #[serde(borrow)]
    reasoning_tokens: Figure<'a>,
}

type Figure<'a> = Option<&'a RawValue>;

/// A whole number from 0 up.
fn figure(raw: Figure<'_>) -> Option<u64> {
    let text = raw?.get();
    text.parse().ok().or_else(|| whole(&serde_json::from_str(text).ok()?))
}

fn details(raw: Figure<'_>) -> WireDetails<'_> {
    let text = raw.map(RawValue::get).filter(|text| text.starts_with('{'));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The figures of a `usage` object, where prompt tokens include cached ones and completion tokens
/// include reasoning.
pub(super) fn read_usage(raw: &RawValue) -> Option<Usage> {
    if !raw.get().starts_with('{') {
        return None;
    }
    let wire: WireUsage<'_> = serde_json::from_str(raw.get()).ok()?;
    let of_prompt = details(wire.prompt_tokens_details);
    let prompt = figure(wire.prompt_tokens).unwrap_or(0);
    let cache_read = figure(of_prompt.cached_tokens)
        .or_else(|| figure(wire.prompt_cache_hit_tokens))
        .unwrap_or(0);
    let cache_write = figure(of_prompt.cache_write_tokens).unwrap_or(0);
    let completion = figure(wire.completion_tokens).unwrap_or(0);
    let reasoning = figure(details(wire.completion_tokens_details).reasoning_tokens).unwrap_or(0);
    // Some servers leave reasoning out of the completion: then it shows as the larger figure.
    let output =
        if reasoning > completion { completion.saturating_add(reasoning) } else { completion };
    Some(Usage {
        input_uncached: prompt.saturating_sub(cache_read).saturating_sub(cache_write),
        cache_read,
        cache_write,
        output,
        reasoning,
        basis: Basis::Reported,
    })
}

/// The `usage` object of these figures.
pub(super) fn usage_json(usage: &Usage) -> Value {
    serde_json::json!({
        "prompt_tokens": usage.input(),
        "completion_tokens": usage.output,
        "total_tokens": usage.input().saturating_add(usage.output),
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}

/// What a writer must know of an answer to word its finish reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Whether it called tools.
    pub(super) calls: bool,
    /// Whether the model declined in its own words.
    pub(super) refusal: bool,
}

/// The finish reason in this dialect's words. An unknown reason stays what it was: calling it `stop`
/// would make a success of who knows what.
pub(super) fn finish_reason(finish: Option<&Finish>, seen: Seen) -> &str {
    match finish {
        None | Some(Finish::End | Finish::Stop(_)) if seen.calls => "tool_calls",
        None | Some(Finish::End | Finish::Stop(_)) => "stop",
        Some(Finish::ToolUse) => "tool_calls",
        Some(Finish::Length | Finish::WindowFull | Finish::Paused) => "length",
        Some(Finish::Refused { .. }) if seen.refusal => "stop",
        Some(Finish::Refused { .. }) => "content_filter",
        Some(Finish::Other(reason)) => reason,
    }
}

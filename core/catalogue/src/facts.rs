use std::collections::BTreeSet;

use backstop_exchange::{Abilities, ReasoningForm};
use serde::{Deserialize, Serialize};

use crate::Price;

/// What one source says of a model; what it does not speak of is `None`.
///
/// The names of the fields are those of the data files and of `catalogue:` in the settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// The context window in tokens: input, or input and output together where a vendor counts so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens_max: Option<u64>,
    /// The most output tokens it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u64>,
    /// Takes function tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// Calls several tools in one turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tools: Option<bool>,
    /// Takes images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<bool>,
    /// Takes PDF documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<bool>,
    /// Takes sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<bool>,
    /// Obeys a JSON schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<bool>,
    /// Continues a last assistant turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<bool>,
    /// Takes `temperature`, `top_p` and kin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<bool>,
    /// Takes stop strings, at most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_max: Option<u32>,
    /// Takes tools while it reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_with_reasoning: Option<bool>,
    /// Takes being told not to reason at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_optional: Option<bool>,
    /// Takes system turns in the middle of a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_turns: Option<bool>,
    /// Takes `max_completion_tokens` and refuses `max_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens_field: Option<bool>,
    /// How it takes reasoning settings.
    #[serde(with = "form", skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<ReasoningForm>,
    /// The efforts it knows, weakest first, in the words of its own API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efforts: Option<Vec<String>>,
    /// Parameters it refuses, in the words of its own API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuses: Option<BTreeSet<String>>,
    /// What it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeSet<Modality>>,
    /// What it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<BTreeSet<Modality>>,
    /// The length of its vectors unless another is asked for: an embedding model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// The day its provider stops serving it, `2027-07-24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retires_at: Option<String>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// PDF documents.
    Pdf,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Vectors.
    Embedding,
}

impl Modality {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Pdf => "pdf",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Embedding => "embedding",
        }
    }
}

/// Takes the value of the later source where it has one.
macro_rules! later {
    ($before:expr, $over:expr, $($field:ident),+) => {
        Self { $($field: $over.$field.clone().or_else(|| $before.$field.clone())),+ , price: price($before, $over) }
    };
}

impl Facts {
    /// These facts, with what another source says laid over them.
    #[must_use]
    pub fn under(&self, over: &Self) -> Self {
        fn price(before: &Facts, over: &Facts) -> Option<Price> {
            match (&before.price, &over.price) {
                (Some(before), Some(over)) => Some(before.under(over)),
                (one, other) => other.clone().or_else(|| one.clone()),
            }
        }
        later!(
            self,
            over,
            context_tokens_max,
            output_tokens_max,
            tools,
            parallel_tools,
            images,
            documents,
            audio,
            schema,
            prefill,
            sampling,
            stop_max,
            tools_with_reasoning,
            reasoning_optional,
            system_turns,
            completion_tokens_field,
            reasoning,
            efforts,
            refuses,
            inputs,
            outputs,
            dimensions,
            retires_at
        )
    }

    /// The abilities, with what these facts say laid over them.
    pub fn over(&self, base: &Abilities) -> Abilities {
        Abilities {
            tools: self.tools.unwrap_or(base.tools),
            images: self.images.unwrap_or(base.images),
            documents: self.documents.unwrap_or(base.documents),
            audio: self.audio.unwrap_or(base.audio),
            schema: self.schema.unwrap_or(base.schema),
            prefill: self.prefill.unwrap_or(base.prefill),
            sampling: self.sampling.unwrap_or(base.sampling),
            stop_max: self.stop_max.unwrap_or(base.stop_max),
            tools_with_reasoning: self.tools_with_reasoning.unwrap_or(base.tools_with_reasoning),
            reasoning_optional: self.reasoning_optional.unwrap_or(base.reasoning_optional),
            system_turns: self.system_turns.unwrap_or(base.system_turns),
            completion_tokens_field: self
                .completion_tokens_field
                .unwrap_or(base.completion_tokens_field),
            reasoning: self.reasoning.unwrap_or(base.reasoning),
            context_tokens_max: self.context_tokens_max.or(base.context_tokens_max),
            output_tokens_max: self.output_tokens_max.or(base.output_tokens_max),
            habits: base.habits,
        }
    }

    /// Every fact that is known, by name, as JSON; prices one by one.
    pub fn listed(&self) -> Vec<(String, serde_json::Value)> {
        let value = serde_json::to_value(self).unwrap_or_default();
        let fields = value.as_object().cloned().unwrap_or_default();
        let mut listed = Vec::new();
        for (name, value) in fields {
            match value.as_object() {
                Some(parts) => listed.extend(
                    parts.iter().map(|(part, value)| (format!("{name}.{part}"), value.clone())),
                ),
                None => listed.push((name, value)),
            }
        }
        listed
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The words for a form of reasoning settings.
mod form {
    use backstop_exchange::ReasoningForm;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        None,
        Budget,
        Adaptive,
        Effort,
    }

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde calls"
    )]
    pub(super) fn serialize<S: Serializer>(
        form: &Option<ReasoningForm>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match form.unwrap_or_default() {
            ReasoningForm::None => serializer.serialize_str("none"),
            ReasoningForm::Budget => serializer.serialize_str("budget"),
            ReasoningForm::Adaptive => serializer.serialize_str("adaptive"),
            ReasoningForm::Effort => serializer.serialize_str("effort"),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ReasoningForm>, D::Error> {
        let word = Option::<Word>::deserialize(deserializer)?;
        Ok(word.map(|word| match word {
            Word::None => ReasoningForm::None,
            Word::Budget => ReasoningForm::Budget,
            Word::Adaptive => ReasoningForm::Adaptive,
            Word::Effort => ReasoningForm::Effort,
        }))
    }
}

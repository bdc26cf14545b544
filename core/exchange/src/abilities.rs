use crate::{Features, Habits};

/// How a model takes its reasoning settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningForm {
    /// It does not reason, or takes no settings for it.
    #[default]
    None,
    /// A token budget (`thinking.budget_tokens`): Claude up to 4.5.
    Budget,
    /// `thinking: adaptive` with an effort: Claude from 4.6 on.
    Adaptive,
    /// `reasoning_effort`: `OpenAI`'s reasoning models.
    Effort,
}

/// What a target can do, from the catalogue and the settings.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent abilities, not a state")]
pub struct Abilities {
    /// Takes function tools.
    pub tools: bool,
    /// Takes images.
    pub images: bool,
    /// Takes PDF documents.
    pub documents: bool,
    /// Takes sound.
    pub audio: bool,
    /// Obeys a JSON schema.
    pub schema: bool,
    /// Continues a last assistant turn.
    pub prefill: bool,
    /// Takes `temperature`, `top_p` and kin.
    pub sampling: bool,
    /// Takes stop strings, at most so many.
    pub stop_max: u32,
    /// Takes tools while it reasons on this dialect; if not, reasoning is switched off for tools.
    pub tools_with_reasoning: bool,
    /// Takes being told not to reason at all; if not, it is asked to reason as little as it can.
    pub reasoning_optional: bool,
    /// Takes system turns in the middle of a conversation.
    pub system_turns: bool,
    /// Takes `max_completion_tokens` (and refuses `max_tokens`): `OpenAI`'s own models.
    pub completion_tokens_field: bool,
    /// How it takes reasoning settings.
    pub reasoning: ReasoningForm,
    /// The context window in tokens; `None` when unknown.
    pub context_tokens_max: Option<u64>,
    /// The most output tokens it gives; `None` when unknown.
    pub output_tokens_max: Option<u64>,
    /// How the server departs from Chat Completions.
    pub habits: Habits,
}

impl Default for Abilities {
    /// The safe assumptions about a model nobody has described: text, tools and sampling.
    fn default() -> Self {
        Self {
            tools: true,
            images: false,
            documents: false,
            audio: false,
            schema: false,
            prefill: false,
            sampling: true,
            stop_max: 4,
            tools_with_reasoning: true,
            reasoning_optional: false,
            system_turns: false,
            completion_tokens_field: false,
            reasoning: ReasoningForm::None,
            context_tokens_max: None,
            output_tokens_max: None,
            habits: Habits::PLAIN,
        }
    }
}

impl Abilities {
    /// These abilities of a model, at a server of these habits.
    #[must_use]
    pub fn at(self, habits: Habits) -> Self {
        Self {
            schema: self.schema && habits.schema,
            prefill: self.prefill || habits.prefill.is_some(),
            stop_max: if habits.stop { self.stop_max } else { 0 },
            habits,
            ..self
        }
    }

    /// The first thing the request needs and this target lacks, in the words of an error message.
    ///
    /// Prefill and structured output are not among them: both are emulated, and the loss is listed. What a route may
    /// allow to go without ([`crate::Forfeit`]) is not either.
    pub fn lack(&self, needs: &Features) -> Option<&'static str> {
        if needs.tools && !self.tools {
            return Some("tools");
        }
        let too_long = self.context_tokens_max.is_some_and(|max| needs.input_tokens_estimate > max);
        too_long.then_some("a context window this long")
    }
}

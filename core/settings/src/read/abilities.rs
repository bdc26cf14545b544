use backstop_catalogue::Facts;
use backstop_exchange::{Abilities, ReasoningForm};

use crate::faults::Faults;
use crate::section::{Field, Keys, Section};

pub(crate) const KEYS: Keys = Keys {
    section: "abilities",
    names: &[
        "tools",
        "images",
        "documents",
        "audio",
        "schema",
        "prefill",
        "sampling",
        "stop_max",
        "tools_with_reasoning",
        "reasoning_optional",
        "system_turns",
        "completion_tokens_field",
        "reasoning",
        "context_tokens_max",
        "output_tokens_max",
    ],
};

/// What a target can do where the operator knows better than the catalogue.
pub(crate) fn abilities(field: &Field<'_>, base: Abilities, faults: &mut Faults) -> Abilities {
    match field.section(faults, KEYS) {
        Some(section) => stated(&section, faults).over(&base),
        None => base,
    }
}

/// The abilities that stand in a section.
pub(crate) fn stated(section: &Section<'_>, faults: &mut Faults) -> Facts {
    let mut switch = |key| section.get(key).and_then(|field| field.switch(faults));
    let mut facts = Facts {
        tools: switch("tools"),
        images: switch("images"),
        documents: switch("documents"),
        audio: switch("audio"),
        schema: switch("schema"),
        prefill: switch("prefill"),
        sampling: switch("sampling"),
        tools_with_reasoning: switch("tools_with_reasoning"),
        reasoning_optional: switch("reasoning_optional"),
        system_turns: switch("system_turns"),
        completion_tokens_field: switch("completion_tokens_field"),
        ..Facts::default()
    };
    if let Some(most) = section.get("stop_max").and_then(|field| field.whole(faults, 0..=10_000)) {
        facts.stop_max = u32::try_from(most).ok();
    }
    if let Some(field) = section.get("reasoning") {
        let forms = [
            ("none", ReasoningForm::None),
            ("budget", ReasoningForm::Budget),
            ("adaptive", ReasoningForm::Adaptive),
            ("effort", ReasoningForm::Effort),
        ];
        facts.reasoning = field.word(faults, &forms);
    }
    let mut tokens =
        |key| section.get(key).and_then(|field| field.whole(faults, 1..=1_000_000_000));
    facts.context_tokens_max = tokens("context_tokens_max");
    facts.output_tokens_max = tokens("output_tokens_max");
    facts
}

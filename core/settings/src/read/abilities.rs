use backstop_exchange::{Abilities, ReasoningForm};

use crate::faults::Faults;
use crate::section::{Field, Keys};

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
    let mut abilities = base;
    let Some(section) = field.section(faults, KEYS) else { return abilities };
    let mut switch = |key, ability: &mut bool| {
        if let Some(on) = section.get(key).and_then(|field| field.switch(faults)) {
            *ability = on;
        }
    };
    switch("tools", &mut abilities.tools);
    switch("images", &mut abilities.images);
    switch("documents", &mut abilities.documents);
    switch("audio", &mut abilities.audio);
    switch("schema", &mut abilities.schema);
    switch("prefill", &mut abilities.prefill);
    switch("sampling", &mut abilities.sampling);
    switch("tools_with_reasoning", &mut abilities.tools_with_reasoning);
    switch("reasoning_optional", &mut abilities.reasoning_optional);
    switch("system_turns", &mut abilities.system_turns);
    switch("completion_tokens_field", &mut abilities.completion_tokens_field);
    if let Some(most) = section.get("stop_max").and_then(|field| field.whole(faults, 0..=10_000)) {
        abilities.stop_max = u32::try_from(most).unwrap_or(u32::MAX);
    }
    if let Some(field) = section.get("reasoning") {
        let forms = [
            ("none", ReasoningForm::None),
            ("budget", ReasoningForm::Budget),
            ("adaptive", ReasoningForm::Adaptive),
            ("effort", ReasoningForm::Effort),
        ];
        abilities.reasoning = field.word(faults, &forms).unwrap_or(abilities.reasoning);
    }
    let mut tokens =
        |key| section.get(key).and_then(|field| field.whole(faults, 1..=1_000_000_000));
    abilities.context_tokens_max = tokens("context_tokens_max").or(abilities.context_tokens_max);
    abilities.output_tokens_max = tokens("output_tokens_max").or(abilities.output_tokens_max);
    abilities
}

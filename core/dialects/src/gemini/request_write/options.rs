//! Everything but contents and tools: limits, sampling, thinking, format, identity.

use serde_json::{Map, Value};

use backstop_exchange::{Effort, Format, Reasoning, ReasoningForm};
use backstop_vocabulary::{Dialect, Failure};

use super::{Draft, NOT_HERE, unsupported};

/// Below this a thinking model may spend all it has on thoughts and answer nothing.
const THINKING_TOKENS_MIN: u64 = 2_048;
/// The least budget of models that cannot be kept from thinking.
const BUDGET_TOKENS_MIN: u64 = 128;
/// The most stop strings the API takes.
const STOP_MAX: usize = 5;
/// The highest temperature.
const TEMPERATURE_MAX: f64 = 2.0;

pub(super) fn write(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let thinks = write_thinking(draft);
    write_limit(draft, thinks)?;
    write_sampling(draft)?;
    write_stop(draft);
    write_format(draft)?;
    write_identity(draft);
    let config = std::mem::take(&mut draft.config);
    if !config.is_empty() {
        draft.set("generationConfig", Value::Object(config));
    }
    Ok(())
}

/// Whether the model will think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thinks {
    No,
    Perhaps,
}

fn write_thinking(draft: &mut Draft<'_>) -> Thinks {
    let request = draft.request;
    let asked = &request.reasoning;
    let off = is_off(asked);
    let field = draft.word("thinkingConfig");
    let mut config = Map::new();
    let mut thinks = if off { Thinks::No } else { Thinks::Perhaps };
    // A model nobody has described takes what its own client says.
    let form = match draft.target.abilities.reasoning {
        ReasoningForm::None if draft.is_native() && asked.effort.is_some() => ReasoningForm::Effort,
        ReasoningForm::None if draft.is_native() => ReasoningForm::Budget,
        form @ (ReasoningForm::None
        | ReasoningForm::Budget
        | ReasoningForm::Adaptive
        | ReasoningForm::Effort) => form,
    };
    match form {
        ReasoningForm::None => {
            if !off && (asked.effort.is_some() || asked.enabled == Some(true)) {
                draft.lose(field, "the model takes no reasoning settings");
            }
            return Thinks::No;
        }
        ReasoningForm::Budget => {
            if let Some(budget) = budget(draft) {
                config.insert("thinkingBudget".to_owned(), budget.into());
                if budget != 0 {
                    thinks = Thinks::Perhaps;
                }
            }
        }
        ReasoningForm::Effort | ReasoningForm::Adaptive => {
            if let Some(level) = level(draft) {
                config.insert("thinkingLevel".to_owned(), level.into());
            }
            thinks = Thinks::Perhaps;
        }
    }
    // Who switches thinking on in Messages is shown a summary of it.
    let shown = request.dialect == Some(Dialect::AnthropicMessages) && asked.enabled == Some(true);
    let visible = asked.visible.or_else(|| shown.then_some(true)).filter(|_| !off);
    if visible == Some(true) || (visible.is_some() && draft.is_native()) {
        config.insert("includeThoughts".to_owned(), visible.into());
    }
    if !config.is_empty() {
        draft.configure("thinkingConfig", Value::Object(config));
    }
    thinks
}

/// Whether the client wants no thinking.
fn is_off(asked: &Reasoning) -> bool {
    asked.enabled == Some(false) || asked.effort == Some(Effort::None)
}

/// The budget in tokens: −1 leaves it to the model, 0 is none.
fn budget(draft: &mut Draft<'_>) -> Option<i64> {
    let asked = &draft.request.reasoning;
    let field = draft.word("thinkingConfig");
    if is_off(asked) {
        if draft.target.abilities.reasoning_optional || draft.is_native() {
            return Some(0);
        }
        draft.lose(field, "cannot be switched off: the least there is");
        return i64::try_from(BUDGET_TOKENS_MIN).ok();
    }
    if let Some(budget) = asked.budget_tokens {
        return i64::try_from(budget).ok();
    }
    match asked.effort {
        None if asked.enabled == Some(true) || asked.adaptive => Some(-1),
        None => None,
        Some(effort) => Some(match effort {
            Effort::None => 0,
            Effort::Minimal => 512,
            Effort::Low => 2_048,
            Effort::Medium => 8_192,
            Effort::High => 16_384,
            Effort::Xhigh | Effort::Max => 24_576,
        }),
    }
}

/// The level: models that have levels always think.
fn level(draft: &mut Draft<'_>) -> Option<&'static str> {
    let asked = &draft.request.reasoning;
    let field = draft.word("thinkingConfig");
    if is_off(asked) {
        draft.lose(field, "cannot be switched off: the least there is");
        return Some("MINIMAL");
    }
    let effort = asked.effort.or_else(|| {
        asked.budget_tokens.map(|budget| match budget {
            0..2_000 => Effort::Low,
            2_000..8_000 => Effort::Medium,
            8_000.. => Effort::High,
        })
    })?;
    if asked.effort.is_none() {
        draft.lose(field, "the model takes a level instead of a budget");
    }
    Some(match effort {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High => "HIGH",
        Effort::Xhigh if draft.is_native() => "XHIGH",
        Effort::Xhigh | Effort::Max => {
            draft.lose(field, "lowered to high: not every model has more");
            "HIGH"
        }
    })
}

fn write_limit(draft: &mut Draft<'_>, thinks: Thinks) -> Result<(), Failure> {
    let Some(wanted) = draft.request.output_tokens_max else { return Ok(()) };
    if wanted == 0 {
        return Err(unsupported("this api cannot warm a cache: `max_tokens` must be 1 or more"));
    }
    let field = draft.word("maxOutputTokens");
    let mut limit = wanted;
    if !draft.is_native() && thinks == Thinks::Perhaps && limit < THINKING_TOKENS_MIN {
        limit = THINKING_TOKENS_MIN;
        draft.lose(field, "raised to 2048: reasoning counts");
    }
    if let Some(max) = draft.target.abilities.output_tokens_max
        && limit > max
    {
        limit = max;
        draft.lose(field, &format!("clamped to {max}"));
    }
    draft.configure("maxOutputTokens", limit);
    Ok(())
}

fn write_sampling(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let sampling = &draft.request.sampling;
    let native = draft.is_native();
    let numbers = [
        ("temperature", "temperature", sampling.temperature),
        ("topP", "top_p", sampling.top_p),
        ("presencePenalty", "presence_penalty", sampling.presence_penalty),
        ("frequencyPenalty", "frequency_penalty", sampling.frequency_penalty),
    ];
    for (ours, theirs, value) in numbers {
        let Some(value) = value else { continue };
        let field = if native { ours } else { theirs };
        if !draft.target.abilities.sampling {
            draft.lose(field, "the model takes no sampling settings");
        } else if ours == "temperature" && value > TEMPERATURE_MAX {
            draft.lose(field, "clamped to 2");
            draft.configure(ours, TEMPERATURE_MAX);
        } else {
            draft.configure(ours, value);
        }
    }
    if let Some(top_k) = sampling.top_k {
        draft.configure("topK", top_k);
    }
    match sampling.seed {
        Some(seed) if i32::try_from(seed).is_ok() => draft.configure("seed", seed),
        Some(_) => draft.lose("seed", "larger than gemini takes"),
        None => {}
    }
    if sampling.logit_bias.is_some() {
        draft.lose("logit_bias", NOT_HERE);
    }
    if let Some(top) = sampling.logprobs {
        draft.configure("responseLogprobs", true);
        if top > 0 {
            draft.configure("logprobs", top);
        }
    }
    match sampling.answers {
        Some(answers) if native => draft.configure("candidateCount", answers),
        Some(answers) if answers > 1 => {
            return Err(unsupported("several answers to one request go to their own dialect only"));
        }
        Some(_) | None => {}
    }
    Ok(())
}

fn write_stop(draft: &mut Draft<'_>) {
    let request = draft.request;
    let stop: Vec<&str> =
        request.stop.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    let taken: Vec<&str> = stop.iter().copied().take(STOP_MAX).collect();
    if taken.len() < stop.len() {
        let field = draft.word("stopSequences");
        draft.lose(field, crate::losses::WATCHED);
        draft.renames.watch(&request.stop);
    }
    if !taken.is_empty() {
        draft.configure("stopSequences", taken);
    }
}

fn write_format(draft: &mut Draft<'_>) -> Result<(), Failure> {
    let request = draft.request;
    if request.format == Format::Text {
        return Ok(());
    }
    let older = draft.target.abilities.reasoning == ReasoningForm::Budget;
    if older && !request.tools.is_empty() && !draft.is_native() {
        return Err(unsupported("this model answers in json only where no tools are offered"));
    }
    draft.configure("responseMimeType", "application/json");
    if let Format::Schema(schema) = &request.format {
        draft.configure("responseJsonSchema", schema.schema.clone());
        if schema.description.is_some() {
            let field = draft.word("responseSchema");
            draft.lose(&format!("{field}.description"), NOT_HERE);
        }
    }
    Ok(())
}

fn write_identity(draft: &mut Draft<'_>) {
    let request = draft.request;
    if request.verbosity.is_some() {
        draft.lose("verbosity", NOT_HERE);
    }
    if request.user.is_some() {
        let field = draft.word("user");
        draft.lose(field, NOT_HERE);
    }
    if !request.metadata.is_empty() {
        draft.lose("metadata", NOT_HERE);
    }
    match &request.service_tier {
        Some(tier) if draft.is_native() => draft.set("serviceTier", tier.as_str()),
        Some(tier) if tier != "auto" => {
            draft.lose("service_tier", "tiers differ between providers: the default");
        }
        Some(_) | None => {}
    }
}

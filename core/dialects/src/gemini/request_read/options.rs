//! `generationConfig` and what stands beside it.

use serde_json::Value;

use backstop_exchange::{Effort, Format, JsonSchema, Reasoning, Request};
use backstop_vocabulary::Failure;

use super::super::{keys, schema};
use crate::json::Fields;

pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    request.service_tier = fields.string("serviceTier")?;
    let Some(mut config) = keys::nested(fields, "generationConfig")? else { return Ok(()) };
    request.output_tokens_max = config.count("maxOutputTokens")?;
    read_sampling(&mut config, request)?;
    let stop = keys::list(&mut config, "stopSequences").unwrap_or_default();
    request.stop = stop.into_iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    read_format(&mut config, request)?;
    if let Some(thinking) = keys::nested(&mut config, "thinkingConfig")? {
        request.reasoning = read_thinking(thinking, &mut config)?;
    }
    read_modalities(&mut config, request);
    config.rest.retain(|_, value| !value.is_null());
    if !config.rest.is_empty() {
        fields.rest.insert("generationConfig".to_owned(), Value::Object(config.rest));
    }
    Ok(())
}

fn read_sampling(config: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let sampling = &mut request.sampling;
    sampling.temperature = config.number("temperature")?;
    sampling.top_p = config.number("topP")?;
    sampling.top_k = config.count("topK")?;
    sampling.presence_penalty = config.number("presencePenalty")?;
    sampling.frequency_penalty = config.number("frequencyPenalty")?;
    sampling.answers = config.count("candidateCount")?;
    sampling.seed = match config.value("seed") {
        None => None,
        Some(seed) => Some(seed.as_i64().ok_or_else(|| config.wrong("seed", "a whole number"))?),
    };
    let alternatives = config.count("logprobs")?;
    if config.flag("responseLogprobs")? == Some(true) {
        sampling.logprobs = Some(alternatives.unwrap_or(0));
    }
    Ok(())
}

/// The form of the answer. Lists of words and other forms of text stay for this dialect.
fn read_format(config: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    let own = config.value("responseSchema").map(schema::json_schema);
    let plain = ["responseJsonSchema", "_responseJsonSchema"];
    let plain = plain.into_iter().find_map(|name| config.value(name));
    let mime = config.string("responseMimeType")?.unwrap_or_default();
    request.format = match (mime.as_str(), plain.or(own)) {
        ("" | "application/json", Some(schema)) if schema.is_object() => {
            Format::Schema(JsonSchema { name: None, description: None, schema, strict: None })
        }
        ("application/json", _) => Format::Json,
        ("" | "text/plain", _) => Format::Text,
        (_, schema) => {
            config.rest.insert("responseMimeType".to_owned(), mime.into());
            if let Some(schema) = schema {
                config.rest.insert("responseJsonSchema".to_owned(), schema);
            }
            Format::Text
        }
    };
    Ok(())
}

fn read_thinking(mut thinking: Fields, config: &mut Fields) -> Result<Reasoning, Failure> {
    let mut reasoning =
        Reasoning { visible: thinking.flag("includeThoughts")?, ..Reasoning::default() };
    match thinking.value("thinkingBudget").as_ref().map(Value::as_i64) {
        None => {}
        Some(Some(0)) => reasoning.enabled = Some(false),
        Some(Some(-1)) => (reasoning.enabled, reasoning.adaptive) = (Some(true), true),
        Some(Some(budget)) if budget > 0 => {
            reasoning.enabled = Some(true);
            reasoning.budget_tokens = u64::try_from(budget).ok();
        }
        Some(_) => return Err(thinking.wrong("thinkingBudget", "a whole number, -1 or more")),
    }
    if let Some(level) = thinking.string("thinkingLevel")? {
        reasoning.effort = match level.to_ascii_uppercase().as_str() {
            "MINIMAL" => Some(Effort::Minimal),
            "LOW" => Some(Effort::Low),
            "MEDIUM" => Some(Effort::Medium),
            "HIGH" => Some(Effort::High),
            "XHIGH" => Some(Effort::Xhigh),
            _ => None,
        };
        if reasoning.effort.is_none() && level != "THINKING_LEVEL_UNSPECIFIED" {
            // A word of a newer API: its provider may know it.
            thinking.rest.insert("thinkingLevel".to_owned(), level.into());
        }
    }
    thinking.rest.retain(|_, value| !value.is_null());
    if !thinking.rest.is_empty() {
        config.rest.insert("thinkingConfig".to_owned(), Value::Object(thinking.rest));
    }
    Ok(reasoning)
}

/// Answers that are pictures or sound come from nobody else.
fn read_modalities(config: &mut Fields, request: &mut Request) {
    let Some(wanted) = keys::list(config, "responseModalities") else { return };
    let is_text =
        |word: &Value| word.as_str().is_some_and(|word| word.eq_ignore_ascii_case("text"));
    if !wanted.iter().all(is_text) {
        let name = "generationConfig.responseModalities";
        request.bound.get_or_insert_with(|| name.to_owned());
        config.rest.insert("responseModalities".to_owned(), wanted.into());
    }
}

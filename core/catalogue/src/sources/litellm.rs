//! `model_prices_and_context_window.json`: prices per token, limits in three keys.

use serde_json::Value;

use super::{Found, day, known, modalities, per_million, tokens};
use crate::{Facts, LongPrice, Modality, Price, names};

/// The steps of the prices for long inputs, in thousands of tokens.
const STEPS: [u64; 4] = [128, 200, 256, 272];

pub(super) fn read(value: &Value) -> Vec<Found> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(key, entry)| found(key, entry)).collect()
}

fn found(key: &str, entry: &Value) -> Option<Found> {
    if key == "sample_spec" {
        return None;
    }
    let provider = entry.get("litellm_provider")?.as_str()?;
    let mode = entry.get("mode").and_then(Value::as_str).unwrap_or("chat");
    if !matches!(mode, "chat" | "completion" | "responses" | "embedding") {
        return None;
    }
    let vendor = vendor(provider);
    let name = key.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    // `azure/eu/gpt-4o`: the price of one region is not the model's.
    if vendor != "openrouter" && vendor != "together" && name.contains('/') {
        return None;
    }
    let name =
        if matches!(vendor, "aws" | "google") { names::canonical(name) } else { name.to_owned() };
    Some(Found { vendor: vendor.to_owned(), name, facts: facts(entry, mode) })
}

/// Our word for a provider of theirs.
fn vendor(provider: &str) -> &str {
    match provider {
        // Vertex is Google's as well, and Bedrock is one of AWS's ways.
        "gemini" => "google",
        "together_ai" => "together",
        "bedrock" | "bedrock_converse" | "bedrock_mantle" => "aws",
        "azure" | "azure_text" | "azure_ai" => "azure",
        "text-completion-openai" => "openai",
        vertex if vertex.starts_with("vertex_ai") => "google",
        other => other,
    }
}

fn facts(entry: &Value, mode: &str) -> Facts {
    let can = |key: &str| entry.get(key).and_then(Value::as_bool);
    let limit = |key: &str| tokens(entry.get(key));
    let embeds = mode == "embedding";
    let mut facts = Facts {
        context_tokens_max: limit("max_input_tokens")
            .or_else(|| limit("max_tokens").filter(|_| embeds)),
        output_tokens_max: limit("max_output_tokens").filter(|_| !embeds),
        tools: can("supports_function_calling"),
        parallel_tools: can("supports_parallel_function_calling"),
        images: can("supports_vision"),
        documents: can("supports_pdf_input"),
        audio: can("supports_audio_input"),
        schema: can("supports_response_schema"),
        dimensions: limit("output_vector_size").and_then(|length| u32::try_from(length).ok()),
        retires_at: day(entry.get("deprecation_date")),
        outputs: modalities(entry.get("supported_output_modalities"))
            .map(|all| all.into_iter().collect()),
        price: price(entry),
        ..Facts::default()
    };
    if embeds {
        facts.tools = Some(false);
        facts.outputs = Some([Modality::Embedding].into());
    }
    facts
}

fn price(entry: &Value) -> Option<Price> {
    let cost = |key: &str| per_million(entry.get(key));
    let long = STEPS.iter().find_map(|step| {
        let above = |kind: &str| cost(&format!("{kind}_above_{step}k_tokens"));
        Some(LongPrice {
            above_tokens: step * 1000,
            input: above("input_cost_per_token")?,
            output: above("output_cost_per_token")?,
            cached_input: above("cache_read_input_token_cost"),
        })
    });
    known(Price {
        input: cost("input_cost_per_token"),
        output: cost("output_cost_per_token"),
        cached_input: cost("cache_read_input_token_cost"),
        cache_write: cost("cache_creation_input_token_cost"),
        long,
        ..Price::default()
    })
}

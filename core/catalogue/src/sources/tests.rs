use std::collections::BTreeSet;

use serde_json::json;

use super::*;

/// What is read of a text, a line for each model: `vendor/name: fact=value, …`.
fn check(value: &Value, form: Form, expected: &str) {
    let (found_form, found) = read(&value.to_string(), "here").unwrap();
    assert_eq!(found_form, form);
    // Whether maps keep their order depends on what else is built: it is not looked at.
    let line = |one: &Found| {
        let facts = one.facts.listed();
        let mut facts: Vec<String> =
            facts.iter().map(|(fact, value)| format!(" {fact}={value}")).collect();
        facts.sort();
        format!("{}/{}:{}", one.vendor, one.name, facts.concat()).replace('"', "")
    };
    let lines: BTreeSet<String> = found.iter().map(line).collect();
    let expected = expected.lines().map(|line| line.trim().to_owned());
    assert_eq!(lines, expected.filter(|line| !line.is_empty()).collect());
}

#[test]
fn reads_anthropic_s_list_with_its_capabilities() {
    let list = json!({ "data": [
        { "type": "model", "id": "claude-x-1", "max_input_tokens": 500_000, "max_tokens": 64_000,
          "retires_at": "2028-01-31T00:00:00Z",
          "capabilities": {
            "image_input": { "supported": true }, "pdf_input": { "supported": false },
            "structured_outputs": { "supported": true },
            "effort": { "supported": true, "low": { "supported": true }, "max": { "supported": false } },
            "thinking": { "types": { "adaptive": { "supported": true }, "enabled": { "supported": false },
                                     "disabled": { "supported": false } } } } },
        { "type": "model", "id": "claude-x-0" },
        { "type": "model" },
    ], "has_more": true, "last_id": "claude x/0" });
    check(
        &list,
        Form::Anthropic,
        "here/claude-x-1: context_tokens_max=500000 documents=false efforts=[low] images=true inputs=[text,image] output_tokens_max=64000 reasoning=adaptive reasoning_optional=false retires_at=2028-01-31 schema=true
         here/claude-x-0:",
    );
    assert_eq!(next_page(&list.to_string()).as_deref(), Some("after_id=claude%20x%2F0"));
}

#[test]
fn reads_what_compatible_servers_say_in_their_own_words() {
    check(
        &json!({ "object": "list", "data": [
            { "id": "gpt-x", "object": "model", "shutdown_date": "2027-05-01" },
            { "id": "vllm-x", "max_model_len": 32_768 },
            { "id": "groq-x", "context_window": 131_072, "max_completion_tokens": 8192 },
            { "id": "maker/router-x", "context_length": 200_000,
              "architecture": { "input_modalities": ["text", "image", "file", "smell"], "output_modalities": ["text"] },
              "pricing": { "prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003" },
              "top_provider": { "max_completion_tokens": 64_000 },
              "supported_parameters": ["tools", "temperature"] },
            { "id": "maker/auto", "pricing": { "prompt": "-1", "completion": "-1" } },
            { "id": "mistral-x", "max_context_length": 128_000,
              "capabilities": { "function_calling": true, "vision": false } },
        ] }),
        Form::Openai,
        "here/gpt-x: retires_at=2027-05-01
         here/vllm-x: context_tokens_max=32768
         here/groq-x: context_tokens_max=131072 output_tokens_max=8192
         here/maker/router-x: audio=false context_tokens_max=200000 documents=true images=true inputs=[text,image,pdf] output_tokens_max=64000 outputs=[text] price.cached_input=0.3 price.input=3.0 price.output=15.0 sampling=true schema=false tools=true
         here/maker/auto:
         here/mistral-x: context_tokens_max=128000 images=false tools=true",
    );
    check(
        &json!([{ "id": "together-x", "context_length": 8192, "pricing": { "input": 0.2, "output": 0.6 } }]),
        Form::Openai,
        "here/together-x: context_tokens_max=8192 price.input=0.2 price.output=0.6",
    );
}

#[test]
fn reads_the_gemini_api_s_list_and_leaves_out_what_neither_answers_nor_embeds() {
    let list = json!({ "models": [
        { "name": "models/gemini-x", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
          "supportedGenerationMethods": ["generateContent", "countTokens"] },
        { "name": "models/embed-x", "inputTokenLimit": 2048, "outputTokenLimit": 1,
          "supportedGenerationMethods": ["embedContent"] },
        { "name": "models/film-x", "supportedGenerationMethods": ["predictLongRunning"] },
    ], "nextPageToken": "a=b" });
    check(
        &list,
        Form::Gemini,
        "here/gemini-x: context_tokens_max=1048576 output_tokens_max=65536
         here/embed-x: context_tokens_max=2048 outputs=[embedding] tools=false",
    );
    assert_eq!(next_page(&list.to_string()).as_deref(), Some("pageToken=a%3Db"));
    assert_eq!(next_page("{}"), None);
}

#[test]
fn reads_litellm_s_price_map() {
    check(
        &json!({
            "sample_spec": { "litellm_provider": "one of …", "mode": "chat" },
            "house-1": { "litellm_provider": "openai", "mode": "chat", "max_input_tokens": 9000,
                "max_output_tokens": 1000, "max_tokens": 1000, "input_cost_per_token": 1.1e-06,
                "output_cost_per_token": 4.4e-06, "cache_read_input_token_cost": 2.75e-07,
                "input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 8e-06,
                "supports_function_calling": true, "supports_vision": false, "supports_assistant_prefill": true,
                "deprecation_date": "2027-02-03" },
            "gemini/house-2": { "litellm_provider": "gemini", "mode": "embedding", "max_input_tokens": 2048,
                "output_vector_size": 768, "input_cost_per_token": 1.5e-07 },
            "eu.anthropic.claude-x-20250929-v1:0": { "litellm_provider": "bedrock_converse", "mode": "chat" },
            "azure/eu/house-1": { "litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 9e-06 },
            "house-picture": { "litellm_provider": "openai", "mode": "image_generation" },
            "broken": { "litellm_provider": "openai", "max_input_tokens": 1e15 },
        }),
        Form::Litellm,
        "google/house-2: context_tokens_max=2048 dimensions=768 outputs=[embedding] price.input=0.15 tools=false
         aws/claude-x-20250929:
         openai/broken:
         openai/house-1: context_tokens_max=9000 images=false output_tokens_max=1000 price.cached_input=0.275 price.input=1.1 price.long={above_tokens:200000,input:2.0,output:8.0} price.output=4.4 retires_at=2027-02-03 tools=true",
    );
}

#[test]
fn reads_models_dev() {
    check(
        &json!({
            "anthropic": { "id": "anthropic", "name": "Anthropic", "models": {
                "claude-x": { "id": "claude-x", "tool_call": true, "reasoning": true, "temperature": true,
                    "modalities": { "input": ["text", "image", "pdf"], "output": ["text"] },
                    "limit": { "context": 200_000, "output": 64_000 },
                    "cost": { "input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75,
                              "context_over_200k": { "input": 6, "output": 22.5 } } } } },
            "google-vertex": { "models": { "claude-x@20250101": { "id": "claude-x@20250101" } } },
        }),
        Form::ModelsDev,
        "anthropic/claude-x: audio=false context_tokens_max=200000 documents=true images=true inputs=[text,image,pdf] output_tokens_max=64000 outputs=[text] price.cache_write=3.75 price.cached_input=0.3 price.input=3.0 price.long={above_tokens:200000,input:6.0,output:22.5} price.output=15.0 tools=true
         google/claude-x-20250101:",
    );
}

#[test]
fn refuses_what_is_no_list_of_models() {
    let wrong = |text: &str| read(text, "here").unwrap_err();
    assert!(wrong("<html>").starts_with("no JSON"));
    assert!(wrong("{\"error\":{\"message\":\"no\"}}").starts_with("neither"));
    assert!(wrong("{\"data\":[]}").contains("without a single model"));
    assert!(wrong("[]").contains("without a single model"));
    assert!(wrong("7").starts_with("neither"));
    assert!(wrong("{\"data\":[{\"id\":\"two words\"}]}").contains("without a single model"));
}

#[test]
fn reads_what_the_lists_of_azure_and_aws_say() {
    let azure = r#"{"object":"list","data":[
        {"id":"gpt-4o-2024-08-06","object":"model","capabilities":{"chat_completion":true,"embeddings":false},
         "deprecation":{"fine_tune":1,"inference":1790208000}},
        {"id":"text-embedding-3-small","object":"model","capabilities":{"embeddings":true}}]}"#;
    let (form, found) = read(azure, "azure").unwrap();
    assert_eq!((form, found.len()), (Form::Openai, 2));
    assert_eq!(found[0].facts.retires_at.as_deref(), Some("2026-09-24"));
    assert_eq!(found[0].facts.outputs, None);
    assert_eq!(found[1].facts.outputs, Some([Modality::Embedding].into()));
    let aws = r#"{"modelSummaries":[
        {"modelId":"amazon.nova-pro-v1:0","inputModalities":["TEXT","IMAGE"],"outputModalities":["TEXT"],
         "modelLifecycle":{"status":"LEGACY","endOfLifeTime":"2027-03-01T00:00:00Z"}},
        {"modelId":"amazon.titan-embed-text-v2:0","inputModalities":["TEXT"],"outputModalities":["EMBEDDING"]},
        {"modelId":"amazon.nova-canvas-v1:0","inputModalities":["TEXT"],"outputModalities":["IMAGE"]}]}"#;
    let (form, found) = read(aws, "aws").unwrap();
    assert_eq!((form, found.len()), (Form::Bedrock, 2), "what draws is left out");
    assert_eq!((found[0].facts.images, found[0].facts.documents), (Some(true), None));
    assert_eq!(found[0].facts.retires_at.as_deref(), Some("2027-03-01"));
    assert_eq!(found[1].facts.outputs, Some([Modality::Embedding].into()));
}

use serde_json::Value;

use backstop_exchange::{Format, JsonSchema, Request};
use backstop_vocabulary::Failure;

use crate::anthropic_messages::{read_effort, read_thinking};
use crate::json::Fields;
use crate::losses::Losses;

/// What only the model behind takes, and this API hands through.
const ADDITIONAL: &str = "additionalModelRequestFields";

/// Reads how tokens are drawn, how much is thought, and what form the answer has.
pub(super) fn read(
    fields: &mut Fields,
    request: &mut Request,
    losses: &mut Losses,
) -> Result<(), Failure> {
    if let Some(mut config) = fields.nested("inferenceConfig")? {
        request.output_tokens_max = config.count("maxTokens")?;
        request.sampling.temperature = config.number("temperature")?;
        request.sampling.top_p = config.number("topP")?;
        request.stop = stop(&mut config)?;
        losses.add_rest("inferenceConfig", &config);
    }
    if let Some(mut tier) = fields.nested("serviceTier")? {
        request.service_tier = tier.string("type")?;
    }
    output(fields, request, losses)?;
    additional(fields, request)
}

fn stop(config: &mut Fields) -> Result<Vec<String>, Failure> {
    let list = config.list("stopSequences")?.unwrap_or_default();
    let texts = list.iter().map(|stop| stop.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| config.wrong("stopSequences", "a list of strings"))
}

fn output(fields: &mut Fields, request: &mut Request, losses: &mut Losses) -> Result<(), Failure> {
    let Some(mut config) = fields.nested("outputConfig")? else { return Ok(()) };
    if let Some(effort) = config.string("effort")? {
        request.reasoning.effort = read_effort(&effort);
        if request.reasoning.effort.is_none() {
            losses.add("outputConfig.effort", "not known here");
        }
    }
    if let Some(mut form) = config.nested("textFormat")? {
        let structure = form.nested("structure")?;
        let schema = structure.map(|mut structure| structure.nested("jsonSchema")).transpose()?;
        let schema = schema.flatten();
        let mut schema = schema.ok_or_else(|| form.wrong("structure.jsonSchema", "given"))?;
        let text = schema.needed_string("schema")?;
        let read: Value = serde_json::from_str(&text)
            .map_err(|_| schema.wrong("schema", "a json schema, as a string"))?;
        request.format = Format::Schema(JsonSchema {
            name: schema.string("name")?,
            description: schema.string("description")?,
            schema: read,
            strict: None,
        });
    }
    losses.add_rest("outputConfig", &config);
    Ok(())
}

/// Claude's own settings, which every dialect knows, out of what only the model takes.
fn additional(fields: &mut Fields, request: &mut Request) -> Result<(), Failure> {
    // Any other value is the model's own business.
    if !fields.rest.get(ADDITIONAL).is_some_and(Value::is_object) {
        return Ok(());
    }
    let Some(mut own) = fields.nested(ADDITIONAL)? else { return Ok(()) };
    request.sampling.top_k = own.count("top_k")?;
    if own.rest.get("thinking").and_then(|thinking| thinking.get("type")).is_some() {
        read_thinking(&mut own, &mut request.reasoning)?;
    }
    if let Some(rest) = own.rest.shift_remove("thinking") {
        request.extras.insert("thinking".to_owned(), rest);
    }
    if !own.rest.is_empty() {
        request.extras.insert(ADDITIONAL.to_owned(), Value::Object(own.rest));
    }
    Ok(())
}

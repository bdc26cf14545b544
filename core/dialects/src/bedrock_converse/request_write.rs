//! A request → the body for a target: as Messages would have it, then in the words of this API.

mod blocks;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use backstop_exchange::{Format, Request};
use backstop_vocabulary::{Dialect, Failure};

use super::wire::{HERE, NAME_BYTES_MAX, call_id};
use crate::anthropic_messages::{Media, Tongue, write_fields};
use crate::json::bytes;
use crate::losses::Losses;
use crate::{TargetForm, Written};

const CONVERSE: Tongue = Tongue {
    dialect: HERE,
    not_here: "not in bedrock_converse",
    tool_name_bytes_max: NAME_BYTES_MAX,
    call_id,
    media: Media::Bytes,
};

/// What only the model behind takes, and this API hands through.
const ADDITIONAL: &str = "additionalModelRequestFields";

pub(crate) fn write_request(
    request: &Request,
    target: &TargetForm<'_>,
) -> Result<Written, Failure> {
    let draft = write_fields(request, target, &CONVERSE)?;
    let mut writer =
        Writer { request, target, from: draft.body, body: Map::new(), losses: draft.losses };
    writer.write()?;
    let body = bytes(&Value::Object(writer.body));
    Ok(Written { body, losses: writer.losses.into_list(), renames: draft.renames })
}

/// Says in this API's words what is said in those of Messages.
struct Writer<'a> {
    request: &'a Request,
    target: &'a TargetForm<'a>,
    /// What is not said yet.
    from: Map<String, Value>,
    body: Map<String, Value>,
    losses: Losses,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), Failure> {
        // They stand in the path.
        self.take("model");
        self.take("stream");
        let messages = self.messages()?;
        self.body.insert("messages".to_owned(), messages);
        if let Some(system) = self.take("system") {
            let system = blocks::texts(system);
            self.body.insert("system".to_owned(), system);
        }
        self.tools();
        self.inference();
        self.output();
        self.rest();
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.from.shift_remove(name)
    }

    fn messages(&mut self) -> Result<Value, Failure> {
        let Some(Value::Array(messages)) = self.take("messages") else { return Ok(json!([])) };
        let written = messages.into_iter().map(|mut message| {
            let content = blocks::content_of(message["content"].take(), &mut self.losses)?;
            Ok(json!({ "role": message["role"], "content": content }))
        });
        written.collect()
    }

    /// `toolConfig`, which must be there as soon as the conversation holds a call.
    fn tools(&mut self) {
        let choice = self.take("tool_choice");
        let mut tools = match self.take("tools") {
            Some(Value::Array(tools)) => tools.into_iter().flat_map(blocks::tool).collect(),
            Some(_) | None => Vec::new(),
        };
        let called = blocks::tools_of_history(self.body.get("messages"));
        if choice.as_ref().is_some_and(|choice| choice["type"] == "none") && called.is_empty() {
            self.losses
                .add("tool_choice", "calls cannot be forbidden here: the tools were left out");
            return;
        }
        if tools.is_empty() {
            tools = called;
            if !tools.is_empty() {
                self.losses.add("tools", "those of the history were declared");
            }
        }
        if tools.is_empty() {
            return;
        }
        let mut config = json!({ "tools": tools });
        if let Some(choice) = choice.and_then(|choice| self.choice(&choice)) {
            config["toolChoice"] = choice;
        }
        self.body.insert("toolConfig".to_owned(), config);
    }

    fn choice(&mut self, choice: &Value) -> Option<Value> {
        if choice["disable_parallel_tool_use"] == true {
            self.losses.add("parallel_tool_calls", CONVERSE.not_here);
        }
        match choice["type"].as_str()? {
            "any" => Some(json!({ "any": {} })),
            "tool" => Some(json!({ "tool": { "name": choice["name"] } })),
            "none" => {
                self.losses.add("tool_choice", "calls cannot be forbidden here");
                None
            }
            _ => Some(json!({ "auto": {} })),
        }
    }

    fn inference(&mut self) {
        let mut config = Map::new();
        let limit = self.take("max_tokens");
        // Messages demands a limit; here the model's own stands unless thoughts are counted in it.
        let counted = self.from.get("thinking").is_some_and(|form| form["type"] == "enabled");
        if counted || self.request.output_tokens_max.is_some() {
            config.extend(limit.map(|limit| ("maxTokens".to_owned(), limit)));
        }
        for (theirs, ours) in
            [("temperature", "temperature"), ("top_p", "topP"), ("stop_sequences", "stopSequences")]
        {
            config.extend(self.take(theirs).map(|value| (ours.to_owned(), value)));
        }
        if !config.is_empty() {
            self.body.insert("inferenceConfig".to_owned(), Value::Object(config));
        }
    }

    fn output(&mut self) {
        let Some(mut said) = self.take("output_config") else { return };
        let mut config = Map::new();
        if let (Some(_), Format::Schema(form)) = (said.get("format"), &self.request.format) {
            let schema = said["format"]["schema"].take().to_string();
            let mut json = json!({ "schema": schema });
            for (name, value) in [("name", &form.name), ("description", &form.description)] {
                if let Some(value) = value {
                    json[name] = value.as_str().into();
                }
            }
            let form = json!({ "type": "json_schema", "structure": { "jsonSchema": json } });
            config.insert("textFormat".to_owned(), form);
        }
        if let Some(effort) = said.get("effort") {
            config.insert("effort".to_owned(), effort.clone());
        }
        if !config.is_empty() {
            self.body.insert("outputConfig".to_owned(), Value::Object(config));
        }
    }

    /// What only Claude takes, the tier, and what only this dialect knows.
    fn rest(&mut self) {
        let request = self.request;
        let extras = Some(&request.extras).filter(|_| request.dialect == Some(HERE));
        let own = extras.and_then(|extras| extras.get(ADDITIONAL)).and_then(Value::as_object);
        let mut own = own.cloned().unwrap_or_default();
        for field in ["thinking", "top_k"] {
            let Some(value) = self.take(field) else { continue };
            if self.is_claude() {
                own.insert(field.to_owned(), value);
            } else {
                self.losses.add(field, "the model takes it in no form known here");
            }
        }
        if !own.is_empty() {
            self.body.insert(ADDITIONAL.to_owned(), Value::Object(own));
        }
        if let Some(tier) = self.take("service_tier") {
            self.body.insert("serviceTier".to_owned(), json!({ "type": tier }));
        }
        if self.take("metadata").is_some() {
            let field = match self.request.dialect {
                Some(Dialect::AnthropicMessages) => "metadata.user_id",
                _ => "user",
            };
            self.losses.add(field, CONVERSE.not_here);
        }
        for (name, value) in extras.into_iter().flatten().filter(|(name, _)| *name != "thinking") {
            if !self.body.contains_key(name) {
                self.body.insert(name.clone(), value.clone());
            }
        }
    }

    /// Whether the model is one of Anthropic's, by the names that AWS gives them.
    fn is_claude(&self) -> bool {
        ["anthropic.", "claude"].iter().any(|mark| self.target.model.contains(mark))
    }
}

use backstop_exchange::{Tool, ToolChoice, ToolKind};
use backstop_vocabulary::Failure;
use serde_json::{Map, Value, json};

use super::{Writer, unsupported};
use crate::dispatch::tool_elsewhere;
use crate::losses::{FLATTENED, REWRITTEN};
use crate::schema::{Subset, flat_root, lower_tool};
use crate::tool_names::input_schema;

impl Writer<'_> {
    /// The fields `tools` and `tool_choice`.
    pub(super) fn tools(&mut self) -> Result<(), Failure> {
        let request = self.request;
        let mut tools = Vec::with_capacity(request.tools.len());
        let allowed = request.tool_choice.allowed();
        for tool in &request.tools {
            // Here the choice of some among many is made by offering no others.
            if allowed.as_ref().is_none_or(|allowed| allowed.contains(tool.name.as_str())) {
                tools.push(self.tool(tool)?);
            } else {
                self.lose("tools", "those not allowed are left out");
            }
        }
        if tools.is_empty() {
            if request.tool_choice != ToolChoice::Unsaid {
                self.lose("tool_choice", "there are no tools");
            }
            return Ok(());
        }
        self.put("tools", Value::Array(tools));
        let choice = self.tool_choice();
        self.put("tool_choice", choice);
        Ok(())
    }

    fn tool(&mut self, tool: &Tool) -> Result<Value, Failure> {
        match &tool.kind {
            ToolKind::Hosted { dialect, json } if *dialect == self.tongue.dialect => {
                return Ok(json.clone());
            }
            ToolKind::Hosted { dialect, json } => {
                let stand = tool_elsewhere(*dialect, json)
                    .ok_or_else(|| unsupported("tools of another provider"))?;
                self.losses.add_beyond_function(json.as_object().into_iter().flatten());
                return Ok(json!({
                    "name": self.renames.fit(&tool.name, self.tongue.tool_name_bytes_max),
                    "description": stand.description,
                    "input_schema": stand.schema,
                }));
            }
            ToolKind::Custom => return Ok(self.custom_tool(tool)),
            ToolKind::Function => {}
        }
        let mut map = Map::new();
        map.insert(
            "name".to_owned(),
            json!(self.renames.fit(&tool.name, self.tongue.tool_name_bytes_max)),
        );
        if let Some(description) = &tool.description {
            map.insert("description".to_owned(), json!(description));
        }
        let schema = self.input_schema(tool);
        let (schema, strict) = self.strict_schema(tool, schema);
        map.insert("input_schema".to_owned(), schema);
        if let Some(strict) = strict {
            map.insert("strict".to_owned(), json!(strict));
        }
        for (field, value) in &tool.extras {
            if self.native {
                map.insert(field.clone(), value.clone());
            } else {
                self.lose(&format!("tools.{field}"), self.tongue.not_here);
            }
        }
        Ok(self.with_hint(Value::Object(map), tool.cache_hint.as_ref()))
    }

    /// The schema as the target enforces it, and whether it is asked to.
    fn strict_schema(&mut self, tool: &Tool, schema: Value) -> (Value, Option<bool>) {
        if self.native || tool.strict != Some(true) {
            return (schema, tool.strict.filter(|_| self.native));
        }
        let lowered =
            lower_tool(&schema, Subset::Anthropic).filter(|_| self.target.abilities.schema);
        let Some(lowered) = lowered else {
            self.lose("tools.strict", "the target does not enforce such a schema");
            return (schema, None);
        };
        if lowered != schema {
            self.lose("tools.input_schema", REWRITTEN);
        }
        (lowered, Some(true))
    }

    /// A tool with free text, as a function of one string: its calls are mapped back.
    fn custom_tool(&mut self, tool: &Tool) -> Value {
        let name = self.renames.fit(&tool.name, self.tongue.tool_name_bytes_max);
        self.renames.emulate(&name);
        if tool.extras.contains_key("format") {
            self.lose("tools.format", "the grammar is not enforced");
        }
        self.losses.add_beyond_function(&tool.extras);
        let mut written = json!({ "name": name, "input_schema": input_schema() });
        if let Some(description) = &tool.description {
            written["description"] = json!(description);
        }
        written
    }

    /// The schema of the arguments, whose root must be an object here.
    fn input_schema(&mut self, tool: &Tool) -> Value {
        if !self.native
            && let Some(flat) = tool.schema.as_ref().and_then(flat_root)
        {
            self.lose("tools.input_schema", FLATTENED);
            return flat;
        }
        match &tool.schema {
            Some(Value::Object(schema)) if schema.contains_key("type") || self.native => {
                Value::Object(schema.clone())
            }
            Some(Value::Object(schema)) => {
                let mut typed = Map::new();
                typed.insert("type".to_owned(), json!("object"));
                typed.extend(schema.clone());
                Value::Object(typed)
            }
            Some(_) | None => json!({ "type": "object", "properties": {} }),
        }
    }

    fn tool_choice(&mut self) -> Value {
        let serial = self.request.parallel_tools.map(|parallel| !parallel);
        let mut choice = match &self.request.tool_choice {
            // The flag has no other place than a choice.
            ToolChoice::Unsaid if serial == Some(true) => json!({ "type": "auto" }),
            ToolChoice::Unsaid => return Value::Null,
            ToolChoice::Auto | ToolChoice::Among { required: false, .. } => {
                json!({ "type": "auto" })
            }
            ToolChoice::Any | ToolChoice::Among { required: true, .. } => json!({ "type": "any" }),
            ToolChoice::None => return json!({ "type": "none" }),
            ToolChoice::Named(name) => {
                json!({ "type": "tool", "name": self.renames.fit(name, self.tongue.tool_name_bytes_max) })
            }
        };
        if let Some(serial) = serial.filter(|serial| *serial || self.native) {
            choice["disable_parallel_tool_use"] = json!(serial);
        }
        choice
    }
}

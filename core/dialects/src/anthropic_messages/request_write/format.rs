use backstop_exchange::{Format, JsonSchema, Text};
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use super::Writer;
use crate::losses::REWRITTEN;
use crate::schema::{Subset, lower};

impl Writer<'_> {
    /// The `output_config.format`; where the target has none, an instruction in `system` instead.
    pub(super) fn format(&mut self, system: &mut Vec<Text>) -> Option<Value> {
        if let Format::Schema(form) = &self.request.format
            && self.target.abilities.schema
            && let Some(schema) = self.fitted_schema(form)
        {
            let schema = self.described(schema, form);
            return Some(json!({ "type": "json_schema", "schema": schema }));
        }
        let (instruction, reason) = match &self.request.format {
            Format::Text => return None,
            Format::Schema(form) => (
                format!(
                    "Reply with one JSON value that obeys this JSON Schema, and nothing else:\n{}",
                    self.described(form.schema.clone(), form)
                ),
                "emulated by an instruction",
            ),
            Format::Json => (
                "Reply with one JSON object and nothing else.".to_owned(),
                "json mode emulated by an instruction",
            ),
        };
        self.lose(self.format_field(), reason);
        system.push(Text::plain(instruction));
        None
    }

    /// The schema with what it is for, where that has no place of its own.
    fn described(&self, mut schema: Value, form: &JsonSchema) -> Value {
        let apart = self.tongue.dialect == Dialect::BedrockConverse;
        let said = form.description.as_deref().filter(|_| !apart);
        if let (Some(said), Some(root)) = (said, schema.as_object_mut()) {
            root.entry("description").or_insert_with(|| said.into());
        }
        schema
    }

    /// The schema as this provider enforces it; `None` for one whose meaning it cannot hold.
    fn fitted_schema(&mut self, form: &JsonSchema) -> Option<Value> {
        if self.native {
            return Some(form.schema.clone());
        }
        let lowered = lower(&form.schema, Subset::Anthropic)?;
        if lowered != form.schema {
            self.lose(self.format_field(), REWRITTEN);
        }
        Some(lowered)
    }
}

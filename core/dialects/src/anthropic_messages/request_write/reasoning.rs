use backstop_exchange::{Effort, ReasoningForm, ToolChoice};
use serde_json::{Map, Value, json};

use super::super::wire::effort_name;
use super::Writer;

/// The least thinking budget the API takes.
const BUDGET_TOKENS_MIN: u64 = 1_024;

impl Writer<'_> {
    /// The `thinking` field, in the form this target takes; `null` for none.
    pub(super) fn thinking(&mut self, tokens_max: u64, messages: &[Value]) -> Value {
        let asked = &self.request.reasoning;
        let off = self.is_off();
        let on = asked.enabled == Some(true) || (!self.native && asked.effort.is_some());
        let form = self.target.abilities.reasoning;
        let no_tools = self.request.tools.is_empty();
        let thinking = match form {
            ReasoningForm::None => {
                if on || asked.effort.is_some_and(|effort| effort != Effort::None) {
                    self.lose(self.thinking_field(), "the model does not reason");
                }
                return Value::Null;
            }
            ReasoningForm::Adaptive | ReasoningForm::Effort
                if off && !self.target.abilities.reasoning_optional =>
            {
                self.lose(self.thinking_field(), "cannot be switched off: the lowest effort");
                return Value::Null;
            }
            ReasoningForm::Budget | ReasoningForm::Adaptive | ReasoningForm::Effort if off => {
                return json!({ "type": "disabled" });
            }
            _ if on && !no_tools && !self.target.abilities.tools_with_reasoning => {
                self.lose(self.thinking_field(), "not together with tools");
                return json!({ "type": "disabled" });
            }
            ReasoningForm::Budget if on => self.budget(tokens_max, messages),
            ReasoningForm::Adaptive if on => json!({ "type": "adaptive" }),
            ReasoningForm::Effort
                if on && asked.effort.is_none() && asked.budget_tokens.is_none() =>
            {
                self.lose(self.thinking_field(), "the model takes an effort only");
                Value::Null
            }
            ReasoningForm::Budget | ReasoningForm::Adaptive | ReasoningForm::Effort => Value::Null,
        };
        self.with_display(thinking)
    }

    /// Whether the client wants no reasoning.
    fn is_off(&self) -> bool {
        let asked = &self.request.reasoning;
        asked.enabled == Some(false) || asked.effort == Some(Effort::None)
    }

    /// The `output_config` field: effort, format, and what only this dialect knows.
    pub(super) fn output_config(&mut self, format: Option<Value>) {
        let mut config = Map::new();
        let of_budget = self.effort_of_budget();
        let effort = if self.is_off() && !self.target.abilities.reasoning_optional {
            Some(Effort::Low)
        } else {
            self.request.reasoning.effort.or(of_budget)
        };
        if let Some(effort) = effort {
            self.put_effort(effort, &mut config);
        }
        if let Some(format) = format {
            config.insert("format".to_owned(), format);
        }
        let extra = self.request.extras.get("output_config").and_then(Value::as_object);
        if let Some(extra) = extra.filter(|_| self.native) {
            config.extend(extra.clone());
        }
        if !config.is_empty() {
            self.put("output_config", Value::Object(config));
        }
    }

    fn put_effort(&mut self, effort: Effort, config: &mut Map<String, Value>) {
        match self.target.abilities.reasoning {
            ReasoningForm::Adaptive | ReasoningForm::Effort => {
                if effort == Effort::None {
                    return;
                }
                if effort == Effort::Minimal {
                    self.lose(self.thinking_field(), "raised to low");
                }
                config.insert("effort".to_owned(), json!(effort_name(effort)));
            }
            // An effort from elsewhere became a budget; one of this dialect has no other place.
            ReasoningForm::Budget | ReasoningForm::None => {
                if self.native {
                    self.lose("output_config.effort", "the model takes no effort");
                }
            }
        }
    }

    /// A budget that was asked of a target that takes efforts only.
    fn effort_of_budget(&mut self) -> Option<Effort> {
        let budget = self.request.reasoning.budget_tokens?;
        match self.target.abilities.reasoning {
            ReasoningForm::None | ReasoningForm::Budget => return None,
            ReasoningForm::Adaptive | ReasoningForm::Effort => {}
        }
        self.lose("thinking.budget_tokens", "the model takes an effort instead");
        Some(match budget {
            0..2_000 => Effort::Low,
            2_000..8_000 => Effort::Medium,
            8_000..24_000 => Effort::High,
            _ => Effort::Xhigh,
        })
    }

    /// The `enabled` form, unless something in the request rules it out.
    fn budget(&mut self, tokens_max: u64, messages: &[Value]) -> Value {
        let field = self.thinking_field();
        let forced = match self.request.tool_choice {
            ToolChoice::Any | ToolChoice::Named(_) | ToolChoice::Among { required: true, .. } => {
                true
            }
            ToolChoice::Unsaid
            | ToolChoice::Auto
            | ToolChoice::None
            | ToolChoice::Among { required: false, .. } => false,
        };
        if forced {
            self.lose(field, "not together with a forced tool");
            return Value::Null;
        }
        if messages.last().is_some_and(|last| last["role"] == "assistant") {
            self.lose(field, "not together with a begun answer");
            return Value::Null;
        }
        if pending_calls_lack_thinking(messages) {
            self.lose(field, "earlier calls were made without it");
            return Value::Null;
        }
        let asked = &self.request.reasoning;
        let wished = asked.budget_tokens.unwrap_or_else(|| budget_of(asked.effort));
        // A budget the client chose only has to stay below the limit; one of ours leaves half of it.
        let most = match asked.budget_tokens {
            Some(_) => tokens_max.saturating_sub(1),
            None => tokens_max / 2,
        };
        let budget = wished.max(BUDGET_TOKENS_MIN).min(most);
        if budget < BUDGET_TOKENS_MIN {
            self.lose(field, "the output limit is too small for it");
            return Value::Null;
        }
        if asked.budget_tokens.is_some_and(|asked| asked != budget) {
            self.lose(field, &format!("budget set to {budget}"));
        } else if asked.budget_tokens.is_none() && asked.adaptive {
            self.lose(field, &format!("adaptive became a budget of {budget}"));
        }
        json!({ "type": "enabled", "budget_tokens": budget })
    }

    /// Adds what else the client said about thinking.
    fn with_display(&mut self, mut thinking: Value) -> Value {
        let extra = self.request.extras.get("thinking").filter(|_| self.native);
        if thinking.is_null() {
            // A form only this dialect has, and only its newer models.
            let whole = extra.filter(|extra| extra.get("type").is_some());
            return match (whole, self.target.abilities.reasoning) {
                (Some(whole), ReasoningForm::Adaptive) => whole.clone(),
                (Some(_), _) => {
                    self.lose("thinking", "this form is not known at the model");
                    Value::Null
                }
                (None, _) => Value::Null,
            };
        }
        let display = self
            .request
            .reasoning
            .visible
            .map(|visible| if visible { "summarized" } else { "omitted" });
        if let Some(display) = display {
            thinking["display"] = json!(display);
        }
        if let (Some(extra), Some(map)) =
            (extra.and_then(Value::as_object), thinking.as_object_mut())
        {
            map.extend(extra.clone());
        }
        thinking
    }

    fn thinking_field(&self) -> &'static str {
        self.word("thinking")
    }
}

/// The budget for an effort; `high` is where the vendor's own default lies.
const fn budget_of(effort: Option<Effort>) -> u64 {
    match effort {
        Some(Effort::None | Effort::Minimal | Effort::Low) => 2_048,
        Some(Effort::Medium) => 8_192,
        Some(Effort::High) | None => 16_384,
        Some(Effort::Xhigh) => 24_576,
        Some(Effort::Max) => 32_000,
    }
}

/// Whether the turn whose calls were just answered begins without a thinking block: with a budget
/// the API refuses it, and after a detour to another vendor there is none.
fn pending_calls_lack_thinking(messages: &[Value]) -> bool {
    let has = |message: &Value, kind: &str| {
        let blocks = message["content"].as_array();
        blocks.is_some_and(|blocks| blocks.iter().any(|block| block["type"] == kind))
    };
    let answers = messages.last().is_some_and(|last| has(last, "tool_result"));
    let calls = messages.iter().rev().find(|message| message["role"] == "assistant");
    let first = calls.and_then(|calls| calls["content"].get(0)).map(|block| &block["type"]);
    answers && first.is_some_and(|kind| kind != "thinking" && kind != "redacted_thinking")
}

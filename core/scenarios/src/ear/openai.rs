use serde_json::Value;

use super::{Flaw, Heard, malformed};

/// A stream of chat completion chunks.
#[derive(Debug, Default)]
pub(super) struct State {
    heard: Heard,
    finish_reason: Option<String>,
    pub(super) done: bool,
}

impl State {
    pub(super) fn has_begun(&self) -> bool {
        !self.heard.text.is_empty() || !self.heard.calls.is_empty()
    }

    pub(super) fn frame(&mut self, data: &str) -> Result<(), Flaw> {
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let json: Value =
            serde_json::from_str(data).map_err(|error| malformed(error.to_string()))?;
        error_inside(&json)?;
        if json.get("object").and_then(Value::as_str) != Some("chat.completion.chunk") {
            return Err(malformed("a frame that is no chunk"));
        }
        let model = json.get("model").and_then(Value::as_str).unwrap_or_default();
        model.clone_into(&mut self.heard.model);
        let choices = json.get("choices").and_then(Value::as_array);
        for choice in choices.ok_or_else(|| malformed("a chunk without choices"))? {
            let reason = choice.get("finish_reason").and_then(Value::as_str);
            let delta = choice.get("delta").ok_or_else(|| malformed("a choice without delta"))?;
            let has_content =
                delta.get("content").and_then(Value::as_str).is_some_and(|it| !it.is_empty());
            if self.finish_reason.is_some() && (has_content || delta.get("tool_calls").is_some()) {
                return Err(malformed("content after finish_reason"));
            }
            self.finish_reason = reason.map(str::to_owned).or_else(|| self.finish_reason.take());
            self.delta(delta)?;
        }
        Ok(())
    }

    fn delta(&mut self, delta: &Value) -> Result<(), Flaw> {
        if let Some(text) = delta.get("content").and_then(Value::as_str) {
            self.heard.text.push_str(text);
        }
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let index = call.get("index").and_then(Value::as_u64);
            let index = index.and_then(|it| usize::try_from(it).ok());
            let index = index.ok_or_else(|| malformed("a call without index"))?;
            if index == self.heard.calls.len() {
                let name = call.pointer("/function/name").and_then(Value::as_str);
                let name = name.ok_or_else(|| malformed("a call that begins without a name"))?;
                if call.get("id").and_then(Value::as_str).is_none_or(str::is_empty) {
                    return Err(malformed("a call that begins without an id"));
                }
                self.heard.calls.push((name.to_owned(), String::new()));
            }
            let piece = call.pointer("/function/arguments").and_then(Value::as_str);
            match self.heard.calls.get_mut(index) {
                Some((_, arguments)) => arguments.push_str(piece.unwrap_or_default()),
                None => return Err(malformed("a call out of order")),
            }
        }
        Ok(())
    }

    pub(super) fn whole(&mut self, body: &Value) -> Result<(), Flaw> {
        error_inside(body)?;
        let choice = body.pointer("/choices/0").ok_or_else(|| malformed("no choice"))?;
        let message = choice.get("message").ok_or_else(|| malformed("no message"))?;
        let text = message.get("content").and_then(Value::as_str).unwrap_or_default();
        self.heard.text.push_str(text);
        for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let of = |path: &str| call.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let named = (of("/function/name").to_owned(), of("/function/arguments").to_owned());
            self.heard.calls.push(named);
        }
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        model.clone_into(&mut self.heard.model);
        let reason = choice.get("finish_reason").and_then(Value::as_str);
        self.finish_reason = reason.map(str::to_owned);
        self.done = true;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Heard, Flaw> {
        if !self.done {
            return Err(Flaw::Cut);
        }
        let wanted = if self.heard.calls.is_empty() { "stop" } else { "tool_calls" };
        if self.finish_reason.as_deref() != Some(wanted) {
            return Err(malformed(format!("finish_reason {:?}, not {wanted}", self.finish_reason)));
        }
        Ok(self.heard)
    }
}

/// An error, nested or flat.
fn error_inside(json: &Value) -> Result<(), Flaw> {
    let nested = json.get("error").filter(|error| !error.is_null());
    let flat = json.get("object").and_then(Value::as_str) == Some("error");
    match nested {
        Some(error) => {
            let kind = error.get("type").and_then(Value::as_str).unwrap_or_default();
            Err(Flaw::ErrorInside(kind.to_owned()))
        }
        None if flat => Err(Flaw::ErrorInside("flat".to_owned())),
        None => Ok(()),
    }
}

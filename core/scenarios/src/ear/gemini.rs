use serde_json::Value;

use super::{Flaw, Heard, malformed};

/// A stream of chunks: lines of data and blank lines, nothing else.
#[derive(Debug, Default)]
pub(super) struct State {
    heard: Heard,
    reason: Option<String>,
    pub(super) done: bool,
}

impl State {
    pub(super) fn has_begun(&self) -> bool {
        !self.heard.text.is_empty() || !self.heard.calls.is_empty()
    }

    /// Takes a frame with all its lines: the official clients fail on anything but data.
    pub(super) fn frame(&mut self, frame: &str, data: &str) -> Result<(), Flaw> {
        let odd = frame.lines().find(|line| !line.is_empty() && !line.starts_with("data:"));
        if let Some(line) = odd {
            return Err(malformed(format!("a line that is no data: {line}")));
        }
        let chunk: Value =
            serde_json::from_str(data).map_err(|error| malformed(error.to_string()))?;
        self.take(&chunk)
    }

    pub(super) fn whole(&mut self, body: &Value) -> Result<(), Flaw> {
        self.take(body)?;
        self.done = true;
        Ok(())
    }

    fn take(&mut self, chunk: &Value) -> Result<(), Flaw> {
        if let Some(error) = chunk.get("error") {
            let status = error.get("status").and_then(Value::as_str).unwrap_or_default();
            return Err(Flaw::ErrorInside(status.to_owned()));
        }
        // A chunk may bring nothing but figures.
        let Some(candidate) = chunk.pointer("/candidates/0") else { return Ok(()) };
        let model = chunk.get("modelVersion").and_then(Value::as_str).unwrap_or_default();
        model.clone_into(&mut self.heard.model);
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        for part in parts.ok_or_else(|| malformed("a candidate without parts"))? {
            if part.get("thought") == Some(&Value::Bool(true)) {
                continue;
            }
            if let Some(text) = part.get("text").and_then(Value::as_str) {
                self.heard.text.push_str(text);
            }
            let Some(call) = part.get("functionCall") else { continue };
            let name = call.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| malformed("a call without a name"))?;
            let args = call.get("args").filter(|args| args.is_object());
            let args = args.ok_or_else(|| malformed("arguments that are no object"))?;
            self.heard.calls.push((name.to_owned(), args.to_string()));
        }
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            self.reason = Some(reason.to_owned());
            self.done = true;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Heard, Flaw> {
        if !self.done {
            return Err(Flaw::Cut);
        }
        match self.reason.as_deref() {
            Some("STOP") => Ok(self.heard),
            other => Err(malformed(format!("finishReason {other:?}, not STOP"))),
        }
    }
}

use serde_json::Value;

use super::{Flaw, Heard, malformed};

/// A stream of Messages, with the invariants that clients rely on.
#[derive(Debug, Default)]
pub(super) struct State {
    heard: Heard,
    started: Option<()>,
    /// The open block: its index and type.
    open: Option<(u64, String)>,
    blocks: u64,
    stop_reason: Option<String>,
    pub(super) done: bool,
}

impl State {
    pub(super) fn has_begun(&self) -> bool {
        !self.heard.text.is_empty() || !self.heard.calls.is_empty()
    }

    pub(super) fn frame(&mut self, event: &str, data: &str) -> Result<(), Flaw> {
        let json: Value =
            serde_json::from_str(data).map_err(|error| malformed(error.to_string()))?;
        let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind != event {
            return Err(malformed(format!("event `{event}` carries type `{kind}`")));
        }
        match kind {
            "message_start" => self.start(&json),
            "content_block_start" => self.open_block(&json),
            "content_block_delta" => self.delta(&json),
            "content_block_stop" => self.close_block(&json),
            "message_delta" => {
                let reason = json.pointer("/delta/stop_reason").and_then(Value::as_str);
                self.stop_reason = reason.map(str::to_owned).or_else(|| self.stop_reason.take());
                Ok(())
            }
            "message_stop" if self.started.is_none() || self.open.is_some() => {
                Err(malformed("message_stop out of place"))
            }
            "message_stop" => {
                self.done = true;
                Ok(())
            }
            "error" => {
                let kind = json.pointer("/error/type").and_then(Value::as_str).unwrap_or_default();
                Err(Flaw::ErrorInside(kind.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, json: &Value) -> Result<(), Flaw> {
        if self.started.replace(()).is_some() {
            return Err(malformed("a second message_start"));
        }
        let model = json.pointer("/message/model").and_then(Value::as_str).unwrap_or_default();
        model.clone_into(&mut self.heard.model);
        Ok(())
    }

    fn open_block(&mut self, json: &Value) -> Result<(), Flaw> {
        let index = json.get("index").and_then(Value::as_u64);
        if self.started.is_none() || self.open.is_some() || index != Some(self.blocks) {
            return Err(malformed(format!("content_block_start {index:?} out of place")));
        }
        let kind = json.pointer("/content_block/type").and_then(Value::as_str).unwrap_or_default();
        if kind == "tool_use" {
            let name = json.pointer("/content_block/name").and_then(Value::as_str);
            let name = name.ok_or_else(|| malformed("a call without a name"))?;
            self.heard.calls.push((name.to_owned(), String::new()));
        }
        self.open = Some((self.blocks, kind.to_owned()));
        self.blocks += 1;
        Ok(())
    }

    fn delta(&mut self, json: &Value) -> Result<(), Flaw> {
        let index = json.get("index").and_then(Value::as_u64);
        let Some((open, block)) = &self.open else {
            return Err(malformed("a delta outside of blocks"));
        };
        if index != Some(*open) {
            return Err(malformed(format!("a delta for block {index:?} in block {open}")));
        }
        let kind = json.pointer("/delta/type").and_then(Value::as_str).unwrap_or_default();
        let field = |name: &str| {
            json.pointer(name).and_then(Value::as_str).ok_or_else(|| malformed("an empty delta"))
        };
        match (block.as_str(), kind) {
            ("text", "text_delta") => self.heard.text.push_str(field("/delta/text")?),
            ("tool_use", "input_json_delta") => {
                let piece = field("/delta/partial_json")?;
                if let Some((_, arguments)) = self.heard.calls.last_mut() {
                    arguments.push_str(piece);
                }
            }
            ("thinking", "thinking_delta" | "signature_delta") | ("text", "citations_delta") => {}
            _ => return Err(malformed(format!("a {kind} in a {block} block"))),
        }
        Ok(())
    }

    fn close_block(&mut self, json: &Value) -> Result<(), Flaw> {
        let index = json.get("index").and_then(Value::as_u64);
        let open = self.open.take().map(|(open, _)| open);
        if open.is_none() || index != open {
            return Err(malformed(format!("content_block_stop {index:?} out of place")));
        }
        Ok(())
    }

    pub(super) fn whole(&mut self, body: &Value) -> Result<(), Flaw> {
        if body.get("type").and_then(Value::as_str) == Some("error") {
            let kind = body.pointer("/error/type").and_then(Value::as_str).unwrap_or_default();
            return Err(Flaw::ErrorInside(kind.to_owned()));
        }
        let blocks = body.get("content").and_then(Value::as_array);
        for block in blocks.ok_or_else(|| malformed("no content"))? {
            match block.get("type").and_then(Value::as_str) {
                Some("text") => {
                    let text = block.get("text").and_then(Value::as_str).unwrap_or_default();
                    self.heard.text.push_str(text);
                }
                Some("tool_use") => {
                    let name = block.get("name").and_then(Value::as_str).unwrap_or_default();
                    let input = block.get("input").map(Value::to_string).unwrap_or_default();
                    self.heard.calls.push((name.to_owned(), input));
                }
                _ => {}
            }
        }
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        model.clone_into(&mut self.heard.model);
        let reason = body.get("stop_reason").and_then(Value::as_str);
        self.stop_reason = reason.map(str::to_owned);
        self.done = true;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Heard, Flaw> {
        if !self.done {
            return Err(Flaw::Cut);
        }
        let wanted = if self.heard.calls.is_empty() { "end_turn" } else { "tool_use" };
        if self.stop_reason.as_deref() != Some(wanted) {
            return Err(malformed(format!("stop_reason {:?}, not {wanted}", self.stop_reason)));
        }
        for (_, arguments) in &mut self.heard.calls {
            if arguments.is_empty() {
                "{}".clone_into(arguments);
            }
        }
        Ok(self.heard)
    }
}

use backstop_dialects::{Frames, Framing};
use bytes::Bytes;
use serde_json::Value;

use super::{Flaw, Heard, malformed};

/// The longest message a client takes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A stream of Converse, with the invariants that clients rely on.
#[derive(Debug)]
pub(super) struct State {
    frames: Frames,
    heard: Heard,
    started: Option<()>,
    /// The open block: its index, and whether it is a call.
    open: Option<(u64, Block)>,
    blocks: u64,
    stop_reason: Option<String>,
    pub(super) done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Call,
    /// Text or thoughts: what its first delta says.
    Said,
}

impl Default for State {
    fn default() -> Self {
        Self {
            frames: Frames::new(Framing::EventStream, MESSAGE_BYTES_MAX),
            heard: Heard::default(),
            started: None,
            open: None,
            blocks: 0,
            stop_reason: None,
            done: false,
        }
    }
}

impl State {
    pub(super) fn has_begun(&self) -> bool {
        !self.heard.text.is_empty() || !self.heard.calls.is_empty()
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        self.frames.feed(Bytes::copy_from_slice(bytes));
        while let Some(frame) = self.frames.next() {
            let frame = frame.map_err(|failure| malformed(failure.message))?;
            let event = frame.event();
            if event.ends_with("Exception") {
                return Err(Flaw::ErrorInside(event.to_owned()));
            }
            let json: Value = serde_json::from_slice(frame.data())
                .map_err(|error| malformed(error.to_string()))?;
            self.message(event, &json)?;
        }
        Ok(())
    }

    fn message(&mut self, event: &str, json: &Value) -> Result<(), Flaw> {
        let index = json.get("contentBlockIndex").and_then(Value::as_u64);
        match event {
            "messageStart" if self.started.replace(()).is_some() => {
                Err(malformed("a second messageStart"))
            }
            "contentBlockStart" => {
                let name = json.pointer("/start/toolUse/name").and_then(Value::as_str);
                let name = name.ok_or_else(|| malformed("a start of no call"))?;
                self.heard.calls.push((name.to_owned(), String::new()));
                self.open(index, Block::Call)
            }
            "contentBlockDelta" => self.delta(index, json),
            "contentBlockStop" => {
                let open = self.open.take().map(|(open, _)| open);
                if open.is_none() || index != open {
                    return Err(malformed(format!("contentBlockStop {index:?} out of place")));
                }
                Ok(())
            }
            "messageStop" if self.started.is_none() || self.open.is_some() => {
                Err(malformed("messageStop out of place"))
            }
            "messageStop" => {
                let reason = json.get("stopReason").and_then(Value::as_str);
                self.stop_reason = reason.map(str::to_owned);
                Ok(())
            }
            "metadata" if self.stop_reason.is_none() || json.get("usage").is_none() => {
                Err(malformed("metadata out of place"))
            }
            "metadata" => {
                self.done = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, index: Option<u64>, block: Block) -> Result<(), Flaw> {
        if self.started.is_none() || self.open.is_some() || index != Some(self.blocks) {
            return Err(malformed(format!("block {index:?} out of place")));
        }
        self.open = Some((self.blocks, block));
        self.blocks += 1;
        Ok(())
    }

    fn delta(&mut self, index: Option<u64>, json: &Value) -> Result<(), Flaw> {
        if self.open.is_none() {
            self.open(index, Block::Said)?;
        }
        let Some((open, block)) = self.open else { return Ok(()) };
        if index != Some(open) {
            return Err(malformed(format!("a delta for block {index:?} in block {open}")));
        }
        let text = |path: &str| json.pointer(path).and_then(Value::as_str);
        match (block, text("/delta/text"), text("/delta/toolUse/input")) {
            (Block::Said, Some(piece), None) => self.heard.text.push_str(piece),
            (Block::Call, None, Some(piece)) => {
                if let Some((_, arguments)) = self.heard.calls.last_mut() {
                    arguments.push_str(piece);
                }
            }
            (Block::Said, None, None) => {}
            _ => return Err(malformed("a delta of another kind than its block")),
        }
        Ok(())
    }

    pub(super) fn whole(&mut self, body: &Value) -> Result<(), Flaw> {
        let blocks = body.pointer("/output/message/content").and_then(Value::as_array);
        for block in blocks.ok_or_else(|| malformed("no content"))? {
            if let Some(text) = block.get("text").and_then(Value::as_str) {
                self.heard.text.push_str(text);
            } else if let Some(call) = block.get("toolUse") {
                let name = call.get("name").and_then(Value::as_str).unwrap_or_default();
                let input = call.get("input").map(Value::to_string).unwrap_or_default();
                self.heard.calls.push((name.to_owned(), input));
            }
        }
        let reason = body.get("stopReason").and_then(Value::as_str);
        self.stop_reason = reason.map(str::to_owned);
        self.done = true;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Heard, Flaw> {
        // Figures may be missing; the reason may not.
        if self.stop_reason.is_none() {
            return Err(Flaw::Cut);
        }
        let wanted = if self.heard.calls.is_empty() { "end_turn" } else { "tool_use" };
        if self.stop_reason.as_deref() != Some(wanted) {
            return Err(malformed(format!("stopReason {:?}, not {wanted}", self.stop_reason)));
        }
        for (_, arguments) in &mut self.heard.calls {
            if arguments.is_empty() {
                "{}".clone_into(arguments);
            }
        }
        Ok(self.heard)
    }
}

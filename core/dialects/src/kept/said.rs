//! A streamed answer of Messages put together as its client has it: byte for byte what a whole answer
//! would have been, as far as a conversation needs it.

use bytes::Bytes;
use serde_json::Value;

use crate::json::bytes;
use crate::{Frame, Frames, Framing};

/// Takes the events and gives the answer.
#[derive(Debug)]
pub struct Said {
    frames: Frames,
    message: Value,
    /// The input of the call that is open, as far as it came.
    input: String,
    over: bool,
}

impl Default for Said {
    fn default() -> Self {
        let frames = Frames::new(Framing::Sse, usize::MAX);
        Self { frames, message: Value::Null, input: String::new(), over: false }
    }
}

impl Said {
    /// Takes frames as the client gets them.
    pub fn take(&mut self, frames: Bytes) {
        self.frames.feed(frames);
        while let Some(Ok(frame)) = self.frames.next() {
            self.event(&frame);
        }
    }

    /// The answer, if it is complete.
    pub fn whole(&self) -> Option<Vec<u8>> {
        self.over.then(|| bytes(&self.message))
    }

    fn event(&mut self, frame: &Frame) {
        let Ok(mut event) = serde_json::from_slice::<Value>(frame.data()) else { return };
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.message = event["message"].take(),
            "content_block_start" => {
                self.input.clear();
                if let Some(content) = self.message["content"].as_array_mut() {
                    content.push(event["content_block"].take());
                }
            }
            "content_block_delta" => self.delta(event["delta"].take()),
            "content_block_stop" => {
                if let (Ok(input), Some(block)) =
                    (serde_json::from_str::<Value>(&self.input), self.block())
                {
                    block["input"] = input;
                }
                self.input.clear();
            }
            "message_delta" => {
                if let (Some(ours), Value::Object(theirs)) =
                    (self.message.as_object_mut(), event["delta"].take())
                {
                    ours.extend(theirs);
                }
            }
            "message_stop" => self.over = self.message.is_object(),
            _ => {}
        }
    }

    fn delta(&mut self, mut delta: Value) {
        let field = match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => "text",
            "thinking_delta" => "thinking",
            "signature_delta" => "signature",
            "input_json_delta" => {
                self.input.push_str(delta["partial_json"].as_str().unwrap_or_default());
                return;
            }
            "citations_delta" => {
                let citation = delta["citation"].take();
                let Some(block) = self.block() else { return };
                match block["citations"].as_array_mut() {
                    Some(citations) => citations.push(citation),
                    None => block["citations"] = Value::Array(vec![citation]),
                }
                return;
            }
            _ => return,
        };
        let Some(block) = self.block() else { return };
        if let Value::String(text) = &mut block[field] {
            text.push_str(delta[field].as_str().unwrap_or_default());
        } else {
            block[field] = delta[field].take();
        }
    }

    /// The block that is open.
    fn block(&mut self) -> Option<&mut Value> {
        let last = self.message["content"].as_array_mut()?.last_mut()?;
        last.is_object().then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stream_adds_up_to_the_answer_that_it_is() {
        let block = |index: u64, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
        let delta = |index: u64, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
        let stop = |index: u64| json!({ "type": "content_block_stop", "index": index });
        let events = [
            json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant", "content": [], "stop_reason": null } }),
            block(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
            delta(0, json!({ "type": "thinking_delta", "thinking": "hm" })),
            delta(0, json!({ "type": "signature_delta", "signature": "abc=" })),
            stop(0),
            block(1, json!({ "type": "text", "text": "" })),
            delta(1, json!({ "type": "text_delta", "text": "a" })),
            json!({ "type": "ping" }),
            delta(1, json!({ "type": "text_delta", "text": "b" })),
            delta(1, json!({ "type": "citations_delta", "citation": { "n": 1 } })),
            stop(1),
            block(2, json!({ "type": "tool_use", "id": "c", "name": "t", "input": {} })),
            delta(2, json!({ "type": "input_json_delta", "partial_json": "{\"city\":" })),
            delta(2, json!({ "type": "input_json_delta", "partial_json": "\"Rome\"}" })),
            stop(2),
            block(3, json!({ "type": "tool_use", "id": "d", "name": "u", "input": {} })),
            stop(3),
            json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
            json!({ "type": "message_stop" }),
        ];
        let mut said = Said::default();
        for event in events {
            assert_eq!(said.whole(), None);
            said.take(Bytes::from(format!("data: {event}\n\n")));
        }
        let whole: Value = serde_json::from_slice(&said.whole().unwrap()).unwrap();
        assert_eq!(
            whole["content"],
            json!([
                { "type": "thinking", "thinking": "hm", "signature": "abc=" },
                { "type": "text", "text": "ab", "citations": [{ "n": 1 }] },
                { "type": "tool_use", "id": "c", "name": "t", "input": { "city": "Rome" } },
                { "type": "tool_use", "id": "d", "name": "u", "input": {} },
            ])
        );
        assert_eq!((&whole["id"], &whole["stop_reason"]), (&json!("msg_1"), &json!("tool_use")));
    }

    #[test]
    fn a_stream_that_broke_adds_up_to_nothing() {
        let mut said = Said::default();
        said.take(Bytes::from_static(b"data: {\"type\":\"message_stop\"}\n\ndata: no json\n\n"));
        said.take(Bytes::from_static(
            b"data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\"}}\n\n",
        ));
        assert_eq!(said.whole(), None);
    }
}

use serde_json::{Value, json};

use super::{Frames, Voice, pieces};

const INPUT_TOKENS: usize = 25;

/// Writes events in their numbers.
struct Script<'a> {
    voice: &'a Voice<'a>,
    sequence: u64,
}

impl Script<'_> {
    fn event(&mut self, name: &str, mut fields: Value) -> Vec<u8> {
        fields["type"] = json!(name);
        fields["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        format!("event: {name}\ndata: {fields}\n\n").into_bytes()
    }

    fn message(&mut self, content: &mut Vec<Vec<u8>>) -> Vec<u8> {
        let voice = self.voice;
        let id = format!("msg_{}", voice.id);
        let place = json!({ "item_id": id, "output_index": 0, "content_index": 0 });
        let with = |name: &str, value: Value| {
            let mut fields = place.clone();
            fields[name] = value;
            fields
        };
        let item = json!({ "id": id, "type": "message", "status": "in_progress",
                           "role": "assistant", "content": [] });
        let added = json!({ "output_index": 0, "item": item });
        let mut opening = self.event("response.output_item.added", added);
        opening.extend(self.event("response.content_part.added", with("part", part(""))));
        for piece in pieces(&voice.speech.text, voice.piece_chars) {
            let mut fields = with("delta", json!(piece));
            fields["logprobs"] = json!([]);
            fields["obfuscation"] = json!("aZ09");
            let mut frame = std::mem::take(&mut opening);
            frame.extend(self.event("response.output_text.delta", fields));
            content.push(frame);
        }
        let text = &voice.speech.text;
        let mut closing = opening;
        closing.extend(self.event("response.output_text.done", with("text", json!(text))));
        closing.extend(self.event("response.content_part.done", with("part", part(text))));
        let done = json!({ "output_index": 0, "item": message(voice) });
        closing.extend(self.event("response.output_item.done", done));
        closing
    }

    /// A call; the events that end it stand before those of the next.
    fn call(
        &mut self,
        nth: usize,
        index: usize,
        content: &mut Vec<Vec<u8>>,
        before: Vec<u8>,
    ) -> Vec<u8> {
        let voice = self.voice;
        let (_, arguments) = &voice.speech.calls[nth];
        let mut item = call(voice, nth);
        let id = item["id"].clone();
        item["status"] = json!("in_progress");
        item["arguments"] = json!("");
        let added = json!({ "output_index": index, "item": item });
        let mut first = before;
        first.extend(self.event("response.output_item.added", added));
        content.push(first);
        for piece in pieces(arguments, voice.piece_chars) {
            let fields = json!({ "item_id": id, "output_index": index, "delta": piece });
            content.push(self.event("response.function_call_arguments.delta", fields));
        }
        let done = json!({ "item_id": id, "output_index": index, "arguments": arguments });
        let mut closing = self.event("response.function_call_arguments.done", done);
        let done = json!({ "output_index": index, "item": call(voice, nth) });
        closing.extend(self.event("response.output_item.done", done));
        closing
    }
}

pub(super) fn frames(voice: &Voice<'_>) -> Frames {
    let mut script = Script { voice, sequence: 0 };
    let begun = response(voice, "in_progress", &[]);
    let mut opening = script.event("response.created", json!({ "response": begun }));
    opening.extend(script.event("response.in_progress", json!({ "response": begun })));
    let mut content = Vec::new();
    let said = usize::from(!voice.speech.text.is_empty());
    let mut closing = if said > 0 { script.message(&mut content) } else { Vec::new() };
    for nth in 0..voice.speech.calls.len() {
        closing = script.call(nth, said + nth, &mut content, closing);
    }
    let whole = response(voice, "completed", &output(voice));
    let terminal = script.event("response.completed", json!({ "response": whole }));
    Frames { opening, content, closing, terminal }
}

pub(super) fn whole(voice: &Voice<'_>) -> Vec<u8> {
    response(voice, "completed", &output(voice)).to_string().into_bytes()
}

fn output(voice: &Voice<'_>) -> Vec<Value> {
    let said = (!voice.speech.text.is_empty()).then(|| message(voice));
    said.into_iter().chain((0..voice.speech.calls.len()).map(|nth| call(voice, nth))).collect()
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn message(voice: &Voice<'_>) -> Value {
    json!({ "id": format!("msg_{}", voice.id), "type": "message", "status": "completed",
            "role": "assistant", "content": [part(&voice.speech.text)] })
}

fn call(voice: &Voice<'_>, nth: usize) -> Value {
    let (name, arguments) = &voice.speech.calls[nth];
    json!({ "id": format!("fc_{}{nth}", voice.id), "type": "function_call", "status": "completed",
            "arguments": arguments, "call_id": format!("call_{}{nth}", voice.id), "name": name })
}

fn response(voice: &Voice<'_>, status: &str, output: &[Value]) -> Value {
    let tokens = voice.output_tokens();
    let usage = json!({
        "input_tokens": INPUT_TOKENS, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": tokens, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": INPUT_TOKENS + tokens,
    });
    json!({
        "id": format!("resp_{}", voice.id), "object": "response", "created_at": voice.created_unix,
        "status": status, "background": false, "error": null, "incomplete_details": null,
        "instructions": null, "max_output_tokens": null, "model": voice.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null }, "store": true, "temperature": 1.0,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "metadata": {},
        "usage": if status == "completed" { usage } else { Value::Null },
    })
}

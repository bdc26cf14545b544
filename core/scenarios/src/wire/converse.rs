use backstop_dialects::event_message;
use serde_json::{Value, json};

use super::{Frames, Voice, pieces};

const INPUT_TOKENS: usize = 25;

/// One message of an event-stream.
fn event(kind: &str, json: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    event_message(kind, json.to_string().as_bytes(), &mut out);
    out
}

fn usage(voice: &Voice<'_>) -> Value {
    let output = voice.output_tokens();
    json!({ "inputTokens": INPUT_TOKENS, "outputTokens": output, "totalTokens": INPUT_TOKENS + output })
}

pub(super) fn frames(voice: &Voice<'_>) -> Frames {
    let mut content = Vec::new();
    let mut index = 0;
    if !voice.speech.text.is_empty() || voice.speech.calls.is_empty() {
        let text = |piece: &str| json!({ "text": piece });
        let deltas = pieces(&voice.speech.text, voice.piece_chars);
        block(&mut content, (index, Vec::new()), deltas.into_iter().map(text));
        index += 1;
    }
    for (nth, (name, arguments)) in voice.speech.calls.iter().enumerate() {
        let call = json!({ "toolUseId": format!("tooluse_{}{nth}", voice.id), "name": name });
        let start = json!({ "contentBlockIndex": index, "start": { "toolUse": call } });
        let input = |piece: &str| json!({ "toolUse": { "input": piece } });
        let deltas = pieces(arguments, voice.piece_chars);
        let start = event("contentBlockStart", &start);
        block(&mut content, (index, start), deltas.into_iter().map(input));
        index += 1;
    }
    let figures = json!({ "usage": usage(voice), "metrics": { "latencyMs": 321 } });
    Frames {
        opening: event("messageStart", &json!({ "role": "assistant" })),
        content,
        closing: event("messageStop", &json!({ "stopReason": stop_reason(voice) })),
        terminal: event("metadata", &figures),
    }
}

/// One block: what announces it goes out with its first piece, its stop with its last.
fn block(
    out: &mut Vec<Vec<u8>>,
    (index, start): (usize, Vec<u8>),
    deltas: impl Iterator<Item = Value>,
) {
    let mut frame = start;
    for (nth, delta) in deltas.enumerate() {
        if nth > 0 {
            out.push(std::mem::take(&mut frame));
        }
        let delta = json!({ "contentBlockIndex": index, "delta": delta, "p": "abcdefghij" });
        frame.extend(event("contentBlockDelta", &delta));
    }
    frame.extend(event("contentBlockStop", &json!({ "contentBlockIndex": index, "p": "abc" })));
    out.push(frame);
}

pub(super) fn whole(voice: &Voice<'_>) -> Vec<u8> {
    let mut blocks = Vec::new();
    if !voice.speech.text.is_empty() {
        blocks.push(json!({ "text": voice.speech.text }).to_string());
    }
    for (nth, (name, arguments)) in voice.speech.calls.iter().enumerate() {
        let name = Value::from(name.as_str());
        blocks.push(format!(
            "{{\"toolUse\":{{\"toolUseId\":\"tooluse_{}{nth}\",\"name\":{name},\"input\":{arguments}}}}}",
            voice.id,
        ));
    }
    format!(
        "{{\"metrics\":{{\"latencyMs\":321}},\"output\":{{\"message\":{{\"content\":[{}],\
         \"role\":\"assistant\"}}}},\"stopReason\":\"{}\",\"usage\":{}}}",
        blocks.join(","),
        stop_reason(voice),
        usage(voice),
    )
    .into_bytes()
}

const fn stop_reason(voice: &Voice<'_>) -> &'static str {
    if voice.speech.calls.is_empty() { "end_turn" } else { "tool_use" }
}

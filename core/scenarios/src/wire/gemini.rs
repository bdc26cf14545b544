use serde_json::{Value, json};

use super::{Frames, Voice, pieces};

const INPUT_TOKENS: usize = 25;
/// What a model signs a call with, so that it knows it again.
const SIGNATURE: &str = "c2lnbmVkIGluIHNpbXVsYXRpb24=";

pub(super) fn frames(voice: &Voice<'_>) -> Frames {
    let mut content: Vec<Vec<u8>> = pieces(&voice.speech.text, voice.piece_chars)
        .into_iter()
        .map(|piece| frame(&chunk(voice, &[json!({ "text": piece })], None)))
        .collect();
    content.extend(calls(voice).into_iter().map(|call| frame(&chunk(voice, &[call], None))));
    let last = chunk(voice, &[json!({ "text": "" })], Some(reason(voice)));
    Frames {
        opening: frame(&chunk(voice, &[json!({ "text": "" })], None)),
        content,
        closing: Vec::new(),
        terminal: frame(&last),
    }
}

pub(super) fn whole(voice: &Voice<'_>) -> Vec<u8> {
    let said = (!voice.speech.text.is_empty()).then(|| json!({ "text": voice.speech.text }));
    let parts: Vec<Value> = said.into_iter().chain(calls(voice)).collect();
    format!("{:#}\n", chunk(voice, &parts, Some(reason(voice)))).into_bytes()
}

/// Calls that the provider itself cannot read are left out, and the reason says so.
fn reason(voice: &Voice<'_>) -> &'static str {
    if voice.speech.calls.iter().all(is_readable) { "STOP" } else { "MALFORMED_FUNCTION_CALL" }
}

fn is_readable((_, arguments): &(String, String)) -> bool {
    serde_json::from_str::<Value>(arguments).is_ok_and(|arguments| arguments.is_object())
}

fn frame(chunk: &Value) -> Vec<u8> {
    format!("data: {chunk}\r\n\r\n").into_bytes()
}

/// The calls, whole: only the first of them is signed, and none has an id.
fn calls(voice: &Voice<'_>) -> Vec<Value> {
    let call = |(nth, (name, arguments)): (usize, &(String, String))| {
        let args: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        let mut part = json!({ "functionCall": { "name": name, "args": args } });
        if nth == 0 {
            part["thoughtSignature"] = json!(SIGNATURE);
        }
        part
    };
    voice.speech.calls.iter().filter(|call| is_readable(call)).enumerate().map(call).collect()
}

fn chunk(voice: &Voice<'_>, parts: &[Value], reason: Option<&str>) -> Value {
    let output = voice.output_tokens();
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": output,
            "totalTokenCount": INPUT_TOKENS + output,
        },
        "modelVersion": voice.model,
        "responseId": voice.id,
    })
}

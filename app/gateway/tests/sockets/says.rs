//! Plain answers of each dialect, for providers that a test makes up.

use std::fmt::Write as _;

use backstop_scenarios::Delivery;
use backstop_vocabulary::Dialect;
use serde_json::{Value, json};

use crate::host::{Heard, gemini};
use crate::peer::Script;

/// An answer of one text in this dialect, in the delivery that was asked for.
pub(crate) fn says(dialect: Dialect, heard: &Heard, text: &str) -> Script {
    let delivery = heard.delivery();
    match dialect {
        Dialect::OpenaiChat => chat(heard, delivery, text),
        Dialect::AnthropicMessages => messages(heard, delivery, text),
        Dialect::OpenaiResponses => responses(heard, text),
        Dialect::Gemini => gemini(delivery, &json!([{ "text": text }]), "STOP"),
        Dialect::BedrockConverse => converses(text),
    }
}

fn chat(heard: &Heard, delivery: Delivery, text: &str) -> Script {
    let usage = json!({ "prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12 });
    let model = &heard.body["model"];
    if delivery.is_stream() {
        let chunk = |delta: Value, finish: Value| {
            let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
            let chunk = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice] });
            format!("data: {chunk}\n\n")
        };
        let said = chunk(json!({ "role": "assistant", "content": text }), Value::Null);
        let end = chunk(json!({}), json!("stop"));
        return Script::stream(format!("{said}{end}data: [DONE]\n\n").as_bytes());
    }
    let message = json!({ "role": "assistant", "content": text });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    let answer = json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage });
    Script::whole("200 OK", answer.to_string().as_bytes())
}

fn messages(heard: &Heard, delivery: Delivery, text: &str) -> Script {
    let (model, usage) = (&heard.body["model"], json!({ "input_tokens": 5, "output_tokens": 7 }));
    if !delivery.is_stream() {
        let content = json!([{ "type": "text", "text": text }]);
        let answer = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
                             "stop_reason": "end_turn", "stop_sequence": null, "usage": usage });
        return Script::whole("200 OK", answer.to_string().as_bytes());
    }
    let start = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [],
                        "stop_reason": null, "stop_sequence": null, "usage": usage });
    let delta = json!({ "type": "text_delta", "text": text });
    let frames = [
        json!({ "type": "message_start", "message": start }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": usage }),
        json!({ "type": "message_stop" }),
    ];
    let mut text = String::new();
    for frame in frames {
        let kind = frame["type"].as_str().expect("a type");
        write!(text, "event: {kind}\ndata: {frame}\n\n").expect("a string");
    }
    Script::stream(text.as_bytes())
}

fn responses(heard: &Heard, text: &str) -> Script {
    assert_ne!(heard.body["stream"], true, "this host streams no items");
    let part = json!({ "type": "output_text", "text": text, "annotations": [] });
    let item = json!({ "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part] });
    let usage = json!({ "input_tokens": 5, "output_tokens": 7, "total_tokens": 12 });
    let answer = json!({ "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "error": null,
                         "model": heard.body["model"], "output": [item], "usage": usage });
    Script::whole("200 OK", answer.to_string().as_bytes())
}

fn converses(text: &str) -> Script {
    let message = json!({ "role": "assistant", "content": [{ "text": text }] });
    let usage = json!({ "inputTokens": 5, "outputTokens": 7, "totalTokens": 12 });
    let answer = json!({ "output": { "message": message }, "stopReason": "end_turn", "usage": usage, "metrics": { "latencyMs": 1 } });
    Script::whole("200 OK", answer.to_string().as_bytes())
}

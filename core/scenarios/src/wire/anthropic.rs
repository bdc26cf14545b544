use std::fmt::Write as _;

use super::{Frames, Voice, pieces, quoted};

const INPUT_TOKENS: usize = 25;

/// Appends one event with its type on both lines.
fn event(out: &mut String, kind: &str, rest: &str) {
    let _ = write!(out, "event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
}

pub(super) fn frames(voice: &Voice<'_>) -> Frames {
    let mut opening = String::new();
    let start = format!(
        ",\"message\":{{\"id\":\"msg_{}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":{},\
         \"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{{\
         \"input_tokens\":{INPUT_TOKENS},\"cache_creation_input_tokens\":0,\
         \"cache_read_input_tokens\":0,\"output_tokens\":1}}}}",
        voice.id,
        quoted(voice.model),
    );
    event(&mut opening, "message_start", &start);
    opening.push_str("event: ping\ndata: {\"type\": \"ping\"}\n\n");
    let mut content = Vec::new();
    let mut index = 0;
    if !voice.speech.text.is_empty() || voice.speech.calls.is_empty() {
        let block = "{\"type\":\"text\",\"text\":\"\"}";
        let deltas = pieces(&voice.speech.text, voice.piece_chars);
        block_frames(&mut content, index, block, ("text_delta", "text", &deltas));
        index += 1;
    }
    for (nth, (name, arguments)) in voice.speech.calls.iter().enumerate() {
        let block = format!(
            "{{\"type\":\"tool_use\",\"id\":\"toolu_{}{nth}\",\"name\":{},\"input\":{{}}}}",
            voice.id,
            quoted(name),
        );
        let deltas = pieces(arguments, voice.piece_chars);
        block_frames(&mut content, index, &block, ("input_json_delta", "partial_json", &deltas));
        index += 1;
    }
    let mut closing = String::new();
    let rest = format!(
        ",\"delta\":{{\"stop_reason\":\"{}\",\"stop_sequence\":null}},\
         \"usage\":{{\"output_tokens\":{}}}",
        stop_reason(voice),
        voice.output_tokens(),
    );
    event(&mut closing, "message_delta", &rest);
    let mut terminal = String::new();
    event(&mut terminal, "message_stop", "");
    let content = content.into_iter().map(String::into_bytes).collect();
    Frames {
        opening: opening.into_bytes(),
        content,
        closing: closing.into_bytes(),
        terminal: terminal.into_bytes(),
    }
}

/// One block: its start goes out with its first piece, its stop with its last.
fn block_frames(
    out: &mut Vec<String>,
    index: usize,
    block: &str,
    (kind, field, deltas): (&str, &str, &[&str]),
) {
    let mut frame = String::with_capacity(256);
    event(
        &mut frame,
        "content_block_start",
        &format!(",\"index\":{index},\"content_block\":{block}"),
    );
    for (nth, delta) in deltas.iter().enumerate() {
        if nth > 0 {
            out.push(std::mem::take(&mut frame));
        }
        let rest = format!(
            ",\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{field}\":{}}}",
            quoted(delta),
        );
        event(&mut frame, "content_block_delta", &rest);
    }
    event(&mut frame, "content_block_stop", &format!(",\"index\":{index}"));
    out.push(frame);
}

pub(super) fn whole(voice: &Voice<'_>) -> Vec<u8> {
    let mut blocks = Vec::new();
    if !voice.speech.text.is_empty() {
        blocks.push(format!("{{\"type\":\"text\",\"text\":{}}}", quoted(&voice.speech.text)));
    }
    for (nth, (name, arguments)) in voice.speech.calls.iter().enumerate() {
        blocks.push(format!(
            "{{\"type\":\"tool_use\",\"id\":\"toolu_{}{nth}\",\"name\":{},\"input\":{arguments}}}",
            voice.id,
            quoted(name),
        ));
    }
    format!(
        "{{\"id\":\"msg_{}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":{},\
         \"content\":[{}],\"stop_reason\":\"{}\",\"stop_sequence\":null,\"usage\":{{\
         \"input_tokens\":{INPUT_TOKENS},\"cache_creation_input_tokens\":0,\
         \"cache_read_input_tokens\":0,\"output_tokens\":{}}}}}",
        voice.id,
        quoted(voice.model),
        blocks.join(","),
        stop_reason(voice),
        voice.output_tokens(),
    )
    .into_bytes()
}

const fn stop_reason(voice: &Voice<'_>) -> &'static str {
    if voice.speech.calls.is_empty() { "end_turn" } else { "tool_use" }
}

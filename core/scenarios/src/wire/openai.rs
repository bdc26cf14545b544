use super::{Frames, Voice, pieces, quoted};

const INPUT_TOKENS: usize = 25;

/// One chunk with these choices and a null usage where usage was asked for.
fn chunk(voice: &Voice<'_>, choices: &str, usage: &str) -> Vec<u8> {
    format!(
        "data: {{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\
         \"model\":{},\"system_fingerprint\":\"fp_simulated\",\"choices\":[{choices}]{usage}}}\n\n",
        voice.id,
        voice.created_unix,
        quoted(voice.model),
    )
    .into_bytes()
}

fn delta(voice: &Voice<'_>, delta: &str, finish: &str) -> Vec<u8> {
    let choice =
        format!("{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}");
    chunk(voice, &choice, if voice.usage.is_some() { ",\"usage\":null" } else { "" })
}

pub(super) fn frames(voice: &Voice<'_>) -> Frames {
    let opening =
        delta(voice, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null");
    let mut content: Vec<Vec<u8>> = pieces(&voice.speech.text, voice.piece_chars)
        .into_iter()
        .map(|piece| delta(voice, &format!("{{\"content\":{}}}", quoted(piece)), "null"))
        .collect();
    for (nth, (name, arguments)) in voice.speech.calls.iter().enumerate() {
        let first = format!(
            "{{\"tool_calls\":[{{\"index\":{nth},\"id\":\"call_{}{nth}\",\"type\":\"function\",\
             \"function\":{{\"name\":{},\"arguments\":\"\"}}}}]}}",
            voice.id,
            quoted(name),
        );
        content.push(delta(voice, &first, "null"));
        for piece in pieces(arguments, voice.piece_chars) {
            let next = format!(
                "{{\"tool_calls\":[{{\"index\":{nth},\"function\":{{\"arguments\":{}}}}}]}}",
                quoted(piece),
            );
            content.push(delta(voice, &next, "null"));
        }
    }
    let mut closing = delta(voice, "{}", &format!("\"{}\"", finish_reason(voice)));
    if voice.usage.is_some() {
        closing.extend(chunk(voice, "", &format!(",\"usage\":{}", usage(voice))));
    }
    Frames { opening, content, closing, terminal: b"data: [DONE]\n\n".to_vec() }
}

pub(super) fn whole(voice: &Voice<'_>) -> Vec<u8> {
    let calls: Vec<String> = voice
        .speech
        .calls
        .iter()
        .enumerate()
        .map(|(nth, (name, arguments))| {
            format!(
                "{{\"id\":\"call_{}{nth}\",\"type\":\"function\",\
                 \"function\":{{\"name\":{},\"arguments\":{}}}}}",
                voice.id,
                quoted(name),
                quoted(arguments),
            )
        })
        .collect();
    let content =
        if voice.speech.text.is_empty() { "null".to_owned() } else { quoted(&voice.speech.text) };
    let calls = if calls.is_empty() {
        String::new()
    } else {
        format!(",\"tool_calls\":[{}]", calls.join(","))
    };
    format!(
        "{{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion\",\"created\":{},\"model\":{},\
         \"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":{content},\
         \"refusal\":null{calls}}},\"logprobs\":null,\"finish_reason\":\"{}\"}}],\"usage\":{},\
         \"system_fingerprint\":\"fp_simulated\"}}",
        voice.id,
        voice.created_unix,
        quoted(voice.model),
        finish_reason(voice),
        usage(voice),
    )
    .into_bytes()
}

fn usage(voice: &Voice<'_>) -> String {
    let output = voice.output_tokens();
    format!(
        "{{\"prompt_tokens\":{INPUT_TOKENS},\"completion_tokens\":{output},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":0}}}}",
        INPUT_TOKENS + output,
    )
}

const fn finish_reason(voice: &Voice<'_>) -> &'static str {
    if voice.speech.calls.is_empty() { "stop" } else { "tool_calls" }
}

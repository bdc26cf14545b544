//! What the provider answers, and what the applications ask: fixed bytes of both dialects.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// An API, as far as the measurements tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Dialect {
    Anthropic,
    Openai,
}

/// Text of one streamed piece: about a token's worth of letters.
const PIECE: &str = " and so it goes";
/// Bytes of a whole answer's text: its JSON comes to about 1 KB.
const TEXT_BYTES: usize = 640;
/// Bytes of a request, headers apart.
const REQUEST_BYTES: usize = 1024;

/// How a stream is asked to behave. It travels inside the question, so that it survives any proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) chunks: u32,
    pub(crate) interval_ms: u32,
    /// Say nothing more after the first piece.
    pub(crate) hold: bool,
}

impl Manner {
    fn write(self) -> String {
        let hold = if self.hold { "hold" } else { "flow" };
        format!("[[{};{};{hold}]]", self.chunks, self.interval_ms)
    }

    /// Finds the manner in a request's body.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let from = memchr::memmem::find(body, b"[[")? + 2;
        let rest = &body[from..];
        let text = std::str::from_utf8(&rest[..memchr::memmem::find(rest, b"]]")?]).ok()?;
        let mut parts = text.split(';');
        Some(Self {
            chunks: parts.next()?.parse().ok()?,
            interval_ms: parts.next()?.parse().ok()?,
            hold: parts.next()? == "hold",
        })
    }
}

impl Dialect {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::Openai => "/v1/chat/completions",
        }
    }

    /// The dialect served at a path.
    pub(crate) fn at(request_line: &[u8]) -> Self {
        let anthropic = memchr::memmem::find(request_line, b"/messages").is_some();
        if anthropic { Self::Anthropic } else { Self::Openai }
    }

    /// A request's whole text: head and body.
    pub(crate) fn request(self, model: &str, manner: Option<Manner>) -> Vec<u8> {
        let say = manner.map(Manner::write).unwrap_or_default();
        let stream = manner.is_some();
        let body = |padding: &str| {
            format!(
                r#"{{"model":"{model}","max_tokens":1024,"stream":{stream},"temperature":0.2,"messages":[{{"role":"user","content":"{say}{padding}"}}]}}"#
            )
        };
        let padding = "padding ".repeat(REQUEST_BYTES / 8);
        let body = body(&padding[..REQUEST_BYTES - body("").len()]);
        let credential = match self {
            Self::Anthropic => "x-api-key: client\r\nanthropic-version: 2023-06-01",
            Self::Openai => "authorization: Bearer client",
        };
        let (path, length) = (self.path(), body.len());
        format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench/1\r\naccept: application/json\r\ncontent-type: application/json\r\n{credential}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// A whole answer: head and body.
    pub(crate) fn whole(self) -> Vec<u8> {
        let text = PIECE.repeat(TEXT_BYTES / PIECE.len());
        let body = match self {
            Self::Anthropic => format!(
                r#"{{"id":"msg_01bench","type":"message","role":"assistant","model":"claude-bench","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":210,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":160,"service_tier":"standard"}}}}"#
            ),
            Self::Openai => format!(
                r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1772409600,"model":"gpt-bench","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":210,"completion_tokens":160,"total_tokens":370,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}},"system_fingerprint":"fp_bench"}}"#
            ),
        };
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\nx-ratelimit-remaining-requests: 9999\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// The frames before the first piece of text, between, and after the last.
    pub(crate) fn stream(self) -> Stream {
        match self {
            Self::Anthropic => Stream {
                opening: concat!(
                    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01bench\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-bench\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":210,\"output_tokens\":1}}}\n\n",
                    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
                ).to_owned(),
                piece: format!("event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{PIECE}\"}}}}\n\n"),
                ending: concat!(
                    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
                    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":100}}\n\n",
                    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
                ).to_owned(),
            },
            Self::Openai => {
                let chunk = |delta: &str, finish: &str| {
                    format!("data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1772409600,\"model\":\"gpt-bench\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n")
                };
                Stream {
                    opening: chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
                    piece: chunk(&format!(r#"{{"content":"{PIECE}"}}"#), "null"),
                    ending: chunk("{}", "\"stop\"") + "data: [DONE]\n\n",
                }
            }
        }
    }

    /// What every complete stream of this dialect holds near its end.
    pub(crate) const fn terminal(self) -> &'static [u8] {
        match self {
            Self::Anthropic => b"\"message_stop\"",
            Self::Openai => b"data: [DONE]",
        }
    }

    /// Text that shows that a piece of the answer has arrived.
    pub(crate) const fn first_text() -> &'static [u8] {
        PIECE.as_bytes()
    }
}

/// The frames of a streamed answer.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) opening: String,
    pub(crate) piece: String,
    pub(crate) ending: String,
}

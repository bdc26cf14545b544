//! What passes between a client and a provider of one dialect passes to the byte.

use std::fmt::Write as _;

use backstop_dialects::event_message;
use backstop_scenarios::{Delivery, Wish};
use backstop_store::Outcome;
use backstop_vocabulary::{Class, Dialect};

use crate::client::{Call, item};
use crate::peer::{Peer, Script};
use crate::quick::quickly;
use crate::stage::{Providers, Stage, provider, settings};

/// Such a request where the path says the rest.
const ODD_CONTENTS: &[u8] = b"\n{ \"from_tomorrow\":[1.50,1e3 ],\t\"generation_config\" : \
    {\"maxOutputTokens\":16},\r\n \"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\
    \"gr\\u00fc\\u00dfe \\/ \"}]}]  }\n";

/// A request no serializer would write so, with a field that nobody knows.
pub(crate) fn odd_request(dialect: Dialect, delivery: Delivery) -> Vec<u8> {
    let stream = delivery.is_stream();
    let tokens = match dialect {
        Dialect::AnthropicMessages => "max_tokens",
        Dialect::OpenaiChat => "max_completion_tokens",
        Dialect::OpenaiResponses => "max_output_tokens",
        // The model and the stream are in the path.
        Dialect::Gemini => return ODD_CONTENTS.to_vec(),
        // Model and delivery stand in the path.
        Dialect::BedrockConverse => {
            return b"\n{ \"from_tomorrow\":[1.50,1e3 , {\"model\":\"not this one\"}],\r\n \
                     \"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\
                     \"gr\\u00fc\\u00dfe \\/ \"}]}]  }\n"
                .to_vec();
        }
    };
    let turns = if dialect == Dialect::OpenaiResponses { "input" } else { "messages" };
    format!(
        "\n{{ \"from_tomorrow\":[1.50,1e3 , {{\"model\":\"not this one\"}}],\t\"model\" : \
         \"a-model\",\"{tokens}\":16,\r\n \"{turns}\":[{{\"role\":\"user\",\"content\":\
         \"gr\\u00fc\\u00dfe \u{1f30a} \\/ \"}}],\"stream\":{stream}  }}\n"
    )
    .into_bytes()
}

/// A whole answer no serializer would write so.
pub(crate) fn odd_answer(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => {
            "{ \"type\":\"message\",\"id\":\"msg_1\" ,\"role\":\"assistant\",\"model\":\"a-model\",\
             \"new\":{\"a\":1.0},\n\"content\":[{\"type\":\"text\",\"text\":\"gr\\u00fc\\u00dfe \
             \\/\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\
             \"input_tokens\":3,\"output_tokens\":2,\"later\":[]}}\n"
        }
        Dialect::OpenaiChat => {
            "{ \"object\":\"chat.completion\",\"id\":\"c-1\" ,\"created\":1,\"model\":\"a-model\",\
             \"new\":{\"a\":1.0},\n\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\
             \"content\":\"gr\\u00fc\\u00dfe \\/\"},\"finish_reason\":\"stop\"}],\"usage\":{\
             \"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5,\"later\":[]}}\n"
        }
        Dialect::OpenaiResponses => {
            "{ \"object\":\"response\",\"id\":\"resp_1\" ,\"created_at\":1,\"model\":\"a-model\",\
             \"status\":\"completed\",\"new\":{\"a\":1.0},\n\"output\":[{\"type\":\"message\",\"id\":\
             \"msg_1\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\
             \"gr\\u00fc\\u00dfe \\/\"}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\
             \"later\":[]}}\n"
        }
        Dialect::Gemini => {
            "{ \"responseId\":\"r-1\" ,\"modelVersion\":\"a-model\",\"new\":{\"a\":1.0},\n\
             \"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\
             \"gr\\u00fc\\u00dfe \\/\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\
             \"promptTokenCount\":3,\"candidatesTokenCount\":2,\"later\":[]}}\n"
        }
        Dialect::BedrockConverse => {
            "{ \"output\":{\"message\":{\"role\":\"assistant\" ,\"content\":[{\"text\":\
             \"gr\\u00fc\\u00dfe \\/\"}]}},\"new\":{\"a\":1.0},\n\"stopReason\":\"end_turn\",\
             \"usage\":{\"inputTokens\":3,\"outputTokens\":2,\"totalTokens\":5,\"later\":[]},\
             \"metrics\":{\"latencyMs\":1}}\n"
        }
    }
}

/// How such a stream begins.
const fn odd_opening(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => {
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\
             \"type\":\"message\",\"role\":\"assistant\",\"model\":\"a-model\",\"content\":[],\
             \"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":0}}}\n\n\
             event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
             \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: ping\ndata: \
             {\"type\":\"ping\"}\n\n"
        }
        Dialect::OpenaiChat => {
            "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\
             \"a-model\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\
             \"\"}}]}\n\n"
        }
        Dialect::OpenaiResponses => {
            "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\
             \"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"model\":\"a-model\",\
             \"status\":\"in_progress\",\"output\":[]}}\n\nevent: response.output_item.added\n\
             data: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\
             \"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[]}}\n\n"
        }
        Dialect::Gemini => "data: {\"candidates\":[],\"responseId\":\"r-1\"}\r\n\r\n",
        // Messages, not text.
        Dialect::BedrockConverse => "",
    }
}

/// How a piece of its text begins.
const fn odd_delta(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => {
            "event:content_block_delta\r\ndata:{\"type\":\"content_block_delta\", \"index\":0,\
                 \"delta\":{\"type\":\"text_delta\",\"text\":\""
        }
        Dialect::OpenaiChat => {
            "id: 7\ndata:  {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
                 \"model\":\"a-model\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
        }
        Dialect::OpenaiResponses => {
            "event:response.output_text.delta\r\ndata:{\"type\":\"response.output_text.delta\", \
                 \"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\""
        }
        Dialect::Gemini => {
            "data:{\"responseId\":\"r-1\", \"candidates\":[{\"content\":{\"parts\":[{\"text\":\""
        }
        Dialect::BedrockConverse => "",
    }
}

/// A stream of about this many bytes, with comments, fields and spaces of its own kind.
pub(crate) fn odd_stream(dialect: Dialect, bytes: usize) -> Vec<u8> {
    if dialect == Dialect::BedrockConverse {
        return odd_messages(bytes);
    }
    let mut out = String::with_capacity(bytes + 4096);
    out.push_str(": hello\r\n\r\n");
    out.push_str(odd_opening(dialect));
    let mut numbered = 2;
    let padding = "gr\\u00fc\u{df}e \u{1f30a} ".repeat(20);
    for number in 0_u32.. {
        let begins = odd_delta(dialect);
        let ends = match dialect {
            Dialect::OpenaiResponses => {
                numbered += 1;
                &format!("\", \"sequence_number\":{}, \"new\":1.0}}\n\n", numbered - 1)
            }
            Dialect::AnthropicMessages => "\"}, \"new\":1.0}\r\n\r\n",
            Dialect::OpenaiChat => "\"}}], \"new\":1.0}\n\n",
            Dialect::Gemini => "\"}]}}], \"new\":1.0}\r\n\r\n",
            Dialect::BedrockConverse => "",
        };
        write!(out, "{begins}{number} {padding}{ends}").expect("a string takes all");
        if out.len() >= bytes {
            break;
        }
    }
    match dialect {
        Dialect::Gemini => out.push_str(
            "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":\
             {\"promptTokenCount\":3,\"candidatesTokenCount\":2}}\r\n\r\n",
        ),
        Dialect::AnthropicMessages => out.push_str(
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
             event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\
             \"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: \
             {\"type\":\"message_stop\"}\n\n",
        ),
        Dialect::OpenaiChat => out.push_str(
            "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\
             \"a-model\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
             data: [DONE]\n\n",
        ),
        Dialect::BedrockConverse => {}
        Dialect::OpenaiResponses => write!(
            out,
            "event: response.completed\ndata: {{\"type\":\"response.completed\",\
             \"sequence_number\":{numbered},\"response\":{{\"id\":\"resp_1\",\"status\":\
             \"completed\",\"output\":[],\"usage\":{{\"input_tokens\":3,\"output_tokens\":2}}}}}}\n\n"
        )
        .expect("a string takes all"),
    }
    out.into_bytes()
}

/// What ends such a stream of messages.
const ODD_END: [(&str, &str); 3] = [
    ("contentBlockStop", "{\"contentBlockIndex\":0}"),
    ("messageStop", "{ \"stopReason\":\"end_turn\" }"),
    ("metadata", "{\"usage\":{\"inputTokens\":3,\"outputTokens\":2},\"metrics\":{},\"new\":1.0}"),
];

/// The same of the messages of an event-stream.
fn odd_messages(bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + 4096);
    event_message("newEvent", b"{}", &mut out);
    event_message("messageStart", b"{ \"role\" : \"assistant\" }", &mut out);
    let padding = "gr\\u00fc\u{df}e \u{1f30a} ".repeat(20);
    for number in 0_u32.. {
        let json = format!(
            "{{\"contentBlockIndex\":0, \"delta\":{{\"text\":\"{number} {padding}\"}}, \"p\":\"abc\"}}"
        );
        event_message("contentBlockDelta", json.as_bytes(), &mut out);
        if out.len() >= bytes {
            break;
        }
    }
    for (event, json) in ODD_END {
        event_message(event, json.as_bytes(), &mut out);
    }
    out
}

/// Where such a stream begins to end, in bytes.
pub(crate) fn odd_end(dialect: Dialect, whole: &[u8]) -> usize {
    let mut messages = Vec::new();
    let begun = match dialect {
        Dialect::AnthropicMessages => &b"event: content_block_stop"[..],
        Dialect::OpenaiChat => &b"data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"a-model\",\"choices\":[{\"index\":0,\"delta\":{},"[..],
        Dialect::OpenaiResponses => &b"event: response.completed"[..],
        Dialect::Gemini => &b"data: {\"candidates\":[{\"finishReason"[..],
        Dialect::BedrockConverse => {
            let (event, json) = ODD_END[0];
            event_message(event, json.as_bytes(), &mut messages);
            &messages
        }
    };
    whole.windows(begun.len()).position(|part| part == begun).expect("its end")
}

fn call(dialect: Dialect, delivery: Delivery) -> Call {
    let mut item = item(dialect, delivery, Wish::Text);
    "a-model".clone_into(&mut item.model);
    let mut call = Call::of(&item);
    call.body = odd_request(dialect, delivery);
    call
}

#[tokio::test]
async fn in_one_dialect_request_and_answer_pass_to_the_byte() {
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        for (target, model) in [("there/*", "a-model"), ("there/a-model-of-theirs", "")] {
            for delivery in [Delivery::Unary, Delivery::Stream] {
                let answer = if delivery.is_stream() {
                    odd_stream(dialect, 5000)
                } else {
                    odd_answer(dialect).as_bytes().to_vec()
                };
                let script = if delivery.is_stream() {
                    Script::stream(&answer)
                } else {
                    Script::whole("200 OK", &answer)
                };
                let mut peer = Peer::open(script).await;
                let base_url = format!("http://{}", peer.address);
                let yaml = provider(&settings(&[target], ""), dialect, &base_url);
                let stage = Stage::open(&providers, &yaml);
                let call = call(dialect, delivery);
                let got = stage.send(&call).await;
                let what = format!("{dialect:?} at {target}, {delivery:?}");
                assert_eq!(got.text(), String::from_utf8_lossy(&answer), "{what}");
                assert_eq!((got.status, &got.body), (200, &answer), "{what}");
                let taken = peer.taken().await;
                let sent = String::from_utf8(call.body).expect("text");
                let expected = if model.is_empty() {
                    sent.replace("\"a-model\"", "\"a-model-of-theirs\"")
                } else {
                    sent
                };
                assert_eq!(String::from_utf8_lossy(&taken.body), expected, "{what}");
                assert!(taken.head.starts_with("post "), "{}", taken.head);
                if dialect == Dialect::BedrockConverse {
                    let asked = target.strip_prefix("there/").filter(|name| *name != "*");
                    let place = format!("post /model/{}/converse", asked.unwrap_or("a-model"));
                    assert!(taken.head.starts_with(&place), "{}", taken.head);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stream_of_20_mb_arrives_to_the_byte() {
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        let answer = odd_stream(dialect, 20 << 20);
        let peer = Peer::open(Script::stream(&answer)).await;
        let base_url = format!("http://{}", peer.address);
        let yaml = provider(&settings(&["there/*"], ""), dialect, &base_url);
        let stage = Stage::open(&providers, &yaml);
        let got = stage.send(&call(dialect, Delivery::Stream)).await;
        assert_eq!(got.body.len(), answer.len(), "{dialect:?}");
        assert!(got.body == answer, "{dialect:?}");
        assert_eq!(stage.rows(1).await[0].outcome, Outcome::Answered);
        stage.assert_idle("20 MB").await;
    }
}

#[tokio::test]
async fn pings_are_no_content_and_do_not_hold_a_silent_stream_up() {
    quickly(pings_are_no_content()).await;
}

async fn pings_are_no_content() {
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        let whole = odd_stream(dialect, 2000);
        let at = odd_end(dialect, &whole);
        let mut message = Vec::new();
        let beat = match dialect {
            Dialect::AnthropicMessages => &b"event: ping\ndata: {\"type\":\"ping\"}\n\n"[..],
            Dialect::OpenaiChat | Dialect::OpenaiResponses => b": still here\n\n",
            Dialect::Gemini => b"\r\n\r\n",
            Dialect::BedrockConverse => {
                event_message("ping", b"{}", &mut message);
                &message
            }
        };
        let peer = Peer::open(Script::beating(&whole[..at], beat)).await;
        let base_url = format!("http://{}", peer.address);
        let policy = "    on_break: error\n";
        let yaml = provider(&settings(&["there/*"], policy), dialect, &base_url);
        let stage = Stage::open(&providers, &yaml);
        let got = stage.send(&call(dialect, Delivery::Stream)).await;
        assert!(got.body.starts_with(&whole[..at]), "{}", got.text());
        let item = item(dialect, Delivery::Stream, Wish::Text);
        crate::breaks::assert_told(&got, &item);
        let row = &stage.rows(1).await[0];
        assert_eq!(row.attempts[0].class, Some(Class::Stalled), "{row:#?}");
        stage.assert_idle("pings").await;
    }
}

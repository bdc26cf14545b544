use backstop_vocabulary::Dialect;

use crate::{Delivery, Ear, Flaw};

fn hear(dialect: Dialect, body: &str) -> Result<String, Flaw> {
    let mut ear = Ear::new(dialect, Delivery::Stream);
    ear.feed(body.as_bytes());
    ear.finish().map(|heard| heard.text)
}

fn anthropic(frames: &[(&str, &str)]) -> String {
    let frame = |(kind, rest): &(&str, &str)| {
        format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n")
    };
    frames.iter().map(frame).collect()
}

const START: (&str, &str) = ("message_start", ",\"message\":{\"model\":\"m\"}");
const OPEN: (&str, &str) =
    ("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\"}");
const TEXT: (&str, &str) =
    ("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}");
const CLOSE: (&str, &str) = ("content_block_stop", ",\"index\":0");
const END: (&str, &str) = ("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}");
const STOP: (&str, &str) = ("message_stop", "");

#[test]
fn takes_a_right_stream_and_nothing_less() {
    let messages = Dialect::AnthropicMessages;
    let whole = [START, OPEN, TEXT, CLOSE, END, STOP];
    assert_eq!(hear(messages, &anthropic(&whole)), Ok("hi".to_owned()));
    assert_eq!(hear(messages, &anthropic(&whole[..5])), Err(Flaw::Cut));
    for spoilt in [
        vec![START, START, OPEN, TEXT, CLOSE, END, STOP],
        vec![START, TEXT, END, STOP],
        vec![START, OPEN, OPEN, TEXT, CLOSE, END, STOP],
        vec![START, OPEN, TEXT, END, STOP],
        vec![START, OPEN, TEXT, CLOSE, STOP],
    ] {
        let flaw = hear(messages, &anthropic(&spoilt));
        assert!(matches!(flaw, Err(Flaw::Malformed(_))), "{flaw:?} {spoilt:?}");
    }
}

#[test]
fn knows_every_form_of_an_error_inside() {
    let overloaded =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    let inside = |kind: &str| Err(Flaw::ErrorInside(kind.to_owned()));
    assert_eq!(hear(Dialect::AnthropicMessages, overloaded), inside("overloaded_error"));
    let nested = "data: {\"error\":{\"type\":\"server_error\"}}\n\n";
    assert_eq!(hear(Dialect::OpenaiChat, nested), inside("server_error"));
    let flat = "data: {\"object\":\"error\",\"message\":\"m\",\"code\":500}\n\n";
    assert_eq!(hear(Dialect::OpenaiChat, flat), inside("flat"));
    assert!(hear(Dialect::OpenaiChat, "data: [DONE]\n\n").is_err());
}

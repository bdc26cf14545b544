use backstop_exchange::Finish;
use bytes::Bytes;

use super::*;
use crate::{Frames, Framing, event_message};

fn read(messages: &[(&str, &str)]) -> (Vec<Event>, Result<(), Failure>) {
    let mut bytes = Vec::new();
    for (event, json) in messages {
        event_message(event, json.as_bytes(), &mut bytes);
    }
    let mut frames = Frames::new(Framing::EventStream, 1 << 20);
    frames.feed(Bytes::from(bytes));
    let (mut reader, mut events) = (StreamReader::new(), Vec::new());
    frames.for_each(|frame| reader.read(&frame.unwrap(), &mut events));
    (events, reader.finish())
}

const START: (&str, &str) = ("messageStart", r#"{"role":"assistant"}"#);
const STOP: (&str, &str) = ("messageStop", r#"{"stopReason":"end_turn"}"#);
const FIGURES: (&str, &str) =
    ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{}}"#);

#[test]
fn an_answer_is_complete_with_its_reason_and_done_with_its_figures() {
    let text = ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"ab"}"#);
    let (events, ended) = read(&[START, text, STOP]);
    assert_eq!(events.last(), Some(&Event::Finish(Finish::End)));
    assert_eq!(ended, Ok(()));
    let (events, _) = read(&[START, text, STOP, FIGURES]);
    assert_eq!(events.last(), Some(&Event::Done));
    let (_, ended) = read(&[START, text]);
    let failure = ended.unwrap_err();
    assert_eq!((failure.class, failure.stage), (Class::StreamCut, Stage::AfterContent));
}

#[test]
fn a_model_that_lost_its_way_is_an_error_and_not_an_end() {
    for reason in ["malformed_model_output", "malformed_tool_use", ""] {
        let stop = format!("{{\"stopReason\":\"{reason}\"}}");
        let (events, _) = read(&[START, ("messageStop", &stop), FIGURES]);
        let Some(Event::Failed(failure)) = events.last() else { panic!("{events:?}") };
        assert_eq!((failure.class, failure.stage), (Class::BadAnswer, Stage::BeforeContent));
    }
}

#[test]
fn a_customers_guardrail_is_a_refusal() {
    let stop = ("messageStop", r#"{"stopReason":"guardrail_intervened"}"#);
    let (events, _) = read(&[START, stop, FIGURES]);
    let category = Some("guardrail_intervened".to_owned());
    assert!(events.contains(&Event::Finish(Finish::Refused { category })), "{events:?}");
}

#[test]
fn arguments_that_are_no_object_are_excused_only_by_an_answer_that_was_cut() {
    let call = r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#;
    let input = r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":"}}}"#;
    let begun = [START, ("contentBlockStart", call), ("contentBlockDelta", input)];
    let with = |reason: &str| {
        let stop = format!("{{\"stopReason\":\"{reason}\"}}");
        let mut messages = begun.to_vec();
        messages.push(("contentBlockStop", r#"{"contentBlockIndex":0}"#));
        messages.push(("messageStop", &stop));
        read(&messages).0
    };
    assert!(matches!(with("tool_use").last(), Some(Event::Failed(_))));
    assert_eq!(with("max_tokens").last(), Some(&Event::Finish(Finish::Length)));
}

#[test]
fn what_is_new_or_of_another_shape_is_passed_over_or_named() {
    let (events, _) = read(&[START, ("somethingNew", "{\"a\":1}")]);
    assert_eq!(events.last(), Some(&Event::Ping));
    let (events, _) = read(&[START, ("contentBlockDelta", "[")]);
    assert!(matches!(events.last(), Some(Event::Failed(_))));
}

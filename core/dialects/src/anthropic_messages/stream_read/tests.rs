use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Frames, Framing};

fn read(datas: &[&str]) -> Vec<Event> {
    let mut frames = Frames::new(Framing::Sse, 1 << 20);
    let (mut reader, mut events) = (StreamReader::new(), Vec::new());
    for data in datas {
        frames.feed(Bytes::from(format!("data: {data}\n\n")));
        for frame in frames.by_ref() {
            reader.read(&frame.unwrap(), &mut events);
        }
    }
    events
}

const START: &str = r#"{"type":"message_start","message":{"id":"m","model":"m"}}"#;

#[test]
fn a_duplicate_start_is_passed_over() {
    assert_eq!(read(&[START, START]).len(), 1);
}

#[test]
fn an_error_of_another_api_is_an_error_here_too() {
    let flat = r#"{"object":"error","message":"died","type":"InternalServerError","code":500}"#;
    let nested = r#"{"type":"failure","error":{"message":"died","type":"x"}}"#;
    for data in [flat, nested] {
        let Some(Event::Failed(failure)) = read(&[START, data]).pop() else { panic!("{data}") };
        assert_eq!(failure.class, Class::ServerError, "{data}");
    }
    assert_eq!(read(&[START, r#"{"type":"new_event","object":"x"}"#]).len(), 1);
}

#[test]
fn a_call_that_never_stops_ends_with_the_message() {
    let call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"","name":"f","input":{}}}"#;
    let events = read(&[START, call, r#"{"type":"message_stop"}"#]);
    let id = "toolu_0".to_owned();
    let started =
        Event::ToolStart { ordinal: 0, id, name: "f".to_owned(), kind: ToolKind::Function };
    assert_eq!(events[1..], [started, Event::ToolEnd { ordinal: 0 }, Event::Done]);
}

#[test]
fn arguments_of_no_call_and_an_end_without_a_start_are_bad_answers() {
    let stray = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#;
    for datas in [vec![START, stray], vec![r#"{"type":"message_stop"}"#], vec!["[DONE]"]] {
        let Some(Event::Failed(failure)) = read(&datas).pop() else { panic!("{datas:?}") };
        assert_eq!(failure.class, Class::BadAnswer);
    }
}

#[test]
fn cut_arguments_are_the_providers_fault_unless_the_answer_was_cut() {
    let call = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#;
    let half = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\": tru"}}"#;
    let stop = r#"{"type":"content_block_stop","index":0}"#;
    let end = |reason: &str| {
        let end = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}}}}"#);
        read(&[START, call, half, stop, &end]).split_off(3)
    };
    let Some(Event::Failed(failure)) = end("tool_use").pop() else { panic!("not a failure") };
    assert_eq!(failure.class, Class::BadAnswer);
    let finish = Event::Finish(backstop_exchange::Finish::Length);
    assert_eq!(end("max_tokens"), [Event::ToolEnd { ordinal: 0 }, finish]);
}

#[test]
fn a_reason_without_a_word_is_none() {
    let text =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":""}}"#;
    let events = read(&[START, text, end, r#"{"type":"message_stop"}"#]);
    assert!(!events.iter().any(|event| matches!(event, Event::Finish(_))), "{events:?}");
    assert_eq!(events.last(), Some(&Event::Done));
}

#[test]
fn nothing_follows_a_failure() {
    let error = r#"{"type":"error","error":{"type":"api_error"}}"#;
    assert_eq!(read(&[error, START]).len(), 1);
}

proptest! {
    #[test]
    fn never_panics(
        datas in prop::collection::vec(
            prop_oneof![
                "[ -~]{0,40}",
                prop::sample::select(vec![
                    START.to_owned(),
                    r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f"}}"#.to_owned(),
                    r#"{"type":"content_block_start","content_block":{"type":"thinking","data":{}}}"#.to_owned(),
                    r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta"}}"#.to_owned(),
                    r#"{"type":"content_block_stop","index":18446744073709551615}"#.to_owned(),
                    r#"{"type":"content_block_start","index":18446744073709551615,"content_block":{"type":"text"}}"#.to_owned(),
                    r#"{"type":"message_delta","delta":{"stop_reason":null}}"#.to_owned(),
                    r#"{"type":"message_delta","usage":{"output_tokens":null}}"#.to_owned(),
                    r#"{"type":"message_stop"}"#.to_owned(),
                    r#"{"type":"error","error":"words"}"#.to_owned(),
                ]),
            ],
            0..12,
        ),
    ) {
        let datas: Vec<&str> = datas.iter().map(String::as_str).collect();
        let events = read(&datas);
        let ends = events.iter().filter(|e| matches!(e, Event::Done | Event::Failed(_))).count();
        prop_assert!(ends <= 1);
    }
}

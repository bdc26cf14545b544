use bytes::Bytes;
use proptest::prelude::*;

use backstop_exchange::{Event, Finish};

use super::StreamReader;
use crate::{Frames, Framing};

/// The events of a stream in one line each, and how it ended.
fn read(stream: &[u8], chunk_bytes: usize) -> Vec<String> {
    let mut frames = Frames::new(Framing::Sse, 1 << 20);
    let mut reader = StreamReader::new();
    let mut events = Vec::new();
    for chunk in stream.chunks(chunk_bytes.max(1)) {
        frames.feed(Bytes::copy_from_slice(chunk));
        for frame in frames.by_ref() {
            reader.read(&frame.unwrap(), &mut events);
        }
    }
    let mut lines: Vec<String> = events.iter().map(|event| line(event).trim().to_owned()).collect();
    if let Err(failure) = reader.finish() {
        lines.push(format!("cut {} {:?}", failure.class, failure.stage));
    }
    lines
}

fn line(event: &Event) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::Text(text) => format!("text {text}"),
        Event::Reasoning(text) => format!("think {text}"),
        Event::ToolStart { ordinal, id, name, .. } => format!("call {ordinal} {id} {name}"),
        Event::ToolArguments { ordinal, fragment } => format!("args {ordinal} {fragment}"),
        Event::ToolEnd { ordinal } => format!("end {ordinal}"),
        Event::Refusal(text) => format!("refusal {text}"),
        Event::Usage(u) => format!("usage {}+{} {}", u.input_uncached, u.cache_read, u.output),
        Event::Finish(Finish::Stop(Some(stop))) => format!("finish stop {stop}"),
        Event::Finish(finish) => format!("finish {}", finish.name()),
        Event::Ping => "ping".to_owned(),
        Event::Done => "done".to_owned(),
        Event::Failed(failure) => format!("failed {} {:?}", failure.class, failure.stage),
        Event::ReasoningSignature(_) | Event::ReasoningOpaque(_) | Event::Foreign { .. } => {
            format!("{event:?}")
        }
    }
}

/// Each line of `input` is a frame's data (or a whole comment). The events are the same however the
/// bytes are cut.
fn check(input: &str, expected: &str) {
    let lines = input.lines().map(str::trim).filter(|line| !line.is_empty());
    let frames = lines.map(|line| match line.strip_prefix(':') {
        Some(_) => format!("{line}\n\n"),
        None => format!("data: {line}\n\n"),
    });
    let stream: String = frames.collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    for chunk_bytes in [1, 2, 7, stream.len()] {
        assert_eq!(read(stream.as_bytes(), chunk_bytes), expected, "cut by {chunk_bytes}");
    }
}

#[test]
fn reads_an_answer_with_usage() {
    check(
        r#"
        {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}
        {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
        {"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"l\u00f6\"!"},"finish_reason":null}]}
        {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
        {"id":"c1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}
        [DONE]
        "#,
        r#"
        start c1 m
        text Hel
        text lö"!
        finish end
        usage 6+4 5
        done
        "#,
    );
}

#[test]
fn skips_azures_first_chunk_without_choices_and_takes_names_from_the_next() {
    check(
        r#"
        {"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}
        {"id":"c2","model":"gpt","choices":[{"index":0,"delta":{"content":"a"},"content_filter_results":{}}]}
        {"id":"c2","model":"gpt","choices":[{"index":0,"finish_reason":"stop","delta":{}}]}
        [DONE]
        "#,
        "
        start c2 gpt
        text a
        finish end
        done
        ",
    );
}

#[test]
fn a_comment_is_a_sign_of_life() {
    check(
        r#"
        : OPENROUTER PROCESSING
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}
        [DONE]
        "#,
        "
        ping
        start c m
        text a
        finish end
        done
        ",
    );
}

#[test]
fn a_finish_reason_without_done_is_a_complete_answer() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}
        "#,
        "
        start c m
        text a
        finish length
        ",
    );
}

#[test]
fn no_finish_reason_is_a_cut_stream_even_with_done() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}
        "#,
        "
        start c m
        text a
        cut stream_cut AfterContent
        ",
    );
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}
        [DONE]
        "#,
        "
        start c m
        failed stream_cut BeforeContent
        ",
    );
    check("", "cut stream_cut BeforeContent");
}

#[test]
fn reads_the_readable_thought_once_under_whichever_name() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"a","reasoning":"a"}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"reasoning":"b","reasoning_details":[{"type":"reasoning.text","text":"b"}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"},{"type":"reasoning.summary","summary":"d"}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"e"},"finish_reason":"stop"}]}
        [DONE]
        "#,
        "
        start c m
        think a
        think b
        think d
        text e
        finish end
        done
        ",
    );
}

#[test]
fn reads_parallel_calls_in_fragments() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}}]}
        {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}}]}
        {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}
        {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":""}}]}}]}
        {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}
        [DONE]
        "#,
        r#"
        start c m
        call 0 call_a f
        args 0 {"x":
        args 0 1}
        end 0
        call 1 call_b g
        end 1
        finish tool_use
        done
        "#,
    );
}

#[test]
fn keeps_interleaved_calls_apart() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}},{"index":1,"id":"b","function":{"name":"g"}}]}}]}
        {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}}]}
        {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":2}"}}]},"finish_reason":"stop"}]}
        [DONE]
        "#,
        r#"
        start c m
        call 0 a f
        args 0 {"x"
        call 1 b g
        args 1 {}
        args 0 :2}
        end 0
        end 1
        finish tool_use
        done
        "#,
    );
}

#[test]
fn a_whole_call_in_one_piece_may_have_object_arguments_no_index_and_no_id() {
    check(
        r#"
        {"id":"c","created":7,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"b":1.50,"a":2}}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"b":3}}}]},"finish_reason":"stop"}]}
        "#,
        r#"
        start c m
        call 0 call_d53ce2128ebcea1a f
        args 0 {"b":1.50,"a":2}
        end 0
        call 1 call_cca78b1289e5d1a5 f
        args 1 {"b":3}
        end 1
        finish tool_use
        "#,
    );
}

#[test]
fn calls_that_share_an_index_are_told_apart_by_their_ids() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}
        "#,
        "
        start c m
        call 0 a f
        args 0 {}
        end 0
        call 1 b f
        args 1 {}
        end 1
        finish tool_use
        ",
    );
}

#[test]
fn repeated_ids_and_names_and_ids_invented_per_piece_go_on_with_the_call() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"\"k\""}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"zzz","function":{"arguments":":1}"}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"k\":1}"}}]},"finish_reason":"tool_calls"}]}
        "#,
        r#"
        start c m
        call 0 a f
        args 0 {
        args 0 "k"
        args 0 :1}
        end 0
        finish tool_use
        "#,
    );
}

#[test]
fn waits_for_a_name_that_comes_late() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{}"}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]},"finish_reason":"tool_calls"}]}
        "#,
        "
        start c m
        call 0 a f
        args 0 {}
        end 0
        finish tool_use
        ",
    );
}

#[test]
fn reads_custom_tools_and_the_deprecated_function_call() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"sh","input":"ls"}}]}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"input":" -l"}}]},"finish_reason":"tool_calls"}]}
        "#,
        "
        start c m
        call 0 a sh
        args 0 ls
        args 0  -l
        end 0
        finish tool_use
        ",
    );
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"function_call":{"name":"f","arguments":"{\"a\""}}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"function_call":{"arguments":":1}"}},"finish_reason":"function_call"}]}
        "#,
        r#"
        start c m
        call 0 call_3ce1da20c00b8809 f
        args 0 {"a"
        args 0 :1}
        end 0
        finish tool_use
        "#,
    );
}

#[test]
fn garbled_arguments_are_a_bad_answer_unless_a_limit_cut_them() {
    let stream = |reason: &str| {
        format!(
            r#"
            {{"id":"c","model":"m","choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"a","function":{{"name":"f","arguments":"{{\"x\":"}}}}]}}}}]}}
            {{"id":"c","model":"m","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}
            "#
        )
    };
    let begun = "start c m\ncall 0 a f\nargs 0 {\"x\":\n";
    for reason in ["tool_calls", "stop"] {
        check(&stream(reason), &format!("{begun} failed bad_answer AfterContent"));
    }
    check(&stream("length"), &format!("{begun} end 0\nfinish length"));
}

#[test]
fn an_answer_with_nothing_in_it_is_empty() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
        [DONE]
        "#,
        "
        start c m
        failed empty_answer BeforeContent
        ",
    );
}

#[test]
fn errors_inside_a_stream_fail_in_every_known_shape() {
    let start = r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#;
    for (frame, class) in [
        (r#"{"error":{"message":"x","type":"server_error","code":null}}"#, "server_error"),
        (
            r#"{"error":{"message":"x","type":"server_error","code":"server_is_overloaded"}}"#,
            "overloaded",
        ),
        (r#"{"error":{"message":"slow","code":429}}"#, "rate_limited"),
        (r#"{"error":"the server is overloaded"}"#, "overloaded"),
        (
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            "invalid_request",
        ),
        (
            r#"{"id":"c","error":{"code":502,"message":"up"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            "server_error",
        ),
        (
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":503,"message":"no provider"}}]}"#,
            "overloaded",
        ),
        (
            r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#,
            "server_error",
        ),
        (
            r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"insufficient_system_resource"}]}"#,
            "overloaded",
        ),
        (r#"{"id":"c","choi"#, "bad_answer"),
        ("<html>", "bad_answer"),
    ] {
        check(
            &format!("{start}\n{frame}\n[DONE]"),
            &format!("start c m\nfailed {class} BeforeContent"),
        );
    }
}

#[test]
fn refusals_are_told_from_answers() {
    check(
        r#"
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"refusal":"I can"}}]}
        {"id":"c","model":"m","choices":[{"index":0,"delta":{"refusal":"not"},"finish_reason":"stop"}]}
        "#,
        "
        start c m
        refusal I can
        refusal not
        finish refused
        ",
    );
    check(
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#,
        "
        start c m
        finish refused
        ",
    );
}

#[test]
fn says_which_stop_string_was_met_where_the_server_does_and_keeps_unknown_reasons() {
    check(
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","stop_reason":"END"}]}"#,
        "
        start c m
        text a
        finish stop END
        ",
    );
    check(
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","stop_reason":128009}]}"#,
        "
        start c m
        text a
        finish end
        ",
    );
    check(
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"tired"}]}"#,
        "
        start c m
        text a
        finish other
        ",
    );
}

#[test]
fn reads_the_first_of_several_choices_and_tolerates_odd_types() {
    check(
        r#"
        {"id":7,"model":null,"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":[{"type":"text","text":"y"},"es"]}}]}
        {"id":7,"model":null,"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}]}
        {"id":7,"choices":[{"index":0,"delta":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3.0,"completion_tokens":1,"completion_tokens_details":null}}
        {"id":7,"choices":null}
        [DONE]
        "#,
        "
        start
        text yes
        finish end
        usage 3+0 1
        done
        ",
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..9) {
        read(&bytes, cut);
    }

    #[test]
    fn no_json_makes_it_panic(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "{\"choices\":[{\"delta\":{", "\"tool_calls\":[{\"index\":0", "\"content\":\"x\"", ",",
            "}", "]", "[DONE]", "\"finish_reason\":\"stop\"", "\"function\":{\"name\":\"f\"",
            "\"arguments\":\"{\"", "\n\n", "data: ", "null", "\"error\":{}", "\"usage\":{}",
        ]), 0..30)
    ) {
        read(pieces.concat().as_bytes(), 5);
    }
}

#[test]
fn a_chunk_of_usage_is_one_that_tells_nothing_else() {
    for (chunk, alone) in [
        (r#"{"choices":[],"usage":{"prompt_tokens":1}}"#, true),
        (r#"{"id":"a","usage":{"prompt_tokens":1},"choices":null}"#, true),
        (r#"{"choices":[],"usage":null}"#, false),
        // Azure's verdict on the prompt.
        (r#"{"choices":[],"prompt_filter_results":[]}"#, false),
        (r#"{"choices":[{"index":1,"delta":{}}],"usage":{"prompt_tokens":1}}"#, false),
        ("[DONE]", false),
    ] {
        assert_eq!(super::is_usage_alone(chunk.as_bytes()), alone, "{chunk}");
    }
}

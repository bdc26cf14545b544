//! The simulator observed from a raw client through real loopback sockets.

#[path = "sockets/raw.rs"]
mod raw;

use raw::{Asked, End, Seen, Stage, exchange, request};

/// Plays a symptom on every request and says what a raw client sees.
async fn see(symptom: &str, asked: Asked) -> Seen {
    see_with(symptom, asked, "").await
}

async fn see_with(symptom: &str, asked: Asked, more: &str) -> Seen {
    let stage = Stage::open(&format!("{{\"symptom\":\"{symptom}\",\"after_ms\":700}}")).await;
    stage.ask_with(asked, more).await
}

/// Checks a symptom in all four kinds: status, end, and words that must be in the body.
async fn check(symptom: &str, status: u16, end: End, words: &str) {
    for asked in Asked::ALL {
        let seen = see(symptom, asked).await;
        assert_eq!((seen.status, seen.end), (status, end), "{symptom} {asked:?} {seen:?}");
        assert!(seen.body.contains(words), "{symptom} {asked:?} {seen:?}");
    }
}

#[tokio::test]
async fn healthy_answers_are_whole_in_both_dialects_streamed_and_not() {
    let stage = Stage::open("").await;
    for asked in Asked::ALL {
        let seen = stage.ask(asked).await;
        assert_eq!((seen.status, seen.end), (200, End::Clean), "{asked:?} {seen:?}");
        assert!(seen.body.contains("The end is #"), "{asked:?} {seen:?}");
        let kind = if asked.is_stream() { "text/event-stream" } else { "application/json" };
        assert!(seen.head.contains(kind), "{seen:?}");
    }
}

#[tokio::test]
async fn connections_fail_before_the_head() {
    check("refused", 0, End::Reset, "").await;
    check("dns", 0, End::Reset, "").await;
    check("tls", 0, End::Closed, "").await;
    check("reset_before_headers", 0, End::Reset, "").await;
    check("hang_before_headers", 0, End::Silent, "").await;
}

#[tokio::test]
async fn bodies_break_in_the_middle() {
    for asked in Asked::ALL {
        for (symptom, end) in [
            ("reset_mid_body", End::Reset),
            ("close_mid_body", End::Closed),
            ("silence_mid_stream", End::Silent),
            ("cut_stream", End::Clean),
        ] {
            let seen = see(symptom, asked).await;
            assert_eq!((seen.status, seen.end), (200, end), "{symptom} {asked:?} {seen:?}");
            assert!(seen.body.len() > 100, "{symptom} {asked:?} {seen:?}");
            assert!(!seen.body.contains("The end is #"), "{symptom} {asked:?} {seen:?}");
            assert!(!seen.body.contains("message_stop") && !seen.body.contains("[DONE]"));
        }
    }
}

#[tokio::test]
async fn nothing_comes_or_it_comes_late() {
    check("headers_then_silence", 200, End::Silent, "").await;
    for asked in [Asked::AnthropicStream, Asked::OpenaiStream] {
        // The raw client waits 400 ms; the first token takes 700.
        let seen = see("slow_first_token", asked).await;
        assert_eq!((seen.status, seen.end), (200, End::Silent), "{seen:?}");
        assert!(!seen.body.contains("text_delta") && !seen.body.contains("\"content\":\"\\\""));
        let seen = see("stall_then_success", asked).await;
        assert_eq!((seen.status, seen.end), (0, End::Silent), "{seen:?}");
        let seen = see("pings_only", asked).await;
        assert_eq!((seen.status, seen.end), (200, End::Silent), "{seen:?}");
        assert!(!seen.body.contains("text_delta"), "{seen:?}");
        let seen = see("slow_tokens", asked).await;
        assert_eq!((seen.status, seen.end), (200, End::Silent), "{seen:?}");
    }
}

#[tokio::test]
async fn a_200_lies() {
    check("json_error_200", 200, End::Clean, "error").await;
    check("html", 200, End::Clean, "<!DOCTYPE html>").await;
    for (asked, ours, terminal) in [
        (Asked::AnthropicStream, "event: error\ndata: {\"type\":\"error\"", "message_stop"),
        (Asked::OpenaiStream, "data: {\"error\":{", "[DONE]"),
    ] {
        let seen = see("error_in_stream", asked).await;
        assert!(seen.body.contains(ours) && !seen.body.contains(terminal), "{seen:?}");
        let first = see("error_first_in_stream", asked).await;
        assert!(first.body.contains(ours) && first.body.len() < seen.body.len(), "{first:?}");
        let flat = see("error_in_stream_flat", asked).await;
        assert!(flat.body.contains("{\"object\":\"error\""), "{flat:?}");
        let bare = see("error_in_stream_bare", asked).await;
        assert!(bare.body.ends_with('}') && bare.body.contains("\n\n{"), "{bare:?}");
        let malformed = see("malformed_frame", asked).await;
        assert!(malformed.body.contains("The end is #") && malformed.body.contains(terminal));
        assert!(malformed.body.contains("\"choi\n") || malformed.body.contains("\"ind\n"));
        let missing = see("missing_done", asked).await;
        assert_eq!(missing.end, End::Clean);
        assert!(missing.body.contains("The end is #") && !missing.body.contains(terminal));
        let empty = see("empty_answer", asked).await;
        assert!(empty.body.contains(terminal) && !empty.body.contains("text_delta"), "{empty:?}");
        let flood = see("header_flood", asked).await;
        assert!(flood.head.len() > 250_000);
    }
}

#[tokio::test]
async fn arguments_are_garbled() {
    let tools = ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}]";
    let seen = see_with("garbled_arguments", Asked::AnthropicStream, tools).await;
    assert!(seen.body.contains("input_json_delta") && seen.body.contains('\u{fffd}'), "{seen:?}");
    let tools = ",\"reasoning_effort\":\"none\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}]";
    let seen = see_with("garbled_arguments", Asked::OpenaiWhole, tools).await;
    assert!(seen.body.contains("\"tool_calls\"") && seen.body.contains('\u{fffd}'), "{seen:?}");
}

#[tokio::test]
async fn statuses_are_those_of_the_real_apis() {
    for (symptom, messages, chat, words) in [
        ("bad_request_400", 400, 400, "invalid_request_error"),
        ("auth_401", 401, 401, ""),
        ("auth_403", 403, 403, ""),
        ("payment_402", 402, 402, "billing_error"),
        ("model_not_found_404", 404, 404, ""),
        ("rate_limit", 429, 429, ""),
        ("quota", 429, 429, ""),
        ("acceleration", 429, 429, ""),
        ("http_500", 500, 500, ""),
        ("http_502", 502, 502, "<html>"),
        ("http_503", 503, 503, ""),
        ("http_504", 504, 504, ""),
        ("http_529", 529, 503, "verloaded"),
        ("http_530", 530, 530, "<html>"),
        ("redirect", 307, 307, ""),
    ] {
        for (asked, status) in [(Asked::AnthropicWhole, messages), (Asked::OpenaiStream, chat)] {
            let seen = see(symptom, asked).await;
            assert_eq!((seen.status, seen.end), (status, End::Clean), "{symptom} {seen:?}");
            assert!(seen.body.contains(words), "{symptom} {seen:?}");
        }
    }
}

#[tokio::test]
async fn rate_limits_advise_as_they_are_told() {
    let advice = async |symptom: &str| see(symptom, Asked::AnthropicWhole).await.head;
    assert!(advice("rate_limit").await.contains("retry-after: 1"));
    assert!(advice("rate_limit_absurd").await.contains("retry-after: 86400"));
    assert!(advice("false_rate_limit").await.contains("retry-after: 20"));
    assert!(!advice("rate_limit_bare").await.contains("retry-after"));
    let quota = see("quota", Asked::OpenaiWhole).await;
    assert!(quota.body.contains("insufficient_quota") && !quota.head.contains("retry-after"));
    let fast = see("acceleration", Asked::AnthropicWhole).await;
    assert!(fast.body.contains("ramp_limit_exceeded"), "{fast:?}");
}

#[tokio::test]
async fn a_long_answer_is_as_long_as_wanted() {
    let stage = Stage::open("{\"symptom\":\"long_answer\",\"bytes\":3000000}").await;
    let seen = stage.ask(Asked::AnthropicStream).await;
    assert_eq!(seen.end, End::Clean);
    assert!(seen.body.len() > 3_000_000 && seen.body.contains("message_stop"));
}

#[tokio::test]
async fn behaviour_is_changed_and_shown_while_it_runs() {
    let stage = Stage::open("").await;
    let control = async |method: &str, body: &str| {
        exchange(stage.control, &request(method, "/simulator/behaviour", "x: y", body)).await
    };
    let wrong = control("PUT", "{\"symptom\":\"hiccups\"}").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("slow_tokens"), "{wrong:?}");
    for (body, says) in [
        ("{\"provider\":\"opnai\",\"symptom\":\"http_500\"}", "there are: anthropic, openai"),
        ("[{\"symptom\":\"http_500\",\"shaer\":0.5}]", "shaer"),
        ("{\"symptom\":\"http_500\",\"share\":5}", "from 0 to 1"),
        ("rubbish", "cannot read the behaviour"),
    ] {
        let wrong = control("PUT", body).await;
        assert!(wrong.status == 400 && wrong.body.contains(says), "{wrong:?}");
    }
    let wish = "{\"provider\":\"openai\",\"symptom\":\"http_500\",\"models\":[\"gpt-5*\"]}";
    let set = control("PUT", wish).await;
    assert!(set.body.contains("http_500") && set.body.contains("\"share\":1.0"), "{set:?}");
    assert_eq!(stage.ask(Asked::OpenaiWhole).await.status, 500);
    assert_eq!(stage.ask(Asked::AnthropicWhole).await.status, 200);
    assert_eq!(control("DELETE", "").await.body, "[]");
    assert_eq!(stage.ask(Asked::OpenaiWhole).await.status, 200);
    let seen = exchange(stage.control, &request("GET", "/simulator/requests", "x: y", "")).await;
    assert!(seen.body.contains("\"openai\":{\"answered\":1,\"http_500\":1}"), "{seen:?}");
}

#[tokio::test]
async fn one_port_serves_all_providers_by_path_and_lists_their_models() {
    let stage = Stage::open("").await;
    let key = "x-api-key: key\r\nanthropic-version: 2023-06-01";
    let models = request("GET", "/anthropic/v1/models", key, "");
    let seen = exchange(stage.control, &models).await;
    assert!(seen.status == 200 && seen.body.contains("claude-opus-4-6"), "{seen:?}");
    let seen = exchange(stage.control, &request("GET", "/nobody/v1/models", key, "")).await;
    assert_eq!(seen.status, 404);
    let refused = exchange(stage.openai, &request("POST", "/v1/chat/completions", key, "{}")).await;
    assert_eq!(refused.status, 401);
}

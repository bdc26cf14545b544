//! What fails before the client was given anything: another target answers and nobody notices but
//! the headers.

use std::time::Duration;

use backstop_scenarios::{Delivery, Knobs, Wish, WorkItem};
use backstop_vocabulary::Dialect;

use crate::checks::Checks;
use crate::client::{forms, item};
use crate::peer::{Peer, Script};
use crate::stage::{OPENAI, Providers, Stage, ladder, pairs, provider, provider_of, settings};

/// The symptom of a first target, and how its failure is called in the answer's headers.
struct Row {
    symptom: &'static str,
    knobs: Knobs,
    /// For whole answers (`a|b`: either, by dialect); empty when this symptom does not show there.
    whole: &'static str,
    /// For streams; empty when this symptom shows only after the stream has begun.
    stream: &'static str,
}

const fn row(symptom: &'static str, class: &'static str) -> Row {
    split(symptom, class, class)
}

const fn split(symptom: &'static str, whole: &'static str, stream: &'static str) -> Row {
    let knobs = Knobs {
        after: None,
        status: None,
        retry_after_s: None,
        tokens_per_second: None,
        bytes: None,
    };
    Row { symptom, knobs, whole, stream }
}

fn rows() -> Vec<Row> {
    let slow = Knobs { after: Some(Duration::from_secs(20)), ..Knobs::default() };
    let page = Knobs { status: Some(502), ..Knobs::default() };
    vec![
        row("reset_before_headers", "connection_reset"),
        split("reset_mid_body", "connection_reset", ""),
        split("close_mid_body", "connection_reset", ""),
        split("cut_stream", "bad_answer", ""),
        row("hang_before_headers", "first_token_timeout"),
        row("headers_then_silence", "first_token_timeout"),
        row("pings_only", "first_token_timeout"),
        Row { knobs: slow, ..row("slow_first_token", "first_token_timeout") },
        Row { knobs: slow, ..row("stall_then_success", "first_token_timeout") },
        split("silence_mid_stream", "first_token_timeout", ""),
        split("error_first_in_stream", "server_error", "server_error|overloaded"),
        row("json_error_200", "server_error"),
        row("html", "bad_answer"),
        Row { knobs: page, ..row("html", "server_error") },
        row("empty_answer", "empty_answer"),
        row("bad_request_400", "invalid_request"),
        row("auth_401", "auth_refused"),
        row("auth_403", "auth_refused"),
        row("payment_402", "quota_exhausted"),
        row("model_not_found_404", "model_not_found"),
        row("rate_limit", "rate_limited"),
        row("rate_limit_absurd", "rate_limited"),
        row("rate_limit_bare", "rate_limited"),
        row("false_rate_limit", "rate_limited"),
        row("quota", "quota_exhausted"),
        // Gemini and AWS know no other word for it than for their limits.
        row("acceleration", "acceleration|rate_limited"),
        row("http_500", "server_error"),
        row("http_502", "server_error"),
        row("http_503", "overloaded"),
        row("http_504", "server_error"),
        row("http_529", "overloaded"),
        row("http_530", "server_error"),
        row("redirect", "redirected"),
        row("header_flood", "protocol_broken"),
    ]
}

#[tokio::test]
async fn whatever_fails_before_the_first_token_the_next_target_answers_in_the_clients_dialect() {
    let mut checks = Checks::default();
    for row in rows() {
        for (first, second) in pairs() {
            for (dialect, delivery) in forms() {
                let class = if delivery.is_stream() { row.stream } else { row.whole };
                if class.is_empty() {
                    continue;
                }
                let what = format!(
                    "{} at {first:?}, then {second:?}, for {dialect:?} {delivery:?}",
                    row.symptom
                );
                let item = item(dialect, delivery, Wish::Text);
                checks.add(what, check(Row { ..row }, class, (first, second), item));
            }
        }
    }
    checks.pass_quickly().await;
}

/// One symptom, seen by one kind of client, at a gateway that has not yet learnt to stay away.
async fn check(row: Row, class: &str, (first, second): (Dialect, Dialect), item: WorkItem) {
    let providers = Providers::open().await;
    providers.fail_with(provider_of(first), row.symptom, row.knobs);
    let stage = Stage::open(&providers, &ladder(first, second, ""));
    let got = stage.ask(&item).await;
    got.assert_answers(&item, "");
    let answer = got.header("backstop-answer");
    assert!(answer.contains("; rung=2; attempts=2; "), "{answer}");
    let attempts = got.header("backstop-attempts");
    let told = class.split('|').any(|class| attempts.contains(&format!("; error={class};")));
    assert!(told, "{class}: {attempts}");
    let rows = stage.rows(1).await;
    assert_eq!(rows[0].attempts.len(), 2, "{rows:#?}");
    stage.assert_idle("").await;
}

#[tokio::test]
async fn a_healthy_first_target_answers_every_kind_of_client() {
    let providers = Providers::open().await;
    for first in Dialect::ALL {
        let stage = Stage::open(&providers, &ladder(first, Dialect::OpenaiChat, ""));
        for (dialect, delivery) in forms() {
            for wish in [Wish::Text, Wish::Tools, Wish::Schema] {
                let item = item(dialect, delivery, wish);
                let what = format!("{first:?} for {dialect:?} {delivery:?} {wish:?}");
                let got = stage.ask(&item).await;
                got.assert_answers(&item, &what);
                assert_eq!(got.header("backstop-attempts"), "", "{what}");
                let answer = got.header("backstop-answer");
                assert!(answer.contains("; rung=1; attempts=1; "), "{what}: {answer}");
            }
        }
        stage.assert_idle("healthy").await;
    }
}

#[tokio::test]
async fn content_that_comes_in_one_piece_with_the_break_is_given_to_nobody() {
    let broken = [
        r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}"#,
        r#"event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Never seen"}}"#,
        r#"event: error
data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ];
    let peer = Peer::open(Script::stream((broken.join("\n\n") + "\n\n").as_bytes())).await;
    let yaml = settings(&["there/claude-opus-4-6", OPENAI], "");
    let address = format!("http://{}", peer.address);
    let yaml = provider(&yaml, Dialect::AnthropicMessages, &address);
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        // A gateway that has not yet learnt to stay away.
        let stage = Stage::open(&providers, &yaml);
        let item = item(dialect, Delivery::Stream, Wish::Text);
        let got = stage.ask(&item).await;
        got.assert_answers(&item, "");
        assert!(got.header("backstop-answer").contains("; rung=2; attempts=2; "), "{got:?}");
        assert!(!stage.rows(1).await[0].resumed, "{dialect:?}");
    }
}

//! What breaks after the client was given something: another target goes on where that is safe,
//! and where it is not, the client is told so in a way it cannot take for an end.

use backstop_dialects::{Frames, Framing};
use backstop_scenarios::{Ask, Delivery, Flaw, Wish, WorkItem};
use backstop_store::{Entry, Outcome};
use backstop_vocabulary::Dialect;

use crate::checks::Checks;
use crate::client::{End, Got, item};
use crate::stage::{OPENAI, Providers, Stage, ladder, pairs, provider_of, settings};

/// Breaks in the middle of a stream, and how the journal calls them (`a|b`: either, by dialect).
const BREAKS: [(&str, &str); 8] = [
    ("reset_mid_body", "connection_reset"),
    ("close_mid_body", "connection_reset"),
    ("silence_mid_stream", "stalled"),
    ("cut_stream", "stream_cut"),
    ("error_in_stream", "server_error|overloaded"),
    ("error_in_stream_flat", "server_error|overloaded"),
    ("error_in_stream_bare", "server_error|overloaded"),
    ("malformed_frame", "bad_answer"),
];

#[tokio::test]
async fn a_stream_that_breaks_after_its_first_token_is_carried_on_and_nothing_is_said_twice() {
    let mut checks = Checks::default();
    for (symptom, class) in BREAKS {
        for (first, second) in pairs() {
            for dialect in Dialect::ALL {
                let what =
                    format!("{symptom} at {first:?}, then {second:?}, for a client of {dialect:?}");
                let item = item(dialect, Delivery::Stream, Wish::Text);
                checks.add(what, carried_on(symptom, class, (first, second), item));
            }
        }
    }
    checks.pass_quickly().await;
}

async fn carried_on(
    symptom: &str,
    class: &str,
    (first, second): (Dialect, Dialect),
    item: WorkItem,
) {
    let providers = Providers::open().await;
    providers.fail(provider_of(first), symptom);
    let stage = Stage::open(&providers, &ladder(first, second, ""));
    let got = stage.ask(&item).await;
    got.assert_answers(&item, "");
    // What was known when the head was sent.
    let answer = got.header("backstop-answer");
    assert!(answer.contains("; rung=1; attempts=1; "), "{answer}");
    let row = &stage.rows(1).await[0];
    assert!(row.resumed && row.outcome == Outcome::Answered, "{row:#?}");
    assert_eq!((row.attempts.len(), row.rung), (2, Some(2)), "{row:#?}");
    assert_eq!(row.attempts[1].purpose, "resume", "{row:#?}");
    assert_class(row, class);
    stage.assert_idle("").await;
}

#[track_caller]
fn assert_class(row: &Entry, class: &str) {
    let seen = row.attempts[0].class.expect("the first attempt failed").code();
    assert!(class.split('|').any(|class| class == seen), "{seen} is not {class}: {row:#?}");
}

#[tokio::test]
async fn a_continuation_that_repeats_itself_or_starts_over_is_cut_to_fit() {
    let mut checks = Checks::default();
    for mode in ["overlap", "start_over"] {
        for (first, second) in pairs() {
            for dialect in Dialect::ALL {
                let what = format!("{mode} at {first:?}, then {second:?}, for {dialect:?}");
                checks.add(what, async move {
                    let scenario = include_str!("stage.yaml")
                        .replace("exact: 100%", "exact: 0%")
                        .replace(&format!("{mode}: 0%"), &format!("{mode}: 100%"));
                    let providers = Providers::open_with(&scenario).await;
                    providers.fail(provider_of(first), "reset_mid_body");
                    let stage = Stage::open(&providers, &ladder(first, second, ""));
                    let item = item(dialect, Delivery::Stream, Wish::Text);
                    let got = stage.ask(&item).await;
                    got.assert_answers(&item, "");
                    assert!(stage.rows(1).await[0].resumed);
                });
            }
        }
    }
    checks.pass_quickly().await;
}

#[tokio::test]
async fn a_model_that_goes_on_with_what_it_is_given_as_its_own_is_not_asked_in_words() {
    // Asked in words, each would say something else.
    let scenario = include_str!("stage.yaml")
        .replace("exact: 100%", "exact: 0%")
        .replace("rephrase: 0%", "rephrase: 100%");
    let providers = Providers::open_with(&scenario).await;
    providers.fail("openai", "reset_mid_body");
    for dialect in Dialect::ALL {
        // A gateway that has not yet learnt to stay away.
        let yaml = settings(&[OPENAI, "anthropic/claude-haiku-4-5"], "");
        let stage = Stage::open(&providers, &yaml);
        let item = item(dialect, Delivery::Stream, Wish::Text);
        stage.ask(&item).await.assert_answers(&item, "");
        assert!(stage.rows(1).await[0].resumed, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_continuation_that_does_not_fit_ends_in_an_error_and_not_in_two_half_answers() {
    for (first, second) in pairs() {
        let scenario = include_str!("stage.yaml")
            .replace("exact: 100%", "exact: 0%")
            .replace("rephrase: 0%", "rephrase: 100%");
        let providers = Providers::open_with(&scenario).await;
        providers.fail(provider_of(first), "reset_mid_body");
        let stage = Stage::open(&providers, &ladder(first, second, ""));
        for dialect in Dialect::ALL {
            let item = item(dialect, Delivery::Stream, Wish::Text);
            let got = stage.ask(&item).await;
            // A model that says something else may still read as a continuation: then it is one
            // text, and no passage of it is there twice.
            if got.heard(&item).is_err() {
                assert_told(&got, &item);
            }
        }
        stage.assert_idle("").await;
    }
}

#[tokio::test]
async fn where_a_route_wants_an_error_the_client_gets_one_that_no_sdk_takes_for_an_end() {
    let mut checks = Checks::default();
    for (symptom, class) in BREAKS {
        for first in Dialect::ALL {
            for dialect in Dialect::ALL {
                let what = format!("{symptom} at {first:?}, for a client of {dialect:?}");
                let item = item(dialect, Delivery::Stream, Wish::Text);
                checks.add(what, told(symptom, class, first, item));
            }
        }
    }
    checks.pass_quickly().await;
}

async fn told(symptom: &str, class: &str, first: Dialect, item: WorkItem) {
    let providers = Providers::open().await;
    providers.fail(provider_of(first), symptom);
    let settings = ladder(first, Dialect::OpenaiChat, "    on_break: error\n");
    let stage = Stage::open(&providers, &settings);
    let got = stage.ask(&item).await;
    assert_told(&got, &item);
    let row = &stage.rows(1).await[0];
    assert_eq!((row.outcome, row.attempts.len()), (Outcome::Failed, 1), "{row:#?}");
    assert_class(row, class);
    stage.assert_idle("").await;
}

/// Fails unless the stream ended in its dialect's error frame, then broke off.
#[track_caller]
pub(crate) fn assert_told(got: &Got, item: &WorkItem) {
    assert_farewell(got, item.dialect);
    let heard = got.heard(item);
    assert!(matches!(heard, Err(Flaw::ErrorInside(_))), "{heard:?}\n{}", got.text());
}

/// The same by the bytes alone.
#[track_caller]
pub(crate) fn assert_farewell(got: &Got, dialect: Dialect) {
    let text = got.text().replace("\r\n", "\n");
    if dialect == Dialect::BedrockConverse {
        return assert_exception(got);
    }
    assert_eq!(got.status, 200, "{text}");
    assert!(matches!(got.end, End::Closed | End::Reset), "{:?}\n{text}", got.end);
    let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let (begins, terminal) = match dialect {
        Dialect::AnthropicMessages => ("event: error\ndata: {\"type\":\"error\",", "message_stop"),
        Dialect::OpenaiChat => ("data: {\"error\":{", "[DONE]"),
        Dialect::Gemini => ("data: {\"error\":{", "finishReason"),
        Dialect::OpenaiResponses => {
            ("event: response.failed\ndata: {\"type\":\"response.failed\",", "response.completed")
        }
        Dialect::BedrockConverse => ("", ""),
    };
    assert!(last.starts_with(begins), "{last}");
    assert!(!text.contains(terminal), "{terminal} in {text}");
}

/// The same of the messages of an event-stream.
#[track_caller]
fn assert_exception(got: &Got) {
    let text = got.text();
    assert_eq!(got.status, 200, "{text}");
    assert!(matches!(got.end, End::Closed | End::Reset), "{:?}\n{text}", got.end);
    let mut frames = Frames::new(Framing::EventStream, 1 << 20);
    frames.feed(got.body.clone().into());
    let events: Vec<String> =
        frames.by_ref().map(|frame| frame.expect("a message").event().to_owned()).collect();
    assert!(events.last().is_some_and(|last| last.ends_with("Exception")), "{events:?}");
    assert!(frames.rest().is_empty() && !events.contains(&"messageStop".to_owned()), "{events:?}");
}

#[tokio::test]
async fn a_stream_that_lacks_nothing_but_its_last_event_is_completed() {
    // The last event of Responses is the only one that says that no item follows.
    for first in [Dialect::AnthropicMessages, Dialect::OpenaiChat] {
        for dialect in Dialect::ALL {
            for wish in [Wish::Text, Wish::Tools, Wish::Schema] {
                let providers = Providers::open().await;
                providers.fail(provider_of(first), "missing_done");
                let settings = ladder(first, Dialect::OpenaiChat, "");
                let stage = Stage::open(&providers, &settings);
                let item = item(dialect, Delivery::Stream, wish);
                let what = format!("{first:?} for {dialect:?} {wish:?}");
                stage.ask(&item).await.assert_answers(&item, &what);
                let row = &stage.rows(1).await[0];
                assert_eq!(row.attempts.len(), 1, "{what}: {row:#?}");
                stage.assert_idle(&what).await;
            }
        }
    }
}

#[tokio::test]
async fn structured_output_is_held_until_it_is_complete_and_fails_over_unseen() {
    let mut checks = Checks::default();
    for (symptom, class) in BREAKS.into_iter().chain([("garbled_arguments", "bad_answer")]) {
        for (first, second) in pairs() {
            for dialect in Dialect::ALL {
                let what = format!("{symptom} at {first:?}, then {second:?}, for {dialect:?}");
                checks.add(what, async move {
                    let providers = Providers::open().await;
                    providers.fail(provider_of(first), symptom);
                    let stage = Stage::open(&providers, &ladder(first, second, ""));
                    let item = item(dialect, Delivery::Stream, Wish::Schema);
                    let got = stage.ask(&item).await;
                    got.assert_answers(&item, "");
                    let answer = got.header("backstop-answer");
                    assert!(answer.contains("; rung=2; attempts=2; "), "{answer}");
                    assert_class(&stage.rows(1).await[0], class);
                });
            }
        }
    }
    checks.pass_quickly().await;
}

#[tokio::test]
async fn garbled_arguments_never_reach_a_client_that_has_another_target() {
    let mut checks = Checks::default();
    for (first, second) in pairs() {
        for dialect in Dialect::ALL {
            for (delivery, wish) in [
                (Delivery::Unary, Wish::Tools),
                (Delivery::Stream, Wish::Tools),
                (Delivery::Unary, Wish::Schema),
            ] {
                let what =
                    format!("{first:?}, then {second:?}, for {dialect:?} {delivery:?} {wish:?}");
                checks.add(what, async move {
                    let providers = Providers::open().await;
                    providers.fail(provider_of(first), "garbled_arguments");
                    let stage = Stage::open(&providers, &ladder(first, second, ""));
                    let item =
                        WorkItem { prompt: silent_caller(), ..item(dialect, delivery, wish) };
                    let got = stage.ask(&item).await;
                    got.assert_answers(&item, "");
                    let answer = got.header("backstop-answer");
                    assert!(answer.contains("; rung=2; attempts=2; "), "{answer}");
                });
            }
        }
    }
    checks.pass_quickly().await;
}

#[tokio::test]
async fn a_started_tool_call_is_held_so_that_its_break_goes_unseen() {
    let mut checks = Checks::default();
    for (symptom, _) in BREAKS {
        for (first, second) in pairs() {
            for dialect in Dialect::ALL {
                let what = format!("{symptom} at {first:?}, then {second:?}, for {dialect:?}");
                checks.add(what, async move {
                    // Half of the content of one call: its start, and no end.
                    let prompt = prompt_with(|digest| digest % 3 == 0 && digest % 2 == 1);
                    let providers = finely().await;
                    providers.fail(provider_of(first), symptom);
                    let stage = Stage::open(&providers, &ladder(first, second, ""));
                    let item = WorkItem { prompt, ..item(dialect, Delivery::Stream, Wish::Tools) };
                    let got = stage.ask(&item).await;
                    got.assert_answers(&item, "");
                    let answer = got.header("backstop-answer");
                    assert!(answer.contains("; rung=2; attempts=2; "), "{answer}");
                });
            }
        }
    }
    checks.pass_quickly().await;
}

#[tokio::test]
async fn after_a_sent_tool_call_nothing_is_asked_again() {
    let mut checks = Checks::default();
    for (symptom, class) in BREAKS {
        for dialect in Dialect::ALL {
            let what = format!("{symptom} for {dialect:?}");
            checks.add(what, async move {
                // Two calls; the break comes within the second. While another target could answer
                // instead, both are held; without that chance the first is sent. Chat Completions
                // shows that a call has ended only by the beginning of the next.
                let prompt = prompt_with(|digest| digest % 3 == 0 && digest % 2 == 0);
                let providers = finely().await;
                let item = WorkItem { prompt, ..item(dialect, Delivery::Stream, Wish::Tools) };

                providers.fail("anthropic", symptom);
                let (first, second) = (Dialect::AnthropicMessages, Dialect::OpenaiChat);
                let stage = Stage::open(&providers, &ladder(first, second, ""));
                stage.ask(&item).await.assert_answers(&item, "both held");

                let settings = ladder(first, second, "    on_break: error\n");
                let stage = Stage::open(&providers, &settings);
                let got = stage.ask(&item).await;
                assert_told(&got, &item);
                assert!(got.text().contains("get_weather"), "{}", got.text());
                assert!(!got.text().contains("search_tickets"), "{}", got.text());
                let row = &stage.rows(1).await[0];
                assert_eq!(row.attempts.len(), 1, "{row:#?}");
                assert_class(row, class);

                providers.fail("openai", symptom);
                let settings = ladder(Dialect::OpenaiChat, Dialect::AnthropicMessages, "");
                let stage = Stage::open(&providers, &settings);
                stage.ask(&item).await.assert_answers(&item, "both held");
            });
        }
    }
    checks.pass_quickly().await;
}

/// Providers that say a few letters at a time.
async fn finely() -> Providers {
    let scenario = include_str!("stage.yaml")
        .replace("tokens_per_second: 100000", "tokens_per_second: 100000, piece_tokens: 1");
    Providers::open_with(&scenario).await
}

/// A prompt that is answered by calls without a word before them.
fn silent_caller() -> String {
    prompt_with(|digest| digest % 3 == 0)
}

/// A prompt whose digest, on which the answer depends, is as wanted.
fn prompt_with(wanted: impl Fn(u64) -> bool) -> String {
    let prompts = (0..).map(|nth| format!("[api/7] Please look number {nth} up for me."));
    let fits = |prompt: &String| wanted(Ask::text("", Dialect::OpenaiChat, "", prompt).prompt);
    prompts.into_iter().find(fits).expect("one of them fits")
}

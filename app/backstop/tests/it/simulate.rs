//! `backstop simulate`.

use serde_json::json;

use crate::support::{Backstop, Ending, Simulation, ask};

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("anthropic-version", "2023-06-01"),
    ("x-api-key", "sk-test"),
    ("authorization", "Bearer sk-test"),
];

#[test]
fn providers_answer_in_their_dialects_and_fail_when_told_to() {
    let simulation = Simulation::healthy();
    let anthropic = simulation.address("anthropic");
    let body = json!({
        "model": "claude-sonnet-5", "max_tokens": 100,
        "messages": [{ "role": "user", "content": "hello" }],
    });
    let post = || ask(&anthropic, "POST /v1/messages", HEADERS, body.to_string().as_bytes());
    assert_eq!(post().json()["type"], "message");

    simulation.fail("anthropic", "http_529");
    let refused = post();
    assert_eq!(refused.status, 529);
    assert_eq!(refused.json()["error"]["type"], "overloaded_error");

    simulation.mend();
    assert_eq!((post().status, post().ending), (200, Ending::Whole));
    assert_eq!(simulation.requests("anthropic"), 4);

    let chat = json!({ "model": "qwen3", "messages": [{ "role": "user", "content": "hello" }] });
    let local = simulation.address("local");
    let line = "POST /v1/chat/completions";
    let answer = ask(&local, line, HEADERS, chat.to_string().as_bytes());
    assert_eq!(answer.json()["object"], "chat.completion");
}

#[test]
fn a_scenario_is_followed_from_where_it_should_begin() {
    let args = ["2026-03-02", "--from", "11h48m", "--speed", "6000"];
    let mut simulation = Simulation::start(&args);
    assert!(simulation.child.line_with("phase").contains("first reports"));
    assert!(simulation.child.line_with("phase").contains("login down + API nearly fine"));
}

#[test]
fn wrong_arguments_are_explained_with_exit_status_2() {
    for (args, says) in [
        (&["simulate", "no-such"][..], "vendor-down-12h"),
        (&["simulate", "healthy", "--from", "7h"], "beyond the end"),
        (&["simulate", "--severity", "sweep"], "possible values: low, mid, high"),
        (&["simulate", "--speed", "0"], "from 0.01"),
    ] {
        let output = Backstop::new(args).finish(b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn it_ends_well_when_it_is_told_to() {
    for signal in ["-INT", "-TERM"] {
        let mut simulation = Simulation::healthy();
        simulation.child.signal(signal);
        assert_eq!(simulation.child.end().code(), Some(0));
    }
}

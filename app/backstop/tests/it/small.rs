//! The small commands: `explain`, `status`, `keys`, `completions`.

use serde_json::{Value, json};

use crate::support::{Backstop, Gateway, Simulation, ask, usual_settings};

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Backstop::new(args).finish(b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn explain_knows_statuses_codes_of_providers_and_our_own() {
    for (code, says) in [
        ("529", "rung_exhausted"),
        ("insufficient_quota", "Money or quota is used up."),
        ("stalled", "What to do"),
    ] {
        let (status, out, _) = run(&["explain", code]);
        assert_eq!(status, Some(0), "{out}");
        assert!(out.contains(says), "{out}");
    }
    let (status, out, err) = run(&["explain", "overload_error"]);
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(err.contains("overloaded_error"), "{err}");
    let (status, out, _) = run(&["explain", "429", "--json"]);
    let matches = serde_json::from_str::<Value>(&out).unwrap();
    let matches = matches["matches"].as_array().unwrap().clone();
    assert_eq!(status, Some(0));
    assert!(matches.iter().any(|one| one["code"] == "rate_limited" && one["fault"] == "provider"));
}

#[test]
fn status_shows_targets_and_says_what_to_do_when_nobody_answers() {
    let simulation = Simulation::healthy();
    let gateway = Gateway::before(&simulation);
    let body = json!({
        "model": "claude-sonnet-5", "max_tokens": 50,
        "messages": [{ "role": "user", "content": "hello" }],
    });
    assert_eq!(gateway.messages(&body).status, 200);
    let (status, out, _) = run(&["status", "--console", &gateway.console]);
    assert_eq!(status, Some(0));
    let line = out.lines().find(|line| line.starts_with("anthropic/claude-sonnet-5")).unwrap();
    assert!(line.contains("closed") && line.contains("100 %"), "{out}");
    let (_, out, _) = run(&["status", "--json", "--console", &gateway.console]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["targets"]["anthropic/claude-sonnet-5"]["state"], "closed");

    let console = gateway.console.clone();
    drop(gateway);
    let (status, out, err) = run(&["status", "--console", &console]);
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(err.contains("backstop serve"), "{err}");
    assert_eq!(run(&["status", "--console", "nowhere at all"]).0, Some(2));
}

#[test]
fn a_new_key_opens_the_gateway_whose_settings_hold_its_hash() {
    let (status, out, _) = run(&["keys", "new", "shop", "--app", "frontend", "--json"]);
    assert_eq!(status, Some(0));
    let made: Value = serde_json::from_str(&out).unwrap();
    let (key, hash) = (made["key"].as_str().unwrap(), made["hash"].as_str().unwrap());
    let simulation = Simulation::healthy();
    let keys = format!("keys:\n  - {{ name: shop, hash: {hash}, app: frontend }}\n");
    let gateway = Gateway::with_settings(&(keys + &usual_settings(&simulation)));
    let body = json!({ "model": "gpt-6.1-sol", "messages": [{ "role": "user", "content": "hi" }] });
    let with = |key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
        let line = "POST /v1/chat/completions";
        ask(&gateway.address, line, &headers, body.to_string().as_bytes()).status
    };
    assert_eq!((with(key), with("bsk_guessed")), (200, 401));

    let (_, first, _) = run(&["keys", "new", "shop"]);
    let (_, second, _) = run(&["keys", "new", "shop"]);
    assert!(first.contains("  - { name: shop, hash: ") && first != second);
    assert_eq!(run(&["keys", "new", "a name: with #"]).0, Some(2));
}

#[test]
fn completions_know_every_command_but_themselves() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let (status, out, _) = run(&["completions", shell]);
        assert_eq!(status, Some(0));
        assert!(out.contains("simulate") && out.contains("explain"), "{shell}");
    }
    assert!(!run(&["--help"]).1.contains("completions"));
}

//! `backstop run -- COMMAND`. The command is this test program again, playing an application.

use serde_json::json;

use crate::support::{Backstop, Folder, Recorder, ask};

/// Set where this program is to play the application: which dialect it speaks.
const PLAYS: &str = "BACKSTOP_TEST_APPLICATION";

/// Not a test of its own: the application, when it is started as one.
#[expect(clippy::disallowed_methods, reason = "the environment is what `run` is about")]
#[test]
fn application() {
    let Ok(dialect) = std::env::var(PLAYS) else { return };
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let turns = json!([{ "role": "user", "content": "hello" }]);
    let answer = if dialect == "anthropic" {
        let address = var("ANTHROPIC_BASE_URL").replace("http://", "");
        let key = var("ANTHROPIC_API_KEY");
        let headers = [("x-api-key", &*key), ("content-type", "application/json")];
        let body = json!({ "model": "claude-sonnet-5", "max_tokens": 9, "messages": turns });
        ask(&address, "POST /v1/messages", &headers, body.to_string().as_bytes())
    } else {
        assert_eq!(var("OPENAI_API_BASE"), var("OPENAI_BASE_URL"));
        let address = var("OPENAI_BASE_URL").replace("http://", "").replace("/v1", "");
        let key = format!("Bearer {}", var("OPENAI_API_KEY"));
        let headers = [("authorization", &*key), ("content-type", "application/json")];
        let body = json!({ "model": "gpt-5.6", "messages": turns });
        ask(&address, "POST /v1/chat/completions", &headers, body.to_string().as_bytes())
    };
    println!("status={} text={}", answer.status, answer.text());
}

/// `backstop run` before the application, with these variables.
fn run(dialect: &str, variables: &[(&str, &str)]) -> (String, String) {
    let folder = Folder::new();
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let args = ["run", "--", program, "run::application", "--exact", "--nocapture"];
    let mut command = Backstop::new(&args);
    command.current_dir(folder.path()).env(PLAYS, dialect).envs(variables.iter().copied());
    let output = command.finish(b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_commands_own_key_reaches_its_own_provider_and_nobody_else() {
    let (anthropic, openai) = (Recorder::overloaded(), Recorder::chat("rescued"));
    let (out, err) = run(
        "anthropic",
        &[
            ("ANTHROPIC_API_KEY", "sk-of-the-command"),
            ("OPENAI_API_KEY", "sk-ours"),
            ("BACKSTOP_ANTHROPIC_BASE_URL", &format!("http://{}", anthropic.address)),
            ("BACKSTOP_OPENAI_BASE_URL", &format!("http://{}", openai.address)),
        ],
    );
    assert!(out.contains("status=200") && out.contains("rescued"), "{out}{err}");
    assert_eq!(anthropic.request().header("x-api-key"), Some("sk-of-the-command"));
    let rescue = openai.request();
    assert_eq!(rescue.header("authorization"), Some("Bearer sk-ours"));
    assert_eq!(rescue.header("x-api-key"), None);
    assert!(err.contains("of 1 requests 1 were rescued, none failed"), "{err}");
}

#[test]
fn a_command_without_a_key_is_answered_by_whoever_has_one() {
    let (anthropic, openai) = (Recorder::overloaded(), Recorder::chat("from the other"));
    let (out, err) = run(
        "anthropic",
        &[
            ("OPENAI_API_KEY", "sk-ours"),
            ("BACKSTOP_ANTHROPIC_BASE_URL", &format!("http://{}", anthropic.address)),
            ("BACKSTOP_OPENAI_BASE_URL", &format!("http://{}", openai.address)),
        ],
    );
    assert!(out.contains("status=200") && out.contains("from the other"), "{out}{err}");
    assert_eq!(openai.request().header("authorization"), Some("Bearer sk-ours"));
    assert!(!err.contains("backstop:"), "nothing failed, so there is nothing to say: {err}");
}

#[cfg(unix)]
mod as_a_shell_would {
    use super::*;

    fn code(args: &[&str]) -> Option<i32> {
        let mut command = Backstop::new(&["run", "--"]);
        command.args(args);
        command.finish(b"").status.code()
    }

    #[test]
    fn exit_status_is_the_commands_own() {
        assert_eq!(code(&["sh", "-c", "exit 0"]), Some(0));
        assert_eq!(code(&["sh", "-c", "exit 7"]), Some(7));
        assert_eq!(code(&["sh", "-c", "kill -KILL $$"]), Some(137));
        assert_eq!(code(&["no-such-command-anywhere"]), Some(127));
        let folder = Folder::new();
        let file = folder.write("not-executable", "#!/bin/sh\n");
        assert_eq!(code(&[file.to_str().unwrap()]), Some(126));
    }

    #[test]
    fn signals_reach_the_command() {
        for (signal, status) in [("-TERM", 9), ("-INT", 8), ("-HUP", 7)] {
            // Busy rather than asleep: a shell is deaf while a child of its own is in the foreground.
            let script = "trap 'exit 9' TERM; trap 'exit 8' INT; trap 'exit 7' HUP; echo ready
                i=0; while [ $i -lt 9000000 ]; do i=$((i+1)); done";
            let mut child = Backstop::new(&["run", "--", "sh", "-c", script]).start();
            child.line_with("ready");
            child.signal(signal);
            assert_eq!(child.end().code(), Some(status), "{}", child.errors());
        }
    }
}

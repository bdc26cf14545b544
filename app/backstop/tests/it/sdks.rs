//! The official SDKs, unmodified, as clients: answered by a target of the other dialect they must
//! notice nothing but `backstop-*` headers. The cases are in `tests/sdk`; what was found is in
//! `docs/sdks.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Gateway, Simulation};

#[test]
fn the_anthropic_sdk_for_python_notices_nothing() {
    python("anthropic_messages.py");
}

#[test]
fn the_openai_sdk_for_python_notices_nothing() {
    python("openai_chat.py");
}

#[test]
fn the_openai_sdk_for_python_notices_nothing_in_its_responses() {
    python("openai_responses.py");
}

#[test]
fn the_tool_runners_of_anthropic_for_python_notice_nothing() {
    python("anthropic_runner.py");
}

#[test]
fn the_tool_runner_of_anthropic_for_typescript_notices_nothing() {
    typescript("anthropic_runner.mjs");
}

#[test]
fn the_agents_sdk_of_openai_for_python_notices_nothing() {
    python("openai_agents.py");
}

#[test]
fn the_agents_sdk_of_openai_for_typescript_notices_nothing() {
    typescript("openai_agents.mjs");
}

#[test]
fn the_helpers_of_openai_for_typescript_notice_nothing() {
    typescript("openai_helpers.mjs");
}

#[test]
fn the_openai_sdk_for_typescript_notices_nothing_in_its_responses() {
    typescript("openai_responses.mjs");
}

#[test]
fn the_aws_sdk_for_python_notices_nothing_in_converse() {
    python("bedrock_converse.py");
}

#[test]
fn the_anthropic_sdk_for_typescript_notices_nothing() {
    typescript("anthropic_messages.mjs");
}

#[test]
fn the_openai_sdk_for_typescript_notices_nothing() {
    typescript("openai_chat.mjs");
}

#[test]
fn the_google_sdk_for_python_notices_nothing() {
    python("gemini.py");
}

#[test]
fn the_google_sdk_for_typescript_notices_nothing() {
    typescript("gemini.mjs");
}

#[test]
fn the_office_add_in_shows_whole_answers_and_says_what_went_wrong() {
    typescript("office_addin.mjs");
}

#[test]
fn the_anthropic_sdk_for_go_notices_nothing() {
    go("anthropic_messages");
}

#[test]
fn the_openai_sdk_for_go_notices_nothing() {
    go("openai");
}

#[test]
fn the_google_sdk_for_go_notices_nothing() {
    go("gemini");
}

#[test]
fn the_google_sdk_for_java_notices_nothing() {
    java("Gemini");
}

#[test]
fn the_anthropic_sdk_for_java_notices_nothing() {
    java("AnthropicMessages");
}

#[test]
fn the_openai_sdk_for_java_notices_nothing() {
    java("OpenaiChat");
}

fn python(script: &str) {
    let interpreter = root().join(".venv/bin/python");
    if interpreter.exists() {
        run(Command::new(interpreter).arg("-B"), &root().join("tests/sdk/python").join(script));
    } else {
        skip(&format!("{script}: no .venv with the Python SDKs; tests/setup makes it"));
    }
}

fn typescript(script: &str) {
    if root().join("tests/node_modules").is_dir() {
        run(&mut Command::new("node"), &root().join("tests/sdk/typescript").join(script));
    } else {
        skip(&format!("{script}: no tests/node_modules with the SDKs; tests/setup makes it"));
    }
}

fn go(program: &str) {
    let built = root().join("target/sdks/go").join(program);
    if built.exists() {
        run(&mut Command::new(&built), &built);
    } else {
        skip(&format!("{program}: no target/sdks/go with the Go SDKs; tests/setup makes it"));
    }
}

fn java(program: &str) {
    let target = root().join("target/sdks/java");
    if target.join("beside").is_dir() {
        let path = format!("{0}/classes:{0}/beside/*", target.display());
        run(Command::new("java").args(["-cp", &path]), Path::new(program));
    } else {
        skip(&format!("{program}: no target/sdks/java with the Java SDKs; tests/setup makes it"));
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Said past the test harness, which keeps what a test that passes prints to itself.
fn skip(why: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("skip: {why}\n").as_bytes()).unwrap();
}

/// Runs a script before gateways of its own, so that the scripts may run at the same time.
fn run(command: &mut Command, script: &Path) {
    let simulation = Simulation::healthy();
    let ladder = Gateway::with_settings(&settings(&simulation, Rungs::Both));
    let alone = Gateway::with_settings(&settings(&simulation, Rungs::First));
    let down = Gateway::with_settings(&settings(&simulation, Rungs::First));
    let output = command
        .arg(script)
        .env("LADDER", format!("http://{}", ladder.address))
        .env("ALONE", format!("http://{}", alone.address))
        .env("DOWN", format!("http://{}", down.address))
        .env("DOWN_CONSOLE", format!("http://{}", down.console))
        .env("SIMULATOR", format!("http://{}", simulation.address("anthropic")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", script.display());
    assert!(said.contains("ok "), "{} has no cases: {complained}", script.display());
}

#[derive(Clone, Copy)]
enum Rungs {
    /// The provider of the client's dialect, then the one of the other.
    Both,
    /// Only the former, with little patience, and a break is passed on.
    First,
}

fn settings(simulation: &Simulation, rungs: Rungs) -> String {
    let (anthropic, openai, on_break, deadline) = match rungs {
        Rungs::Both => (
            "\n      - targets: [anthropic/claude-opus-4-8]",
            "\n      - targets: [openai/gpt-5.6]",
            "resume",
            "60s",
        ),
        Rungs::First => ("", "", "error", "2s"),
    };
    format!(
        "providers:
  anthropic: {{ api_key: sk-ant-test, base_url: '{}' }}
  openai: {{ api_key: sk-test, base_url: '{}' }}
  gemini: {{ api_key: test, base_url: '{}' }}
  converse: {{ dialect: bedrock_converse, api_key: test, base_url: '{}' }}
routes:
  - name: claude
    models: [claude-*]
    deadline: {deadline}
    on_break: {on_break}
    trickle: 0%
    ladder:
      - targets: [anthropic/*]{openai}
  - name: gpt
    models: [gpt-*]
    deadline: {deadline}
    on_break: {on_break}
    trickle: 0%
    ladder:
      - targets: [openai/*]{anthropic}
  - name: google
    models: [gemini-*]
    deadline: {deadline}
    on_break: {on_break}
    trickle: 0%
    ladder:
      - targets: [gemini/*]{anthropic}
  - name: converse
    models: [\"*.anthropic.*\"]
    deadline: {deadline}
    on_break: {on_break}
    trickle: 0%
    ladder:
      - targets: [converse/*]{openai}
",
        simulation.base_url("anthropic"),
        simulation.base_url("openai"),
        simulation.base_url("gemini"),
        simulation.base_url("converse"),
    )
}

//! `backstop ask`.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Backstop, Folder, Recorder, Simulation, usual_settings};

/// What nobody but the provider may read.
const SECRET: &str = "the-secret-of-the-prompt";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ask(folder: &Folder, args: &[&str], input: &str) -> Output {
    let mut command = Backstop::new(&["ask"]);
    command.args(args).current_dir(folder.path()).env("BACKSTOP_LOG", "debug");
    let output = command.finish(input.as_bytes());
    assert!(!text(&output.stderr).contains(SECRET), "{}", text(&output.stderr));
    output
}

fn folder(simulation: &Simulation) -> Folder {
    let folder = Folder::new();
    folder.write("backstop.yaml", &usual_settings(simulation));
    folder
}

#[test]
fn answers_an_argument_and_standard_input() {
    let simulation = Simulation::healthy();
    let folder = folder(&simulation);
    for (args, input) in [(&[SECRET][..], ""), (&[], SECRET), (&["--model", "gpt-5.6", SECRET], "")]
    {
        let output = ask(&folder, args, input);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        assert!(said.len() > 20 && said.ends_with('\n'), "{said}");
        assert!(!text(&output.stderr).contains("backstop: "), "{}", text(&output.stderr));
    }
    assert!(!folder.path().join("backstop.db").exists(), "a question leaves nothing behind");
}

#[test]
fn an_answer_from_a_lower_rung_says_so_on_standard_error() {
    let simulation = Simulation::healthy();
    let folder = folder(&simulation);
    simulation.fail("anthropic", "http_529");
    let output = ask(&folder, &[SECRET], "");
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert!(said.contains("answered by openai/gpt-5.6 (rung 2), after anthropic/"), "{said}");

    let output = ask(&folder, &["--json", SECRET], "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["answered_by"], &report["rung"]), (&json!("openai/gpt-5.6"), &json!(2)));
    assert_eq!(report["failed_attempts"][0]["error"], "overloaded");
    assert!(report["answer"].as_str().unwrap().len() > 20);
}

#[test]
fn the_argument_is_the_instruction_and_standard_input_the_material() {
    let chat = Recorder::chat("done");
    let folder = Folder::new();
    let provider = format!(
        "providers:\n  local: {{ dialect: openai_chat, base_url: 'http://{}/v1' }}\nroutes:\n  - \
         {{ name: all, models: [qwen3], ladder: [targets: [local/qwen3]] }}\n",
        chat.address
    );
    folder.write("backstop.yaml", &provider);
    let args = ["--system", "be brief", "sum up"];
    // The recorder answers a streamed request with a whole answer, which no client may take.
    ask(&folder, &args, "line one\nline two\n");
    let request = chat.request();
    assert_eq!(request.line, "POST /v1/chat/completions HTTP/1.1");
    let system = json!({ "role": "system", "content": "be brief" });
    let user = json!({ "role": "user", "content": "sum up\n\nline one\nline two" });
    assert_eq!(request.body["messages"], json!([system, user]));
    assert_eq!(request.body["stream"], true);
}

#[test]
fn exit_status_tells_a_bad_question_from_a_bad_day() {
    let simulation = Simulation::healthy();
    let folder = folder(&simulation);
    assert_eq!(ask(&folder, &[], "").status.code(), Some(2));
    assert_eq!(ask(&folder, &["--config", "missing.yaml", "x"], "").status.code(), Some(2));

    simulation.behave(&json!([{ "symptom": "http_500" }]));
    let output = ask(&folder, &[SECRET], "");
    assert_eq!(output.status.code(), Some(75), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    let output = ask(&folder, &["--json", SECRET], "");
    assert_eq!(output.status.code(), Some(75));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["error"]["code"].is_string(), "{report}");

    simulation.behave(&json!([{ "symptom": "hang_before_headers" }]));
    let output = ask(&folder, &["--timeout", "1", SECRET], "");
    assert_eq!(output.status.code(), Some(75), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("within 1 s"));

    let nowhere = Folder::new();
    assert_eq!(ask(&nowhere, &[SECRET], "").status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let simulation = Simulation::start(&["--first-token-ms", "1", "--tokens-per-second", "20"]);
    let folder = folder(&simulation);
    let mut command = Backstop::new(&["ask", SECRET]);
    command.current_dir(folder.path());
    let mut child = command.start();
    child.stop_reading();
    assert_eq!(child.end().code(), Some(0));
    assert_eq!(child.errors(), "");
}

//! `backstop import`.

use serde_json::Value;

use crate::support::{Backstop, Folder};

const CONFIG: &str = "
model_list:
  - model_name: claude
    litellm_params: { model: anthropic/claude-sonnet-5, api_key: sk-ant-very-secret }
  - model_name: gpt
    litellm_params: { model: openai/gpt-5.4, api_key: os.environ/OPENAI_API_KEY }
router_settings:
  cooldown_time: 60
  fallbacks: [{ claude: [gpt] }, { gpt: [claude] }]
";

fn import(folder: &Folder, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Backstop::new(&["import", "litellm"]);
    command.args(args).current_dir(folder.path());
    let output = command.finish(b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn writes_a_configuration_that_passes_the_check_and_lists_what_is_left() {
    let folder = Folder::new();
    folder.write("config.yaml", CONFIG);
    let (status, out, err) = import(&folder, &["config.yaml", "--output", "backstop.yaml"]);
    assert_eq!(status, Some(0), "{out}{err}");
    assert!(out.contains("config.yaml:8: router_settings.cooldown_time"), "{out}");
    assert!(out.contains("config.yaml:4: model_list[].litellm_params.api_key"), "{out}");
    assert!(out.contains("ANTHROPIC_API_KEY, OPENAI_API_KEY"), "{out}");
    assert!(!(out + &err + &folder.read("backstop.yaml")).contains("secret"));

    let mut check = Backstop::new(&["check"]);
    check.current_dir(folder.path());
    check.envs([("ANTHROPIC_API_KEY", "a"), ("OPENAI_API_KEY", "b")]);
    let output = check.finish(b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn prints_the_text_alone_and_never_replaces_a_file_unasked() {
    let folder = Folder::new();
    folder.write("config.yaml", CONFIG);
    let (status, out, err) = import(&folder, &["config.yaml"]);
    assert!(
        status == Some(0) && out.starts_with("# Made from") && !out.contains("cooldown"),
        "{out}"
    );
    assert!(err.contains("cooldown_time"), "{err}");
    let (status, out, _) = import(&folder, &["config.yaml", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, report["left"].as_array().unwrap().len()), (Some(0), 2), "{out}");

    folder.write("backstop.yaml", "mine");
    let (status, _, err) = import(&folder, &["config.yaml", "-o", "backstop.yaml"]);
    assert!(status == Some(2) && err.contains("--force"), "{err}");
    assert_eq!(folder.read("backstop.yaml"), "mine");
    let (status, ..) = import(&folder, &["config.yaml", "-o", "backstop.yaml", "--force"]);
    assert!(status == Some(0) && folder.read("backstop.yaml").contains("providers:"));
}

#[test]
fn says_what_is_wrong_with_a_file_that_is_no_such_configuration() {
    let folder = Folder::new();
    folder.write("compose.yaml", "services:\n  web: {}\n");
    let (status, out, err) = import(&folder, &["compose.yaml"]);
    assert_eq!((status, &*out), (Some(2), ""));
    assert!(err.contains("compose.yaml:1:1") && err.contains("`model_list` is missing"), "{err}");
    let (status, _, err) = import(&folder, &["missing.yaml"]);
    assert!(status == Some(2) && err.contains("missing.yaml"), "{err}");
}

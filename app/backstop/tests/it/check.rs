//! `backstop check`.

use serde_json::Value;

use crate::support::{Backstop, Folder};

fn check(folder: &Folder, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Backstop::new(&["check"]);
    command.args(args).current_dir(folder.path());
    let output = command.finish(b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn two_vendors_pass_and_one_is_warned_of() {
    let folder = Folder::new();
    let two = "
providers:
  anthropic: { api_key: a }
  openai: { api_key: b }
routes:
  - name: support
    models: [claude-sonnet-5]
    ladder:
      - targets: [anthropic/*]
      - targets: [openai/gpt-5.6]
";
    folder.write("backstop.yaml", two);
    let (status, out, err) = check(&folder, &[]);
    assert_eq!(status, Some(0), "{out}{err}");
    assert!(out.contains("checked       backstop.yaml"), "{out}");

    let one = two.replace("      - targets: [openai/gpt-5.6]\n", "");
    let one = one.replace("  openai: { api_key: b }\n", "");
    folder.write("one.yaml", &one);
    let (status, out, _) = check(&folder, &["--config", "one.yaml", "--json"]);
    assert_eq!(status, Some(1), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["source"], "one.yaml");
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == "single_vendor"), "{out}");
}

#[test]
fn every_error_of_a_bad_file_is_told_at_once_with_its_line() {
    let folder = Folder::new();
    folder.write("backstop.yaml", "listen: nowhere\nproviders:\n  anthropic: { api_kee: x }\n");
    let (status, out, err) = check(&folder, &[]);
    assert_eq!(status, Some(2), "{out}{err}");
    assert!(err.contains("backstop.yaml:1:") && err.contains("backstop.yaml:3:"), "{err}");
    let (status, out, _) = check(&folder, &["--json"]);
    assert_eq!(status, Some(2), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let lines = report["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64());
    assert!(lines.clone().any(|line| line == Some(1)) && lines.clone().any(|line| line == Some(3)));
}

#[test]
fn without_a_file_the_environment_is_checked() {
    let folder = Folder::new();
    let (status, out, _) = check(&folder, &["--json"]);
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("no_provider"), "{out}");
    let (status, out, err) = check(&folder, &["--config", "missing.yaml"]);
    assert_eq!((status, &*out), (Some(2), ""));
    assert!(err.contains("missing.yaml"), "{err}");
}

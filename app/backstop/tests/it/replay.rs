//! `backstop replay`, as a command.

use serde_json::Value;

use crate::support::{Backstop, Folder};

/// A quiet day with a request now and then.
const BRIEF: [&str; 5] = ["replay", "healthy", "--no-baselines", "--rate", "0.01"];

#[test]
fn a_settings_file_in_the_folder_is_what_is_played() {
    let folder = Folder::new();
    let played = |args: &[&str]| {
        let mut command = Backstop::new(&BRIEF);
        command.args(args).current_dir(folder.path());
        let output = command.finish(b"");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (text, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (out, err) = played(&[]);
    assert!(out.contains("played with the scenario's own ladder, "), "{out}{err}");

    let routes = "
routes:
  - { name: all, models: [\"*\"], ladder: [{ targets: [mine/house-model] }] }
providers:
  mine: { dialect: openai_chat, base_url: http://127.0.0.1:1/v1 }
";
    folder.write("backstop.yaml", routes);
    let (out, err) = played(&[]);
    assert!(out.contains("played with the routes of backstop.yaml"), "{out}{err}");
    folder.write("other.yaml", routes);
    let (out, err) = played(&["--json", "--config", "other.yaml"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["settings"], "the routes of other.yaml", "{err}");

    folder.write("backstop.yaml", "routes: 5\n");
    let (out, err) = played(&[]);
    assert!(out.is_empty() && err.contains("backstop.yaml:1:"), "{out}{err}");
}

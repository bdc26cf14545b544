//! Every folder of `golden_import/` is a configuration of another gateway, what is made of it, and what
//! is left. What is made must read, and must hold no problem. `UPDATE=1` writes what comes out.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a golden test reads its files"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use backstop_catalogue::Catalogue;
use backstop_settings::{Imported, Severity, check, import_litellm, read, render_errors};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden_import");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 3, "the golden files are gone");
    cases
}

fn import(case: &Path) -> Imported {
    let text = std::fs::read_to_string(case.join("in.yaml")).unwrap();
    import_litellm(&text, &Catalogue::built_in()).unwrap()
}

/// Each variable with a value that fits it.
fn environment(imported: &Imported) -> BTreeMap<String, String> {
    let value = |name: &String| {
        let base = name.ends_with("BASE");
        if base {
            "https://acme-us.openai.azure.com".to_owned()
        } else {
            format!("value-of-{name}")
        }
    };
    imported.variables.iter().map(|name| (name.clone(), value(name))).collect()
}

#[test]
fn carries_every_golden_file_as_written_down() {
    let mut wrong = Vec::new();
    for case in cases() {
        let imported = import(&case);
        let mut left = String::new();
        for one in &imported.left {
            writeln!(left, "{}: {}: {}", one.line, one.path, one.why).unwrap();
        }
        for (file, came) in [("out.yaml", &imported.text), ("left.txt", &left)] {
            let shown = ["-secret", "secret@"].iter().any(|secret| came.contains(secret));
            assert!(!shown, "{} shows a secret:\n{came}", case.display());
            let file = case.join(file);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&file, came).unwrap();
            }
            let expected = std::fs::read_to_string(&file).unwrap_or_default();
            if expected != *came {
                wrong.push(format!("{}\n--- expected\n{expected}--- came\n{came}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_made_reads_and_would_work_on_the_day() {
    let catalogue = Catalogue::built_in();
    for case in cases() {
        let imported = import(&case);
        let settings = match read(&imported.text, &environment(&imported), &catalogue) {
            Ok(settings) => settings,
            Err(errors) => panic!("{}{}", render_errors("out.yaml", &errors), imported.text),
        };
        let problems: Vec<String> = check(&settings)
            .iter()
            .filter(|finding| finding.severity == Severity::Problem)
            .map(ToString::to_string)
            .collect();
        assert!(problems.is_empty(), "{}: {problems:#?}\n{}", case.display(), imported.text);
    }
}

#[test]
fn the_usual_shape_needs_no_warning_either() {
    let catalogue = Catalogue::built_in();
    let usual = cases().into_iter().find(|case| case.ends_with("usual")).unwrap();
    let imported = import(&usual);
    let settings = read(&imported.text, &environment(&imported), &catalogue).unwrap();
    let findings = check(&settings);
    let graver: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(ToString::to_string)
        .collect();
    assert_eq!(graver, Vec::<String>::new());
}

#[test]
fn refuses_what_is_no_configuration_of_a_litellm_proxy() {
    let wrong = |text: &str| {
        let error = import_litellm(text, &Catalogue::built_in()).unwrap_err();
        format!("{}: {error}", error.line)
    };
    assert!(wrong("a: [").contains("not valid YAML"));
    assert!(wrong("services: { web: {} }").contains("`model_list` is missing"));
    assert!(wrong("providers: {}\nroutes: []").contains("a configuration of Backstop already"));
    assert!(wrong("x: 1\nmodel_list: []").starts_with("2: no deployment"));
    assert!(wrong("model_list: [{ model_name: a }]").contains("no deployment"));
}

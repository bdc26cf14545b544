//! `backstop check`: what in a configuration would not work on the day.

use backstop_settings::{Finding, SettingsError, Severity, check, check_age};
use serde_json::{Value, json};

use crate::cli;
use crate::configuration::{BadSettings, Configuration};
use crate::exit::Exit;
use crate::out::say;
use crate::text::{count, labelled};

/// Runs the command.
pub(crate) fn run(args: &cli::Check) -> anyhow::Result<Exit> {
    let configuration = match Configuration::find(args.config.config.as_deref()) {
        Ok(configuration) => configuration,
        Err(error) => return unreadable(args, error),
    };
    let today = jiff::Timestamp::now().to_string();
    let mut findings = check(&configuration.settings);
    findings.extend(check_age(&configuration.settings, today.get(..10).unwrap_or_default()));
    for found in configuration.findings.iter().rev() {
        if !findings.iter().any(|known| known.code == found.code && known.place == found.place) {
            findings.insert(0, found.clone());
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    let source = configuration.source.name();
    if args.json {
        say!("{:#}", as_json(&source, &findings));
    } else {
        print(&source, &findings);
    }
    let clean = findings.iter().all(|finding| finding.severity == Severity::Note);
    Ok(if clean { Exit::Success } else { Exit::Failure })
}

/// Settings that cannot be used: every error at once, in JSON where that was asked for.
fn unreadable(args: &cli::Check, error: anyhow::Error) -> anyhow::Result<Exit> {
    match error.downcast_ref::<BadSettings>().filter(|_| args.json) {
        Some(bad) => {
            let errors: Vec<Value> = bad.errors.iter().map(error_json).collect();
            say!("{:#}", json!({ "source": bad.file, "errors": errors }));
            Ok(Exit::Usage)
        }
        None => Err(error),
    }
}

fn error_json(error: &SettingsError) -> Value {
    let SettingsError { line, column, path, what, cure } = error;
    json!({ "line": line, "column": column, "path": path, "what": what, "cure": cure })
}

fn print(source: &str, findings: &[Finding]) {
    say!("checked       {source}");
    for finding in findings {
        say!();
        let place = if finding.place.is_empty() { "the whole" } else { &finding.place };
        say!("{:<14}{place}", finding.severity.name());
        say!("{}", labelled("", &finding.what, 14));
        if !finding.cure.is_empty() {
            say!("{}", labelled("", &format!("→ {}", finding.cure), 14));
        }
    }
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (problems, warnings) = (of(Severity::Problem), of(Severity::Warning));
    let notes = count(of(Severity::Note), "note");
    if problems + warnings == 0 {
        say!("\nnothing here would keep it from working on the day ({notes})");
    } else {
        say!("\n{}, {}, {notes}", count(problems, "problem"), count(warnings, "warning"));
    }
}

fn as_json(source: &str, findings: &[Finding]) -> Value {
    let list: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.name(),
                "code": finding.code,
                "place": finding.place,
                "what": finding.what,
                "cure": finding.cure,
            })
        })
        .collect();
    json!({ "source": source, "findings": list })
}

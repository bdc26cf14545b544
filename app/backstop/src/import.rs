//! `backstop import`: a configuration of ours from another gateway's.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use backstop_catalogue::Catalogue;
use backstop_settings::{Imported, SettingsError, import_litellm, read, render_errors};
use serde_json::{Value, json};

use crate::cli;
use crate::configuration::BadSettings;
use crate::exit::{Exit, UsageError};
use crate::knowledge;
use crate::out::say;
use crate::text::{count, labelled};

/// Runs the command.
pub(crate) fn run(args: &cli::Import) -> anyhow::Result<Exit> {
    match &args.command {
        cli::ImportCommand::Litellm(args) => litellm(args),
    }
}

fn litellm(args: &cli::ImportLitellm) -> anyhow::Result<Exit> {
    let file = args.file.display().to_string();
    let text = knowledge::read(&args.file)
        .map_err(|error| UsageError(format!("cannot read `{file}`: {error}")))?;
    let catalogue = Catalogue::built_in();
    let imported = import_litellm(&text, &catalogue)
        .map_err(|error| BadSettings { file: file.clone(), errors: vec![error] })?;
    if let Some(output) = &args.output {
        write(output, &imported.text, args)?;
    }
    let errors = errors(&imported, &catalogue);
    tell(args, &file, &imported, &errors);
    Ok(if errors.is_empty() { Exit::Success } else { Exit::Failure })
}

/// Writes the file; one that is there already is somebody's work.
fn write(path: &Path, text: &str, args: &cli::ImportLitellm) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    let opened = if args.force {
        options.create(true).truncate(true).open(path)
    } else {
        options.create_new(true).open(path)
    };
    let mut file = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let name = path.display();
            return Err(UsageError(format!(
                "`{name}` exists: name another file, or add `--force`"
            ))
            .into());
        }
        opened => opened.with_context(|| format!("cannot write `{}`", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))
}

/// What is wrong with what was written, for variables that hold something.
fn errors(imported: &Imported, catalogue: &Catalogue) -> Vec<SettingsError> {
    let mut env: BTreeMap<String, String> = crate::environment::read();
    for name in &imported.variables {
        env.entry(name.clone()).or_insert_with(|| "set-later".to_owned());
    }
    // An address from a variable that nobody set yet is no error of ours.
    let addressed = |error: &SettingsError| !error.path.ends_with("base_url");
    let errors = read(&imported.text, &env, catalogue).err().unwrap_or_default();
    errors.into_iter().filter(addressed).collect()
}

fn tell(args: &cli::ImportLitellm, file: &str, imported: &Imported, errors: &[SettingsError]) {
    if args.json {
        say!("{:#}", as_json(imported, errors));
        return;
    }
    // What is left goes where it is not mixed with the text.
    let (mut lines, output) =
        (Vec::new(), args.output.as_ref().map(|path| path.display().to_string()));
    if !imported.left.is_empty() {
        lines.push(format!(
            "{} of {file} could not be carried as they were:",
            count(imported.left.len(), "setting")
        ));
        for left in &imported.left {
            let place = format!("{file}:{}: {}", left.line, left.path);
            lines.push(format!("\n{place}\n{}", labelled("", &left.why, 4)));
        }
        lines.push(String::new());
    }
    if !imported.variables.is_empty() {
        lines.push(format!("It needs these variables: {}", imported.variables.join(", ")));
    }
    let name = output.as_deref().unwrap_or("backstop.yaml");
    if errors.is_empty() {
        lines.push(format!("Next: `backstop check --config {name}`"));
    } else {
        lines.push(format!("It has errors of its own:\n{}", render_errors(name, errors)));
    }
    if let Some(output) = output {
        say!("written to {output}\n");
        for line in &lines {
            say!("{line}");
        }
    } else {
        say!("{}", imported.text.trim_end());
        for line in &lines {
            eprintln!("{line}");
        }
    }
}

fn as_json(imported: &Imported, errors: &[SettingsError]) -> Value {
    let left: Vec<Value> = imported
        .left
        .iter()
        .map(|left| json!({ "line": left.line, "path": left.path, "why": left.why }))
        .collect();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    json!({ "text": imported.text, "variables": imported.variables, "left": left, "errors": errors })
}

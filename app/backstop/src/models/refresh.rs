//! `backstop models refresh`: what providers and shared files say of models, kept for the gateway.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use backstop_catalogue::{Catalogue, Change, Collected, Found, Origin, sources};
use backstop_settings::{Provider, Settings};
use serde_json::{Value, json};

use super::ask::{ask, lists_models};
use crate::cli;
use crate::configuration::Configuration;
use crate::exit::{Exit, UsageError};
use crate::knowledge;
use crate::out::say;
use crate::running::trust;
use crate::text::count;

/// The makers whose models everybody may ask for.
const MAKERS: [&str; 3] = ["anthropic", "openai", "google"];

/// What became of one source.
struct Heard {
    source: String,
    /// What it is and how many models it named, or why it does not count.
    outcome: Result<(&'static str, usize), String>,
}

/// Runs the command.
pub(crate) fn run(args: &cli::RefreshModels) -> anyhow::Result<Exit> {
    let configuration = Configuration::find(args.config.config.as_deref())?;
    let path = Path::new(&configuration.collected);
    let before = knowledge::collected(path).context("delete it, and ask anew")?;
    let providers = providers(&configuration.settings, &args.provider)?;
    let mut after = before.clone();
    let mut heard = Vec::new();
    if let Some(file) = &args.from {
        heard.push(from_file(file, &providers, (args, &before), &mut after)?);
    } else {
        let trust = Arc::new(trust(&configuration.settings)?);
        for provider in providers {
            let source = format!("provider {}", provider.name);
            let listed = ask(provider, &trust).map_err(|error| format!("{error:#}"));
            heard.push(match listed {
                Ok(listed) => {
                    let found = read(&listed.pages, &provider.vendor);
                    take(listed.source, found, (args, &before), &mut after)
                }
                Err(error) => Heard { source, outcome: Err(error) },
            });
        }
    }
    let changes = after.changes_since(&before, &Catalogue::built_in());
    let good = heard.iter().any(|one| one.outcome.is_ok());
    let write = good && !args.dry_run;
    if write {
        save(path, &after)?;
    }
    tell(args, (&configuration.collected, write), &heard, &changes);
    let all = heard.iter().all(|one| one.outcome.is_ok()) && !heard.is_empty();
    Ok(if all { Exit::Success } else { Exit::Failure })
}

/// The providers of these names; all of the settings when none is named.
fn providers<'a>(settings: &'a Settings, named: &[String]) -> anyhow::Result<Vec<&'a Provider>> {
    if named.is_empty() {
        // What some clouds list says nothing of what a model can do.
        let tells = |provider: &&Provider| lists_models(provider.kind);
        return Ok(settings.providers.values().filter(tells).collect());
    }
    let find = |name: &String| {
        settings
            .providers
            .get(name.as_str())
            .ok_or_else(|| UsageError(format!("there is no provider `{name}`")).into())
    };
    named.iter().map(find).collect()
}

fn from_file(
    file: &Path,
    providers: &[&Provider],
    (args, before): (&cli::RefreshModels, &Collected),
    after: &mut Collected,
) -> anyhow::Result<Heard> {
    let text = knowledge::read(file)
        .map_err(|error| UsageError(format!("cannot read `{}`: {error}", file.display())))?;
    let vendor = match (providers, args.provider.is_empty()) {
        ([one], _) => Some(&*one.vendor),
        _ => None,
    };
    let found = sources::read(&text, vendor.unwrap_or_default()).and_then(|(form, found)| {
        if !form.names_vendors() && vendor.is_none() {
            return Err(format!(
                "{} does not say whose it is: name the provider with `--provider`",
                form.name()
            ));
        }
        let vendors = wanted(providers);
        let found = found.into_iter().filter(|one| {
            args.all || !form.names_vendors() || vendors.contains(one.vendor.as_str())
        });
        Ok((form, found.collect()))
    });
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(take(name.unwrap_or_default(), found, (args, before), after))
}

/// The vendors whose models matter here: those of the providers, and the makers of models.
fn wanted<'a>(providers: &[&'a Provider]) -> BTreeSet<&'a str> {
    providers.iter().map(|provider| &*provider.vendor).chain(MAKERS).collect()
}

/// What all pages of a list say.
fn read(pages: &[String], vendor: &str) -> Result<(sources::Form, Vec<Found>), String> {
    let mut all = Vec::new();
    let mut form = None;
    for page in pages {
        let (of_page, found) = sources::read(page, vendor)?;
        form = Some(of_page);
        all.extend(found);
    }
    form.map(|form| (form, all)).ok_or_else(|| "it gave no list".to_owned())
}

/// Takes in what a source says, unless it looks like half of a list.
fn take(
    source: String,
    found: Result<(sources::Form, Vec<Found>), String>,
    (args, before): (&cli::RefreshModels, &Collected),
    after: &mut Collected,
) -> Heard {
    let outcome = found.and_then(|(form, found)| {
        let (now, earlier) = (found.len(), before.said_by(&source));
        if now == 0 {
            return Err("it names no model of these vendors (`--all` takes in all)".to_owned());
        }
        if 2 * now < earlier && !args.force {
            return Err(format!(
                "it names {now} models, and named {earlier} before: `--force` takes that in"
            ));
        }
        let as_of = jiff::Timestamp::now().to_string().get(..10).unwrap_or_default().to_owned();
        *after = after.with(&found, &Origin { source: source.clone(), as_of });
        Ok((form.name(), now))
    });
    Heard { source, outcome }
}

/// Replaces the file in one step: whoever reads it sees the old one or the new one, whole.
fn save(path: &Path, collected: &Collected) -> anyhow::Result<()> {
    let text = collected.text();
    // What cannot be read again must not take the place of what can.
    Collected::read(&text).map_err(anyhow::Error::msg).context("the result does not read back")?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| {
        drop(fs::remove_file(&beside));
        format!("cannot write `{}`", path.display())
    })
}

fn tell(
    args: &cli::RefreshModels,
    (path, written): (&str, bool),
    heard: &[Heard],
    changes: &[Change],
) {
    if args.json {
        say!("{:#}", as_json((path, written), heard, changes));
        return;
    }
    for one in heard {
        match &one.outcome {
            Ok((form, models)) => say!("{}: {} ({form})", one.source, count(*models, "model")),
            Err(error) => eprintln!("{}: {error}", one.source),
        }
    }
    if !changes.is_empty() {
        say!();
    }
    changes.iter().for_each(print);
    let of = |kind: fn(&Change) -> bool| changes.iter().filter(|change| kind(change)).count();
    let added = of(|change| matches!(change, Change::Added { .. }));
    let changed = of(|change| matches!(change, Change::Changed { .. }));
    let gone = of(|change| matches!(change, Change::Gone { .. }));
    say!("\n{added} added, {changed} changed, {gone} gone");
    if written {
        say!("written to {path}; a running gateway takes it in by itself");
    } else {
        say!("nothing was written");
    }
}

fn print(change: &Change) {
    match change {
        Change::Added { model: (vendor, name), facts } => {
            let facts: Vec<String> =
                facts.iter().map(|(fact, value)| format!("{fact} {value}")).collect();
            say!("+ {vendor}/{name}  {}", facts.join(", "));
        }
        Change::Changed { model: (vendor, name), facts } => {
            say!("~ {vendor}/{name}");
            for (fact, before, after) in facts {
                let shown = |text: &str| {
                    if text.is_empty() { "unknown".to_owned() } else { text.to_owned() }
                };
                say!("    {fact}: {} → {}", shown(before), shown(after));
            }
        }
        Change::Gone { model: (vendor, name) } => say!("- {vendor}/{name}"),
    }
}

fn as_json((path, written): (&str, bool), heard: &[Heard], changes: &[Change]) -> Value {
    let sources: Vec<Value> = heard
        .iter()
        .map(|one| match &one.outcome {
            Ok((form, models)) => json!({ "source": one.source, "form": form, "models": models }),
            Err(error) => json!({ "source": one.source, "error": error }),
        })
        .collect();
    let changes: Vec<Value> = changes
        .iter()
        .map(|change| match change {
            Change::Added { model: (vendor, name), facts } => {
                let facts: serde_json::Map<String, Value> = facts
                    .iter()
                    .map(|(fact, value)| (fact.clone(), value.as_str().into()))
                    .collect();
                json!({ "change": "added", "vendor": vendor, "model": name, "facts": facts })
            }
            Change::Changed { model: (vendor, name), facts } => {
                let facts: serde_json::Map<String, Value> = facts
                    .iter()
                    .map(|(fact, before, after)| {
                        (fact.clone(), json!({ "before": before, "after": after }))
                    })
                    .collect();
                json!({ "change": "changed", "vendor": vendor, "model": name, "facts": facts })
            }
            Change::Gone { model: (vendor, name) } => {
                json!({ "change": "gone", "vendor": vendor, "model": name })
            }
        })
        .collect();
    json!({ "file": path, "written": written, "sources": sources, "changes": changes })
}

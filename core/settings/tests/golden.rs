//! Every folder of `golden/` is a test: `in.yaml` in, `out.txt` out (errors, or what was understood).
//! `UPDATE=1` writes what comes out.
#![expect(clippy::disallowed_methods, reason = "a golden test reads its files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backstop_catalogue::Catalogue;
use backstop_settings::{
    Credential, Pattern, Rung, Settings, TargetModel, check, read, render_errors,
};
use backstop_surfaces::Surface;

/// What no output may ever hold.
const SECRET: &str = "sk-very-secret-value";

#[test]
fn reads_every_golden_file_as_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "the golden files are gone");
    let mut wrong = Vec::new();
    for case in cases {
        let text = std::fs::read_to_string(case.join("in.yaml")).unwrap();
        let out = outcome(&text, &environment(&text));
        assert!(!out.contains(SECRET), "{} shows a secret:\n{out}", case.display());
        let file = case.join("out.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &out).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if out != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- came\n{out}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The variables of a case: two keys, and what its comments `# env NAME=value` say.
fn environment(text: &str) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("ANTHROPIC_API_KEY".to_owned(), SECRET.to_owned()),
        ("OPENAI_API_KEY".to_owned(), format!("{SECRET}-2")),
    ]);
    for line in text.lines().filter_map(|line| line.strip_prefix("# env ")) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        env.insert(name.to_owned(), value.to_owned());
        if value.is_empty() {
            env.remove(name);
        }
    }
    env
}

fn outcome(text: &str, env: &BTreeMap<String, String>) -> String {
    let catalogue = Catalogue::built_in();
    match read(text, env, &catalogue) {
        Err(errors) => render_errors("backstop.yaml", &errors),
        Ok(settings) => {
            let debug = format!("{settings:?}");
            assert!(!debug.contains(SECRET), "Debug shows a secret");
            let mut out = understood(&settings);
            out.extend(check(&settings).iter().map(|one| format!("[{}] {one}\n", one.code)));
            out
        }
    }
}

fn understood(settings: &Settings) -> String {
    let mut lines = Vec::new();
    for provider in settings.providers.values() {
        let credentials: Vec<&str> = provider.credentials.iter().map(Credential::name).collect();
        lines.push(format!(
            "provider {} {:?} {} {} of {} {} keys {}",
            provider.name,
            provider.kind,
            provider.dialect,
            provider.base_url,
            provider.vendor,
            provider.tier.name(),
            credentials.join(",")
        ));
        if provider.surface != Surface::Plain || provider.region.is_some() {
            lines.push(format!("  {:?} in {:?}", provider.surface, provider.region));
        }
        lines.extend(provider.models.iter().map(|(ours, theirs)| format!("  {ours} is {theirs}")));
        if !provider.takes_urls {
            lines.push("  takes no urls".to_owned());
        }
        lines.extend(provider.also.iter().map(|dialect| format!("  also {dialect}")));
    }
    for route in &settings.routes {
        let models: Vec<&str> = route.models.iter().map(Pattern::as_str).collect();
        let own = if route.built_in { " (built in)" } else { "" };
        lines.push(format!("route {}{own} for [{}]", route.name, models.join(", ")));
        lines.extend(route.ladder.iter().map(|rung| format!("  {}", shown(rung))));
    }
    for model in settings.catalogue.models() {
        let own = model.origins.iter().filter(|(_, from)| from.source.contains("settings"));
        let own: Vec<&str> = own.map(|(fact, _)| fact.as_str()).collect();
        if !own.is_empty() {
            let at = model.at.as_deref().unwrap_or("everywhere");
            lines.push(format!("model {} at {at}: {}", model.name, own.join(", ")));
        }
    }
    if let Some(media) = &settings.fetch_media {
        let by = if media.proxy_to("cdn.example.com").is_some() { "a proxy" } else { "no proxy" };
        lines.push(format!("fetch {:?} by {by}", media.rules));
    }
    for workflow in &settings.workflows {
        lines
            .push(format!("workflow {} {:?} {}", workflow.name, workflow.routes, workflow.details));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn shown(rung: &Rung) -> String {
    let Rung::Targets(targets) = rung else { return "?".to_owned() };
    let targets = targets.iter().map(|target| {
        let model = match &target.model {
            TargetModel::AsAsked => "*",
            TargetModel::Named(model) => model,
        };
        format!("{}/{model} {} {}", target.provider, target.tier.name(), target.share)
    });
    targets.collect::<Vec<_>>().join(", ")
}

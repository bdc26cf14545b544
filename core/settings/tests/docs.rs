//! The docs say what the reader reads. `UPDATE=1` writes the schema anew.
#![expect(clippy::disallowed_methods, reason = "these tests read the docs")]

use std::path::{Path, PathBuf};

use backstop_catalogue::Catalogue;
use backstop_settings::{json_schema, read};

fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[test]
fn the_schema_in_the_docs_is_the_reader_s() {
    let path = at_root("docs/reference/backstop.schema.json");
    let schema = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == schema, "the schema in the docs is old; run this test with UPDATE=1");
}

#[test]
fn every_key_has_its_place_in_the_docs() {
    let page = std::fs::read_to_string(at_root("docs/configuration.md")).unwrap();
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    for part in definitions.chain([&schema]) {
        let keys = part["properties"].as_object().into_iter().flat_map(|keys| keys.keys());
        for key in keys {
            assert!(page.contains(&format!("`{key}`")), "`{key}` has no place in the docs");
        }
    }
}

#[test]
fn every_example_in_the_docs_reads() {
    let mut pages = vec![at_root("docs/configuration.md")];
    let folder = std::fs::read_dir(at_root("docs/providers")).unwrap();
    pages.extend(folder.map(|entry| entry.unwrap().path()));
    let page: String = pages.iter().map(|page| std::fs::read_to_string(page).unwrap()).collect();
    let catalogue = Catalogue::built_in();
    // Whatever an example takes from the environment is there.
    let names = page.split("${").skip(1).filter_map(|rest| rest.split(['}', ':']).next());
    let env = names.map(|name| (name.to_owned(), format!("value-of-{name}"))).collect();
    let examples: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 6, "the examples are gone");
    for example in examples {
        // An example of one part stands beside a provider of its own.
        let whole = if example.contains("providers:") {
            example.to_owned()
        } else if let Some(target) = example.strip_prefix("- ") {
            // A target stands in a rung.
            format!(
                "providers: {{ mistral: {{}} }}\nroutes: [{{ name: a, models: [\"*\"], \
                 ladder: [{{ targets: [{target}] }}] }}]\n"
            )
        } else {
            format!("{example}\nproviders: {{ anthropic: {{}}, openai: {{}} }}\n")
        };
        if let Err(errors) = read(&whole, &env, &catalogue) {
            panic!("{}{whole}", backstop_settings::render_errors("docs", &errors));
        }
    }
}

/// The examples of a page.
fn examples(page: &str) -> Vec<&str> {
    page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_for_those_who_move_to_it_passes_the_check() {
    let catalogue = Catalogue::built_in();
    let folder = std::fs::read_dir(at_root("docs/migration")).unwrap();
    let pages: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() >= 4, "the pages are gone");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let examples = examples(&text);
        assert!(!examples.is_empty(), "{} has no example", page.display());
        for example in examples {
            let names = example.split("${").skip(1).filter_map(|rest| rest.split('}').next());
            let env = names.map(|name| (name.to_owned(), format!("value-of-{name}"))).collect();
            let settings = match read(example, &env, &catalogue) {
                Ok(settings) => settings,
                Err(errors) => {
                    panic!("{}{example}", backstop_settings::render_errors("docs", &errors))
                }
            };
            let findings = backstop_settings::check(&settings);
            let bad: Vec<String> = findings
                .iter()
                .filter(|finding| finding.severity != backstop_settings::Severity::Note)
                .map(ToString::to_string)
                .collect();
            assert_eq!(bad, Vec::<String>::new(), "{}", page.display());
        }
    }
}

#[test]
fn every_finding_has_its_place_in_the_docs() {
    let page = std::fs::read_to_string(at_root("docs/configuration.md")).unwrap();
    let findings = include_str!("../golden/weak_on_the_day/out.txt");
    let codes = findings.lines().filter_map(|line| line.strip_prefix('[')?.split(']').next());
    let codes: Vec<&str> = codes.collect();
    assert!(codes.len() > 20, "the findings are gone");
    for code in codes {
        assert!(page.contains(&format!("| `{code}` |")), "`{code}` has no place in the docs");
    }
}

#[test]
fn the_catalogue_and_the_surfaces_call_models_the_same_at_each_cloud() {
    let catalogue = Catalogue::built_in();
    let bedrock = backstop_surfaces::Surface::Bedrock { region: "eu-central-1".into() };
    let vertex =
        backstop_surfaces::Surface::Vertex { project: "p".into(), location: "global".into() };
    let mut compared = 0;
    for model in catalogue.models() {
        for (cloud, name) in &model.names {
            let ours = backstop_catalogue::names::canonical(name);
            let surface = if cloud == "bedrock" { &bedrock } else { &vertex };
            let theirs = surface.usual_name(&ours).unwrap_or_else(|| ours.as_str().into());
            let theirs = theirs.strip_prefix("eu.").unwrap_or(&theirs);
            assert_eq!(theirs, name, "{ours} at {cloud}");
            compared += 1;
        }
    }
    assert!(compared > 8, "the clouds' names are gone");
}

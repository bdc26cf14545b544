//! `backstop explain`: whose fault a failure is, what Backstop does, what to do.

mod lookup;
mod pages;

use backstop_vocabulary::{Class, Fault};
use serde_json::{Value, json};

use crate::cli;
use crate::exit::Exit;
use crate::out::say;
use crate::text::{WIDTH, wrap};

use pages::Page;

/// Runs the command.
pub(crate) fn run(args: &cli::Explain) -> Exit {
    let Some(code) = &args.code else {
        list(args);
        return Exit::Success;
    };
    let found = lookup::find(code);
    if args.json {
        let matches: Vec<Value> = found.iter().map(|page| described(*page)).collect();
        let mut answer = json!({ "code": code, "matches": matches });
        if found.is_empty() {
            answer["suggestions"] = json!(lookup::suggestions(code));
        }
        say!("{answer:#}");
    } else {
        match *found.as_slice() {
            [] => unknown(code),
            [page] => explain(page),
            _ => several(code, &found),
        }
    }
    if found.is_empty() { Exit::Failure } else { Exit::Success }
}

/// Every failure there is.
fn list(args: &cli::Explain) {
    if args.json {
        let all: Vec<Value> = Page::all().map(described).collect();
        say!("{:#}", json!({ "matches": all }));
        return;
    }
    for (fault, title) in [
        (Fault::Provider, "The provider, or the way to it"),
        (Fault::Caller, "The request, or who sent it"),
        (Fault::Gateway, "The gateway, or its settings"),
    ] {
        say!("{title}");
        for page in Page::all().filter(|page| page.class.fault() == fault) {
            say!("  {:<21}{}", page.class.code(), page.summary());
        }
        say!();
    }
    say!("`backstop explain CODE` says more; CODE may also be a status or a provider's own code");
}

fn explain(page: Page) {
    say!("{}", page.class.code());
    paragraph(&page.summary());
    say!("\nSeen as");
    for clause in page.seen_as() {
        paragraph(&clause);
    }
    for heading in ["What it means", "Whose fault", "What Backstop does", "What to do"] {
        say!("\n{heading}");
        page.section(heading).iter().for_each(|text| paragraph(text));
    }
}

fn paragraph(text: &str) {
    for line in wrap(text, WIDTH - 2) {
        say!("  {line}");
    }
}

fn several(code: &str, found: &[Page]) {
    say!("{code} can be one of {}; what else came with it tells them apart.\n", found.len());
    for page in found {
        say!("{}", page.class.code());
        paragraph(&page.summary());
        paragraph(&format!("Seen as: {}", lookup::clauses(*page, code)));
        say!();
    }
    let first = found.first().map_or("CODE", |page| page.class.code());
    say!("`backstop explain {first}` and so on say whose fault it is and what to do");
}

fn unknown(code: &str) {
    eprintln!("backstop: `{code}` is no code that Backstop knows");
    let near = lookup::suggestions(code);
    if !near.is_empty() {
        eprintln!("like it: {}", near.join(", "));
    }
    eprintln!("`backstop explain` lists all failures");
}

fn described(page: Page) -> Value {
    let class: Class = page.class;
    let section = |heading: &str| page.section(heading).join("\n");
    json!({
        "code": class.code(),
        "fault": match class.fault() {
            Fault::Caller => "caller",
            Fault::Gateway => "gateway",
            Fault::Provider => "provider",
        },
        "summary": page.summary(),
        "seen_as": page.seen_as(),
        "means": section("What it means"),
        "whose_fault": section("Whose fault"),
        "does": section("What Backstop does"),
        "to_do": section("What to do"),
    })
}

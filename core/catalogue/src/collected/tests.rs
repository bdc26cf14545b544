use super::*;
use crate::{Own, Price};

fn origin(source: &str) -> Origin {
    Origin { source: source.to_owned(), as_of: "2026-11-21".to_owned() }
}

fn found(vendor: &str, name: &str, context: u64, input: f64) -> Found {
    let price = Price { input: Some(input), output: Some(2.0 * input), ..Price::default() };
    let facts = Facts { context_tokens_max: Some(context), price: Some(price), ..Facts::default() };
    Found { vendor: vendor.to_owned(), name: name.to_owned(), facts }
}

#[test]
fn the_file_reads_back_as_it_was_written() {
    let collected = Collected::default()
        .with(
            &[found("openai", "gpt-x", 9000, 1.5), found("openai", "gpt-y", 8000, 1.0)],
            &origin("a"),
        )
        .with(&[found("openai", "gpt-x", 9500, 1.5)], &origin("b"));
    assert_eq!(Collected::read(&collected.text()), Ok(collected.clone()));
    assert_eq!(Collected::read(&Collected::default().text()), Ok(Collected::default()));
    assert_eq!((collected.len(), collected.said_by("a"), collected.said_by("b")), (2, 2, 1));
}

#[test]
fn a_bad_file_is_refused_whole() {
    let wrong = |text: &str| Collected::read(text).unwrap_err();
    assert!(wrong("{}").contains("missing field"));
    assert!(wrong("{\"backstop_models\":2,\"models\":[]}").contains("form 2"));
    let text = Collected::default().with(&[found("a", "b", 9, 1.0)], &origin("x")).text();
    assert!(wrong(&text.replace(":9,", ":0,")).contains("0 tokens"));
    assert!(wrong(&text.replace("\"input\":1.0", "\"input\":-1.0")).contains("cannot be a price"));
    assert!(wrong(&text.replace("\"name\":\"b\"", "\"name\":\"b*\"")).contains("no name"));
    assert!(wrong(&text.replace("\"facts\":{", "\"facts\":{\"colour\":1,")).contains("colour"));
    assert!(wrong(&text[..text.len() / 2]).contains("line"));
}

#[test]
fn a_source_replaces_what_it_said_and_leaves_what_others_said() {
    let base = Catalogue::built_in();
    let first = Collected::default()
        .with(
            &[found("openai", "gpt-x", 9000, 1.0), found("openai", "house-1", 7000, 1.0)],
            &origin("list"),
        )
        .with(&[found("openai", "gpt-x", 8000, 1.0)], &origin("file"));
    let second = first.with(&[found("openai", "gpt-x", 9000, 3.0)], &origin("list"));
    let model = |collected: &Collected| {
        let catalogue = base.clone().with(collected);
        let model = catalogue.model("openai", "gpt-x").unwrap();
        (model.facts.context_tokens_max, model.price().unwrap().input, model.origin("price").source)
    };
    assert_eq!(model(&first), (Some(8000), Some(1.0), "file".to_owned()));
    assert_eq!(model(&second), (Some(9000), Some(3.0), "list".to_owned()));
    let key = |name: &str| ("openai".to_owned(), name.to_owned());
    let changes = second.changes_since(&first, &base);
    let facts = [
        ("context_tokens_max", "8000", "9000"),
        ("price.input", "1.0", "3.0"),
        ("price.output", "2.0", "6.0"),
    ];
    let facts = facts.map(|(fact, was, now)| (fact.to_owned(), was.to_owned(), now.to_owned()));
    let changed = Change::Changed { model: key("gpt-x"), facts: facts.to_vec() };
    assert_eq!(changes, [changed, Change::Gone { model: key("house-1") }]);
    assert_eq!(second.changes_since(&second, &base), []);
}

#[test]
fn a_model_nobody_knew_is_added_and_a_known_one_compared_with_what_was_built_in() {
    let base = Catalogue::built_in();
    let found = [
        found("openai", "house-1", 7000, 1.0),
        found("anthropic", "claude-haiku-4-5", 200_000, 1.0),
    ];
    let changes = Collected::default()
        .with(&found, &origin("list"))
        .changes_since(&Collected::default(), &base);
    assert!(
        matches!(&changes[0], Change::Changed { facts, .. } if facts.len() == 1),
        "{changes:?}"
    );
    assert!(matches!(&changes[1], Change::Added { facts, .. } if facts.len() == 3), "{changes:?}");
}

#[test]
fn each_vendor_has_its_own_price_and_strangers_take_the_maker_s() {
    let found = [
        found("anthropic", "claude-haiku-4-5-20251001", 200_000, 1.5),
        found("google", "claude-haiku-4-5@20251001", 200_000, 8.0),
        found("openrouter", "anthropic/claude-haiku-4.5", 200_000, 9.0),
    ];
    let catalogue = Catalogue::built_in().with(&Collected::default().with(&found, &origin("list")));
    let price = |vendor, name| catalogue.model(vendor, name).unwrap().price().unwrap().input;
    assert_eq!(price("anthropic", "claude-haiku-4-5"), Some(1.5));
    assert_eq!(price("openrouter", "anthropic/claude-haiku-4.5"), Some(9.0));
    assert_eq!(price("google", "claude-haiku-4-5"), Some(8.0));
    assert_eq!(price("bedrock", "eu.anthropic.claude-haiku-4-5-20251001-v1:0"), Some(1.5));
    let model = catalogue.model("bedrock", "claude-haiku-4-5").unwrap();
    assert!(!model.is_estimated("context_tokens_max") && model.abilities.prefill);
    assert_eq!(catalogue.stand_ins("claude-haiku-4-5").len(), 2);
}

#[test]
fn the_settings_have_the_last_word() {
    let facts = |input| found("", "", 5000, input).facts;
    let own = |model: &str, vendor: Option<&str>, input| Own {
        model: model.to_owned(),
        vendor: vendor.map(str::to_owned),
        facts: facts(input),
        source: "backstop.yaml:3".to_owned(),
        ..Own::default()
    };
    let collected = Collected::default()
        .with(&[found("anthropic", "claude-haiku-4-5-20251001", 200_000, 1.5)], &origin("list"));
    let catalogue = Catalogue::built_in().with(&collected).with_own(&[
        own("claude-haiku-4-5", None, 7.0),
        own("gpt-5*", Some("openai"), 8.0),
        own("house-*", None, 9.0),
        Own { like: Some("claude-sonnet-5".to_owned()), ..own("agent-*", None, 6.0) },
    ]);
    let seen = |vendor, name| {
        let model = catalogue.model(vendor, name).unwrap();
        (
            model.price().unwrap().input.unwrap(),
            model.abilities.images,
            model.origin("price").source,
        )
    };
    let here = || "backstop.yaml:3".to_owned();
    assert_eq!(seen("anthropic", "claude-haiku-4-5-20251001"), (7.0, true, here()));
    assert_eq!(seen("anthropic", "claude-haiku-4-5"), (7.0, true, here()));
    assert_eq!(seen("openai", "gpt-5.4-mini"), (8.0, true, here()));
    assert_eq!(seen("local", "house-7"), (9.0, false, here()));
    assert_eq!(seen("local", "agent-7"), (6.0, true, here()));
    assert_eq!(catalogue.abilities("openai", "gpt-5.4").context_tokens_max, Some(5000));
    assert!(
        !catalogue.model("", "claude-opus-4-8").unwrap().origins.contains_key("context_tokens_max")
    );
}

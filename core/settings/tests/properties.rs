//! Whatever an operator writes, reading ends with settings or with errors that can be found.

use std::collections::BTreeMap;

use backstop_catalogue::Catalogue;
use backstop_settings::{check, read, render_errors};
use proptest::prelude::*;

/// Pieces of settings, right and wrong, to be put together by chance.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "listen",
            "providers",
            "routes",
            "ladder",
            "targets",
            "name",
            "models",
            "deadline",
            "keys",
            "share",
            "workflows",
            "limits",
            "abilities",
            "target",
            "anthropic",
            "api_key",
            "base_url",
            "hash",
            "never",
            "tls",
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            ": ",
            "\n",
            "\n  ",
            "\n    ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "${A}",
            "${",
            "}",
            "\"",
            "'",
            "*",
            "&a ",
            "*a",
            "|",
            "\t",
            "#",
            "60s",
            "60",
            "-1",
            "1e999",
            "true",
            "~",
            "99.9%",
            "anthropic/*",
            "/",
            "${B:-{x}}",
            "<<",
            "? ",
            "!!int ",
            "---\n",
            "\u{F8D0}",
            "é",
            "0x10",
            "openai/gpt-5.6",
            "https://",
            "[::1",
            ":",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ]
}

fn settle(text: &str) {
    let env = BTreeMap::from([("A".to_owned(), "sk-very-secret-value".to_owned())]);
    let catalogue = Catalogue::built_in();
    match read(text, &env, &catalogue) {
        Ok(settings) => {
            let findings = format!("{:?}", check(&settings));
            assert!(!findings.contains("\u{F8D0}") || text.contains('\u{F8D0}'), "a shield shows");
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            let lines = u32::try_from(text.split(['\n', '\r']).count()).unwrap_or(u32::MAX);
            assert!(errors.iter().all(|error| error.line <= lines + 1), "{errors:?}");
            assert!(!render_errors("f", &errors).contains("sk-very-secret-value"), "{errors:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_any_text_without_a_panic(text in "(?s).{0,200}") {
        settle(&text);
    }

    #[test]
    fn reads_any_heap_of_pieces_without_a_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        settle(&pieces.concat());
    }

    #[test]
    fn reads_any_damage_to_good_settings_without_a_panic(
        at in 0_usize..1200,
        long in 0_usize..40,
        instead in piece(),
    ) {
        let good = include_str!("../golden/support_route/in.yaml");
        let from = good.floor_char_boundary(at.min(good.len()));
        let to = good.floor_char_boundary((from + long).min(good.len()));
        settle(&format!("{}{instead}{}", &good[..from], &good[to..]));
    }
}

#[test]
fn a_route_named_by_a_variable_is_quoted_as_the_file_writes_it() {
    let yaml = "providers: { anthropic: { api_key: x } }\nroutes: [{ name: \"${A}\" }]\n\
                workflows: { shop: { routes: [other] } }\n";
    settle(yaml);
}

#[test]
fn refuses_depth_and_breadth_without_end() {
    settle(&"[".repeat(100_000));
    settle(&"a: {".repeat(100_000));
    settle(&format!("routes: {}{}", "[".repeat(1_000), "]".repeat(1_000)));
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, name) in "abcdefghij".chars().zip("bcdefghijk".chars()) {
        let line = vec![format!("*{before}"); 10].join(", ");
        laughs += &["", &name.to_string(), ": &", &name.to_string(), " [", &line, "]\n"].concat();
    }
    settle(&laughs);
}

//! Lists of models and files about them: what is read can be kept, and reads the same again.
#![no_main]

use backstop_catalogue::{Catalogue, Collected, Origin, sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _next = sources::next_page(text);
    let catalogue = Catalogue::built_in();
    if let Ok(collected) = Collected::read(text) {
        keep(&collected, &catalogue);
    }
    if let Ok((_, found)) = sources::read(text, "openai") {
        assert!(!found.is_empty());
        let origin = Origin { source: "fuzz".into(), as_of: "2026-11-21".into() };
        let collected = Collected::default().with(&found, &origin);
        assert!(!collected.is_empty());
        keep(&collected, &catalogue);
    }
});

fn keep(collected: &Collected, catalogue: &Catalogue) {
    let again = Collected::read(&collected.text()).expect("our own file");
    assert_eq!(again.len(), collected.len());
    assert!(collected.changes_since(&again, catalogue).is_empty());
}

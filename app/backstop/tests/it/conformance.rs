//! `conformance`, and the page that holds what it prints.

use std::path::Path;

use crate::support::Backstop;

#[test]
fn the_page_says_what_becomes_of_every_request_and_nothing_is_wrong() {
    let output = Backstop::new(&["conformance"]).finish(b"");
    let printed = String::from_utf8(output.stdout).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&page, &printed).unwrap();
    }
    let wrong: Vec<&str> = printed.lines().filter(|line| line.contains("WRONG")).collect();
    assert!(wrong.is_empty() && output.status.success(), "{wrong:#?}");
    let page = std::fs::read_to_string(page).unwrap();
    let differs = printed.lines().zip(page.lines()).find(|(is, was)| is != was);
    assert!(printed == page, "docs/conformance.md is not what is printed now: {differs:?}");
}

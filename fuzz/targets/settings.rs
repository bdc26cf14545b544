//! Settings: any text is settings or a list of errors, each with its place; settings can be checked.
#![no_main]

use std::collections::BTreeMap;

use backstop_catalogue::Catalogue;
use backstop_settings::{check, read, render_errors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let catalogue = Catalogue::built_in();
    let env = BTreeMap::from([("KEY".to_owned(), "secret".to_owned())]);
    match read(text, &env, &catalogue) {
        Ok(settings) => drop(check(&settings)),
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(!render_errors("backstop.yaml", &errors).is_empty());
        }
    }
});

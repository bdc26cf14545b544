//! Another gateway's configuration: any text is one of ours or an error.
#![no_main]

use std::collections::BTreeMap;

use backstop_catalogue::Catalogue;
use backstop_settings::{import_litellm, read, render_errors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let catalogue = Catalogue::built_in();
    let Ok(imported) = import_litellm(text, &catalogue) else { return };
    let secret = |name: &String| (name.clone(), "secret".to_owned());
    let env: BTreeMap<String, String> = imported.variables.iter().map(secret).collect();
    if let Err(errors) = read(&imported.text, &env, &catalogue) {
        assert!(!render_errors("backstop.yaml", &errors).is_empty());
    }
});

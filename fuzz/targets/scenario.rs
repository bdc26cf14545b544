//! Scenarios: any text is a scenario or a list of errors.
#![no_main]

use backstop_scenarios::Scenario;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(errors) = Scenario::read(text) {
        assert!(!errors.is_empty());
    }
});

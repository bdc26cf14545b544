//! Requests: whatever is read can be written for either dialect or is refused, and what we write we
//! can read.
#![no_main]

use backstop_catalogue::Catalogue;
use backstop_dialects::{TargetForm, read_request, write_request};
use backstop_exchange::{Abilities, Features};
use backstop_vocabulary::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let catalogue = Catalogue::built_in();
    let known =
        ["anthropic", "openai"].map(|vendor| catalogue.abilities(vendor, "claude-opus-4-6"));
    let plain = Abilities::default();
    for dialect in Dialect::ALL {
        let Ok(request) = read_request(dialect, data) else { continue };
        let _features = Features::of(&request);
        for target in Dialect::ALL {
            for abilities in known.iter().chain([&plain]) {
                let form = TargetForm { model: "m", abilities, stream: request.stream };
                let Ok(written) = write_request(target, &request, &form) else { continue };
                let again = read_request(target, &written.body);
                let text = String::from_utf8_lossy(&written.body).into_owned();
                assert!(again.is_ok(), "{}: {text}", again.unwrap_err().message);
            }
        }
    }
});

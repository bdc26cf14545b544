//! Embeddings: any answer to any request has a vector for each input, or is a failure.
#![no_main]

use backstop_dialects::read_embeddings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (request, answer) = data.split_at(at);
    if read_embeddings(request, answer).is_ok() {
        // Names may hold half characters, which pass as they are.
        let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else { return };
        assert!(answer["data"].as_array().is_some_and(|vectors| !vectors.is_empty()));
    }
});

//! Embeddings: a request in any form is written in every form or refused; an answer that is sound for it
//! is written with as many vectors, or is a failure.
#![no_main]

use backstop_dialects::{VectorForm, VectorRequest, Vectors};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const FORMS: [VectorForm; 6] = [
    VectorForm::Openai,
    VectorForm::GeminiOne,
    VectorForm::GeminiMany,
    VectorForm::Predict,
    VectorForm::Titan,
    VectorForm::Cohere,
];

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (request, answer) = data.split_at(at);
    for client in FORMS {
        let asked = VectorRequest::read(client, request);
        for host in FORMS {
            if let Ok((body, _losses)) = asked.write(host, "m") {
                assert!(serde_json::from_slice::<Value>(&body).is_ok(), "{host:?}");
            }
            let Ok(vectors) = Vectors::read(host, answer) else { continue };
            if vectors.check(&asked).is_ok() {
                let written = vectors.write(client, &asked, "m");
                // Names may hold half characters, which pass as they are.
                let Ok(written) = serde_json::from_slice::<Value>(&written) else { continue };
                assert!(written.as_object().is_some_and(|fields| !fields.is_empty()));
            }
        }
    }
});

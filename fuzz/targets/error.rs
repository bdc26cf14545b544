//! Errors: any status, headers and body is a failure that can be shown to any client.
#![no_main]

use backstop_dialects::{ErrorHead, read_error, read_rest, write_error};
use backstop_vocabulary::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u16, Option<&str>, Option<&str>, &str, &[u8])| {
    let (status, retry_after, retry_after_ms, content_type, body) = data;
    let text = |name: &str| match name {
        "content-type" => Some(content_type),
        "retry-after" | "x-should-retry" | "x-ratelimit-reset-requests" => retry_after,
        "retry-after-ms" | "x-amzn-errortype" | "x-ratelimit-remaining-requests" => retry_after_ms,
        _ => None,
    };
    let head = ErrorHead::new(status, &text, Some(1_772_409_600));
    for dialect in Dialect::ALL {
        let _error = read_rest(dialect, body);
        let failure = read_error(dialect, &head, body);
        for client in Dialect::ALL {
            let written = write_error(client, &failure, "req_fuzz");
            assert!(serde_json::from_slice::<serde_json::Value>(&written.body).is_ok());
            assert!((400..600).contains(&written.status), "{}", written.status);
        }
    }
});

//! Conversations kept for clients of Responses: a request that goes on from any answer is JSON.
#![no_main]

use backstop_dialects::kept::{
    answer_id, answer_of_stream, continued, input_items, item_page, output_items,
};
use backstop_dialects::scan;
use backstop_vocabulary::Dialect;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (request, rest) = data.split_at(at);
    let answer = answer_of_stream(rest).unwrap_or_else(|| rest.to_vec());
    let _id = answer_id(&answer);
    let before = output_items(&answer);
    list(&[b"[", &before[..], b"]"].concat());
    // Others never come so far.
    let is_json = serde_json::from_slice::<Value>(request).is_ok();
    let Some(found) = scan(Dialect::OpenaiResponses, request).ok().filter(|_| is_json) else {
        return;
    };
    list(&[b"[", &input_items(request, &found)[..], b"]"].concat());
    if !found.previous.is_empty() {
        let whole = continued(request, &found, &before);
        let whole: Value = serde_json::from_slice(&whole).expect("JSON");
        assert!(whole["input"].is_array() && whole["previous_response_id"].is_null(), "{whole}");
    }
});

/// These items can be shown.
fn list(items: &[u8]) {
    let shown: Value = serde_json::from_slice(items).expect("a list");
    let inside = items.get(1..items.len() - 1).unwrap_or_default();
    let page: Value = serde_json::from_slice(&item_page(inside, None, 20)).expect("a page");
    let count = shown.as_array().map_or(0, Vec::len);
    assert_eq!(page["data"].as_array().map(Vec::len), Some(count.min(20)));
    assert_eq!(page["has_more"], count > 20);
}

//! Edits of a client's own bytes: what was JSON stays JSON, and only what was to go is gone.
#![no_main]

use backstop_dialects::{edited, scan, thoughts, with_members};
use backstop_fuzz::input;
use backstop_vocabulary::Dialect;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let (body, seed) = input(data);
    let Ok(Value::Object(before)) = serde_json::from_slice::<Value>(body) else {
        // What is no JSON may come out as anything, but it comes out.
        let _edited = with_members(body, &["model"], &[("v", "1")]);
        Dialect::ALL.iter().for_each(|dialect| drop(without_thoughts(*dialect, body, seed)));
        return;
    };
    if let Ok(out) = with_members(body, &["model", "stream"], &[("anthropic_version", "1")]) {
        let after: Value = serde_json::from_slice(&out).expect("JSON stays JSON");
        let after = after.as_object().expect("an object");
        assert!(!after.contains_key("model") && !after.contains_key("stream"));
        assert!(after.contains_key("anthropic_version"));
        let kept = before.iter().filter(|(key, _)| *key != "model" && *key != "stream");
        assert!(kept.clone().all(|(key, value)| after.get(key) == Some(value)));
    }
    for dialect in Dialect::ALL {
        // Others never come so far.
        if scan(dialect, body).is_err() {
            continue;
        }
        let Some(out) = without_thoughts(dialect, body, seed) else { continue };
        let after: Result<Value, _> = serde_json::from_slice(&out);
        assert!(after.is_ok(), "{dialect}: {}", String::from_utf8_lossy(&out));
    }
});

/// The body without those thoughts that the bits of `seed` name.
fn without_thoughts(dialect: Dialect, body: &[u8], seed: u8) -> Option<Vec<u8>> {
    let thoughts = thoughts(dialect, body)?;
    let mut bits = u32::from(seed) | 0x1_0000;
    let edits = thoughts.without(&mut |_| {
        bits = bits.rotate_right(1);
        bits & 1 == 1
    });
    let mut places: Vec<_> = edits.iter().map(|edit| edit.at.clone()).collect();
    places.sort_by_key(|place| place.start);
    assert!(places.windows(2).all(|two| two[0].end <= two[1].start), "{places:?}");
    Some(edited(body, edits))
}

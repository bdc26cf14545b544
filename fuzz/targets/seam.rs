//! Seams: what is sent after a break is part of what the next target said, in order, whatever the
//! pieces; and never more than that.
#![no_main]

use backstop_continuity::{Method, Seam};
use libfuzzer_sys::fuzz_target;

fn join(delivered: &str, method: Method, said: &[&str]) -> Option<String> {
    let mut seam = Seam::new(delivered, method);
    let mut joined = String::new();
    for piece in said {
        joined.push_str(&seam.feed(piece).ok()?);
    }
    joined.push_str(&seam.finish().ok()?);
    Some(joined)
}

fuzz_target!(|data: (&str, Vec<&str>)| {
    let (delivered, said) = data;
    for method in [Method::Instruction, Method::Prefill] {
        let whole = said.concat();
        if let Some(joined) = join(delivered, method, &said) {
            assert!(whole.ends_with(&joined), "{whole:?} gave {joined:?}");
        }
    }
});

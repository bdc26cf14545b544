//! The quick scan: what it finds can be replaced, and then it finds the replacement.
#![no_main]

use backstop_dialects::{fixed_path, scan, with_model};
use backstop_vocabulary::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for dialect in Dialect::ALL {
        let Ok(found) = scan(dialect, data) else { continue };
        if fixed_path(dialect).is_none() {
            // The model stands in the path, and the body stays as it is.
            assert_eq!(with_model(data, &found, "other"), data);
            continue;
        }
        let other = with_model(data, &found, "ot\"her");
        let again = scan(dialect, &other).expect("the body is as sound as before");
        assert_eq!(again.model_name, "ot\"her");
        assert_eq!((again.stream, again.tools), (found.stream, found.tools));
        let read: Result<serde_json::Value, _> = serde_json::from_slice(data);
        if let Ok(whole) = read {
            assert_eq!(whole["model"].as_str(), Some(&*found.model_name));
        }
    }
});

use std::fmt::Write as _;

/// A text as one segment of a path: what RFC 3986 does not reserve stays, and `keep` besides it.
/// Everything else, `/` above all, is written by its bytes: a model's name cannot lead elsewhere.
pub(crate) fn segment(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "-._~".contains(letter) || keep.contains(letter) {
            out.push(letter);
        } else {
            // A string takes whatever is written to it.
            let _written = write!(out, "%{byte:02X}");
        }
    }
    // A dot segment would be taken for a way up by whatever stands in between.
    if out.bytes().all(|byte| byte == b'.') { out.replace('.', "%2E") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment_of_the_path() {
        for (text, keep, expected) in [
            (
                "anthropic.claude-3-haiku-20240307-v1:0",
                ":",
                "anthropic.claude-3-haiku-20240307-v1:0",
            ),
            ("arn:aws:bedrock:eu-west-1:1:x/y", ":", "arn:aws:bedrock:eu-west-1:1:x%2Fy"),
            ("claude-sonnet-4-5@20250929", "@", "claude-sonnet-4-5@20250929"),
            ("a b?c#d%é", "", "a%20b%3Fc%23d%25%C3%A9"),
            ("..", "", "%2E%2E"),
            ("x/../y", "", "x%2F..%2Fy"),
        ] {
            assert_eq!(segment(text, keep), expected);
        }
    }
}

//! What a cloud's name of a model tells: whose it is, and how new.

/// Where a Claude model's own name begins: `us.anthropic.claude-opus-4-6-v1:0` and the ARN of an
/// inference profile hold it in the middle.
pub(crate) fn claude(model: &str) -> Option<&str> {
    model.find("claude").and_then(|at| model.get(at..))
}

/// Whether a Claude model is of this version or a later one; a name that tells none is taken for new.
///
/// Names are `claude-opus-4-6…`, `claude-sonnet-5…` and, up to version 3, `claude-3-5-sonnet…`; a
/// number of more than two digits is a date.
pub(crate) fn is_since(model: &str, version: (u32, u32)) -> bool {
    let Some(name) = claude(model) else { return true };
    let mut parts = name.split(['-', '@', '.', ':']).skip(1);
    let number = |part: &str| part.parse().ok().filter(|_| part.len() <= 2);
    let Some(major) = parts.by_ref().find_map(number) else { return true };
    let minor = parts.next().and_then(number).unwrap_or(0);
    (major, minor) >= version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_old_claudes_from_new_ones() {
        for new in [
            "claude-opus-4-7",
            "us.anthropic.claude-opus-4-7-v1:0",
            "claude-sonnet-5@20261001",
            "global.anthropic.claude-opus-4-10",
            "anthropic.claude-fable-5-v1:0",
            "claude-next",
            "my-deployment",
        ] {
            assert!(is_since(new, (4, 7)), "{new}");
        }
        for old in [
            "claude-opus-4-6",
            "claude-sonnet-4@20250514",
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-6-v1",
        ] {
            assert!(!is_since(old, (4, 7)), "{old}");
        }
    }
}

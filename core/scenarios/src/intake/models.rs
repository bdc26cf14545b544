//! What models refuse, by their names. Written apart from the gateway's catalogue on purpose.

/// The version in the name of a Claude model: `claude-opus-4-6` is (4, 6), `claude-sonnet-5` (5, 0).
pub(super) fn claude_version(model: &str) -> (u32, u32) {
    let mut numbers =
        model.split('-').filter(|part| part.len() <= 2).filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether a Claude model continues a last assistant turn: up to 4.5.
pub(super) fn takes_prefill(model: &str) -> bool {
    claude_version(model) < (4, 6)
}

/// Whether a Claude model takes `temperature` and its kin: up to 4.6.
pub(super) fn claude_takes_sampling(model: &str) -> bool {
    claude_version(model) < (4, 7)
}

/// Whether a Claude model takes system turns among the messages: Opus from 4.8, all from 5.
pub(super) fn takes_system_turns(model: &str) -> bool {
    claude_version(model) >= (5, 0) || (model.contains("opus") && claude_version(model) >= (4, 8))
}

/// Whether an `OpenAI` model reasons unless told not to: GPT-5 and later, and the o-series.
pub(super) fn reasons(model: &str) -> bool {
    gpt_version(model) >= (5, 0)
        || model.starts_with("o1")
        || model.starts_with("o3")
        || model.starts_with("o4")
}

/// Whether it refuses tools while it reasons on Chat Completions: GPT-5.4 and later.
pub(crate) fn refuses_tools_with_reasoning(model: &str) -> bool {
    gpt_version(model) >= (5, 4)
}

/// Whether it cannot be told not to reason.
pub(super) fn refuses_effort_none(model: &str) -> bool {
    model.starts_with("gpt-6-astra") || model.starts_with("gpt-6.1-sol")
}

/// `gpt-5.6-mini` is (5, 6), `gpt-4o` (4, 0), anything else (0, 0).
fn gpt_version(model: &str) -> (u32, u32) {
    let Some(rest) = model.strip_prefix("gpt-") else { return (0, 0) };
    let number = rest.split('-').next().unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().unwrap_or(0)
    };
    (digits(major), digits(minor))
}

/// Whether a Gemini model continues a last turn of the model: before 3.6.
pub(super) fn gemini_takes_prefill(model: &str) -> bool {
    gemini_version(model) < (3, 6)
}

/// Whether a Gemini model wants its calls signed: from 3 on.
pub(super) fn gemini_signs_calls(model: &str) -> bool {
    gemini_version(model) >= (3, 0)
}

/// The version in the name of a Gemini model: `gemini-3.6-flash` is (3, 6), `gemini-3-pro` (3, 0).
fn gemini_version(model: &str) -> (u32, u32) {
    let version = model.split('-').nth(1).unwrap_or_default();
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_from_names() {
        assert_eq!(claude_version("claude-haiku-4-5-20251001"), (4, 5));
        assert_eq!(claude_version("claude-sonnet-5"), (5, 0));
        assert_eq!(claude_version("claude-3-5-haiku-20241022"), (3, 5));
        assert_eq!(gpt_version("gpt-6.1-sol"), (6, 1));
        assert_eq!(gpt_version("gpt-4o-mini"), (4, 0));
        assert_eq!(gpt_version("qwen3"), (0, 0));
    }
}

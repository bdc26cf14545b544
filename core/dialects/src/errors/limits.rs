//! How long a limit lasts by the headers that count it, where a provider says no `retry-after`.

use std::time::Duration;

use super::unix_secs;

/// What is counted, and whether a header that counts it begins so: Anthropic, `OpenAI` and its many
/// imitators (Azure, Groq, xAI).
const COUNTED: [(&str, [&str; 4]); 2] = [
    ("anthropic-ratelimit", ["requests", "tokens", "input-tokens", "output-tokens"]),
    ("x-ratelimit", ["requests", "tokens", "", ""]),
];

/// The time until everything is there again that is used up now; `None` where no header says so.
///
/// A limit counts as used up by `remaining: 0` only: others may be nearly so, and nobody knows which
/// of them a request was too much for.
pub(super) fn until_reset<'a>(
    text: &dyn Fn(&str) -> Option<&'a str>,
    now_unix: Option<u64>,
) -> Option<Duration> {
    let mut longest = None;
    for (maker, kinds) in COUNTED {
        for kind in kinds.into_iter().filter(|kind| !kind.is_empty()) {
            let [left, reset] = match maker {
                "x-ratelimit" => {
                    ["remaining", "reset"].map(|word| format!("{maker}-{word}-{kind}"))
                }
                _ => ["remaining", "reset"].map(|word| format!("{maker}-{kind}-{word}")),
            };
            if is_none_left(text(&left)) {
                longest = longest.max(text(&reset).and_then(|reset| wait(reset, now_unix)));
            }
        }
    }
    // OpenRouter has one limit, and says in milliseconds since 1970 when it is over.
    if is_none_left(text("x-ratelimit-remaining")) {
        longest = longest.max(text("x-ratelimit-reset").and_then(|reset| wait(reset, now_unix)));
    }
    longest.filter(|wait| !wait.is_zero())
}

fn is_none_left(remaining: Option<&str>) -> bool {
    remaining.is_some_and(|left| left.trim().parse() == Ok(0.0))
}

/// A moment (RFC 3339, or milliseconds since 1970) or a span (seconds, or `1m30.5s` as Go writes it).
fn wait(reset: &str, now_unix: Option<u64>) -> Option<Duration> {
    let reset = reset.trim();
    if let Ok(number) = reset.parse::<f64>() {
        // No span is thirty years long, and no moment is before then.
        if number < 1e9 {
            return Duration::try_from_secs_f64(number).ok();
        }
        let at = Duration::try_from_secs_f64(number / 1000.0).ok()?;
        return Some(at.saturating_sub(Duration::from_secs(now_unix?)));
    }
    if let Some(at) = rfc3339_unix(reset) {
        return Some(Duration::from_secs(at.saturating_sub(now_unix?)));
    }
    go_span(reset)
}

/// The seconds since 1970-01-01 of `2026-11-21T08:30:00Z`; other zones than UTC are not read.
fn rfc3339_unix(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse().ok());
    let mut time = time.splitn(3, ':').map(|part| part.split('.').next()?.parse().ok());
    let day = (date.next()??, date.next()??, date.next()??);
    unix_secs(day, (time.next()??, time.next()??, time.next()??))
}

/// A span as Go prints it: `1h2m3.5s`, `12ms`.
fn go_span(text: &str) -> Option<Duration> {
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, left) = after.split_at(letters);
        let worth = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * worth;
        rest = left;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T08:30:00Z.
    const NOW: u64 = 1_795_249_800;

    fn until(headers: &[(&str, &'static str)]) -> Option<u128> {
        let text =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        until_reset(&text, Some(NOW)).map(|wait| wait.as_millis())
    }

    #[test]
    fn the_limit_that_is_used_up_says_how_long() {
        let spent = ("anthropic-ratelimit-requests-remaining", "0");
        let reset = ("anthropic-ratelimit-requests-reset", "2026-11-21T08:30:07Z");
        let longer = ("anthropic-ratelimit-tokens-reset", "2026-11-21T09:30:00Z");
        assert_eq!(until(&[spent, reset, longer]), Some(7_000));
        let both = ("anthropic-ratelimit-tokens-remaining", "0");
        assert_eq!(until(&[spent, reset, both, longer]), Some(3_600_000));
        for (text, ms) in
            [("1m30s", 90_000), ("12ms", 12), ("2m59.56s", 179_560), ("30", 30_000), ("7.5", 7_500)]
        {
            let spent = ("x-ratelimit-remaining-tokens", "0");
            assert_eq!(until(&[spent, ("x-ratelimit-reset-tokens", text)]), Some(ms), "{text}");
        }
        let router = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795249860000")];
        assert_eq!(until(&router), Some(60_000));
    }

    #[test]
    fn what_says_nothing_sure_is_no_wait() {
        let spent = ("x-ratelimit-remaining-requests", "0");
        for reset in
            ["", "0", "0s", "soon", "-3", "1y", "NaN", "2026-11-21", "2026-13-01T00:00:00Z"]
        {
            assert_eq!(until(&[spent, ("x-ratelimit-reset-requests", reset)]), None, "{reset}");
        }
        // Azure says -1 where it does not know, and what is left over is not the limit that was met.
        for left in ["-1", "5", "", "many"] {
            let left = ("x-ratelimit-remaining-requests", left);
            assert_eq!(until(&[left, ("x-ratelimit-reset-requests", "9s")]), None, "{left:?}");
        }
        assert_eq!(until(&[("x-ratelimit-reset-requests", "9s")]), None);
    }
}

//! Values with units.

use std::time::Duration;

/// `10%`, or a number from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no share, for example `10%`");
    let (digits, unit) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits, 0.01));
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let share = number * unit;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wrong()) }
}

/// A number above zero.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("`{text}` is no number above zero"))
}

/// `250ms`, `30s`, `10m`, `2h`, `2d`, or several joined: `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` needs a unit, for example `30s`, `10m` or `1h30m`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..end] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        rest = &rest[end..];
    }
    Ok(total)
}

/// `2026-03-02T11:37Z` in seconds since 1970.
pub(super) fn timestamp(text: &str) -> Result<i64, String> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed
        .map(jiff::Timestamp::as_second)
        .map_err(|_| format!("`{text}` is no time in UTC, for example `2026-03-02T11:37Z`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("30").is_err());
        assert!((share("0.5%").unwrap_or(9.0) - 0.005).abs() < 1e-12);
        assert!(share("101%").is_err());
        assert_eq!(timestamp("1970-01-02T00:01Z"), Ok(86_460));
    }
}

//! Amounts with their units: `60s`, `32MiB`, `99.9%`. Nothing (`0`) needs none.

use std::time::Duration;

/// What is wrong with an amount and how to write it.
pub(crate) type Complaint = (String, String);

const TIMES: [(&str, f64); 5] =
    [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
const SIZES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
];
/// No duration in the settings is longer: 10 years.
const LONGEST_SECS: f64 = 3650.0 * 86_400.0;

/// A duration such as `250ms`, `60s`, `1.5h` or `24h`, up to ten years.
pub(crate) fn duration(text: &str) -> Result<Duration, Complaint> {
    let seconds = amount(text, &TIMES, "ms, s, m, h or d", "60s")?;
    if seconds > LONGEST_SECS {
        return Err(("this is longer than ten years".to_owned(), "write less".to_owned()));
    }
    // Rounded to milliseconds, so that `0.1s` is the same as `100ms`.
    let millis = (seconds * 1000.0).round();
    Ok(Duration::from_secs_f64(millis / 1000.0))
}

/// A number of bytes such as `64KiB` or `32MiB`, up to 2⁵³.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 0 to 2⁵³")]
pub(crate) fn bytes(text: &str) -> Result<u64, Complaint> {
    let bytes = amount(text, &SIZES, "B, KiB, MiB, GiB, kB, MB or GB", "32MiB")?;
    if bytes > 9_007_199_254_740_992.0 {
        return Err(("this is more than can be counted".to_owned(), "write less".to_owned()));
    }
    Ok(bytes.round() as u64)
}

/// A share such as `99.9%`, as a number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, Complaint> {
    let percent = amount(text, &[("%", 1.0)], "%", "99.9%")?;
    if percent > 100.0 {
        let cure = "write a share from `0%` to `100%`".to_owned();
        return Err((format!("`{text}` is more than everything"), cure));
    }
    Ok(percent / 100.0)
}

fn amount(text: &str, units: &[(&str, f64)], known: &str, example: &str) -> Result<f64, Complaint> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..split], text[split..].trim());
    let Ok(number) = number.parse::<f64>() else {
        return Err((
            format!("`{text}` is not an amount"),
            format!("write a number and its unit ({known}), for example `{example}`"),
        ));
    };
    if unit.is_empty() && number == 0.0 {
        return Ok(0.0);
    }
    if unit.is_empty() {
        return Err((
            format!("`{text}` needs a unit"),
            format!("write its unit ({known}), for example `{example}`"),
        ));
    }
    let exact = units.iter().find(|(name, _)| *name == unit);
    let factor = exact.or_else(|| units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)));
    match factor {
        Some((_, factor)) => Ok(number * factor),
        None => Err((
            format!("`{text}` has a unit that is not known"),
            format!("write its unit ({known}), for example `{example}`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_with_their_units() {
        for (text, millis) in [
            ("250ms", 250),
            ("60s", 60_000),
            ("1.5h", 5_400_000),
            ("2 m", 120_000),
            ("30d", 2_592_000_000),
            ("0s", 0),
            ("0", 0),
            ("0.1s", 100),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn says_how_an_amount_is_written() {
        for (text, what) in [
            ("60", "`60` needs a unit"),
            ("60 seconds", "`60 seconds` has a unit that is not known"),
            ("soon", "`soon` is not an amount"),
            ("", "`` is not an amount"),
            ("-5s", "`-5s` is not an amount"),
            ("1.2.3s", "`1.2.3s` is not an amount"),
            ("99999999d", "this is longer than ten years"),
        ] {
            assert_eq!(duration(text).map_err(|(what, _)| what), Err(what.to_owned()), "{text}");
        }
    }

    #[test]
    fn reads_sizes_and_shares() {
        assert_eq!(bytes("32MiB"), Ok(32 << 20));
        assert_eq!(bytes("64kib"), Ok(64 << 10));
        assert_eq!(bytes("1.5GB"), Ok(1_500_000_000));
        assert!(bytes("32").is_err_and(|(what, _)| what == "`32` needs a unit"));
        assert!(bytes("99999999999GiB").is_err());
        assert!(share("99.9%").is_ok_and(|share| (share - 0.999).abs() < 1e-9));
        assert_eq!(share("0"), Ok(0.0));
        assert!(share("101%").is_err());
        assert!(share("0.5").is_err());
    }
}

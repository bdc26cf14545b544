//! Reading what token endpoints answer.

use std::time::Duration;

use backstop_settings::Secret;
use backstop_vocabulary::{Class, Failure, Moment};
use serde_json::Value;

use crate::endpoints::host_of;
use crate::outside::Answer;
use crate::pass::{Grant, Proof};
use crate::trouble::Trouble;

/// The life of a token that names none.
const LIFE_UNKNOWN: Duration = Duration::from_secs(600);
/// The longest life that is believed.
const LIFE_MAX: Duration = Duration::from_secs(86_400);
/// The longest code of an endpoint that is repeated.
const CODE_LETTERS_MAX: usize = 48;

/// The JSON of a good answer.
///
/// # Errors
///
/// `Refused` with the endpoint's own code for any other status; `Failed` for what is no JSON object.
pub(crate) fn object(base: &str, answer: &Answer) -> Result<Value, Trouble> {
    if !(200..300).contains(&answer.status) {
        return Err(refusal(base, answer));
    }
    let value: Option<Value> = serde_json::from_slice(&answer.body).ok();
    value.filter(Value::is_object).ok_or_else(|| bad(base, "the answer is no JSON object"))
}

/// The token of an OAuth answer (RFC 6749, 5.1), given at `now`.
pub(crate) fn token(base: &str, answer: &Answer, now: Moment) -> Result<Grant, Trouble> {
    let value = object(base, answer)?;
    let life = seconds(&value["expires_in"]);
    bearer(base, &value["access_token"], life, now)
}

/// The same where the end (`expires_on`, in seconds since 1970) may stand in place of the life.
pub(crate) fn token_until(
    base: &str,
    answer: &Answer,
    (now, unix_secs): (Moment, u64),
) -> Result<Grant, Trouble> {
    let value = object(base, answer)?;
    let until = seconds(&value["expires_on"]);
    let until = until.map(|end| end.saturating_sub(Duration::from_secs(unix_secs)));
    bearer(base, &value["access_token"], seconds(&value["expires_in"]).or(until), now)
}

/// A bearer token with this life.
pub(crate) fn bearer(
    base: &str,
    token: &Value,
    life: Option<Duration>,
    now: Moment,
) -> Result<Grant, Trouble> {
    let token = token.as_str().map(str::trim).filter(|token| !token.is_empty());
    let Some(token) = token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()))
    else {
        return Err(bad(base, "the answer holds no token"));
    };
    let life = life.map_or(LIFE_UNKNOWN, |life| life.min(LIFE_MAX));
    if life.is_zero() {
        return Err(bad(base, "the token it gives has ended already"));
    }
    let proof = Proof::Bearer(Secret::new(token));
    Ok(Grant { proof, given: now, expires: Some(now + life) })
}

/// The life of what ends at this time (RFC 3339); none is left of what has ended.
pub(crate) fn life(end: &str, unix_secs: u64) -> Option<Duration> {
    let end: jiff::Timestamp = end.parse().ok()?;
    let end = u64::try_from(end.as_second()).ok()?;
    Some(Duration::from_secs(end.saturating_sub(unix_secs)))
}

/// A number of seconds, which Azure's instance metadata writes as text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let number = number.filter(|number| number.is_finite() && *number >= 0.0)?;
    Duration::try_from_secs_f64(number).ok()
}

/// An answer that no token endpoint gives.
pub(crate) fn bad(base: &str, what: &str) -> Trouble {
    Trouble::Failed {
        endpoint: host_of(base).to_owned(),
        failure: Failure::new(Class::BadAnswer, what),
    }
}

/// The refusal in an answer, with as much of its code as is surely no secret.
pub(crate) fn refusal(base: &str, answer: &Answer) -> Trouble {
    let code = code(&answer.body).map(|code| format!(", {code}")).unwrap_or_default();
    Trouble::Refused { endpoint: host_of(base).to_owned(), status: answer.status, code }
}

fn code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    // Entra's own number says more than `invalid_client`.
    if let Some(at) = text.find("AADSTS") {
        let digits = text[at + 6..].bytes().take_while(u8::is_ascii_digit).take(9).count();
        if digits > 0 {
            return Some(text[at..at + 6 + digits].to_owned());
        }
    }
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let named = [&value["error"], &value["error"]["status"], &value["code"], &value["__type"]];
    let named = named.into_iter().find_map(Value::as_str).map(str::to_owned);
    named.or_else(|| tag(text, "Code").map(str::to_owned)).filter(|code| is_word(code))
}

/// A word of a protocol: letters, not a token.
fn is_word(code: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphabetic() || "_.-#:".contains(letter);
    !code.is_empty() && code.len() <= CODE_LETTERS_MAX && code.chars().all(fits)
}

/// The text of the first element of this name; enough for the flat answers of AWS.
pub(crate) fn tag<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}>");
    let start = xml.find(&open)? + open.len();
    let end = xml[start..].find("</")? + start;
    Some(xml[start..end].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: http::HeaderMap::new(), body: body.to_owned().into() }
    }

    fn read(status: u16, body: &str) -> Result<Option<u64>, String> {
        let now = Moment::from_secs(100);
        let grant = token("https://login.test", &answer(status, body), now);
        grant
            .map(|grant| grant.expires.map(|end| end.since(now).as_secs()))
            .map_err(|trouble| trouble.to_string())
    }

    #[test]
    fn a_life_may_be_a_number_or_a_text_and_is_never_believed_for_longer_than_a_day() {
        for (life, expected) in
            [("3599", 3599), ("\"3599\"", 3599), ("1e12", 86_400), ("null", 600), ("\"x\"", 600)]
        {
            let body = format!("{{\"access_token\":\"t\",\"expires_in\":{life}}}");
            assert_eq!(read(200, &body), Ok(Some(expected)), "{life}");
        }
    }

    #[test]
    fn what_is_no_token_is_said_without_a_word_of_it() {
        for (status, body, expected) in [
            (200, "no json canary", "failed: bad_answer: the answer is no JSON object"),
            (200, "[\"canary\"]", "failed: bad_answer: the answer is no JSON object"),
            (200, "{\"access_token\":\"can ary\"}", "holds no token"),
            (200, "{\"access_token\":\"canary\",\"expires_in\":0}", "has ended already"),
            (400, "{\"error\":\"invalid_grant\"}", "refuses (400, invalid_grant)"),
            (
                401,
                "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: canary\"}",
                "refuses (401, AADSTS7000215)",
            ),
            (
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
                "refuses (403, AccessDenied)",
            ),
            (400, "{\"error\":\"canary-4711\"}", "refuses (400)"),
        ] {
            let told = read(status, body).unwrap_err();
            assert!(told.contains(expected) && !told.contains("canary"), "{told}");
        }
    }
}

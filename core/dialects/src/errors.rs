//! What a failed attempt says about itself in any dialect: the head, HTML pages, waiting times.

use std::time::Duration;

use backstop_vocabulary::{Class, Failure, Scope};

mod lesson;
mod limits;
mod refusals;

pub use lesson::Lesson;

/// The parts of a provider's response head that classify a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorHead<'a> {
    /// The status.
    pub status: u16,
    /// The content type; empty when absent.
    pub content_type: &'a str,
    /// `retry-after`: seconds or an HTTP date.
    pub retry_after: Option<&'a str>,
    /// `retry-after-ms`.
    pub retry_after_ms: Option<&'a str>,
    /// `x-should-retry`.
    pub should_retry: Option<&'a str>,
    /// `x-amzn-errortype`: the name of an exception of AWS.
    pub aws_error: Option<&'a str>,
    /// Until the limit is over that is used up now, by the headers that count it.
    pub reset_in: Option<Duration>,
    /// Now, in seconds since 1970-01-01, to understand a `retry-after` that is a date.
    pub now_unix: Option<u64>,
}

/// An error in a dialect's own shape, made by the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenError {
    /// The status that this dialect's clients understand.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
    /// What stands in `x-amzn-errortype`, by which clients of Converse know an error.
    pub aws_error: Option<&'static str>,
}

impl<'a> ErrorHead<'a> {
    /// The head of a response: `text` gives its headers.
    pub fn new(status: u16, text: &dyn Fn(&str) -> Option<&'a str>, now_unix: Option<u64>) -> Self {
        let limited = status == 429;
        Self {
            status,
            content_type: text("content-type").unwrap_or_default(),
            retry_after: text("retry-after"),
            retry_after_ms: text("retry-after-ms"),
            should_retry: text("x-should-retry"),
            aws_error: text("x-amzn-errortype"),
            reset_in: limited.then(|| limits::until_reset(text, now_unix)).flatten(),
            now_unix,
        }
    }

    /// How long the provider asks us to stay away: `retry-after-ms`, else `retry-after`, else until
    /// the limit that is used up is over. Unclamped.
    pub(crate) fn stay_away(&self) -> Option<Duration> {
        self.asked_away().or(self.reset_in)
    }

    fn asked_away(&self) -> Option<Duration> {
        let ms = self.retry_after_ms.and_then(|text| text.trim().parse::<f64>().ok());
        if let Some(wait) = ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()) {
            return Some(wait);
        }
        let text = self.retry_after?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let at = http_date_unix(text)?;
        Some(Duration::from_secs(at.saturating_sub(self.now_unix?)))
    }

    /// What any provider means by this status when its body does not say more; the last resort of a
    /// dialect's own classification (`docs/reference/failures/`).
    pub fn failure_by_status(&self) -> Failure {
        let (class, message): (_, &str) = match self.status {
            300..=399 => (Class::Redirected, "the provider redirects: check its base url"),
            401 | 403 => (Class::AuthRefused, "the provider refused the credential"),
            402 => (Class::QuotaExhausted, "the provider asks for payment"),
            404 => (Class::ModelNotFound, "the provider does not know the model or the path"),
            408 => (Class::ServerError, "the provider timed out waiting"),
            409 | 424 => (Class::ServerError, "the provider could not process the request now"),
            413 => (Class::RequestTooLarge, "the body is larger than the provider takes"),
            429 => (Class::RateLimited, "the provider limits the rate"),
            503 | 529 => (Class::Overloaded, "the provider is overloaded"),
            400..=499 => (Class::InvalidRequest, "the provider refused the request"),
            500..=599 => (Class::ServerError, "the provider failed"),
            _ => (Class::BadAnswer, "the provider answered something unexpected"),
        };
        let failure =
            Failure::new(class, message).with_status(self.status).with_stay_away(self.stay_away());
        // A page of the edge in front of the provider: whatever stands behind it is cut off too.
        match self.status {
            // Two requests met.
            409 => failure.with_scope(Scope::Request),
            520..=527 | 530 => failure.with_scope(Scope::Endpoint),
            _ => failure,
        }
    }
}

/// A web page comes from something in front of the provider, which hides all of it. Its 403 is a
/// challenge or a rule of that edge and says nothing about the credential, which nobody has read.
pub(crate) fn of_page(failure: Failure) -> Failure {
    if failure.status == Some(403) {
        let (class, message) = (Class::ServerError, "a web page in front of the provider said 403");
        return Failure { class, message: message.into(), ..failure }.with_scope(Scope::Endpoint);
    }
    failure.with_scope(Scope::Endpoint)
}

/// An error without JSON: a proxy or an edge answered in the provider's place.
pub(crate) fn page_failure(head: &ErrorHead<'_>, body: &[u8]) -> Failure {
    let failure = head.failure_by_status();
    if is_html(head.content_type, body) {
        return of_page(failure);
    }
    if matches!(head.status, 502..=504) {
        return failure.with_scope(Scope::Endpoint);
    }
    failure
}

/// Whether a body is a web page: an edge or proxy answered, not the API.
pub(crate) fn is_html(content_type: &str, body: &[u8]) -> bool {
    content_type.to_ascii_lowercase().contains("text/html")
        || body.trim_ascii_start().first() == Some(&b'<')
}

/// The failure with what of the request the error names as its reason. A field that a request can do
/// without, and what a target is known to lack, says something about the target and not the caller.
pub(crate) fn with_reason(failure: Failure, body: &[u8]) -> Failure {
    if !matches!(failure.class, Class::InvalidRequest | Class::UnsupportedFeature) {
        return failure;
    }
    let refused = refusals::named(body);
    if failure.class == Class::InvalidRequest && refused.as_ref().is_some_and(lesson::is_slight) {
        let (class, message) = (Class::UnsupportedFeature, message_of(Class::UnsupportedFeature));
        return Failure { class, message: message.into(), ..failure }.with_refused(refused);
    }
    failure.with_refused(refused)
}

/// What a class means when a provider says it, in words that quote nothing.
pub(crate) const fn message_of(class: Class) -> &'static str {
    match class {
        Class::ContextTooLong => "the prompt is longer than the model's window",
        Class::RequestTooLarge => "the request is larger than the provider's limit",
        Class::UnsupportedFeature => "the model does not take what the request asks for",
        Class::SignatureRefused => "the provider refused a reasoning item it did not make",
        Class::ContentRefused => "the provider's policy refused the content",
        Class::AuthRefused => "the provider refused the credential",
        Class::QuotaExhausted => "the account has no money or quota left",
        Class::ModelNotFound => "the provider does not know the model",
        Class::RateLimited => "the provider limits the rate",
        Class::Acceleration => "traffic grew faster than the provider allows",
        Class::Overloaded => "the provider is overloaded",
        Class::InvalidRequest => "the provider refused the request",
        Class::ServerError => "the provider failed",
        Class::DnsFailed
        | Class::MediaFailed
        | Class::ConnectFailed
        | Class::ConnectTimeout
        | Class::TlsFailed
        | Class::StaleConnection
        | Class::ConnectionReset
        | Class::ProtocolBroken
        | Class::FirstTokenTimeout
        | Class::Stalled
        | Class::TargetOpened
        | Class::IdentityFailed
        | Class::Redirected
        | Class::StreamCut
        | Class::BadAnswer
        | Class::EmptyAnswer
        | Class::UnknownPath
        | Class::KeyRefused
        | Class::CallerLimited
        | Class::ClientLeft
        | Class::NoTarget
        | Class::RungExhausted
        | Class::DeadlinePassed
        | Class::GatewayBusy
        | Class::LoopDetected
        | Class::GatewayFault => "the provider answered something unexpected",
    }
}

/// The seconds since 1970-01-01 of an HTTP date in the form `Sun, 06 Nov 1994 08:49:37 GMT`
/// (RFC 9110, 5.6.7); the obsolete forms are not read.
fn http_date_unix(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let names =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = i64::try_from(names.iter().position(|name| *name == month)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok());
    unix_secs((year, month, day), (clock.next()??, clock.next()??, clock.next()??))
}

/// The seconds since 1970-01-01 of a day (year, month, day) and a time of it (hour, minute, second);
/// `None` for what no calendar or clock shows.
fn unix_secs(
    (year, month, day): (i64, i64, i64),
    (hour, minute, second): (i64, i64, i64),
) -> Option<u64> {
    let fits = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !fits {
        return None;
    }
    // Days since 1970-01-01 by Howard Hinnant's `days_from_civil`.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted / 400;
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry_after: &str) -> Option<Duration> {
        let head = ErrorHead { retry_after: Some(retry_after), ..ErrorHead::default() };
        ErrorHead { now_unix: Some(784_111_770), ..head }.stay_away()
    }

    #[test]
    fn reads_waiting_times_in_seconds_milliseconds_and_dates() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        let both = ErrorHead {
            retry_after_ms: Some("250"),
            retry_after: Some("9"),
            ..ErrorHead::default()
        };
        assert_eq!(both.stay_away(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_senseless_waiting_time_is_none() {
        for text in ["", "-3", "soon", "NaN", "Sun, 06 Nov", "inf", "1e400"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}

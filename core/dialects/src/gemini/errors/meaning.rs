//! What the status words, reasons and wordings of this API mean.
//!
//! Sources: the API's troubleshooting page, `google.rpc.ErrorInfo` and its kin, and reports of what
//! is really sent. Wording is looked at only where the words before it say too little.

use std::time::Duration;

use serde_json::Value;

use backstop_vocabulary::{Class, Scope};

/// The parts of an error. Missing parts are empty.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The HTTP status, as the body says it.
    code: Option<u16>,
    /// The status word: `RESOURCE_EXHAUSTED`.
    word: String,
    /// The reason of the details: `API_KEY_INVALID`.
    reason: String,
    /// Lower case, for recognising; never shown.
    message: String,
    /// The names of the quotas that are used up.
    quotas: Vec<String>,
    wait: Option<Duration>,
    /// The error as it stands in the body.
    pub(super) said: Value,
}

impl Report {
    /// The report in a JSON body; `None` when it is not one.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        // A stream in one list has its error in a list of one.
        let body = body.get(0).unwrap_or(&body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        if let Some(message) = error.as_str() {
            let said = serde_json::json!({ "message": message });
            return Some(Self { message: message.to_lowercase(), said, ..Self::default() });
        }
        error.as_object()?;
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut report = Self {
            code: error.get("code").and_then(Value::as_u64).and_then(|it| u16::try_from(it).ok()),
            word: text("status").to_owned(),
            message: text("message").to_lowercase(),
            said: error.clone(),
            ..Self::default()
        };
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            report.take_detail(detail);
        }
        Some(report)
    }

    fn take_detail(&mut self, detail: &Value) {
        let kind = detail.get("@type").and_then(Value::as_str).unwrap_or_default();
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        match kind.rsplit('.').next().unwrap_or_default() {
            "ErrorInfo" => text("reason").unwrap_or_default().clone_into(&mut self.reason),
            "RetryInfo" => self.wait = text("retryDelay").and_then(seconds),
            "QuotaFailure" => {
                let violations = detail.get("violations").and_then(Value::as_array);
                let id = |violation: &Value| {
                    let id = violation.get("quotaId").or_else(|| violation.get("subject"));
                    id.and_then(Value::as_str).unwrap_or_default().to_owned()
                };
                self.quotas.extend(violations.into_iter().flatten().map(id));
            }
            _ => {}
        }
    }

    /// The status an error inside a 200 would have had by itself.
    pub(super) fn status_inside(&self) -> u16 {
        self.code.filter(|code| (300..600).contains(code)).unwrap_or(match self.word.as_str() {
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => 400,
            "UNAUTHENTICATED" => 401,
            "PERMISSION_DENIED" => 403,
            "NOT_FOUND" => 404,
            "RESOURCE_EXHAUSTED" => 429,
            "UNAVAILABLE" => 503,
            "DEADLINE_EXCEEDED" => 504,
            _ => 500,
        })
    }

    /// The name of what is wrong, for the journal.
    pub(super) fn code(&self) -> Option<&str> {
        let is_name = |name: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            !name.is_empty() && name.len() <= 80 && name.bytes().all(plain)
        };
        [self.reason.as_str(), self.word.as_str()].into_iter().find(is_name)
    }

    /// How long it asks us to stay away.
    pub(super) const fn stay_away(&self) -> Option<Duration> {
        self.wait
    }

    fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }
}

/// `34s`, `34.074824224s`.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

type Meaning = (Class, Option<Scope>);

/// The class, and the scope where it is not the usual one; `None` leaves it to the status.
pub(super) fn meaning(status: u16, report: &Report) -> Option<Meaning> {
    by_reason(&report.reason).or_else(|| by_word(status, report))
}

fn by_reason(reason: &str) -> Option<Meaning> {
    let class = match reason {
        "API_KEY_INVALID"
        | "API_KEY_EXPIRED"
        | "API_KEY_SERVICE_BLOCKED"
        | "API_KEY_HTTP_REFERRER_BLOCKED"
        | "API_KEY_IP_ADDRESS_BLOCKED"
        | "ACCESS_TOKEN_EXPIRED"
        | "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
        | "ACCESS_TOKEN_TYPE_UNSUPPORTED"
        | "CREDENTIALS_MISSING"
        | "CONSUMER_INVALID"
        | "CONSUMER_SUSPENDED"
        | "SERVICE_DISABLED"
        | "USER_PROJECT_DENIED"
        | "IAM_PERMISSION_DENIED" => Class::AuthRefused,
        "BILLING_DISABLED" => Class::QuotaExhausted,
        _ => return None,
    };
    Some((class, None))
}

fn by_word(status: u16, report: &Report) -> Option<Meaning> {
    let class = match (report.word.as_str(), status) {
        (_, 402) => Class::QuotaExhausted,
        ("RESOURCE_EXHAUSTED", _) | (_, 429) => return Some(by_limit(report)),
        ("INVALID_ARGUMENT" | "OUT_OF_RANGE", _) | ("", 400) => by_argument(report),
        ("FAILED_PRECONDITION", _) if report.says(&["billing", "credit", "free tier"]) => {
            Class::QuotaExhausted
        }
        // An account that may not be used from here.
        ("FAILED_PRECONDITION" | "UNAUTHENTICATED" | "PERMISSION_DENIED", _) => Class::AuthRefused,
        ("NOT_FOUND", _) if report.says(&["file", "cachedcontent", "cached content"]) => {
            Class::InvalidRequest
        }
        ("NOT_FOUND", _) => Class::ModelNotFound,
        ("UNIMPLEMENTED", _) => Class::UnsupportedFeature,
        ("UNAVAILABLE", _) => Class::Overloaded,
        ("CANCELLED" | "ABORTED", _) => return Some((Class::ServerError, Some(Scope::Request))),
        ("INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "DEADLINE_EXCEEDED", _) => Class::ServerError,
        _ => return None,
    };
    Some((class, None))
}

/// What an argument that is refused tells of its fault.
fn by_argument(report: &Report) -> Class {
    let says = |phrases: &[&str]| report.says(phrases);
    if says(&["api key not valid", "api key expired", "api key is invalid"]) {
        Class::AuthRefused
    } else if says(&["thought signature", "thought_signature", "thoughtsignature"])
        || (says(&["signature"]) && says(&["thinking"]))
    {
        Class::SignatureRefused
    } else if says(&["token count", "maximum number of tokens", "prompt is too long"]) {
        Class::ContextTooLong
    } else if says(&["payload size exceeds", "request size"]) {
        Class::RequestTooLarge
    } else if says(&[
        "ending with a model turn",
        "not supported",
        "unsupported",
        "does not support",
        "not enabled",
        "is not available",
    ]) {
        Class::UnsupportedFeature
    } else {
        Class::InvalidRequest
    }
}

/// A limit of ours has a name, a day's is gone for today, and one without a name is the capacity
/// that all share. Limits are kept per project and model.
fn by_limit(report: &Report) -> Meaning {
    let daily = |quota: &String| quota.contains("PerDay");
    if report.says(&["credits are depleted", "prepay", "billing account"]) {
        return (Class::QuotaExhausted, None);
    }
    if report.quotas.iter().any(daily) || report.says(&["limit: 0,"]) {
        return (Class::QuotaExhausted, Some(Scope::LimitPool));
    }
    let named = !report.quotas.is_empty() || report.wait.is_some();
    if named || report.says(&["exceeded your current quota", "quota exceeded for"]) {
        return (Class::RateLimited, None);
    }
    (Class::Overloaded, None)
}

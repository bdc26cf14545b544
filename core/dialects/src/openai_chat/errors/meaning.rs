//! What the codes, types and wordings of this dialect's many servers mean.
//!
//! Sources: `OpenAI`'s, Azure's and `OpenRouter`'s error references, and the bodies that vLLM,
//! llama.cpp and Ollama are known to send.

use serde_json::Value;

use backstop_vocabulary::{Class, Scope};

use crate::ErrorHead;

/// The parts of an error body, whichever server wrote it. Missing parts are empty.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) code: String,
    pub(super) kind: String,
    pub(super) param: String,
    /// Lower case, for recognising; never shown.
    message: String,
    /// Azure's `innererror.code`, which is the true one.
    inner_code: String,
    /// A status given as the code.
    status: Option<u16>,
    /// The error as it stands in the body.
    pub(super) said: Value,
    /// `OpenRouter`: the moderation's reasons are there.
    moderated: bool,
}

impl Report {
    /// The report in a JSON body; `None` when it is not one.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        // Nested, flat (older vLLM), a list of one (a router of Google's), a bare string (Ollama).
        let body = body.get(0).unwrap_or(&body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        if let Some(message) = error.as_str() {
            let said = serde_json::json!({ "message": message });
            return Some(Self { message: message.to_lowercase(), said, ..Self::default() });
        }
        error.as_object()?;
        let text = |pointer: &str| {
            error.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let code = text("/code");
        let number = error.get("code").and_then(Value::as_u64).or_else(|| code.parse().ok());
        let status = number.and_then(|number| u16::try_from(number).ok());
        Some(Self {
            code: if status.is_some() { String::new() } else { code },
            kind: text("/type"),
            param: text("/param"),
            message: text("/message").to_lowercase(),
            inner_code: text("/innererror/code"),
            status: status.filter(|status| (300..600).contains(status)),
            said: error.clone(),
            moderated: error.pointer("/metadata/reasons").is_some(),
        })
    }

    /// The status an error inside a 200 would have had by itself.
    pub(super) fn status_inside(&self) -> u16 {
        self.status.unwrap_or_else(|| match (self.kind.as_str(), self.code.as_str()) {
            // The type of a rate limit may be what was limited: `tokens` or `requests`.
            (_, "rate_limit_exceeded") => 429,
            (kind, _) if kind.contains("rate_limit") => 429,
            ("invalid_request_error" | "BadRequestError", _) => 400,
            ("service_unavailable_error" | "unavailable_error", _) => 503,
            _ => 500,
        })
    }

    fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }
}

type Meaning = (Class, Option<Scope>);

/// The class, and the scope where it is not the usual one; `None` leaves it to the status.
pub(super) fn meaning(report: &Report, head: &ErrorHead<'_>) -> Option<Meaning> {
    let status = head.status;
    by_code(&report.code)
        .or_else(|| by_code(&report.inner_code))
        .or_else(|| by_kind(&report.kind))
        .or_else(|| by_wording(status, report))
        .or_else(|| by_status(status, report, head))
}

fn by_code(code: &str) -> Option<Meaning> {
    let class = match code {
        "context_length_exceeded" | "string_above_max_length" => Class::ContextTooLong,
        "unsupported_parameter"
        | "unsupported_value"
        | "previous_response_not_found"
        | "invalid_function_parameters"
        | "invalid_json_schema" => Class::UnsupportedFeature,
        "invalid_encrypted_content" => Class::SignatureRefused,
        "content_policy_violation"
        | "image_content_policy_violation"
        | "bio_policy"
        | "misalignment_policy_violation"
        | "invalid_prompt"
        | "content_filter"
        | "ResponsibleAIPolicyViolation" => Class::ContentRefused,
        "invalid_api_key"
        | "unsupported_country_region_territory"
        | "account_deactivated"
        | "PermissionDenied" => Class::AuthRefused,
        "model_not_found" | "DeploymentNotFound" => Class::ModelNotFound,
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded"
        | "usage_not_included"
        | "billing_hard_limit_reached"
        | "billing_not_active" => Class::QuotaExhausted,
        "slow_down" | "ramp_limit_exceeded" => Class::Acceleration,
        "server_is_overloaded" | "overloaded" | "engine_overloaded" => Class::Overloaded,
        "server_error" | "internal_server_error" => Class::ServerError,
        _ => return None,
    };
    Some((class, None))
}

fn by_kind(kind: &str) -> Option<Meaning> {
    let class = match kind {
        "exceed_context_size_error" => Class::ContextTooLong,
        "insufficient_quota" => Class::QuotaExhausted,
        "overloaded_error" => Class::Overloaded,
        "NotFoundError" => Class::ModelNotFound,
        "authentication_error" => Class::AuthRefused,
        _ => return None,
    };
    Some((class, None))
}

/// What servers say of a request that another model could answer.
const UNSUPPORTED: [&str; 9] = [
    "function tools with reasoning_effort",
    "does not support",
    "not supported",
    "unsupported",
    "is not a multimodal model",
    "no endpoints found that support",
    "requires --enable-auto-tool-choice",
    "requires --jinja",
    "requires `--jinja`",
];

/// The last resort before the status: wording changes between versions.
fn by_wording(status: u16, report: &Report) -> Option<Meaning> {
    if status == 429 {
        return by_limit_wording(report);
    }
    let says = |phrases: &[&str]| report.says(phrases);
    if status == 503 && says(&["loading model", "model is loading"]) {
        // llama.cpp while it starts: the target alone, and soon over.
        return Some((Class::Overloaded, Some(Scope::Target)));
    }
    let class = if says(&[
        "maximum context length",
        "context window",
        "context size",
        "context length",
        "prompt is too long",
        "input is too long",
    ]) {
        Class::ContextTooLong
    } else if says(&["without its required following item", "items are not persisted"])
        || (says(&["item with id"]) && says(&["not found"]))
    {
        Class::SignatureRefused
    } else if matches!(status, 400 | 404 | 422 | 500 | 501) && says(&UNSUPPORTED) {
        Class::UnsupportedFeature
    } else if says(&["credit balance", "insufficient credits", "insufficient balance"]) {
        Class::QuotaExhausted
    } else if status == 403 && (report.moderated || says(&["moderation", "flagged"])) {
        Class::ContentRefused
    } else if status == 403 && says(&["access to model", "access to the model"]) {
        Class::ModelNotFound
    } else {
        return None;
    };
    Some((class, None))
}

fn by_limit_wording(report: &Report) -> Option<Meaning> {
    if report.says(&["request too large"]) {
        // Larger than the minute's allowance: waiting never helps.
        return Some((Class::RequestTooLarge, None));
    }
    if report.says(&["high demand", "overloaded", "server is busy", "capacity"]) {
        return Some((Class::Overloaded, None));
    }
    let spent = ["exceeded your current quota", "credit balance", "billing"];
    report.says(&spent).then_some((Class::QuotaExhausted, None))
}

fn by_status(status: u16, report: &Report, head: &ErrorHead<'_>) -> Option<Meaning> {
    let retry = head.should_retry.map(str::trim);
    match status {
        // The provider itself says that the same request may pass next time.
        400 | 422 if retry == Some("true") => Some((Class::ServerError, None)),
        // Nothing to wait for and no use in trying: a spend limit in other words.
        429 if retry == Some("false") && head.stay_away().is_none() => {
            Some((Class::QuotaExhausted, None))
        }
        500 if report.says(&["overloaded", "server is busy"]) => Some((Class::Overloaded, None)),
        _ => None,
    }
}

use backstop_vocabulary::Dialect;
use serde_json::{Map, Value, json};

use crate::symptom::{Complaint, RetryAdvice};

/// An error answer in the form of the real API that would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error's type in the dialect's words; of AWS the name of its exception.
    pub kind: &'static str,
    /// The error's code: `details.error_code` of Anthropic, `code` of `OpenAI`.
    pub code: Option<&'static str>,
    /// The field at fault (`OpenAI`).
    pub param: Option<String>,
    /// The message for people.
    pub message: String,
    /// The value of `retry-after`, in seconds.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// The form a complaint takes in a dialect.
    pub fn of(complaint: Complaint, dialect: Dialect) -> Self {
        match dialect {
            Dialect::AnthropicMessages => of_anthropic(complaint),
            Dialect::OpenaiChat | Dialect::OpenaiResponses => of_openai(complaint),
            Dialect::Gemini => of_gemini(complaint),
            Dialect::BedrockConverse => of_aws(complaint),
        }
    }

    /// A refusal of the request itself.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// A refusal of this status and type.
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, kind, code: None, param: None, message, retry_after_s: None }
    }

    /// The same refusal with a code.
    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same refusal, naming the field at fault.
    pub(crate) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same refusal with advice.
    pub(crate) fn with_retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after_s = seconds;
        self
    }

    /// The error object as the dialect writes it.
    pub(crate) fn object(&self, dialect: Dialect, request_id: &str) -> Value {
        match dialect {
            Dialect::AnthropicMessages => {
                let mut error = Map::new();
                error.insert("type".to_owned(), json!(self.kind));
                error.insert("message".to_owned(), json!(self.message));
                if let Some(code) = self.code {
                    error.insert("details".to_owned(), json!({ "error_code": code }));
                }
                json!({ "type": "error", "error": error, "request_id": request_id })
            }
            Dialect::OpenaiChat | Dialect::OpenaiResponses => json!({ "error": {
                "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
            } }),
            Dialect::Gemini => self.gemini_object(),
            Dialect::BedrockConverse => json!({ "message": self.message }),
        }
    }

    fn gemini_object(&self) -> Value {
        let mut error = json!({ "code": self.status, "message": self.message,
                                "status": status_word(self.status) });
        let mut details = Vec::new();
        if let Some(reason) = self.code {
            details.push(json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                                 "reason": reason, "domain": "googleapis.com" }));
        }
        if let Some(seconds) = self.retry_after_s {
            details.push(json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo",
                                 "retryDelay": format!("{seconds}s") }));
        }
        if !details.is_empty() {
            error["details"] = details.into();
        }
        json!({ "error": error })
    }

    /// The headers and body of this refusal on the wire.
    pub fn write(
        &self,
        dialect: Dialect,
        request_id: &str,
    ) -> (Vec<(&'static str, String)>, Vec<u8>) {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        let id_header = match dialect {
            Dialect::AnthropicMessages => "request-id",
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Gemini => "x-request-id",
            Dialect::BedrockConverse => {
                headers.push(("x-amzn-errortype", format!("{}:", self.kind)));
                "x-amzn-requestid"
            }
        };
        headers.push((id_header, request_id.to_owned()));
        if let Some(seconds) = self.retry_after_s {
            headers.push(("retry-after", seconds.to_string()));
        }
        (headers, self.object(dialect, request_id).to_string().into_bytes())
    }
}

/// The word by which Gemini says a status.
const fn status_word(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        402 => "FAILED_PRECONDITION",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

fn of_gemini(complaint: Complaint) -> Refusal {
    const QUOTA: &str = "You exceeded your current quota, please check your plan.";
    let refusal = |status, message: &str| Refusal::new(status, status_word(status), message);
    match complaint {
        Complaint::BadRequest => refusal(400, "Request contains an invalid argument."),
        Complaint::Auth401 => refusal(400, "API key not valid. Please pass a valid API key.")
            .with_code("API_KEY_INVALID"),
        Complaint::Auth403 => refusal(403, "The caller does not have permission."),
        Complaint::Payment => refusal(402, "Your prepayment credits are depleted."),
        Complaint::ModelNotFound => refusal(404, "models/x is not found for API version v1beta."),
        Complaint::RateLimit(advice) => refusal(429, QUOTA).with_retry_after(seconds(advice)),
        Complaint::Quota => refusal(429, "Your prepayment credits are depleted."),
        Complaint::Acceleration => refusal(429, QUOTA).with_retry_after(Some(5)),
        Complaint::Status(503 | 529) => {
            refusal(503, "The model is overloaded. Please try again later.")
        }
        Complaint::Status(status) => refusal(status, "An internal error has occurred."),
    }
}

fn of_anthropic(complaint: Complaint) -> Refusal {
    match complaint {
        Complaint::BadRequest => {
            Refusal::invalid("messages: unexpected error while reading the request")
        }
        Complaint::Auth401 => Refusal::new(401, "authentication_error", "invalid x-api-key"),
        Complaint::Auth403 => Refusal::new(
            403,
            "permission_error",
            "Your account does not have access to this resource.",
        ),
        Complaint::Payment => {
            Refusal::new(402, "billing_error", "Your organization's billing is not available.")
                .with_code("linked_organization_billing_unavailable")
        }
        Complaint::ModelNotFound => Refusal::new(404, "not_found_error", "model: not found"),
        Complaint::RateLimit(advice) => {
            Refusal::new(429, "rate_limit_error", "This request would exceed your rate limit.")
                .with_retry_after(seconds(advice))
        }
        Complaint::Quota => Refusal::new(
            429,
            "rate_limit_error",
            "You have reached your organization's spend limit.",
        )
        .with_code("enforced_spend_limit_reached"),
        Complaint::Acceleration => Refusal::new(
            429,
            "rate_limit_error",
            "Your usage is growing too fast. Please ramp up slowly.",
        )
        .with_code("ramp_limit_exceeded")
        .with_retry_after(Some(5)),
        Complaint::Status(status) => anthropic_status(status),
    }
}

fn anthropic_status(status: u16) -> Refusal {
    match status {
        529 => Refusal::new(529, "overloaded_error", "Overloaded"),
        504 => Refusal::new(504, "timeout_error", "Request timed out"),
        status => Refusal::new(status, "api_error", "Internal server error"),
    }
}

fn of_openai(complaint: Complaint) -> Refusal {
    match complaint {
        Complaint::BadRequest => {
            Refusal::invalid("We could not parse the JSON body of your request.")
        }
        Complaint::Auth401 => {
            Refusal::new(401, "invalid_request_error", "Incorrect API key provided.")
                .with_code("invalid_api_key")
        }
        Complaint::Auth403 => Refusal::new(
            403,
            "invalid_request_error",
            "Country, region, or territory not supported",
        )
        .with_code("unsupported_country_region_territory"),
        Complaint::Payment => Refusal::new(402, "billing_error", "Payment required."),
        Complaint::ModelNotFound => Refusal::new(
            404,
            "invalid_request_error",
            "The model does not exist or you do not have access to it.",
        )
        .with_code("model_not_found")
        .at("model"),
        Complaint::RateLimit(advice) => {
            Refusal::new(429, "requests", "Rate limit reached for requests")
                .with_code("rate_limit_exceeded")
                .with_retry_after(seconds(advice))
        }
        Complaint::Quota => Refusal::new(
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        )
        .with_code("insufficient_quota"),
        Complaint::Acceleration => Refusal::new(429, "rate_limit_error", "Please slow down.")
            .with_code("slow_down")
            .with_retry_after(Some(5)),
        Complaint::Status(503 | 529) => Refusal::new(
            503,
            "service_unavailable_error",
            "The server is overloaded. Please try again later.",
        )
        .with_code("server_is_overloaded"),
        Complaint::Status(status) => Refusal::new(
            status,
            "server_error",
            "The server had an error while processing your request.",
        ),
    }
}

fn of_aws(complaint: Complaint) -> Refusal {
    match complaint {
        Complaint::BadRequest => {
            Refusal::new(400, "ValidationException", "The provided request is not valid")
        }
        Complaint::Auth401 | Complaint::Auth403 => Refusal::new(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Complaint::Payment | Complaint::Quota => Refusal::new(
            400,
            "ServiceQuotaExceededException",
            "Your request exceeds the service quota for your account.",
        ),
        Complaint::ModelNotFound => Refusal::new(
            404,
            "ResourceNotFoundException",
            "The provided model identifier is invalid.",
        ),
        Complaint::RateLimit(advice) => Refusal::new(
            429,
            "ThrottlingException",
            "Too many requests, please wait before trying again.",
        )
        .with_retry_after(seconds(advice)),
        Complaint::Acceleration => {
            Refusal::new(429, "ThrottlingException", "Too many tokens, please wait.")
        }
        Complaint::Status(503 | 529) => Refusal::new(
            503,
            "ServiceUnavailableException",
            "Bedrock is unable to process your request.",
        ),
        Complaint::Status(status) => Refusal::new(
            status,
            "InternalServerException",
            "The system encountered an unexpected error during processing.",
        ),
    }
}

const fn seconds(advice: RetryAdvice) -> Option<u32> {
    match advice {
        RetryAdvice::None => None,
        RetryAdvice::Seconds(seconds) => Some(seconds),
    }
}

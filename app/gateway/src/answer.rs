//! Phase 5: what the client reads: status, provenance, errors in its own dialect.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use backstop_continuity::AttemptPurpose;
use backstop_dialects::Framing;
use backstop_listener::AnswerBody;
use backstop_store::AttemptRow;
use backstop_vocabulary::{Class, Dialect, Failure, Fault, RequestId};

use crate::asked::Asked;
use crate::headers;
use crate::live::Match;
use crate::perform::{Begun, Journey};
use crate::plan::Place;
use crate::record::{Record, micros};

/// The name of this hop in `Proxy-Status` (RFC 9209).
const HOP: &str = "backstop";

/// The head of a stream.
pub(crate) fn stream_head(journey: &mut Journey, begun: &Begun) -> Response<()> {
    let mut head = answered_head(journey, begun);
    let kind = match journey.asked.framing {
        Framing::Sse => "text/event-stream; charset=utf-8",
        Framing::List => "application/json; charset=utf-8",
        Framing::EventStream => "application/vnd.amazon.eventstream",
    };
    let kind = HeaderValue::from_static(kind);
    head.headers_mut().insert(header::CONTENT_TYPE, kind);
    head.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    head
}

/// The head of a whole answer.
pub(crate) fn whole_head(journey: &mut Journey, begun: &Begun) -> Response<()> {
    let mut head = answered_head(journey, begun);
    let kind = HeaderValue::from_static("application/json");
    head.headers_mut().insert(header::CONTENT_TYPE, kind);
    head
}

fn answered_head(journey: &Journey, begun: &Begun) -> Response<()> {
    let place = journey.place(begun.place);
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::OK;
    let out = head.headers_mut();
    out.reserve(24);
    if place.dialect == journey.asked.dialect {
        headers::down(&begun.reply.headers, out);
    }
    if let Some(id) = headers::upstream_request_id(&begun.reply.headers) {
        out.insert(HeaderName::from_static("backstop-upstream-request-id"), id.clone());
    }
    let attempts = journey.record.attempts().len() + 1;
    let answer = match &place.first_answer {
        Some(answer) if attempts == 1 => Some(answer.clone()),
        _ => provenance(place, (&journey.roster.route, journey.roster.matched), attempts),
    };
    if let Some(answer) = answer {
        out.insert(HeaderName::from_static("backstop-answer"), answer);
    }
    tried(out, &journey.record, place.rung);
    if begun.attempt.purpose == AttemptPurpose::Repair {
        repaired(out, &place.target.name);
    }
    let losses = journey.record.losses();
    if !losses.is_empty() {
        let list: Vec<String> = losses.iter().map(ToString::to_string).collect();
        set(out, "backstop-lost", list.join(", "));
    }
    let fetched = journey.fetched(begun.place);
    if fetched > 0 {
        set(out, "backstop-fetched", fetched.to_string());
    }
    let waited = journey.core.shared.clock.now().since(journey.asked.started);
    timing(out, journey.record.attempts(), micros(waited));
    let status = begun.reply.status;
    let hop = match &place.good_hop {
        Some(hop) if status == 200 => Some(hop.clone()),
        _ => next_hop(&place.provider, status),
    };
    if let Some(hop) = hop {
        out.insert(HeaderName::from_static("proxy-status"), hop);
    }
    ids(out, journey.asked.dialect, journey.asked.id);
    head
}

/// `backstop-answer`: who answers, after how many attempts.
pub(crate) fn provenance(
    place: &Place,
    (route, matched): (&str, Match),
    attempts: usize,
) -> Option<HeaderValue> {
    let mut text = String::with_capacity(96);
    let _ = write!(
        text,
        "target={}; rung={}; attempts={attempts}; tier={}; route={route}",
        place.target.name,
        place.rung + 1,
        place.tier.name(),
    );
    if !place.adjustment.is_empty() {
        let _ = write!(text, "; adjusted={}", place.adjustment.names().join("+"));
    }
    if matched == Match::Fallback {
        text.push_str("; matched=no-route-names-this-model");
    }
    HeaderValue::try_from(text).ok()
}

/// `Proxy-Status` of an answer that came from this provider.
pub(crate) fn next_hop(provider: &str, status: u16) -> Option<HeaderValue> {
    let text = format!("{HOP}; next-hop=\"{provider}\"; received-status={status}");
    HeaderValue::try_from(text).ok()
}

/// The error of a request that went through the ladder.
pub(crate) fn failed(journey: &Journey, failure: &Failure) -> Response<AnswerBody> {
    let asked = &journey.asked;
    let mut response = error(asked.dialect, failure, asked.id);
    let out = response.headers_mut();
    let attempts = journey.record.attempts();
    tried(out, &journey.record, u8::MAX);
    timing(out, attempts, micros(journey.core.shared.clock.now().since(asked.started)));
    response
}

/// An error in the client's own dialect.
pub(crate) fn error(dialect: Dialect, failure: &Failure, id: RequestId) -> Response<AnswerBody> {
    let request_id = format!("req_{id}");
    let written = backstop_dialects::write_error(dialect, failure, &request_id);
    let mut response = Response::new(AnswerBody::whole(Bytes::from(written.body)));
    *response.status_mut() =
        StatusCode::from_u16(written.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Some(name) = written.aws_error {
        set(response.headers_mut(), "x-amzn-errortype", name);
    }
    explain(response.headers_mut(), failure);
    ids(response.headers_mut(), dialect, id);
    response
}

/// An error in the form of the list that a stream would have been.
pub(crate) fn error_in_list(response: Response<AnswerBody>) -> Response<AnswerBody> {
    if response.status().is_success() {
        return response;
    }
    response.map(|body| body.map_whole(|error| [b"[", &*error, b"]"].concat().into()))
}

/// An error on our own paths, which have no dialect (RFC 9457). The status is the failure's where it
/// has one.
pub(crate) fn problem(failure: &Failure, id: RequestId) -> Response<AnswerBody> {
    let request_id = format!("req_{id}");
    let dialect = Dialect::OpenaiChat;
    let usual = backstop_dialects::write_error(dialect, failure, &request_id).status;
    let status = StatusCode::from_u16(failure.status.unwrap_or(usual));
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Client Closed Request"),
        "status": status.as_u16(),
        "detail": failure.message,
        "code": failure.class.code(),
        "request_id": request_id,
    });
    let mut response = Response::new(AnswerBody::whole(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    explain(response.headers_mut(), failure);
    ids(response.headers_mut(), dialect, id);
    response
}

/// The ids of a request that passes through: ours, and the provider's own.
pub(crate) fn passage_ids(out: &mut HeaderMap, upstream: Option<&HeaderValue>, id: RequestId) {
    if let Some(upstream) = upstream {
        out.insert(HeaderName::from_static("backstop-upstream-request-id"), upstream.clone());
    }
    ids(out, Dialect::OpenaiChat, id);
}

/// What an error's head says besides.
fn explain(out: &mut HeaderMap, failure: &Failure) {
    set(out, "backstop-error", failure.class.code());
    if let Some(stay_away) = failure.stay_away {
        set(out, "retry-after", whole_seconds(stay_away).to_string());
    }
    // The gateway has already tried whatever made sense: a client's own retries at once only multiply.
    let retry =
        failure.fault() != Fault::Caller && failure.stay_away.is_some_and(|t| t.as_secs() < 30);
    set(out, "x-should-retry", if retry { "true" } else { "false" });
    let status = format!("{HOP}; error={}", proxy_error(failure.class));
    set(out, "proxy-status", status);
}

/// An error of the gateway's own, with the failure's status where it has one: no provider's status
/// may be in it.
pub(crate) fn refusal(dialect: Dialect, failure: &Failure, id: RequestId) -> Response<AnswerBody> {
    let mut response = error(dialect, failure, id);
    if let Some(status) = failure.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        *response.status_mut() = status;
    }
    response
}

/// Rounded up, at least one: a client that comes back a moment too early is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(part).max(1)
}

/// An answer that the gateway puts together itself.
pub(crate) fn json(asked: &Asked, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(body));
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ids(out, asked.dialect, asked.id);
    response
}

/// A stream that the gateway puts together itself.
pub(crate) fn events(asked: &Asked, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = event_stream(body);
    ids(response.headers_mut(), asked.dialect, asked.id);
    response
}

/// The same for who asks for one that is kept.
pub(crate) fn event_stream(body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let out = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    out.insert(header::CONTENT_TYPE, kind);
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A provider's own count, with what its head says besides.
pub(crate) fn counted(asked: &Asked, body: Bytes, provider: &HeaderMap) -> Response<AnswerBody> {
    let ours = json(asked, body);
    let mut response = Response::new(AnswerBody::empty());
    headers::down(provider, response.headers_mut());
    // Ours take the place of the provider's: two `content-type` are one too many.
    response.headers_mut().extend(ours.headers().clone());
    response.map(|_| ours.into_body())
}

/// A short answer in plain text, outside any dialect.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// `backstop-attempts`: one item per target above this rung that could not take the request, then
/// one per attempt that failed before the one that answers.
fn tried(out: &mut HeaderMap, record: &Record, rung: u8) {
    let attempts = record.attempts();
    let mut text = String::with_capacity(64 * attempts.len());
    for passed in record.unfit(rung) {
        let joint = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{joint}{}; unfit=\"{}\"", passed.target, passed.why);
    }
    for row in attempts {
        if !text.is_empty() {
            text.push_str(", ");
        }
        let _ = write!(text, "{}; purpose={}", row.target, row.purpose);
        if let Some(class) = row.class {
            let _ = write!(text, "; error={}", class.code());
        }
        if let Some(status) = row.status {
            let _ = write!(text, "; status={status}");
        }
        let _ = write!(text, "; ms={}", row.total_us / 1000);
    }
    if !text.is_empty() {
        set(out, "backstop-attempts", text);
    }
}

/// The answer came from the target whose refusal stands last, asked again with a mended request.
fn repaired(out: &mut HeaderMap, target: &str) {
    let tried = out.get("backstop-attempts").and_then(|tried| tried.to_str().ok());
    let text = format!("{}, {target}; purpose=repair", tried.unwrap_or_default());
    set(out, "backstop-attempts", text);
}

/// `Server-Timing`: the attempts that failed, and the time until the answer began.
fn timing(out: &mut HeaderMap, attempts: &[AttemptRow], waited_us: u64) {
    let mut text = format!("ttft;dur={}", waited_us / 1000);
    for (number, row) in attempts.iter().enumerate() {
        let code = row.class.map_or("ok", Class::code);
        let _ = write!(text, ", attempt{};desc=\"{code}\";dur={}", number + 1, row.total_us / 1000);
    }
    set(out, "server-timing", text);
}

fn ids(out: &mut HeaderMap, dialect: Dialect, id: RequestId) {
    let name = match dialect {
        Dialect::AnthropicMessages => "request-id",
        Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Gemini => "x-request-id",
        Dialect::BedrockConverse => "x-amzn-requestid",
    };
    set(out, name, format!("req_{id}"));
}

fn set(out: &mut HeaderMap, name: &'static str, text: impl TryInto<HeaderValue>) {
    if let Ok(value) = text.try_into() {
        out.insert(HeaderName::from_static(name), value);
    }
}

/// The registered word of RFC 9209 for a failure.
const fn proxy_error(class: Class) -> &'static str {
    match class {
        Class::DnsFailed => "dns_error",
        Class::ConnectFailed => "connection_refused",
        Class::ConnectTimeout => "connection_timeout",
        Class::TlsFailed => "tls_protocol_error",
        Class::StaleConnection | Class::ConnectionReset => "connection_terminated",
        Class::ProtocolBroken => "http_protocol_error",
        Class::FirstTokenTimeout | Class::Stalled | Class::DeadlinePassed => {
            "http_response_timeout"
        }
        Class::StreamCut | Class::BadAnswer | Class::EmptyAnswer => "http_response_incomplete",
        Class::TargetOpened
        | Class::Overloaded
        | Class::ServerError
        | Class::RateLimited
        | Class::Acceleration
        | Class::QuotaExhausted
        | Class::AuthRefused
        | Class::IdentityFailed
        | Class::ModelNotFound
        | Class::Redirected
        | Class::RungExhausted => "destination_unavailable",
        Class::NoTarget => "destination_not_found",
        Class::GatewayBusy | Class::CallerLimited => "connection_limit_reached",
        Class::LoopDetected => "proxy_loop_detected",
        Class::GatewayFault => "proxy_internal_error",
        Class::InvalidRequest
        | Class::ContextTooLong
        | Class::RequestTooLarge
        | Class::UnsupportedFeature
        | Class::MediaFailed
        | Class::SignatureRefused
        | Class::ContentRefused
        | Class::UnknownPath
        | Class::KeyRefused
        | Class::ClientLeft => "http_request_denied",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_asks_a_client_back_too_early() {
        let seconds = |ms| whole_seconds(Duration::from_millis(ms));
        assert_eq!((seconds(0), seconds(1), seconds(1000)), (1, 1, 1));
        assert_eq!((seconds(1001), seconds(59_999), seconds(60_000)), (2, 60, 60));
    }
}

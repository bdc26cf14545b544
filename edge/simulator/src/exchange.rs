//! One request and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backstop_scenarios::{
    Act, Ask, Intake, Outcome, ProviderSettings, Refusal, Reply, RequestHead,
};
use backstop_vocabulary::Dialect;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;

use crate::control;
use crate::playback::{Broken, Playback, Release};
use crate::simulator::{Entry, Simulator};

/// Larger requests are refused, as Anthropic does.
const BODY_BYTES_MAX: usize = 32 << 20;

/// The connection that a request came on.
pub(crate) struct Line {
    /// Set to make the connection end in a reset.
    pub(crate) severed: Arc<AtomicBool>,
    /// Whether no request came on it before.
    pub(crate) fresh: Arc<AtomicBool>,
}

pub(crate) type Body = Either<Full<Bytes>, Playback>;

/// Answers one request; an error breaks the connection.
pub(crate) async fn answer(
    simulator: Simulator,
    entry: Entry,
    line: Line,
    request: Request<Incoming>,
) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return too_large(&line);
        }
        Err(_) => return Err(Broken("the client left while it sent its request")),
    };
    let path = parts.uri.path();
    if let Some(rest) = path.strip_prefix("/simulator/") {
        return control::answer(&simulator, (parts.method.as_str(), rest), &body);
    }
    let (provider, path) = match &entry {
        Entry::Provider(provider) => (Arc::clone(provider), path),
        Entry::All => {
            let path = path.trim_start_matches('/');
            let (provider, _) = path.split_once('/').unwrap_or((path, ""));
            (Arc::from(provider), &path[provider.len()..])
        }
    };
    let headers = parts.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
    let head = RequestHead { method: parts.method.as_str(), path, headers };
    let Some(settings) = simulator.world().provider(&provider).cloned() else {
        return json(404, br#"{"error":{"message":"no such simulated provider"}}"#.to_vec());
    };
    match Intake::read(&settings, &head, &body) {
        Ok(Intake::Ask(ask)) => play(&simulator, line, *ask).await,
        Ok(Intake::Json(body)) => json(200, body),
        Err(refusal) => {
            simulator.count(&provider, "refused_by_rule");
            refuse(&settings, &refusal)
        }
    }
}

/// Plays the script up to the head of the answer; its body plays the rest.
async fn play(simulator: &Simulator, line: Line, mut ask: Ask) -> Result<Response<Body>, Broken> {
    ask.fresh_connection = line.fresh.swap(false, Ordering::AcqRel);
    let reply = simulator.respond(&ask);
    simulator.count(&ask.provider, label(&reply));
    let release = Release::new(simulator.clone(), reply.token);
    let mut steps = reply.steps.into_iter();
    while let Some(step) = steps.next() {
        if !step.after.is_zero() {
            tokio::time::sleep(step.after).await;
        }
        match step.act {
            Act::Head { status, headers } => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                let body = Playback::new(steps, release, line.severed);
                return response
                    .body(Either::Right(body))
                    .map_err(|_| Broken("a script has an impossible head"));
            }
            Act::Hang => std::future::pending().await,
            Act::Reset | Act::Refuse => {
                line.severed.store(true, Ordering::Release);
                return Err(Broken("reset before the head, as scripted"));
            }
            Act::Close | Act::Garbage | Act::Chunk(_) | Act::End => {
                return Err(Broken("closed before the head, as scripted"));
            }
        }
    }
    Err(Broken("a script has no head"))
}

/// What the list of requests calls this ending.
fn label(reply: &Reply) -> &'static str {
    reply.symptom.unwrap_or(match reply.outcome {
        Outcome::Answered => "answered",
        Outcome::Status(429, _) => "busy_429",
        Outcome::Status(..) => "base_error",
        Outcome::Transport | Outcome::Broken | Outcome::Silent => "other",
    })
}

fn refuse(settings: &ProviderSettings, refusal: &Refusal) -> Result<Response<Body>, Broken> {
    let (headers, body) = refusal.write(settings.dialect, "req_0000000000000000");
    let mut response = Response::builder().status(refusal.status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response
        .body(Either::Left(Full::from(body)))
        .map_err(|_| Broken("a refusal has an impossible head"))
}

fn too_large(line: &Line) -> Result<Response<Body>, Broken> {
    line.fresh.store(false, Ordering::Release);
    let refusal = Refusal {
        status: 413,
        kind: "request_too_large",
        code: None,
        param: None,
        message: "Request exceeds the maximum size".to_owned(),
        retry_after_s: None,
    };
    let (_, body) = refusal.write(Dialect::AnthropicMessages, "req_0000000000000000");
    json(413, body)
}

pub(crate) fn json(status: u16, body: Vec<u8>) -> Result<Response<Body>, Broken> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Either::Left(Full::from(body)))
        .map_err(|_| Broken("an answer has an impossible head"))
}

//! The provider's side: reads the question in whatever dialect its path names, answers as told.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use backstop_dialects::{
    Frames, Framing, Head, StreamWriter, chunk_message, write_answer, write_error,
};
use backstop_exchange::{Answer, Event};
use backstop_scenarios::{Complaint, Refusal};
use backstop_vocabulary::{Dialect, Failure};

use super::cases::declined;
use super::heard::{Heard, heard};
use super::pieces::Pieces;
use super::script::{Script, Then, in_own_words, is_said_in_answers};
use super::stage::Seen;

/// What a login page or a proxy in between answers with.
const PAGE: &[u8] = b"<!doctype html><html><title>Sign in</title></html>";

/// Serves one connection.
pub(super) async fn serve(io: DuplexStream, script: Arc<Script>, seen: Seen) {
    if matches!(*script, Script::Noise) {
        return noise(io).await;
    }
    let service = service_fn(|request| answer(request, Arc::clone(&script), Arc::clone(&seen)));
    // A connection that breaks is what some scripts want.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
}

/// Says something that is no HTTP to whoever asks.
async fn noise(mut io: DuplexStream) {
    let mut asked = [0; 1024];
    // A peer that is gone hears nothing.
    if io.read(&mut asked).await.is_ok() {
        let _heard = io.write_all(b"220 mail.conformance ESMTP\r\n").await;
    }
}

async fn answer(
    request: http::Request<Incoming>,
    script: Arc<Script>,
    seen: Seen,
) -> Result<Response<Pieces>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if matches!(*script, Script::Silent) {
        std::future::pending::<()>().await;
    }
    Ok(match heard(&path, &body) {
        Some(heard) => {
            let answer = play(&heard, &script);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard.asked);
            answer
        }
        None => response(404, "text/plain", Pieces::whole(b"no such path".to_vec())),
    })
}

fn play(heard: &Heard, script: &Script) -> Response<Pieces> {
    match script {
        Script::Answer(events) => answered(heard, events),
        Script::Reply(reply) => answered(heard, &reply(&heard.asked)),
        Script::Refuse(failure) if is_said_in_answers(failure.class, heard.errors) => {
            answered(heard, &declined())
        }
        Script::Complain(complaint) => complained(heard, *complaint),
        Script::Refuse(failure) => refused(heard, failure),
        Script::Begin(events, then) => {
            let pieces = Pieces::begun(written(heard, events), *then);
            response(200, content_type(heard), pieces)
        }
        Script::Page => response(200, "text/html", Pieces::whole(PAGE.to_vec())),
        Script::Redirect => {
            let mut response = response(302, "text/html", Pieces::whole(Vec::new()));
            let place = http::HeaderValue::from_static("https://login.conformance/");
            response.headers_mut().insert(http::header::LOCATION, place);
            response
        }
        // Neither comes as far as an answer.
        Script::Unreachable(_) | Script::Silent | Script::Noise => {
            response(500, "text/plain", Pieces::whole(Vec::new()))
        }
    }
}

fn answered(heard: &Heard, events: &[Event]) -> Response<Pieces> {
    if heard.asked.stream {
        let pieces = Pieces::begun(written(heard, events), Then::End);
        return response(200, content_type(heard), pieces);
    }
    let mut answer = Answer::default();
    // An answer without a failure inside takes every event.
    events.iter().cloned().for_each(|event| drop(answer.take(event)));
    let body = write_answer(heard.dialect, &answer, &head());
    response(200, "application/json", Pieces::whole(body))
}

fn complained(heard: &Heard, complaint: Complaint) -> Response<Pieces> {
    let refusal = Refusal::of(complaint, heard.errors);
    let (headers, body) = refusal.write(heard.errors, "req_1");
    let mut response = response(refusal.status, "application/json", Pieces::whole(body));
    for (name, value) in headers {
        let name = http::HeaderName::from_static(name);
        if let Ok(value) = http::HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn refused(heard: &Heard, failure: &Failure) -> Response<Pieces> {
    let words = in_own_words(failure.class, heard.errors).unwrap_or(&failure.message);
    let failure = Failure { message: words.into(), ..failure.clone() };
    let written = write_error(heard.errors, &failure, "req_1");
    let mut response = response(written.status, "application/json", Pieces::whole(written.body));
    if let Some(name) = written.aws_error {
        let name = http::HeaderValue::from_static(name);
        response.headers_mut().insert("x-amzn-errortype", name);
    }
    response
}

fn head() -> Head {
    let (id, model) = ("answer1".to_owned(), "served".to_owned());
    Head { id, model, usage: true, ..Head::default() }
}

const fn content_type(heard: &Heard) -> &'static str {
    match heard.framing {
        Framing::EventStream => "application/vnd.amazon.eventstream",
        Framing::Sse | Framing::List => "text/event-stream",
    }
}

/// The bytes of a stream, event by event; what is in server-sent events elsewhere is in messages at AWS.
fn written(heard: &Heard, events: &[Event]) -> Vec<Bytes> {
    let wrapped =
        heard.framing == Framing::EventStream && heard.dialect != Dialect::BedrockConverse;
    let mut writer = StreamWriter::new(heard.dialect, head());
    let mut pieces = Vec::new();
    for event in events {
        let mut out = Vec::new();
        if let Event::Failed(failure) = event {
            writer.fail(failure, &mut out);
        } else {
            writer.write(event, &mut out);
        }
        pieces.push(Bytes::from(if wrapped { messages(out) } else { out }));
    }
    pieces
}

fn messages(events: Vec<u8>) -> Vec<u8> {
    let mut frames = Frames::new(Framing::Sse, events.len());
    frames.feed(Bytes::from(events));
    let mut messages = Vec::new();
    for frame in frames.by_ref().flatten() {
        chunk_message(frame.data(), &mut messages);
    }
    messages
}

fn response(status: u16, content_type: &'static str, body: Pieces) -> Response<Pieces> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

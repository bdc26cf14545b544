//! The provider's side: reads the question in whatever dialect its path names, answers as told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use backstop_dialects::{
    Delivery, Head, StreamWriter, fixed_path, read_request, write_answer, write_error,
};
use backstop_exchange::{Answer, Event, Request};
use backstop_scenarios::{Complaint, Refusal};
use backstop_vocabulary::{Dialect, Failure};

use super::stage::Seen;

/// What a provider does when it is asked.
#[derive(Debug)]
pub(super) enum Script {
    /// Answers.
    Answer(Vec<Event>),
    /// Says that it cannot, as its vendor does.
    Complain(Complaint),
    /// Refuses the request for this reason.
    Refuse(Failure),
    /// Begins a stream with these events, and breaks the connection.
    Break(Vec<Event>),
}

/// Serves one connection.
pub(super) async fn serve(io: DuplexStream, script: Arc<Script>, seen: Seen) {
    let service = service_fn(|request| answer(request, Arc::clone(&script), Arc::clone(&seen)));
    // A connection that breaks is what some scripts want.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
}

async fn answer(
    request: http::Request<Incoming>,
    script: Arc<Script>,
    seen: Seen,
) -> Result<Response<Pieces>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Ok(match heard(&path, &body) {
        Some((dialect, asked)) => {
            let delivery = Delivery::from(asked.stream);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
            play(dialect, delivery, &script)
        }
        None => response(404, "text/plain", Pieces::whole(b"no such path".to_vec())),
    })
}

/// The dialect and the question, if the provider understands it.
fn heard(path: &str, body: &[u8]) -> Option<(Dialect, Request)> {
    let spoken = |dialect: &Dialect| fixed_path(*dialect) == Some(path);
    let dialect = Dialect::ALL.into_iter().find(spoken)?;
    Some((dialect, read_request(dialect, body).ok()?))
}

fn play(dialect: Dialect, delivery: Delivery, script: &Script) -> Response<Pieces> {
    let head = Head { id: "answer1".to_owned(), model: "served".to_owned(), ..Head::default() };
    let stream = delivery == Delivery::Stream;
    match script {
        Script::Answer(events) if stream => {
            let pieces = Pieces::whole(written(dialect, head, events));
            response(200, "text/event-stream", pieces)
        }
        Script::Answer(events) => {
            let mut answer = Answer::default();
            // An answer without a failure inside takes every event.
            events.iter().cloned().for_each(|event| drop(answer.take(event)));
            let body = write_answer(dialect, &answer, &head);
            response(200, "application/json", Pieces::whole(body))
        }
        Script::Complain(complaint) => {
            let refusal = Refusal::of(*complaint, dialect);
            let (headers, body) = refusal.write(dialect, "req_1");
            let mut response = response(refusal.status, "application/json", Pieces::whole(body));
            for (name, value) in headers {
                let name = http::HeaderName::from_static(name);
                if let Ok(value) = http::HeaderValue::try_from(value) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Script::Refuse(failure) => {
            let written = write_error(dialect, failure, "req_1");
            response(written.status, "application/json", Pieces::whole(written.body))
        }
        Script::Break(events) => {
            let content = if stream { "text/event-stream" } else { "application/json" };
            response(200, content, Pieces::broken(written(dialect, head, events)))
        }
    }
}

fn written(dialect: Dialect, head: Head, events: &[Event]) -> Vec<u8> {
    let head = Head { usage: true, ..head };
    let mut writer = StreamWriter::new(dialect, head);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

fn response(status: u16, content_type: &'static str, body: Pieces) -> Response<Pieces> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

/// A body in pieces that may break after the last.
struct Pieces {
    left: VecDeque<Bytes>,
    then: Then,
}

/// What follows the last piece.
#[derive(Clone, Copy)]
enum Then {
    End,
    /// Lets the last piece go out first: an error takes with it what was not written yet.
    Rest(u8),
}

impl Pieces {
    fn whole(body: Vec<u8>) -> Self {
        Self { left: VecDeque::from([Bytes::from(body)]), then: Then::End }
    }

    fn broken(body: Vec<u8>) -> Self {
        Self { then: Then::Rest(8), ..Self::whole(body) }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(piece) = self.left.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Rest(0) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Then::Rest(turns) => {
                self.then = Then::Rest(turns - 1);
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

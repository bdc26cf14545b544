//! Bytes up, bytes down: neither is ever held as a whole.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::timeout;

use backstop_listener::{Abort, AnswerBody};
use backstop_providers::{Ask, Reply, ReplyBody, Upload, UploadError};
use backstop_vocabulary::{Class, Failure};

use super::passage::Passage;
use crate::body::{Away, Driven, Tray};

/// How long nothing may move, neither up nor down. A file may take as long as it takes, an image is
/// painted for minutes in silence.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(600);
/// How often a request without a body is sent again when its connection turned out closed.
const STALE_MAX: usize = 2;

/// Passes a request whose body is here already, if it has one.
pub(super) async fn exchange(passage: Passage, ask: Ask) -> Response<AnswerBody> {
    let mut stale = 0;
    loop {
        let again = Ask {
            method: ask.method.clone(),
            path: ask.path.clone(),
            headers: ask.headers.clone(),
            body: ask.body.clone(),
        };
        let sending = passage.core.client.send(&passage.endpoint, again, passage.connect_max);
        let sent = timeout(IDLE_MAX, sending).await.unwrap_or_else(|_| Err(silent()));
        match sent {
            Ok(reply) => return down(passage, reply),
            Err(failure) if failure.class == Class::StaleConnection && stale < STALE_MAX => {
                stale += 1;
            }
            Err(failure) => return passage.refused(&failure),
        }
    }
}

/// Passes a request with its body, as that comes.
pub(super) async fn upload(passage: Passage, ask: Ask, body: Incoming) -> Response<AnswerBody> {
    let course = Arc::new(Course::default());
    let body = Upload::new(Rising { body, course: Arc::clone(&course) });
    let ask = Ask { method: ask.method, path: ask.path, headers: ask.headers, body };
    let sent = {
        let sending = passage.core.client.upload(&passage.endpoint, ask, passage.connect_max);
        let mut sending = pin!(sending);
        loop {
            let before = course.bytes.load(Ordering::Relaxed);
            match timeout(IDLE_MAX, sending.as_mut()).await {
                Ok(sent) => break sent,
                Err(_) if course.bytes.load(Ordering::Relaxed) != before => {}
                Err(_) => break Err(silent()),
            }
        }
    };
    match sent {
        Ok(reply) => down(passage, reply),
        Err(_) if course.broke_off.load(Ordering::Relaxed) => {
            let what = "the client left before its body was complete";
            passage.refused(&Failure::new(Class::ClientLeft, what).with_status(499))
        }
        Err(failure) => passage.refused(&failure),
    }
}

fn silent() -> Failure {
    let what = format!("nothing moved for {} s", IDLE_MAX.as_secs());
    Failure::new(Class::Stalled, what)
}

/// Gives the answer to the client as it comes.
pub(super) fn down(mut passage: Passage, reply: Reply) -> Response<AnswerBody> {
    let head = passage.heard(reply.status, &reply.headers);
    if reply.body.is_at_end() {
        passage.ended();
        return head.map(|()| AnswerBody::empty());
    }
    let (tray, clock) = (Tray::default(), passage.core.shared.clock);
    let driver = Box::pin(drive(passage, reply.body, tray.clone()));
    let body = Driven::new(driver, tray, clock, Away::default());
    head.map(|()| AnswerBody::stream(body))
}

async fn drive(passage: Passage, mut body: ReplyBody, tray: Tray) {
    let clock = passage.core.shared.clock;
    loop {
        let chunk = timeout(IDLE_MAX, body.chunk()).await.unwrap_or_else(|_| Err(silent()));
        match chunk {
            Ok(Some(bytes)) => {
                tray.put(Ok(bytes), clock.now()).await;
                // A client that was told the length asks for no more than that.
                if body.is_at_end() {
                    return passage.ended();
                }
            }
            Ok(None) => {
                tray.emptied().await;
                return passage.ended();
            }
            Err(failure) => {
                tray.put(Err(Abort::default()), clock.now()).await;
                return passage.broke(&failure);
            }
        }
    }
}

/// How far an upload has come.
#[derive(Debug, Default)]
struct Course {
    bytes: AtomicU64,
    broke_off: AtomicBool,
}

/// A client's body on its way up.
struct Rising {
    body: Incoming,
    course: Arc<Course>,
}

impl fmt::Debug for Rising {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rising").field(&self.course).finish()
    }
}

impl Body for Rising {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.course.bytes.fetch_add(bytes, Ordering::Relaxed);
                Ok(frame)
            }
            Err(error) => {
                self.course.broke_off.store(true, Ordering::Relaxed);
                Err(error.into())
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

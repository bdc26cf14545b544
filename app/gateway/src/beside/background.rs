//! Answers that are made while their clients are gone (`background: true` of Responses).
//!
//! The gateway answers at once, under a name of its own. A task on the request's own runtime then
//! drives the very stream that a client would have read, so that no phase need know, and lays its
//! events down where clients may read them, later, again, or while they come.

mod follow;
mod generation;
mod log;
mod register;
mod tally;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body as _;

use backstop_dialects::{Frames, Framing, Head, Scan, kept, own_answer};
use backstop_listener::AnswerBody;
use backstop_settings::Limits;
use backstop_vocabulary::{Class, Failure};

use crate::asked::Asked;
use crate::core::Core;
use crate::perform::Started;
use crate::relay::FRAME_BYTES_MAX;
use crate::{answer, serve};
pub(crate) use follow::follow;
pub(crate) use generation::Generation;
pub(crate) use register::{Register, Running};

/// What a client asks for that need not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Whether it reads along.
    pub(crate) stream: bool,
    /// How long its answer may take.
    pub(crate) longest: Duration,
}

/// The wish of a request, if it has it, or why it cannot be granted.
pub(crate) fn wish(scan: &Scan, limits: &Limits) -> Result<Option<Wish>, Failure> {
    if !scan.background {
        return Ok(None);
    }
    let refused = |what: &str| Err(Failure::new(Class::InvalidRequest, what));
    if scan.unkept {
        return refused("Background mode requires `store` to be true");
    }
    if limits.transcripts_bytes_max == 0 || limits.background_max == 0 {
        return refused("this gateway makes no answers in the background: leave `background` out");
    }
    Ok(Some(Wish { stream: scan.stream, longest: limits.background_time_max }))
}

/// Answers at once, and lets the answer be made.
pub(crate) fn begin(
    core: &Arc<Core>,
    (journey, fits): Started,
    wish: Wish,
) -> Response<AnswerBody> {
    let shared = &core.shared;
    let asked = Arc::clone(&journey.asked);
    let head = Head {
        id: asked.id.as_str().to_owned(),
        model: asked.scan.model_name.clone(),
        created_unix: shared.clock.unix_secs(asked.started),
        usage: true,
        kept: true,
    };
    let queued = Bytes::from(kept::queued_answer(&head, &asked.body));
    let queued = asked.whole(queued);
    let opened = if shared.draining.load(Ordering::Relaxed) {
        Err(Failure::new(Class::GatewayBusy, "this gateway is ending: ask again, elsewhere"))
    } else {
        shared.backgrounds.open(&asked, queued, &journey.live.settings.limits)
    };
    let (generation, running) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            journey.record.failed(&failure, shared.clock.now());
            return answer::error(asked.dialect, &failure, asked.id);
        }
    };
    let response = if wish.stream {
        answer::events(&asked, follow(Arc::clone(&generation), 0, shared.clock))
    } else {
        answer::json(&asked, generation.shown())
    };
    let task = run(Arc::clone(core), generation, (journey, fits), running);
    core.spawn_counted(task);
    response
}

/// Makes the answer, unless somebody stops it.
async fn run(core: Arc<Core>, generation: Arc<Generation>, started: Started, running: Running) {
    let asked = Arc::clone(&started.0.asked);
    {
        let making = Box::pin(make(Arc::clone(&core), &generation, started));
        tokio::select! {
            biased;
            () = generation.stopped() => {}
            () = making => {}
        }
    }
    settle(&core, &generation, &asked);
    drop(asked);
    // Not before nothing of the request is left.
    drop(running);
}

/// Now that nothing more is kept of it: an answer that nobody wants is not gone on from, and one that
/// is kept needs its request once only.
fn settle(core: &Core, generation: &Generation, asked: &Asked) {
    let (shared, caller) = (&core.shared, &asked.caller.name);
    let name = own_answer(asked.id.as_str());
    if generation.is_unwanted() {
        shared.transcripts.forget(caller, &name);
        return;
    }
    let limits = &shared.live.load().settings.limits;
    if shared.transcripts.get((caller, &name), shared.clock.now(), limits).is_some() {
        generation.let_go();
    }
}

/// Reads the answer as a client would, to its end.
async fn make(core: Arc<Core>, generation: &Arc<Generation>, started: Started) {
    let shared = Arc::clone(&core.shared);
    let bytes_max = started.0.live.settings.limits.background_events_bytes_max;
    let (head, mut body) = serve::go(core, started).await.into_parts();
    generation.answered(&head.headers);
    let mut next = async || poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    if !head.status.is_success() {
        let told = next().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
        return generation.fail(head.status.as_u16(), &told.unwrap_or_default());
    }
    let mut frames = Frames::new(Framing::Sse, FRAME_BYTES_MAX);
    while let Some(piece) = next().await {
        let (piece, broken) = match piece {
            Ok(frame) => (frame.into_data().unwrap_or_default(), false),
            Err(abort) => (abort.farewell, true),
        };
        frames.feed(piece);
        generation.take(&mut frames);
        shared.backgrounds.relieve(generation, bytes_max);
        if broken {
            break;
        }
    }
}

//! One answer that is made in the background.
//!
//! ```text
//!            something came                   its end came
//!   Queued ──────────────────▶ InProgress ─────────────────────▶ Over
//!      │                            │                              ▲
//!      └────────────────────────────┴── cancelled, failed, ended ──┘
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{Notify, watch};

use backstop_dialects::Frames;
use backstop_dialects::kept::{self, Told};
use backstop_vocabulary::Moment;

use super::log::{Gone, Log};
use super::tally::{Share, Tally};
use crate::beside::transcripts::Turn;

/// An answer in the making, or made.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) at: Moment,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    stop: Notify,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// The request, to be shown, as long as nobody else keeps it.
    turn: Option<Turn>,
    /// The answer before it has an end; empty after.
    queued: Bytes,
    log: Log,
    /// The answer as it ended.
    last: Option<Bytes>,
    /// Who answered, and what was lost.
    head: HeaderMap,
    /// Its client cancelled or deleted it.
    unwanted: bool,
    share: Share,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Queued,
    InProgress,
    Over(Ending),
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its last event.
    Whole,
    /// Without: whoever reads along must notice.
    Broken,
}

/// What a reader is given next.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) events: Bytes,
    /// The number after them.
    pub(crate) number: u64,
    /// Whether nothing follows.
    pub(crate) over: Option<Ending>,
}

impl Generation {
    /// One that is not counted yet.
    pub(super) fn new(at: Moment, (turn, queued): (Turn, Bytes), tally: &Arc<Tally>) -> Self {
        let mut log = Log::default();
        for event in kept::opening_events(&queued) {
            log.push(event);
        }
        let state = State {
            stage: Stage::Queued,
            turn: Some(turn),
            queued,
            log,
            last: None,
            head: HeaderMap::new(),
            unwanted: false,
            share: Share::of(tally),
        };
        let changed = watch::channel(()).0;
        Self { at, state: Mutex::new(state), changed, stop: Notify::new() }
    }

    /// Counts what it keeps, from now on.
    pub(super) fn count(&self) {
        self.lock().count();
    }

    /// The bytes of its request.
    pub(super) fn asked_bytes(&self) -> u64 {
        self.lock().asked_bytes()
    }

    /// The bytes of its events and its answer.
    pub(super) fn told_bytes(&self) -> u64 {
        self.lock().told_bytes()
    }

    /// The items that it is given to, unless they were let go.
    pub(crate) fn items(&self) -> Option<Vec<u8>> {
        let turn = self.lock().turn.clone();
        turn.map(|turn| turn.asked())
    }

    /// Lets go of its request: somebody else keeps it, or nobody finds this any more.
    pub(super) fn let_go(&self) {
        let mut state = self.lock();
        let turn = state.turn.take();
        state.count();
        drop(state);
        drop(turn);
    }

    /// Whether its client cancelled or deleted it.
    pub(super) fn is_unwanted(&self) -> bool {
        self.lock().unwanted
    }

    /// Nobody is to find it any more.
    pub(super) fn delete(&self) {
        self.lock().unwanted = true;
        self.cancel();
    }

    /// The answer as far as it is known.
    pub(crate) fn shown(&self) -> Bytes {
        let state = self.lock();
        match (&state.last, state.stage) {
            (Some(last), _) => last.clone(),
            (None, Stage::Queued) => state.queued.clone(),
            (None, Stage::InProgress | Stage::Over(_)) => {
                Bytes::from(kept::with_status(&state.queued, "in_progress"))
            }
        }
    }

    /// Who answered, and what was lost: nothing as long as nobody has.
    pub(crate) fn head(&self) -> HeaderMap {
        self.lock().head.clone()
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.lock().stage, Stage::Over(_))
    }

    /// Events from this number on.
    pub(crate) fn since(&self, number: u64) -> Result<Next, Gone> {
        let state = self.lock();
        let (events, after) = state.log.since(number)?;
        let over = match state.stage {
            Stage::Over(ending) if after >= state.log.next() => Some(ending),
            Stage::Over(_) | Stage::Queued | Stage::InProgress => None,
        };
        Ok(Next { events, number: after, over })
    }

    /// The number of the first event that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.lock().log.first()
    }

    /// Says when there is something new.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until somebody stops it.
    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// Somebody answers, or nobody does.
    pub(super) fn answered(&self, head: &HeaderMap) {
        let ours = |name: &http::HeaderName| name.as_str().starts_with("backstop-");
        let told = head.iter().filter(|(name, _)| ours(name));
        self.lock().head = told.map(|(name, value)| (name.clone(), value.clone())).collect();
    }

    /// Takes the frames that are whole.
    pub(super) fn take(&self, frames: &mut Frames) {
        for frame in frames {
            let Ok(frame) = frame else { return self.unfinished() };
            let numbered = |number| kept::numbered(&frame, number);
            match kept::heard(&frame) {
                Told::Nothing => {}
                Told::News => self.go_on(Stage::InProgress, numbered, None),
                Told::Whole(last) => {
                    self.go_on(Stage::Over(Ending::Whole), numbered, Some(last));
                }
                Told::Failed(last) => {
                    self.go_on(Stage::Over(Ending::Broken), numbered, Some(last));
                }
            }
        }
    }

    /// The answer failed with an error response.
    pub(super) fn fail(&self, status: u16, body: &[u8]) {
        let last = kept::as_failed(&self.shown(), status, body);
        let event = |number| kept::last_event(&last, number);
        self.go_on(Stage::Over(Ending::Broken), event, Some(last.clone()));
    }

    /// Nothing more will come; an answer that has no end yet has failed.
    pub(super) fn unfinished(&self) {
        if self.is_over() {
            return;
        }
        self.fail(502, br#"{"error":{"code":"server_error","message":"the answer broke off"}}"#);
    }

    /// The gateway ends before the answer does.
    pub(super) fn abandon(&self) {
        let body = br#"{"error":{"code":"server_error","message":"the gateway was restarted before the answer was complete: ask again"}}"#;
        self.fail(503, body);
        self.stop.notify_one();
    }

    /// Its client does not want it any more. Twice is as good as once.
    pub(crate) fn cancel(&self) {
        let last = kept::with_status(&self.shown(), "cancelled");
        let mut state = self.lock();
        if !matches!(state.stage, Stage::Over(_)) {
            state.stage = Stage::Over(Ending::Broken);
            state.unwanted = true;
            state.end(last);
        }
        drop(state);
        self.stop.notify_one();
        self.changed.send_replace(());
    }

    /// Forgets older events, and says whether there were any that may go.
    pub(super) fn shorten(&self) -> bool {
        let mut state = self.lock();
        let freed = state.log.shorten();
        state.count();
        freed > 0
    }

    /// One more event; none after the last.
    fn go_on(&self, stage: Stage, event: impl FnOnce(u64) -> Vec<u8>, last: Option<Vec<u8>>) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Over(_)) {
            return;
        }
        let event = event(state.log.next());
        state.log.push(event);
        state.stage = stage;
        match last {
            Some(last) => state.end(last),
            None => state.count(),
        }
        drop(state);
        self.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn asked_bytes(&self) -> u64 {
        self.turn.as_ref().map_or(0, Turn::size) + self.queued.len() as u64
    }

    fn told_bytes(&self) -> u64 {
        self.log.bytes() + self.last.as_ref().map_or(0, |last| last.len() as u64)
    }

    fn count(&mut self) {
        let (asked, told) = (self.asked_bytes(), self.told_bytes());
        self.share.set(asked, told);
    }

    /// The answer as it stays; what it was until then is not shown again.
    fn end(&mut self, last: Vec<u8>) {
        self.last = Some(Bytes::from(last));
        self.queued = Bytes::new();
        self.count();
    }
}

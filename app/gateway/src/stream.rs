//! A streamed answer: held back until it is worth committing to, then driven to its end by the
//! client's own reading.

mod alarm;
mod memo;
mod shape;

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use backstop_continuity::{AfterCommit, Break, Gate, Hold, Seam};
use backstop_dialects::{Head, StreamWriter};
use backstop_listener::{Abort, AnswerBody};
use backstop_settings::OnBreak;
use backstop_vocabulary::{Class, Failure, Moment, Stage};

use crate::answer;
use crate::body::{Away, Driven, Quiet, Tray};
use crate::held::Fits;
use crate::perform::{Begun, Journey, Question};
use crate::plan;
use crate::relay::{Given, Mint, Out, Progress, Raw, Relay};
use crate::wait::Wait;
use alarm::Alarm;
use memo::Memo;
use shape::Shape;

/// How long an idle connection stays without a sign of life (`docs/headers.md`).
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How long the rest of a body may take once its terminal event was read: then the connection is
/// not worth keeping.
const TAIL_MAX: Duration = Duration::from_millis(250);
/// How long another target may take to continue a broken stream.
const RESUME_MAX: Duration = Duration::from_secs(60);

/// Answers with a stream, or with the error that stands for all attempts.
pub(crate) async fn answer(
    mut journey: Box<Journey>,
    fits: Fits,
) -> Result<Response<AnswerBody>, (Box<Journey>, Failure)> {
    loop {
        let mut given = given(&journey, fits);
        let mut begun = match journey.begin(Question::Original).await {
            Ok(begun) => begun,
            Err(failure) => return Err((journey, failure)),
        };
        given.judge = journey.judge();
        let mut relay = relay(&journey, &mut begun);
        match until_commit(&mut journey, &mut begun, &mut relay, &mut given).await {
            Ok(progress) => {
                let response = answer::stream_head(&mut journey, &begun);
                let flow = Flow::new(journey, begun, (relay, given));
                return Ok(response.map(|()| flow.into_body(progress)));
            }
            Err(failure) => journey.failed(begun, &failure),
        }
    }
}

/// A client that has been given nothing.
fn given(journey: &Journey, fits: Fits) -> Given {
    let asked = &journey.asked;
    let wants_json = asked.scan.format && journey.has_choice();
    let hold = if wants_json { Hold::Whole } else { Hold::UntilContent };
    let after = match journey.roster.policy.on_break {
        OnBreak::Resume if !asked.scan.format && fits == Fits::Yes => AfterCommit::Resume,
        OnBreak::Resume | OnBreak::Error => AfterCommit::Error,
    };
    let head = Head {
        id: asked.id.as_str().to_owned(),
        model: String::new(),
        created_unix: journey.core.shared.clock.unix_secs(asked.started),
        usage: asked.wants_stream_usage(),
        kept: asked.turn.is_some(),
    };
    Given {
        gate: Gate::new(hold, after),
        writer: StreamWriter::new(asked.dialect, head),
        usage: None,
        wants_json,
        judge: None,
    }
}

fn relay(journey: &Journey, begun: &mut Begun) -> Relay {
    let dialect = journey.place(begun.place).dialect;
    let same = dialect == journey.asked.dialect && begun.renames.is_empty();
    let raw = match (same, begun.renames.hides_usage()) {
        (true, false) => Raw::Through,
        (true, true) => Raw::ThroughLessUsage,
        (false, _) => Raw::Written,
    };
    let (form, mint) = ((dialect, begun.framing()), mint(journey, begun.place));
    Relay::new(form, raw, std::mem::take(&mut begun.renames), mint)
}

fn mint(journey: &Journey, place: usize) -> Mint {
    Mint::new(&journey.core.shared, &journey.asked, journey.place(place).issuer)
}

/// Reads until the gate releases something, the stream ends, or it fails.
async fn until_commit(
    journey: &mut Journey,
    begun: &mut Begun,
    relay: &mut Relay,
    given: &mut Given,
) -> Result<Progress, Failure> {
    check_type(begun)?;
    let clock = journey.core.shared.clock;
    let wait = Wait { clock, by: begun.attempt.first_token_by };
    let mut last = clock.now();
    let leaves_at = plan::client_leaves_at(&journey.asked);
    loop {
        // A whole answer is held: after its first token the gap clock takes over, but a client that
        // says how long it waits has seen nothing yet.
        let chunk = if begun.permit.has_first_token() {
            let gap_by = last + gap_clock(journey, begun);
            let gap = Wait { clock, by: gap_by.min(leaves_at) };
            let chunk = gap.first(&mut begun.permit, begun.reply.body.chunk()).await;
            chunk.map_err(|late| if leaves_at < gap_by { left(late) } else { as_stalled(late) })?
        } else {
            wait.first(&mut begun.permit, begun.reply.body.chunk()).await?
        };
        let mut progress = match chunk.map_err(|failure| staged(&failure, begun))? {
            Some(chunk) => relay.take(chunk, given),
            None => relay.finish(given),
        };
        if progress.content {
            last = clock.now();
            begun.permit.note_first_token(last);
        }
        keep_within(journey, relay, given, 0)?;
        match &progress.end {
            // What came in one piece with the break was given to nobody: another target begins anew.
            Some(Err(failure))
                if progress.bytes.is_empty() || given.gate.on_break() != Break::Complete =>
            {
                return Err(staged(failure, begun));
            }
            _ if !progress.bytes.is_empty() || progress.end.is_some() => {
                if let Some(Err(failure)) = &mut progress.end {
                    failure.stage = Stage::AfterContent;
                }
                return Ok(progress);
            }
            _ => {}
        }
    }
}

/// The client's time ran out while its answer was held: nobody's fault, unless the target was opened.
fn left(late: Failure) -> Failure {
    if late.class == Class::TargetOpened {
        return late;
    }
    let what = "the answer had to be held whole and was not complete by the client's deadline";
    Failure::new(Class::DeadlinePassed, what).at(Stage::AfterContent)
}

/// Keeps what one stream holds within its own limit and the budget of all. Past the budget it goes
/// on without resume: then nothing of what was delivered need be kept.
fn keep_within(
    journey: &mut Journey,
    relay: &Relay,
    given: &mut Given,
    delivered: usize,
) -> Result<(), Failure> {
    let max = journey.live.settings.limits.answer_bytes_max;
    if relay.held_bytes() as u64 > max {
        let what = format!("more than answer_bytes_max ({max} bytes) had to be held back");
        return Err(Failure::new(Class::BadAnswer, what).at(Stage::AfterContent));
    }
    let held = journey.asked.body.len() + relay.held_bytes() + delivered;
    if journey.held.set(held) == Fits::No {
        given.gate.forget();
    }
    Ok(())
}

/// A provider that answers a stream request with something else than a stream.
fn check_type(begun: &Begun) -> Result<(), Failure> {
    let kind = crate::headers::text(&begun.reply.headers, "content-type").unwrap_or_default();
    if kind.is_empty()
        || kind.starts_with("text/event-stream")
        || kind.starts_with("application/vnd.amazon.eventstream")
        || kind.starts_with("application/json")
    {
        // JSON instead of a stream is an error body or a whole answer: the relay's reader says which.
        return Ok(());
    }
    let what = format!("the provider answered a stream request with `{kind}`");
    Err(Failure::new(Class::BadAnswer, what)
        .at(Stage::BeforeContent)
        .with_status(begun.reply.status))
}

/// How long a stream of this attempt may be silent.
pub(crate) fn gap_clock(journey: &Journey, begun: &Begun) -> Duration {
    let own = begun.permit.outlook.gap_clock;
    journey.roster.policy.gap_max.map_or(own, |max| own.min(max))
}

/// Silence after content is a stall; a target that was opened meanwhile is no fault of its own.
pub(crate) fn as_stalled(failure: Failure) -> Failure {
    if failure.class == Class::TargetOpened {
        return failure;
    }
    Failure::new(Class::Stalled, "the stream went silent").at(Stage::AfterContent)
}

fn staged(failure: &Failure, begun: &Begun) -> Failure {
    let content = begun.permit.has_first_token();
    let stage = if content { Stage::AfterContent } else { Stage::BeforeContent };
    failure.clone().at(stage).with_status(begun.reply.status)
}

/// A committed stream: what is left of it, driven by the client's reading.
struct Flow {
    journey: Box<Journey>,
    begun: Option<Box<Begun>>,
    relay: Relay,
    given: Given,
    quiet: Quiet,
    /// When the latest of what the client is given was read.
    heard_at: Moment,
    alarm: Alarm,
    shape: Shape,
    memo: Memo,
    tray: Tray,
}

/// What one wait of a committed stream brought.
enum Came {
    Progress(Progress),
    /// The alarm rang early, or a clock that the client itself had stopped.
    Quiet,
    KeepAlive,
}

impl Flow {
    fn new(journey: Box<Journey>, begun: Box<Begun>, (relay, given): (Relay, Given)) -> Self {
        let clock = journey.core.shared.clock;
        let now = clock.now();
        let (shape, memo) = (Shape::new(journey.asked.framing), Memo::of(&journey));
        Self {
            journey,
            begun: Some(begun),
            relay,
            given,
            quiet: Quiet::begin(now, Away::default()),
            heard_at: now,
            alarm: Alarm::new(clock.instant(now + KEEP_ALIVE_EVERY)),
            shape,
            memo,
            tray: Tray::default(),
        }
    }

    fn into_body(self, first: Progress) -> AnswerBody {
        let (clock, away) = (self.journey.core.shared.clock, self.quiet.away().clone());
        let tray = self.tray.clone();
        AnswerBody::stream(Driven::new(Box::pin(self.drive(first)), tray, clock, away))
    }

    /// Sends the first piece and everything after it, to a proper end or an honest error.
    async fn drive(mut self, first: Progress) {
        self.journey.record.first_token(self.heard_at);
        let mut progress = first;
        loop {
            progress.bytes = self.journey.asked.frames(progress.bytes);
            self.memo.take(&progress.bytes);
            if matches!(progress.end, Some(Ok(()))) {
                self.memo.keep(&self.journey, &progress.bytes);
            }
            if !progress.bytes.is_empty() {
                let bytes = self.shape.take(progress.bytes);
                self.tray.put(Ok(bytes), self.heard_at).await;
            }
            match progress.end {
                // No sooner is the provider read on than the client has what came before.
                None => self.tray.emptied().await,
                // The books are closed first: the client may leave as soon as it has the end.
                Some(Ok(())) => {
                    self.close().await;
                    return self.ended().await;
                }
                Some(Err(failure)) => match self.broken(*failure).await {
                    Ok(Some(bytes)) => {
                        let bytes = self.journey.asked.frames(bytes);
                        self.memo.take(&bytes);
                        self.memo.keep(&self.journey, &bytes);
                        let bytes = self.shape.take(bytes);
                        self.tray.put(Ok(bytes), self.now()).await;
                        self.close().await;
                        return self.ended().await;
                    }
                    Ok(None) => {}
                    Err(failure) => return self.fail(&failure).await,
                },
            }
            progress = self.advance().await;
        }
    }

    /// Waits for something to tell the client, with the gap clock and its keep-alive running.
    async fn advance(&mut self) -> Progress {
        let mut alive_at = self.quiet.away().back_at().max(self.quiet.since()) + KEEP_ALIVE_EVERY;
        loop {
            match self.next(alive_at).await {
                Came::Progress(progress) => {
                    self.hear(&progress);
                    if !progress.bytes.is_empty() || progress.end.is_some() {
                        return progress;
                    }
                    if let Err(failure) = self.hold() {
                        return ended_with(failure);
                    }
                }
                Came::Quiet => {}
                Came::KeepAlive => {
                    let now = self.now();
                    self.show_life(now).await;
                    alive_at = now + KEEP_ALIVE_EVERY;
                }
            }
        }
    }

    /// Sends what ends the stream in the client's framing, if anything does.
    async fn close(&mut self) {
        if let Some(end) = self.shape.end() {
            self.tray.put(Ok(end), self.now()).await;
        }
    }

    fn now(&self) -> Moment {
        self.journey.core.shared.clock.now()
    }

    /// Tells an idle client that its answer lives.
    async fn show_life(&mut self, now: Moment) {
        let sign = backstop_dialects::keep_alive(self.journey.asked.dialect);
        let sign = self.shape.take(Bytes::from_static(sign));
        self.tray.put(Ok(sign), now).await;
    }

    /// Content starts the gap clock anew; a ping does not.
    fn hear(&mut self, progress: &Progress) {
        self.heard_at = self.now();
        let Some(begun) = self.begun.as_mut().filter(|_| progress.content) else { return };
        if begun.permit.has_first_token() {
            begun.permit.note_gap(self.quiet.length(self.heard_at));
        }
        begun.permit.note_first_token(self.heard_at);
        self.quiet.restart(self.heard_at);
    }

    /// Keeps what is held within the budget: past it the stream goes on without resume.
    fn hold(&mut self) -> Result<(), Failure> {
        let delivered = self.given.gate.delivered().len();
        keep_within(&mut self.journey, &self.relay, &mut self.given, delivered)
    }

    async fn next(&mut self, alive_at: Moment) -> Came {
        let clock = self.journey.core.shared.clock;
        let Some(begun) = &mut self.begun else {
            return Came::Progress(ended_with(Failure::new(Class::GatewayFault, "no attempt")));
        };
        let gap = gap_clock(&self.journey, begun);
        let started = begun.permit.has_first_token();
        let by = begun.attempt.first_token_by;
        let gap_at = if started { self.quiet.lasts_until(gap) } else { by };
        let total_at = plan::ends_at(&self.journey.roster.policy, &self.journey.asked);
        self.alarm.wind(clock.instant(gap_at.min(alive_at).min(total_at)));
        tokio::select! {
            biased;
            chunk = begun.reply.body.chunk() => Came::Progress(match chunk {
                Ok(Some(chunk)) => self.relay.take(chunk, &mut self.given),
                Ok(None) => self.relay.finish(&mut self.given),
                Err(failure) => ended_with(failure),
            }),
            () = poll_fn(|cx| self.alarm.poll_rung(cx)) => {
                let now = clock.now();
                // A client that was away while the clock ran has moved the end of the silence.
                let gap_at = if started { self.quiet.lasts_until(gap) } else { by };
                if total_at <= now {
                    let what = "the answer took longer than the route allows";
                    Came::Progress(ended_with(Failure::new(Class::DeadlinePassed, what)))
                } else if gap_at <= now {
                    let quiet = self.quiet.length(now).as_secs_f64();
                    let what = format!("the stream went silent for {quiet:.0} s");
                    Came::Progress(ended_with(Failure::new(Class::Stalled, what)))
                } else if alive_at <= now {
                    Came::KeepAlive
                } else {
                    Came::Quiet
                }
            }
        }
    }

    /// The terminal event was given out: closes the books, then waits for the end of the provider's
    /// body, so that its connection can serve again. Clients may leave as soon as they have the event.
    async fn ended(mut self) {
        let Some(begun) = self.begun.take() else { return };
        if let Some(usage) = self.given.usage {
            let place = self.journey.roster.places.get(begun.place);
            self.journey.record.used(usage, place);
        }
        let finish = self.given.gate.finish().cloned();
        self.journey.record.answered_by(&self.journey.roster.places[begun.place]);
        let mut body = self.journey.succeeded(begun);
        let Journey { core, record, .. } = *self.journey;
        record.answered(finish.as_ref(), core.shared.clock.now());
        let tail = async { while let Ok(Some(_)) = body.chunk().await {} };
        // Too late is a connection less, nothing more.
        let _in_time = tokio::time::timeout(TAIL_MAX, tail).await;
    }

    /// The stream broke after its commit. `Ok(Some)` is the proper end of an answer that was
    /// complete; `Ok(None)` that another target goes on; `Err` what the client must be told.
    async fn broken(&mut self, failure: Failure) -> Result<Option<Bytes>, Failure> {
        let failure = failure.at(Stage::AfterContent);
        let way = self.given.gate.on_break();
        if way == Break::Complete {
            let mut out = Out::default();
            self.relay.complete(&mut self.given, &mut out)?;
            return Ok(Some(out.finish()));
        }
        if let Some(usage) = self.given.usage.take() {
            let place = self.begun.as_ref().map(|begun| begun.place);
            let place = place.and_then(|place| self.journey.roster.places.get(place));
            self.journey.record.used(usage, place);
        }
        let failure = match &self.begun {
            Some(begun) => self.journey.discreet(begun.place, failure),
            None => failure,
        };
        if let Some(begun) = self.begun.take() {
            self.journey.failed(begun, &failure);
        }
        if way != Break::Resume || failure.class == Class::DeadlinePassed {
            return Err(failure);
        }
        self.resume().await.map_err(|_| failure).map(|()| None)
    }

    /// Another target goes on where this one broke, while the client gets signs of life.
    async fn resume(&mut self) -> Result<(), Failure> {
        let delivered = self.given.gate.delivered().to_owned();
        let clock = self.journey.core.shared.clock;
        self.journey.course.begin_resume(clock.now() + RESUME_MAX);
        let dialect = self.journey.asked.dialect;
        let begun = {
            let mut begin = std::pin::pin!(self.journey.begin(Question::Continue(&delivered)));
            loop {
                tokio::select! {
                    biased;
                    begun = &mut begin => break begun?,
                    () = tokio::time::sleep(KEEP_ALIVE_EVERY) => {
                        let sign = backstop_dialects::keep_alive(dialect);
                        let sign = self.shape.take(Bytes::from_static(sign));
                        self.tray.put(Ok(sign), clock.now()).await;
                    }
                }
            }
        };
        let mut begun = begun;
        let renames = std::mem::take(&mut begun.renames);
        let place = self.journey.place(begun.place);
        let seam = Seam::new(&delivered, place.way_on());
        let mint = mint(&self.journey, begun.place);
        let form = (place.dialect, begun.framing());
        self.relay = Relay::resumed(form, renames, seam, mint);
        self.begun = Some(begun);
        self.quiet.restart(clock.now());
        self.journey.record.resumed();
        Ok(())
    }

    /// The honest end: the dialect's error frame, and a connection that does not end cleanly.
    async fn fail(mut self, failure: &Failure) {
        let mut out = Vec::new();
        self.given.writer.fail(failure, &mut out);
        let out = self.journey.asked.frames(Bytes::from(out));
        let mut out = Vec::from(self.shape.take(out));
        out.extend(self.shape.end().into_iter().flatten());
        let now = self.now();
        self.journey.record.failed(failure, now);
        self.tray.put(Err(Abort::after(out)), now).await;
    }
}

fn ended_with(failure: Failure) -> Progress {
    Progress { end: Some(Err(Box::new(failure))), ..Progress::default() }
}

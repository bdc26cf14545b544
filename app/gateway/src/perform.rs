//! Phase 4: attempt, wait, give up. One journey is one request's way down the ladder.

mod failed;
mod furnish;
mod wrap;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;

use backstop_continuity::{Attempt, AttemptPurpose, Course, Step};
use backstop_dialects::{ErrorHead, Framing, Renames};
use backstop_fit::Judge;
use backstop_identity::Grant;
use backstop_providers::{Ask, Reply, ReplyBody};
use backstop_resilience::Purpose;
use backstop_store::AttemptRow;
use backstop_vocabulary::{Class, Dialect, Failure, Stage, Timing};

use crate::asked::Asked;
use crate::beside::embed;
use crate::core::Core;
use crate::fitness::Body;
use crate::fitness::media::Media;
use crate::fitness::thoughts;
use crate::gateway::LAST_RESORTS_MAX;
use crate::headers;
use crate::held::{Fits, Held};
use crate::identity::Sent;
use crate::identity::access;
use crate::live::Live;
use crate::permit::{Moves, Permit, Whole};
use crate::plan::{Place, Roster};
use crate::record::{Record, micros};
use crate::table::{Berth, ProviderRow};
use crate::view::View;
use crate::view::sessions::Session;

pub(crate) use self::wrap::wrap;

/// The most bytes read of an error's body.
const ERROR_BYTES_MAX: usize = 256 << 10;
/// How long to read an error's body.
const ERROR_TIME_MAX: Duration = Duration::from_secs(1);

/// How soon a request looks again at a provider that is full: it waits for a place until its deadline.
const FULL_PAUSE: Duration = Duration::from_millis(200);

/// One request on its way. Boxed: it is handed from phase to phase.
pub(crate) struct Journey {
    pub(crate) core: Arc<Core>,
    pub(crate) live: Arc<Live>,
    pub(crate) asked: Arc<Asked>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) course: Course,
    pub(crate) record: Record,
    pub(crate) held: Held,
    pub(crate) session: Option<Session>,
    /// What was fetched for targets that take bytes only.
    pub(crate) media: Option<Box<Media>>,
}

/// A journey that may begin, and whether its request fits into the memory for retries.
pub(crate) type Started = (Box<Journey>, Fits);

/// An attempt whose provider answered with a good status: the head is here, the body follows.
/// Boxed for the same reason.
pub(crate) struct Begun {
    pub(crate) place: usize,
    pub(crate) attempt: Attempt,
    pub(crate) permit: Permit,
    pub(crate) reply: Reply,
    pub(crate) renames: Renames,
}

impl Begun {
    /// How the pieces of its body are told apart.
    pub(crate) fn framing(&self) -> Framing {
        framing(&self.reply)
    }
}

/// How the pieces of a body are told apart: by what it says it is, for a provider that frames its
/// streams in its own way still answers some requests in JSON.
pub(crate) fn framing(reply: &Reply) -> Framing {
    let kind = headers::text(&reply.headers, "content-type").unwrap_or_default();
    if kind.starts_with("application/vnd.amazon.eventstream") {
        return Framing::EventStream;
    }
    if kind.starts_with("application/json") {
        return Framing::List;
    }
    Framing::Sse
}

/// What an attempt asks: the client's own request, or its continuation after a break.
#[derive(Clone, Copy)]
pub(crate) enum Question<'a> {
    Original,
    /// To go on after this text, which the client has.
    Continue(&'a str),
}

/// An attempt ready to be sent.
pub(crate) struct Prepared {
    pub(crate) ask: Ask,
    pub(crate) renames: Renames,
    /// The token it shows, if any.
    pub(crate) grant: Option<Arc<Grant>>,
}

impl Journey {
    pub(crate) fn new(
        core: Arc<Core>,
        live: Arc<Live>,
        asked: Arc<Asked>,
        roster: Arc<Roster>,
        mut record: Record,
    ) -> Result<Started, Box<(Record, Failure)>> {
        let candidates = match roster.candidates(&asked) {
            Ok(candidates) => candidates,
            Err(failure) => return Err(Box::new((record, failure))),
        };
        record.route(&roster.route);
        record.passed_over(roster.passed_over(&candidates));
        let session = core.shared.sessions.of(&roster, &candidates, &asked);
        let policy = roster.policy(&asked, session.as_ref());
        let course = Course::new(candidates, policy, asked.started);
        let mut held = Held::new(Arc::clone(&core.shared));
        let fits = held.set(asked.body.len());
        let media = None;
        let journey = Self { core, live, asked, roster, course, record, held, session, media };
        Ok((Box::new(journey), fits))
    }

    /// Attempts until a provider answers with a good status, or nothing is left to try.
    pub(crate) async fn begin(&mut self, question: Question<'_>) -> Result<Box<Begun>, Failure> {
        loop {
            match self.next_step() {
                Step::Attempt(attempt) => {
                    let Some(attempt) = self.furnish(attempt).await else { continue };
                    if let Some(begun) = self.try_once(attempt, question).await {
                        return Ok(begun);
                    }
                }
                Step::Wait(until) => {
                    tokio::time::sleep_until(self.core.shared.clock.instant(until)).await;
                }
                Step::GiveUp(failure) => return Err(self.explained(failure)),
            }
        }
    }

    /// Whether more than one target could serve the request, so that a bad answer need not reach the
    /// client.
    pub(crate) fn has_choice(&self) -> bool {
        let fit = self.course.candidates().iter().filter(|candidate| candidate.standing.is_ok());
        fit.count() > 1
    }

    /// The schemas that an answer must keep, if another target could.
    pub(crate) fn judge(&self) -> Option<Arc<Judge>> {
        self.asked.judge().filter(|_| self.has_choice()).cloned()
    }

    /// The place an attempt is made at.
    pub(crate) fn place(&self, place: usize) -> &Place {
        &self.roster.places[place]
    }

    /// Tells everybody that an attempt failed: its target and those it reaches, the course, the
    /// journal.
    pub(crate) fn failed(&mut self, begun: Box<Begun>, failure: &Failure) {
        let upstream = headers::upstream_request_id(&begun.reply.headers)
            .and_then(|value| value.to_str().ok().map(Box::from));
        let Begun { attempt, permit, .. } = *begun;
        self.note_failure(attempt, permit, failure, upstream);
    }

    /// Tells everybody that an attempt was answered; gives back what may be left of its body.
    pub(crate) fn succeeded(&mut self, begun: Box<Begun>) -> ReplyBody {
        let now = self.core.shared.clock.now();
        self.core.shared.note_success(&self.roster, (begun.place, self.asked.shape()), now);
        if let Some(session) = self.session {
            let among = (&*self.roster, self.course.candidates());
            self.core.shared.sessions.settle(session, among, &begun.attempt, now);
        }
        if let Some((doubted, failure)) = self.course.doubted() {
            let at = (doubted, self.asked.shape());
            self.core.shared.settle_doubt(&self.roster, at, failure, now);
        }
        let place = &self.roster.places[begun.place];
        let name = Arc::clone(&place.target.name);
        let upstream = headers::upstream_request_id(&begun.reply.headers)
            .and_then(|value| value.to_str().ok().map(Box::from));
        let status = begun.reply.status;
        let Begun { attempt, permit, reply, .. } = *begun;
        let target = Arc::clone(&permit.target);
        let timing = permit.answered();
        target.metrics.answered(&timing);
        self.record.attempt(row(&name, attempt.purpose, timing, (Some(status), upstream)));
        reply.body
    }

    /// Keeps the answer where its client may go on from it.
    pub(crate) fn keep(&self, answer: &Bytes) {
        let Some(turn) = &self.asked.turn else { return };
        let shared = &self.core.shared;
        let whose = (&self.asked.caller.name, shared.clock.now());
        shared.transcripts.keep(whose, turn, answer.clone(), &self.live.settings.limits);
    }

    fn next_step(&mut self) -> Step {
        let now = self.core.shared.clock.now();
        let view = View::new(&self.core, &self.roster);
        let mut chance = self.core.chance();
        self.course.next(now, &view, &mut chance)
    }

    async fn try_once(&mut self, attempt: Attempt, question: Question<'_>) -> Option<Box<Begun>> {
        let shared = Arc::clone(&self.core.shared);
        let place = attempt.candidate;
        let target = Arc::clone(&self.roster.places[place].target);
        let Some(berth) = self.berth(place) else {
            let again = shared.clock.now() + FULL_PAUSE;
            self.course.refused(attempt.candidate, again);
            return None;
        };
        let whole = if self.roster.streams(&self.asked) { Whole::No } else { Whole::Yes };
        let purpose = match attempt.purpose {
            AttemptPurpose::Probe => Purpose::Probe,
            AttemptPurpose::LastResort => Purpose::LastResort,
            AttemptPurpose::First
            | AttemptPurpose::Trickle
            | AttemptPurpose::Failover
            | AttemptPurpose::Retry
            | AttemptPurpose::StaleRetry
            | AttemptPurpose::Repair
            | AttemptPurpose::SecondOpinion
            | AttemptPurpose::Resume => Purpose::Traffic,
        };
        let last_resort = (attempt.purpose == AttemptPurpose::LastResort)
            .then(|| Berth::take(&target.last_resorts, LAST_RESORTS_MAX).ok_or(()))
            .transpose();
        let Ok(last_resort) = last_resort else {
            self.course.refused(attempt.candidate, shared.clock.now() + FULL_PAUSE);
            return None;
        };
        let mut permit =
            match Permit::take(&target, purpose, whole, (shared.clock, self.core.number)) {
                Ok(permit) => permit,
                Err(until) => {
                    self.course.refused(attempt.candidate, until);
                    return None;
                }
            };
        permit.berth = Some(berth);
        permit.last_resort = last_resort;
        permit.moves = if attempt.movable { Moves::Yes } else { Moves::No };
        target.metrics.attempts.inc();
        shared.charge(attempt.purpose, &target);
        self.record.begun(&target.name, attempt.purpose.name(), permit.started);
        match self.knock(&attempt, &mut permit, question).await {
            Ok((reply, renames)) => {
                Some(Box::new(Begun { place, attempt, permit, reply, renames }))
            }
            Err((failure, upstream)) => {
                self.note_failure(attempt, permit, &failure, upstream);
                None
            }
        }
    }

    /// A place at the provider; one that is gone has no limit, and fails later with a reason.
    fn berth(&self, place: usize) -> Option<Berth> {
        match self.roster.places[place].row(&self.live) {
            Some(row) => row.berth(),
            None => Some(Berth::free()),
        }
    }

    /// Writes the request for its target.
    pub(crate) fn prepare(
        &mut self,
        place: usize,
        question: Question<'_>,
    ) -> Result<Prepared, Failure> {
        let place = &self.roster.places[place];
        let row = place.row(&self.live).ok_or_else(|| gone(place))?;
        let asked = &self.asked;
        if embed::wants_vectors(asked) {
            let (prepared, losses) = embed::ask(self, place, row)?;
            self.record.lost(&losses);
            return Ok(prepared);
        }
        let same = place.dialect == asked.dialect;
        let mut headers = if same { headers::up(&asked.headers) } else { headers::plain() };
        headers::mark(&mut headers, &asked.headers, &self.core.shared.instance);
        let (model, stream) = (&place.own_name, self.roster.streams(asked));
        let path = row.path(place.dialect, model, stream.into());
        let mut path = path.ok_or_else(|| gone(place))?;
        let surface = &row.settings.surface;
        if same
            && surface.takes_queries()
            && let Some(query) = &asked.query
        {
            path = with_query(&path, query).unwrap_or(path);
        }
        let from = (&**asked, &*self.core.shared, self.media.as_deref());
        let Body { bytes, renames, losses } = place.body(from, stream.into(), question)?;
        self.record.lost(&losses);
        let (body, losses) = wrap(surface, (place.dialect, model), &mut headers, bytes)?;
        self.record.lost(&losses);
        let ask = Ask { method: http::Method::POST, path, headers, body };
        authorised((&self.core, asked), ask, (row, place), renames)
    }

    /// Sends and waits for a good head; a bad one is read to its end and classified.
    pub(crate) async fn send(
        &self,
        place: usize,
        attempt: &Attempt,
        permit: &mut Permit,
        prepared: Prepared,
    ) -> Sent {
        let place = &self.roster.places[place];
        let row = place.row(&self.live).ok_or_else(|| (gone(place), None))?;
        let now = self.core.shared.clock.now();
        let connect = row.settings.connect_max.min(attempt.first_token_by.since(now));
        let sending = self.core.client.send(&row.endpoint, prepared.ask, connect);
        let wait = crate::wait::Wait { clock: self.core.shared.clock, by: attempt.first_token_by };
        let reply = wait.first(permit, sending).await.and_then(|sent| sent);
        let mut reply = reply.map_err(|failure| (failure, None))?;
        if (200..300).contains(&reply.status) {
            return Ok((reply, prepared.renames));
        }
        let upstream = headers::upstream_request_id(&reply.headers)
            .and_then(|value| value.to_str().ok().map(Box::from));
        let left = attempt.first_token_by.since(self.core.shared.clock.now());
        let body = error_body(&mut reply, left).await;
        let body = headers::discreet_body(body, place.shown(), &self.asked.headers);
        let now_unix = self.core.shared.clock.unix_secs(now);
        let failure = classify(place.dialect, &reply, &body, now_unix);
        let vectors = embed::wants_vectors(&self.asked);
        Err((if vectors { embed::judged(failure) } else { failure }, upstream))
    }
}

/// The client's own question, or one written anew, at another path of a provider than its dialect's;
/// `None` where that cannot be.
pub(crate) fn own_ask(
    core: &Core,
    asked: &Asked,
    (row, place): (&ProviderRow, &Place),
    path: Option<PathAndQuery>,
    anew: Option<Bytes>,
) -> Option<Result<Prepared, Failure>> {
    let own = anew.is_none();
    let mut headers = if own { headers::up(&asked.headers) } else { headers::plain() };
    headers::mark(&mut headers, &asked.headers, &core.shared.instance);
    let mut path = path?;
    if own
        && row.settings.surface.takes_queries()
        && let Some(query) = &asked.query
    {
        path = with_query(&path, query)?;
    }
    let same = || thoughts::own_body(&core.shared.issuers, asked, place, Vec::new()).0;
    let body = anew.unwrap_or_else(same);
    let ask = Ask { method: http::Method::POST, path, headers, body };
    Some(authorised((core, asked), ask, (row, place), Renames::default()))
}

/// The last thing that is done to a request.
fn authorised(
    (core, asked): (&Core, &Asked),
    mut ask: Ask,
    (row, place): (&ProviderRow, &Place),
    renames: Renames,
) -> Result<Prepared, Failure> {
    let clock = core.shared.clock;
    let grant = access::authorise(&mut ask, place.at(row), &asked.headers, clock)?;
    Ok(Prepared { ask, renames, grant })
}

/// The path with what the client asked for beside it.
fn with_query(path: &PathAndQuery, query: &str) -> Option<PathAndQuery> {
    let mark = if path.query().is_some() { '&' } else { '?' };
    format!("{path}{mark}{query}").parse().ok()
}

fn gone(place: &Place) -> Failure {
    Failure::new(Class::NoTarget, format!("{} is not configured any more", place.target.name))
}

/// The body of an error, as far as it comes within the time the attempt has `left`.
pub(crate) async fn error_body(reply: &mut Reply, left: Duration) -> Bytes {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = reply.body.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ERROR_BYTES_MAX {
                break;
            }
        }
    };
    // What did not come in time is missing from the message, nothing more.
    let _in_time = tokio::time::timeout(left.min(ERROR_TIME_MAX), reading).await;
    Bytes::from(body)
}

pub(crate) fn classify(dialect: Dialect, reply: &Reply, body: &[u8], now_unix: u64) -> Failure {
    let text = |name: &str| headers::text(&reply.headers, name);
    if text("backstop-error") == Some(Class::LoopDetected.code()) {
        let what = "this base_url leads back to this gateway: point it at the provider";
        return Failure::new(Class::LoopDetected, what).at(Stage::BeforeContent);
    }
    let head = ErrorHead::new(reply.status, &text, Some(now_unix));
    backstop_dialects::read_error(dialect, &head, body).at(Stage::BeforeContent)
}

fn row(
    name: &Arc<str>,
    purpose: AttemptPurpose,
    timing: Timing,
    (status, upstream_request_id): (Option<u16>, Option<Box<str>>),
) -> AttemptRow {
    AttemptRow {
        target: Arc::clone(name),
        purpose: purpose.name().into(),
        class: None,
        status,
        provider_code: None,
        upstream_request_id,
        first_token_us: timing.first_token.map(micros),
        total_us: micros(timing.total),
    }
}

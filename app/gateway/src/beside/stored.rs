//! What clients of Responses leave with the gateway and come back for by name: answers that are kept,
//! and answers in the making.

mod elsewhere;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use serde_json::json;

use backstop_dialects::kept::{self, Echo};
use backstop_dialects::{Scan, is_own_answer, own_answer};
use backstop_listener::AnswerBody;
use backstop_vocabulary::{Class, Dialect, Failure, Moment};

use super::background::{self, Generation, follow};
use super::transcripts::Kept;
use crate::asked::{Asked, Caller};
use crate::gateway::Shared;
use crate::serve::Knock;
use crate::{admit, answer};
pub(crate) use elsewhere::elsewhere;

/// Items of a page, and the most of one.
const PAGE: usize = 20;
const PAGE_MAX: usize = 100;

/// A request with all that it leaves to be known in the place of its name.
pub(crate) fn read(
    shared: &Shared,
    knock: Knock,
    (caller, head): (&Caller, Parts),
    (mut body, mut scan): (Bytes, Scan),
) -> Result<Asked, Failure> {
    let limits = &shared.live.load().settings.limits;
    let wish = background::wish(&scan, limits)?;
    if wish.is_some() {
        body = Bytes::from(kept::foreground(&body)?);
        scan = backstop_dialects::scan(Dialect::OpenaiResponses, &body)?;
    }
    let previous = scan.previous.clone();
    let whose = (&caller.name, knock.started);
    let made = made(shared, (&caller.name, &previous), knock.started);
    if made.is_some_and(|made| !made.is_over()) {
        let what =
            format!("the answer '{previous}' is still being made: wait until it is complete");
        return Err(Failure::new(Class::InvalidRequest, what));
    }
    let (body, scan, turn) = shared.transcripts.resolve(whose, (body, scan), limits)?;
    admit::refuse_model(&scan.model_name)?;
    let echo = Echo {
        id: wish.map(|_| own_answer(knock.id.as_str())),
        previous: (scan.previous != previous).then_some(previous),
        background: wish.is_some(),
    };
    let mut asked = Asked::new(knock, caller.clone(), head, body, scan);
    asked.turn = turn;
    asked.echo = (echo != Echo::default()).then_some(echo);
    asked.background = wish;
    Ok(asked)
}

/// Whether a path below `/responses` names an answer: the name, and what of it is asked for.
pub(crate) fn named(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/responses/")?;
    let (id, part) = rest.split_once('/').unwrap_or((rest, ""));
    (id.starts_with("resp_") && matches!(part, "" | "input_items" | "cancel")).then_some((id, part))
}

/// What is known of an answer by its name.
enum Found {
    /// It was, or is, made in the background.
    Made(Arc<Generation>),
    Kept(Arc<Kept>),
}

impl Found {
    fn of(shared: &Shared, whose: (&Arc<str>, &str), now: Moment) -> Option<Self> {
        let limits = &shared.live.load().settings.limits;
        let made = made(shared, whose, now).map(Self::Made);
        made.or_else(|| shared.transcripts.get(whose, now, limits).map(Self::Kept))
    }
}

/// The answer of that name that was, or is, made in the background: others bear names of ours too.
fn made(shared: &Shared, whose: (&Arc<str>, &str), now: Moment) -> Option<Arc<Generation>> {
    let limits = &shared.live.load().settings.limits;
    is_own_answer(whose.1).then(|| shared.backgrounds.get(whose, now, limits)).flatten()
}

/// `GET` and `DELETE /v1/responses/{id}`, `GET …/input_items`, `POST …/cancel`.
pub(crate) fn answer(
    shared: &Shared,
    (head, path): (&Parts, &str),
    now: Moment,
) -> Result<Response<AnswerBody>, Failure> {
    let live = shared.live.load();
    let (caller, key) = admit::caller(&live.settings, &head.headers)?;
    let (id, part) = named(path).unwrap_or_default();
    let found = Found::of(shared, (&caller.name, id), now).ok_or_else(|| {
        let why = elsewhere::why_not(&live, key, (id, path));
        let what = format!("Response with id '{id}' not found: {why}");
        Failure::new(Class::UnknownPath, what).with_provider_code(Some("response_not_found"))
    })?;
    let query = head.uri.query().unwrap_or_default();
    match (&head.method, part) {
        (&Method::DELETE, "") => {
            // Both: an answer that was made in the background is kept like any other.
            shared.backgrounds.forget(&caller.name, id);
            shared.transcripts.forget(&caller.name, id);
            let told = json!({ "id": id, "object": "response", "deleted": true });
            Ok(body(Bytes::from(told.to_string())))
        }
        (&Method::GET, "") if asked(query, "stream") == Some("true") => {
            stream(found, query, shared)
        }
        (&Method::GET, "") => Ok(match found {
            Found::Made(generation) => {
                let mut response = body(generation.shown());
                response.headers_mut().extend(generation.head());
                response
            }
            Found::Kept(kept) => body(kept.answer().clone()),
        }),
        (&Method::GET, "input_items") => {
            let items = items(shared, (&caller.name, id), (&found, now))?;
            Ok(body(page(&items, query)))
        }
        (&Method::POST, "cancel") => match found {
            Found::Made(generation) => {
                generation.cancel();
                Ok(body(generation.shown()))
            }
            Found::Kept(_) => {
                let what = "Cannot cancel a synchronous response.";
                Err(Failure::new(Class::InvalidRequest, what))
            }
        },
        _ => {
            let what = format!("{} is not a method of a kept answer", head.method);
            Err(Failure::new(Class::UnknownPath, what).with_status(405))
        }
    }
}

/// The events of an answer that was made in the background, from after the one that is named.
fn stream(found: Found, query: &str, shared: &Shared) -> Result<Response<AnswerBody>, Failure> {
    let refused = |what: String| Err(Failure::new(Class::InvalidRequest, what));
    let Found::Made(generation) = found else {
        let what = "This response cannot be streamed because it was not created with \
                    background=true.";
        return refused(what.to_owned());
    };
    let from = match asked(query, "starting_after").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(after)) => after.saturating_add(1),
        Some(Err(_)) => return refused("`starting_after` must be a sequence number".to_owned()),
    };
    let first = generation.first();
    if from < first {
        let what = format!("the events of this answer are kept from sequence number {first} on");
        return refused(format!("{what}: read the answer as a whole once it is complete"));
    }
    let head = generation.head();
    let mut response = answer::event_stream(follow(generation, from, shared.clock));
    response.headers_mut().extend(head);
    Ok(response)
}

/// What the answer was given to. One that is made leaves it to the answers that are kept.
fn items(
    shared: &Shared,
    whose: (&Arc<str>, &str),
    (found, now): (&Found, Moment),
) -> Result<Vec<u8>, Failure> {
    let generation = match found {
        Found::Kept(kept) => return Ok(kept.asked()),
        Found::Made(generation) => generation,
    };
    let limits = &shared.live.load().settings.limits;
    let kept = || shared.transcripts.get(whose, now, limits).map(|kept| kept.asked());
    generation.items().or_else(kept).ok_or_else(|| {
        let what = "the input of this answer is not kept any more (transcripts_max)";
        Failure::new(Class::UnknownPath, what).with_provider_code(Some("response_not_found"))
    })
}

/// A page of items.
fn page(items: &[u8], query: &str) -> Bytes {
    let newest_first = (asked(query, "order") != Some("asc")).then_some(());
    let limit = asked(query, "limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE);
    Bytes::from(kept::item_page(items, newest_first, limit.clamp(1, PAGE_MAX)))
}

/// The value of a name in a query; none of those read here is ever escaped.
fn asked<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn body(body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(body));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

//! `/passthrough/{provider}/…`: whatever else a provider offers, streamed through in both directions
//! with its credential added. Nothing is read, translated or tried elsewhere; what is kept from
//! conversations is the door's rules, a breaker, the journal and the metrics.

mod flow;
mod key;
mod passage;
mod path;
mod signed;
mod socket;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::{Body as _, Incoming};

use backstop_dialects::Scan;
use backstop_listener::{AnswerBody, Connection};
use backstop_providers::Ask;
use backstop_resilience::Purpose;
use backstop_settings::{Credential, Key};
use backstop_vocabulary::{Api, Class, Dialect, Failure, Moment, RequestId};

use crate::asked::{Asked, Caller};
use crate::core::Core;
use crate::identity::access::{self, At};
use crate::live::Live;
use crate::permit::{Permit, Whole};
use crate::record::Record;
use crate::refused::{self, Refused};
use crate::serve::Knock;
use crate::table::{NamedBy, ProviderRow, Stem};
use crate::{admit, answer, headers};
use passage::Passage;

/// How the path of such a request begins.
pub(crate) const PREFIX: &str = "/passthrough/";
/// The model by which a provider's health as to passthrough is known.
pub(crate) const MODEL: &str = "passthrough";
/// The route by which it is journaled.
const ROUTE: &str = "passthrough";

/// Answers one request.
pub(crate) async fn serve(
    core: Arc<Core>,
    head: Parts,
    body: Incoming,
    connection: Connection,
) -> Response<AnswerBody> {
    let knock = Knock {
        id: RequestId::from_bits(core.random_bits()),
        started: core.shared.clock.now(),
        api: Api::Passthrough,
        dialect: Dialect::OpenaiChat,
    };
    let wish = match Wish::of(&head) {
        Ok(wish) => wish,
        Err(failure) => return refuse(&core, knock, None, &failure),
    };
    match begin(&core, knock, &wish, head) {
        Ok((passage, ask)) if wish.socket => socket::open(passage, ask, &connection).await,
        Ok((passage, ask)) if passage.signs() => signed::exchange(passage, ask, body).await,
        Ok((passage, ask)) if body.is_end_stream() => flow::exchange(passage, ask).await,
        Ok((passage, ask)) => flow::upload(passage, ask, body).await,
        Err(refused) => *refused,
    }
}

/// What a request line asks of which provider.
struct Wish {
    provider: String,
    /// The path at the provider, as it is written.
    path: String,
    socket: bool,
}

impl Wish {
    fn of(head: &Parts) -> Result<Self, Failure> {
        let rest = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let (provider, _) = rest.split_once('/').unwrap_or((rest, ""));
        let path = &rest[provider.len()..];
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            let what = format!("{} is never passed through", head.method);
            return Err(Failure::new(Class::UnknownPath, what).with_status(405));
        }
        path::refuse_escape(path)?;
        let protocol = headers::text(&head.headers, http::header::UPGRADE);
        let socket = protocol.is_some_and(|it| it.eq_ignore_ascii_case("websocket"));
        Ok(Self { provider: provider.to_owned(), path: path.to_owned(), socket })
    }
}

fn refuse(
    core: &Core,
    knock: Knock,
    caller: Option<&Caller>,
    failure: &Failure,
) -> Response<AnswerBody> {
    let Knock { id, started, api, .. } = knock;
    refused::note(&core.shared, Refused { id, started, api, caller }, failure);
    answer::problem(failure, id)
}

/// Lets the request in, and takes what it needs at its provider.
fn begin(
    core: &Arc<Core>,
    knock: Knock,
    wish: &Wish,
    mut head: Parts,
) -> Result<(Passage, Ask), Box<Response<AnswerBody>>> {
    let live = core.shared.live.load_full();
    key::take_out(&mut head, &live, &wish.provider);
    let entered = admit::refuse_pages(&live, &head)
        .and_then(|()| admit::enter_any(&core.shared, &head.headers, knock.started));
    let (caller, place) = entered.map_err(|failure| refuse(core, knock, None, &failure))?;
    let key = live.settings.keys.iter().find(|key| key.name == caller.name);
    let row =
        opened(&live, key, wish).map_err(|failure| refuse(core, knock, Some(&caller), &failure))?;
    let scan = Scan { model_name: path::shown(&head.method, &wish.path), ..Scan::default() };
    let method = head.method.clone();
    let asked = Arc::new(Asked::new(knock, caller, head, Bytes::new(), scan));
    let mut record = Record::new(Arc::clone(&core.shared), Arc::clone(&asked), place);
    record.route(&Arc::from(ROUTE));
    let taken = take(core, &live, row, &asked);
    let (stem, permit) = match taken {
        Ok(taken) => taken,
        Err(failure) => {
            record.failed(&failure, core.shared.clock.now());
            return Err(Box::new(answer::problem(&failure, asked.id)));
        }
    };
    let credential = stem.credential.clone();
    let at =
        At { row, dialect: row.settings.dialect, credential: &credential, target: &permit.target };
    let ask = ask(core, &asked, at, (method, wish));
    let passage = Passage::new(Arc::clone(core), (asked, record), permit, (row, credential));
    match ask {
        Ok(ask) => Ok((passage, ask)),
        Err(failure) => Err(Box::new(passage.refused(&failure))),
    }
}

/// The provider, if its operator and the caller's key open this path of it.
fn opened<'a>(live: &'a Live, key: Option<&Key>, wish: &Wish) -> Result<&'a ProviderRow, Failure> {
    let closed = |what: String| {
        Err(Failure::new(Class::KeyRefused, what).with_status(StatusCode::FORBIDDEN.as_u16()))
    };
    if key.is_some_and(|key| !key.passthrough) {
        return closed("this key does not open passthrough".to_owned());
    }
    let name = &wish.provider;
    let Some(row) = live.providers.get(name.as_str()) else {
        let what = "no provider of that name is configured: /passthrough/{provider}/…";
        return Err(Failure::new(Class::UnknownPath, what).with_status(404));
    };
    if !row.settings.passthrough.allows(&wish.path) {
        return closed(format!(
            "this path of the provider is not open: set `passthrough` for `{name}`"
        ));
    }
    Ok(row)
}

/// The first credential of the provider that may be used now, and the right to use it.
fn take(
    core: &Core,
    live: &Live,
    row: &ProviderRow,
    asked: &Asked,
) -> Result<(Arc<Stem>, Permit), Failure> {
    let shared = &core.shared;
    let (now, parts) = (shared.clock.now(), shared.parts(live));
    let Some(berth) = row.berth() else {
        let what = "the provider is at its limit of attempts at once (`concurrency`)";
        let failure = Failure::new(Class::GatewayBusy, what);
        return Err(failure.with_stay_away(Some(std::time::Duration::from_secs(1))));
    };
    let mut back = Moment::NEVER;
    for stem in &row.stems {
        if stem.credential == Credential::FromClient && !asked.brings_its_own() {
            continue;
        }
        let target = stem.target(&row.settings, (MODEL, NamedBy::Us), &parts);
        if let Some(until) = stem.pass.as_ref().and_then(|pass| pass.dead_until(now)) {
            back = back.min(until);
            continue;
        }
        // Nobody probes it: whether it is well again, a client's own request finds out.
        let due = target.cell.is_probe_due(now);
        let purpose = if due { Purpose::Probe } else { Purpose::Traffic };
        match Permit::take(&target, purpose, Whole::No, (shared.clock, core.number)) {
            Ok(mut permit) => {
                permit.berth = Some(berth);
                return Ok((Arc::clone(stem), permit));
            }
            Err(until) => back = back.min(until),
        }
    }
    Err(unavailable(back, now))
}

fn unavailable(back: Moment, now: Moment) -> Failure {
    if back == Moment::NEVER {
        let what = "the provider wants the client's own credential, and the client sent none";
        return Failure::new(Class::NoTarget, what).with_status(401);
    }
    let what = "the provider is out of service after repeated failures";
    Failure::new(Class::RungExhausted, what).with_status(503).with_stay_away(Some(back.since(now)))
}

/// The request as it goes out, still without a body.
fn ask(
    core: &Core,
    asked: &Asked,
    at: At<'_>,
    (method, wish): (Method, &Wish),
) -> Result<Ask, Failure> {
    let mut headers = headers::up(&asked.headers);
    socket::hide_keys(&mut headers);
    headers::mark(&mut headers, &asked.headers, &core.shared.instance);
    let path = path::at_provider(&at.row.endpoint, &wish.path, asked.query.as_deref())?;
    let mut ask = Ask { method, path, headers, body: Bytes::new() };
    if access::signs(at.target) && wish.socket {
        let what = "a socket cannot be signed: give the provider an `api_key`";
        return Err(Failure::new(Class::UnsupportedFeature, what));
    }
    if access::signs(at.target) {
        // A signature covers the body, which is still to come.
        return Ok(ask);
    }
    access::authorise(&mut ask, at, &asked.headers, core.shared.clock)?;
    Ok(ask)
}

//! The life of a request, from its first byte to its last.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};

use backstop_listener::AnswerBody;
use backstop_vocabulary::{Class, Dialect, Failure, RequestId};

use crate::asked::Asked;
use crate::core::Core;
use crate::perform::Journey;
use crate::record::Record;
use crate::{admit, answer, models, plan, stream, whole};

/// Answers one request whose body is here. Dropping the future, or the body it returns, ends every
/// attempt and says so in the journal.
pub async fn serve(core: Arc<Core>, head: Parts, body: Bytes) -> Response<AnswerBody> {
    let id = RequestId::from_bits(core.random_bits());
    match wanted(&head) {
        Wanted::Answer(dialect) => ask(core, (id, dialect), head, body).await,
        Wanted::Models => models::list(&core, &head),
        Wanted::Upgrade => answer::plain(
            StatusCode::UPGRADE_REQUIRED,
            "this gateway answers over plain HTTP: send the request as POST\n",
        ),
        Wanted::Nothing(dialect) => {
            let what = format!("{} {} is not served by this version", head.method, head.uri.path());
            let cure = "it serves POST /v1/messages, POST /v1/chat/completions and GET /v1/models";
            let failure = Failure::new(Class::UnknownPath, format!("{what}: {cure}"));
            answer::error(dialect, &failure, id)
        }
    }
}

/// What a request line asks for.
enum Wanted {
    Answer(Dialect),
    Models,
    Upgrade,
    Nothing(Dialect),
}

fn wanted(head: &Parts) -> Wanted {
    let path = head.uri.path();
    let anthropic = head.headers.contains_key("anthropic-version");
    if head.headers.contains_key("upgrade") && head.method == Method::GET {
        return Wanted::Upgrade;
    }
    if head.method == Method::POST {
        let served = Dialect::ALL.into_iter().find(|dialect| {
            let own = backstop_dialects::path(*dialect);
            // Some clients are given a base URL that already ends in `/v1`, some without.
            path == own || Some(path) == own.strip_prefix("/v1")
        });
        if let Some(dialect) = served {
            return Wanted::Answer(dialect);
        }
    }
    if head.method == Method::GET && (path == "/v1/models" || path.starts_with("/v1/models/")) {
        return Wanted::Models;
    }
    let dialect = if anthropic || path.starts_with("/v1/messages") {
        Dialect::AnthropicMessages
    } else {
        Dialect::OpenaiChat
    };
    Wanted::Nothing(dialect)
}

async fn ask(
    core: Arc<Core>,
    (id, dialect): (RequestId, Dialect),
    head: Parts,
    body: Bytes,
) -> Response<AnswerBody> {
    let admitted = admit(&core, (id, dialect), head, body);
    let (asked, _place) = match admitted {
        Ok(admitted) => admitted,
        Err(failure) => {
            core.shared.metrics.request(dialect, "refused");
            return answer::error(dialect, &failure, id);
        }
    };
    let live = core.shared.live.load_full();
    let record = Record::new(Arc::clone(&core.shared), Arc::clone(&asked));
    let parts = core.shared.parts(&live);
    let roster = match plan::roster(&live, &asked, &parts) {
        Ok(roster) => roster,
        Err(failure) => return refuse(record, &asked, &failure, &core),
    };
    let stream = asked.scan.stream;
    let journey = Journey::new(Arc::clone(&core), live, Arc::clone(&asked), roster, record);
    let (journey, fits) = match journey {
        Ok(journey) => journey,
        Err(refused) => {
            let (record, failure) = *refused;
            return refuse(record, &asked, &failure, &core);
        }
    };
    let answered =
        if stream { stream::answer(journey, fits).await } else { whole::answer(journey).await };
    answered.unwrap_or_else(|(journey, failure)| {
        let response = answer::failed(&journey, &failure);
        journey.record.failed(&failure, core.shared.clock.now());
        response
    })
}

fn refuse(record: Record, asked: &Asked, failure: &Failure, core: &Core) -> Response<AnswerBody> {
    record.failed(failure, core.shared.clock.now());
    answer::error(asked.dialect, failure, asked.id)
}

/// Phases 1 and 2: who asks, may they, is there room; and what do they ask.
fn admit(
    core: &Core,
    (id, dialect): (RequestId, Dialect),
    head: Parts,
    body: Bytes,
) -> Result<(Arc<Asked>, admit::Place), Failure> {
    let shared = &core.shared;
    let now = shared.clock.now();
    let live = shared.live.load();
    admit::refuse_loop(&head.headers, shared.instance.as_bytes())?;
    let (caller, key) = admit::caller(&live.settings, &head.headers)?;
    if let Some(key) = key {
        shared.check_allowance(key, now)?;
    }
    let place = shared.room.enter(live.settings.limits.requests_max)?;
    shared.doubts.deposit();
    let scan = backstop_dialects::scan(dialect, &body)?;
    if scan.thread {
        return Err(thread_unsupported());
    }
    Ok((Arc::new(Asked::new((id, now, dialect), caller, head, body, scan)), place))
}

/// The official tool runners hold conversations at the provider unless they are told that this
/// cannot be: then they go on by themselves, with the whole conversation in each request.
fn thread_unsupported() -> Failure {
    let what = "conversations held by the provider would end with it: send the whole conversation";
    Failure::new(Class::UnsupportedFeature, what)
        .with_provider_code(Some("thread_unsupported_request"))
}

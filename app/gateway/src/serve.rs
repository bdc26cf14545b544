//! The life of a request, from its first byte to its last.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use backstop_dialects::EMBEDDINGS_PATH;
use backstop_listener::AnswerBody;
use backstop_vocabulary::{Api, Class, Dialect, Failure, Moment, RequestId};

use crate::asked::in_path::{self, InPath};
use crate::asked::{Asked, Caller};
use crate::beside::{background, count, models, stored, threads};
use crate::core::Core;
use crate::gateway::Shared;
use crate::perform::{Journey, Started};
use crate::plan::Roster;
use crate::record::Record;
use crate::refused::{self, Refused};
use crate::{admit, answer, headers, plan, stream, whole};

/// Answers one request, and reads its body once the request is let in. Dropping the future, or the
/// body it returns, ends every attempt and says so in the journal.
pub async fn serve(
    core: Arc<Core>,
    mut head: Parts,
    body: impl Future<Output = Result<Bytes, Failure>> + Send,
) -> Response<AnswerBody> {
    let path = squeezed(head.uri.path()).into_owned();
    let said = in_path::take(&mut head, &path);
    let listed = said.as_ref().is_some_and(InPath::wants_list);
    if let Some(said) = said {
        head.extensions.insert(said);
    }
    let response = answered(core, head, &path, body).await;
    if listed { answer::error_in_list(response) } else { response }
}

/// The answer as it is in every form.
async fn answered(
    core: Arc<Core>,
    head: Parts,
    path: &str,
    body: impl Future<Output = Result<Bytes, Failure>> + Send,
) -> Response<AnswerBody> {
    let wanted = wanted(&head, path);
    let dialect = wanted.dialect(&head, path);
    let knock = Knock {
        id: RequestId::from_bits(core.random_bits()),
        started: core.shared.clock.now(),
        api: wanted.api(dialect),
        dialect,
    };
    let pages = admit::refuse_pages(&core.shared.live.load(), &head);
    if let Err(failure) = pages {
        return knock.refuse(&core, None, &failure);
    }
    match wanted {
        Wanted::Hello => answer::plain(StatusCode::OK, "hello: this is backstop\n"),
        Wanted::Answer(_) | Wanted::Embeddings => match let_in(&core, knock, head, body).await {
            Ok((asked, place)) => ask(core, Arc::new(asked), place).await,
            Err(refused) => *refused,
        },
        Wanted::Count(_) => match let_in(&core, knock, head, body).await {
            Ok((asked, _place)) => count::answer(&core, &asked).await,
            Err(refused) => *refused,
        },
        Wanted::Kept => stored::answer(&core.shared, (&head, served(path)), knock.started)
            .unwrap_or_else(|failure| knock.refuse(&core, None, &failure)),
        Wanted::Models(form) => {
            let live = core.shared.live.load();
            let known = admit::caller(&live.settings, &head.headers).map(|_| ());
            known.map_or_else(
                |failure| knock.refuse(&core, None, &failure),
                |()| {
                    let query = head.uri.query().unwrap_or_default();
                    models::list(&live, &models::Question { form, path, query })
                },
            )
        }
        Wanted::Upgrade => {
            let text = "this gateway answers over plain HTTP: send the request as POST\n";
            let mut response = answer::plain(StatusCode::UPGRADE_REQUIRED, text);
            let protocol = HeaderValue::from_static("HTTP/1.1");
            response.headers_mut().insert(header::UPGRADE, protocol);
            response
        }
        Wanted::Method(allowed) => {
            let what = format!("{path} does not take {}: use {allowed}", head.method);
            let failure = Failure::new(Class::UnknownPath, what).with_status(405);
            let mut response = answer::refusal(dialect, &failure, knock.id);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
            response
        }
        Wanted::Nothing => {
            let failure = not_served(&head.method, path);
            answer::error(dialect, &failure, knock.id)
        }
    }
}

/// Says what is served instead, and to whom asks for another API how to be served.
fn not_served(method: &Method, path: &str) -> Failure {
    let cure = if served(path).starts_with("/responses") {
        "stored answers stay with their provider: send the whole conversation to POST /v1/responses"
    } else if path.contains("/tunedModels/") {
        "name the base model: tuned models stay with their provider"
    } else {
        "it serves POST /v1/messages, POST /v1/messages/count_tokens, POST /v1/chat/completions, \
         POST /v1/responses, POST /v1beta/models/{model}:generateContent, \
         POST /model/{model}/converse, POST /v1/embeddings, \
         POST /v1beta/models/{model}:embedContent and GET /v1/models"
    };
    let what = format!("{method} {path} is not served by this version");
    Failure::new(Class::UnknownPath, format!("{what}: {cure}"))
}

/// A request at the door.
#[derive(Clone, Copy)]
pub(crate) struct Knock {
    pub(crate) id: RequestId,
    pub(crate) started: Moment,
    pub(crate) api: Api,
    /// The dialect of errors.
    pub(crate) dialect: Dialect,
}

impl Knock {
    /// Refuses the request, and notes it.
    fn refuse(
        self,
        core: &Core,
        caller: Option<&Caller>,
        failure: &Failure,
    ) -> Response<AnswerBody> {
        let Self { id, started, api, dialect } = self;
        refused::note(&core.shared, Refused { id, started, api, caller }, failure);
        answer::refusal(dialect, failure, id)
    }
}

/// What a request line asks for.
enum Wanted {
    Answer(Dialect),
    Embeddings,
    Count(Dialect),
    Models(models::Form),
    /// An answer that was kept for its client.
    Kept,
    /// Whether anybody is there: some agents ask before anything else.
    Hello,
    Upgrade,
    /// Something else of this path, with the methods it takes.
    Method(&'static str),
    Nothing,
}

impl Wanted {
    /// What it is journaled and counted as.
    fn api(&self, dialect: Dialect) -> Api {
        match (self, dialect) {
            (Self::Embeddings, Dialect::Gemini) => Api::GeminiEmbeddings,
            (Self::Embeddings, _) => Api::Embeddings,
            _ => dialect.into(),
        }
    }

    /// The dialect that the client most likely speaks.
    fn dialect(&self, head: &Parts, path: &str) -> Dialect {
        if let Self::Answer(dialect) | Self::Count(dialect) = self {
            return *dialect;
        }
        if let Some(said) = head.extensions.get::<InPath>() {
            return said.called.dialect;
        }
        if path.starts_with("/v1beta") {
            return Dialect::Gemini;
        }
        if path.starts_with("/model/") {
            return Dialect::BedrockConverse;
        }
        if head.headers.contains_key("anthropic-version") || served(path).starts_with("/messages") {
            return Dialect::AnthropicMessages;
        }
        if served(path).starts_with("/responses") {
            return Dialect::OpenaiResponses;
        }
        Dialect::OpenaiChat
    }
}

fn wanted(head: &Parts, path: &str) -> Wanted {
    let socket = headers::text(&head.headers, &header::UPGRADE);
    if socket.is_some_and(|to| to.eq_ignore_ascii_case("websocket")) && head.method == Method::GET {
        return Wanted::Upgrade;
    }
    if let Some(said) = head.extensions.get::<InPath>() {
        return match (head.method == Method::POST, said.counts()) {
            (false, _) => Wanted::Method("POST"),
            (true, true) => Wanted::Count(said.called.dialect),
            (true, false) if said.vectors().is_some() => Wanted::Embeddings,
            (true, false) => Wanted::Answer(said.called.dialect),
        };
    }
    let path = served(path);
    let is_served =
        |dialect: &Dialect| backstop_dialects::fixed_path(*dialect).map(served) == Some(path);
    let asked = Dialect::ALL.into_iter().find(is_served);
    if let Some(dialect) = asked {
        let post = head.method == Method::POST;
        return if post { Wanted::Answer(dialect) } else { Wanted::Method("POST") };
    }
    if path == served(EMBEDDINGS_PATH) {
        let post = head.method == Method::POST;
        return if post { Wanted::Embeddings } else { Wanted::Method("POST") };
    }
    let counted = Dialect::ALL
        .into_iter()
        .find(|dialect| count::path(*dialect).is_some_and(|counts| served(counts) == path));
    if let Some(dialect) = counted {
        let post = head.method == Method::POST;
        return if post { Wanted::Count(dialect) } else { Wanted::Method("POST") };
    }
    if let Some(form) = models_form(head, path) {
        let read = head.method == Method::GET || head.method == Method::HEAD;
        return if read { Wanted::Models(form) } else { Wanted::Method("GET, HEAD") };
    }
    if stored::named(path).is_some() {
        return Wanted::Kept;
    }
    let looks = head.method == Method::GET || head.method == Method::HEAD;
    if looks && matches!(path, "" | "/v1" | "/api/hello") {
        return Wanted::Hello;
    }
    Wanted::Nothing
}

/// The form in which the list of models is read, where the path asks for it.
fn models_form(head: &Parts, path: &str) -> Option<models::Form> {
    let asks = |path: &str| path == "/models" || path.starts_with("/models/");
    let gemini = path.strip_prefix("/v1beta").is_some_and(asks);
    let anthropic = head.headers.contains_key("anthropic-version");
    // A model's name with a method behind it is asked something, and not looked up.
    if gemini && !path.contains(':') {
        return Some(models::Form::Gemini);
    }
    let form = if anthropic { models::Form::Anthropic } else { models::Form::Openai };
    asks(path).then_some(form)
}

/// The path without `/v1`, however often: some clients add it to a base URL that already ends in it,
/// some never do. A slash at the end says nothing either.
pub(crate) fn served(path: &str) -> &str {
    let mut path = path.strip_suffix('/').unwrap_or(path);
    while let Some(rest) = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')) {
        path = rest;
    }
    path
}

/// The path with single slashes: a base URL with a slash at its end makes two.
fn squeezed(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !out.ends_with('/') {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// Phases 1 and 2; the error is what the client reads.
async fn let_in(
    core: &Core,
    knock: Knock,
    head: Parts,
    body: impl Future<Output = Result<Bytes, Failure>> + Send,
) -> Result<(Asked, admit::Place), Box<Response<AnswerBody>>> {
    let (caller, place) = admit::enter(&core.shared, &head.headers, knock.started)
        .map_err(|failure| knock.refuse(core, None, &failure))?;
    let asked = read(&core.shared, knock, (&caller, head), body)
        .await
        .map_err(|failure| knock.refuse(core, Some(&caller), &failure))?;
    Ok((asked, place))
}

async fn ask(core: Arc<Core>, asked: Arc<Asked>, place: admit::Place) -> Response<AnswerBody> {
    match set_out(&core, &asked, place) {
        Ok(started) => match asked.background {
            Some(wish) => background::begin(&core, started, wish),
            None => go(core, started).await,
        },
        Err(refused) => *refused,
    }
}

/// Phase 3: what can be known of a request before anybody is asked.
fn set_out(
    core: &Arc<Core>,
    asked: &Arc<Asked>,
    place: admit::Place,
) -> Result<Started, Box<Response<AnswerBody>>> {
    core.beat.stir();
    core.shared.doubts.deposit();
    let live = core.shared.live.load_full();
    let record = Record::new(Arc::clone(&core.shared), Arc::clone(asked), place);
    let parts = core.shared.parts(&live);
    let refuse = |record, failure: &Failure| Err(Box::new(refuse(record, asked, failure, core)));
    let roster = match plan::roster(&live, asked, &parts) {
        Ok(roster) => roster,
        Err(failure) => return refuse(record, &failure),
    };
    if asked.scan.thread && roster.places.iter().any(|place| place.dialect != asked.dialect) {
        return refuse(record, &thread_unsupported());
    }
    if let Some(failure) = unknown_answer(asked, &roster) {
        return refuse(record, &failure);
    }
    Journey::new(Arc::clone(core), live, Arc::clone(asked), roster, record).or_else(|refused| {
        let (record, failure) = *refused;
        refuse(record, &failure)
    })
}

/// The phases after it, to the first byte of the answer.
pub(crate) async fn go(core: Arc<Core>, (journey, fits): Started) -> Response<AnswerBody> {
    let stream = journey.asked.scan.stream;
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

/// Phase 2: what do they ask.
async fn read(
    shared: &Shared,
    knock: Knock,
    (caller, head): (&Caller, Parts),
    body: impl Future<Output = Result<Bytes, Failure>> + Send,
) -> Result<Asked, Failure> {
    let body = body.await?;
    let mut scan = backstop_dialects::scan(knock.dialect, &body)?;
    if knock.api == Api::Answer(Dialect::OpenaiResponses) {
        return stored::read(shared, knock, (caller, head), (body, scan));
    }
    if threads::is_held(knock.dialect, &scan, &shared.live.load().settings.limits) {
        return threads::read(shared, knock, (caller, head), (body, scan));
    }
    scan.stream &= knock.api != Api::Embeddings;
    if let Some(said) = head.extensions.get::<InPath>() {
        said.complete(&mut scan);
    }
    admit::refuse_model(&scan.model_name)?;
    Ok(Asked::new(knock, caller.clone(), head, body, scan))
}

/// The official tool runners hold conversations at the provider unless they are told that this
/// cannot be: then they go on by themselves, with the whole conversation in each request. So it is
/// where a target of another dialect could not go on with such a conversation.
fn thread_unsupported() -> Failure {
    let what = "conversations held by the provider would end with it: send the whole conversation";
    Failure::new(Class::UnsupportedFeature, what)
        .with_provider_code(Some("thread_unsupported_request"))
}

/// An answer that a request goes on from, and that is not kept here any more, may be known to the
/// provider that gave it. Nobody else knows those that we wrote ourselves.
fn unknown_answer(asked: &Asked, roster: &Roster) -> Option<Failure> {
    let previous = asked.scan.previous.as_str();
    let held = |place: &plan::Place| place.dialect == asked.dialect;
    if previous.is_empty()
        || (roster.places.iter().any(held) && !backstop_dialects::is_own_answer(previous))
    {
        return None;
    }
    let what = "nobody here keeps the answer that `previous_response_id` names: send the \
                whole conversation as `input`";
    let failure = Failure::new(Class::UnsupportedFeature, what);
    Some(failure.with_provider_code(Some("previous_response_not_found")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_doubled_slashes_for_one_and_v1_for_understood() {
        assert_eq!(squeezed("//v1///messages"), "/v1/messages");
        assert_eq!(
            (served("/v1/models/m"), served("/models"), served("/v1x")),
            ("/models/m", "/models", "/v1x")
        );
        assert_eq!(
            (served("/v1/v1/messages"), served("/v1/messages/")),
            ("/messages", "/messages")
        );
        assert_eq!((served("/"), served("/v1")), ("", "/v1"));
    }

    #[test]
    fn says_what_to_do_instead_to_a_client_of_another_api() {
        let told = |path| not_served(&Method::POST, path).message.to_string();
        assert!(told("/v1/responses/resp_1").contains("send the whole conversation"));
        assert!(told("/v1/completions").contains("POST /v1/messages"));
    }
}

//! How many tokens a request is, asked as each dialect asks it: the provider's own count where one
//! can be had, else an estimate.
//! An agent that plans its context must not stand still because a provider does.

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, Response};
use serde_json::{Value, json};

use backstop_dialects::Delivery;
use backstop_listener::AnswerBody;
use backstop_resilience::State;
use backstop_vocabulary::Dialect;

use crate::asked::Asked;
use crate::core::Core;
use crate::fitness::Needs;
use crate::plan::{self, Place};
use crate::{answer, perform};

/// Where the count is asked for; `None` where a dialect has no such question, or the model's name is
/// in its path.
pub(crate) const fn path(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::AnthropicMessages => Some("/v1/messages/count_tokens"),
        Dialect::OpenaiResponses => Some("/v1/responses/input_tokens"),
        Dialect::OpenaiChat | Dialect::Gemini | Dialect::BedrockConverse => None,
    }
}

/// The longest to wait for a provider's count; real ones take a few hundred milliseconds.
const COUNT_MAX: Duration = Duration::from_secs(5);
/// The most bytes a count may have.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Bytes of a request per token, roughly, for text of any language.
const BYTES_PER_TOKEN: usize = 4;

/// The number of tokens that the request would put in. A failure here says nothing about a target's
/// health: many servers of the dialect do not count.
pub(crate) async fn answer(core: &Core, asked: &Asked) -> Response<AnswerBody> {
    let counted = tokio::time::timeout(COUNT_MAX, counted(core, asked)).await;
    if let Ok(Some((body, provider))) = counted {
        return answer::counted(asked, body, &provider);
    }
    let tokens = estimate(asked);
    let mut told = json!({ field(asked.dialect): tokens });
    if asked.dialect == Dialect::OpenaiResponses {
        told["object"] = "response.input_tokens".into();
    }
    let mut response = answer::json(asked, Bytes::from(told.to_string()));
    let lost = match asked.dialect {
        Dialect::Gemini => HeaderValue::from_static("totalTokens=estimated"),
        Dialect::BedrockConverse => HeaderValue::from_static("inputTokens=estimated"),
        Dialect::AnthropicMessages | Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            HeaderValue::from_static("input_tokens=estimated")
        }
    };
    response.headers_mut().insert("backstop-lost", lost);
    response
}

/// What the number is called.
const fn field(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Gemini => "totalTokens",
        Dialect::BedrockConverse => "inputTokens",
        Dialect::AnthropicMessages | Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            "input_tokens"
        }
    }
}

/// What the request's texts come to. Pictures count by their size and not by their bytes, so the
/// body's length stands in only for a request that cannot be read.
fn estimate(asked: &Asked) -> u64 {
    let by_length = || asked.body.len().div_ceil(BYTES_PER_TOKEN) as u64;
    asked.full().map_or_else(|_| by_length(), |full| full.features.input_tokens_estimate)
}

/// The count of the first target that is well and speaks the dialect, with its headers.
async fn counted(core: &Core, asked: &Asked) -> Option<(Bytes, HeaderMap)> {
    let live = core.shared.live.load_full();
    let roster = plan::roster(&live, asked, &core.shared.parts(&live)).ok()?;
    let now = core.shared.clock.now();
    // What the client lays down for its data holds here too.
    let ruled = asked.scan.rules.then(|| Needs::of(asked));
    let may = |place: &&Place| {
        ruled.as_ref().is_none_or(|needs| place.fits(asked, needs, Delivery::Whole).is_ok())
    };
    let is_well = |place: &&Place| {
        let state = place.target.outlook(now).state;
        place.dialect == asked.dialect
            && place.candidate.standing.is_ok()
            && place.has_credential(asked)
            && matches!(state, State::Closed | State::Demoted | State::Ramping)
    };
    let counts =
        |place: &&Place| place.row(&live).is_some_and(|row| row.settings.surface.is_whole());
    let place = roster.places.iter().filter(counts).filter(may).find(is_well)?;
    let row = place.row(&live)?;
    let _berth = row.berth()?;
    let path = match backstop_dialects::count_path(place.dialect, &place.own_name) {
        Some(path) => row.endpoint.path(&path).ok(),
        None => row.beside(path(place.dialect)?, &place.own_name),
    };
    let ask = perform::own_ask(core, asked, (row, place), path, None)?.ok()?.ask;
    let reply = core.client.send(&row.endpoint, ask, COUNT_MAX).await.ok()?;
    if reply.status != 200 {
        return None;
    }
    let headers = reply.headers.clone();
    let body = reply.body.collect(ANSWER_BYTES_MAX).await.ok()?;
    let told: Value = serde_json::from_slice(&body).ok()?;
    told[field(asked.dialect)].is_u64().then_some((body, headers))
}

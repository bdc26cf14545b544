//! Requests that AWS wants signed: a signature covers the whole body, so the body is held until it is
//! complete, as far as conversations may be long.

use std::sync::Arc;

use http::{HeaderName, Response};
use hyper::body::Incoming;

use backstop_listener::{AnswerBody, read_body};
use backstop_providers::Ask;
use backstop_vocabulary::{Class, Failure};

use super::flow;
use super::passage::Passage;
use crate::held::{Fits, Held};

/// What a client's own signature says of a body: nothing about ours.
static HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Passes a request with its body, signed.
pub(super) async fn exchange(
    passage: Passage,
    mut ask: Ask,
    body: Incoming,
) -> Response<AnswerBody> {
    let live = passage.core.shared.live.load_full();
    let limits = &live.settings.limits;
    let bytes_max = usize::try_from(limits.body_bytes_max).unwrap_or(usize::MAX);
    let mut held = Held::new(Arc::clone(&passage.core.shared));
    match read_body(body, bytes_max, limits.body_time_max).await {
        Ok(body) => ask.body = body,
        Err(error) => return passage.refused(&too_long(Failure::from(error))),
    }
    if held.set(ask.body.len()) == Fits::No {
        let what = "the gateway holds as much as it may (`held_max`): try again";
        return passage.refused(&Failure::new(Class::GatewayBusy, what).with_status(503));
    }
    ask.headers.remove(&HASH);
    passage.granted().await;
    if let Err(failure) = passage.authorise(&mut ask) {
        return passage.refused(&failure);
    }
    flow::exchange(passage, ask).await
}

/// Says why there is a limit here, where elsewhere there is none.
fn too_long(failure: Failure) -> Failure {
    if failure.class != Class::RequestTooLarge {
        return failure;
    }
    let cure = "it is held to be signed: raise `body_max`, or give the provider an `api_key`";
    Failure { message: format!("{}; {cure}", failure.message).into(), ..failure }
}

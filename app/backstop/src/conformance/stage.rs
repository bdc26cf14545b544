//! A gateway between one client and one provider, all in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::duplex;
use tokio::sync::watch;

use backstop_catalogue::Catalogue;
use backstop_dialects::Delivery;
use backstop_exchange::Request;
use backstop_gateway::{Clock, Door, Gateway, Makings};
use backstop_providers::{Ask, BoxFuture, Client, ClientLimits, Dial, Endpoint, Io, TlsTrust};
use backstop_resilience::Tuning;
use backstop_store::{Caps, Journal};
use backstop_vocabulary::{Dialect, Failure};

use super::kinds::{ADDRESS, Kind};
use super::provider::{self, Script};
use crate::replay::pipes::{GATEWAY_URL, PIPE_BYTES, ToGateway};

/// What a client got.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) dialect: Dialect,
    pub(super) delivery: Delivery,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Why the body broke; `None` when it ended properly.
    pub(super) broke: Option<Failure>,
}

impl Got {
    /// The text of a header, empty when it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The last question that a provider could read.
pub(super) type Seen = Arc<Mutex<Option<Request>>>;

/// Connects to the one provider there is.
struct ToProvider {
    script: Arc<Script>,
    seen: Seen,
}

impl Dial for ToProvider {
    fn dial<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>> {
        let (near, far) = duplex(PIPE_BYTES);
        tokio::spawn(provider::serve(far, Arc::clone(&self.script), Arc::clone(&self.seen)));
        let io: Box<dyn Io> = Box::new(near);
        Box::pin(std::future::ready(Ok(io)))
    }
}

/// Sends one request through a gateway that has just started; also says what the provider was asked.
pub(super) async fn play(
    dialect: Dialect,
    kind: &Kind,
    (asked, delivery): (Vec<u8>, Delivery),
    script: Script,
) -> anyhow::Result<(Got, Option<Request>)> {
    let seen = Seen::default();
    let to_provider = ToProvider { script: Arc::new(script), seen: Arc::clone(&seen) };
    let gateway = gateway(kind)?;
    let core = Arc::new(gateway.core(0, Arc::new(to_provider)));
    let (drain, draining) = watch::channel(false);
    let to_gateway = ToGateway::new(Door::new(core), draining);
    let client = Client::new(Arc::new(to_gateway), ClientLimits::default());
    let got = ask(&client, dialect, (asked, delivery)).await?;
    drain.send_replace(true);
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((got, seen))
}

fn gateway(kind: &Kind) -> anyhow::Result<Gateway> {
    let provider = kind.settings.replace("{at}", ADDRESS);
    let yaml = format!(
        "console: off\nstore: none\nproviders:\n  provider: {provider}\nroutes:\n  - name: all\n    \
         models: [\"*\"]\n    ladder:\n      - targets: [\"provider/{}\"]\n    trickle: 0\n    \
         attempts_max: 1\n",
        kind.model
    );
    let catalogue = Catalogue::built_in();
    let settings = backstop_settings::read(&yaml, &BTreeMap::new(), &catalogue)
        .map_err(|errors| anyhow::anyhow!("{}: {errors:?}", kind.name))?;
    Ok(Gateway::new(Makings {
        settings,
        journal: Journal::in_memory(Caps::default()),
        trust: TlsTrust::system(),
        clock: Clock::start(),
        cores: 1,
        seed: 7,
        tuning: Tuning::default(),
    })?)
}

async fn ask(
    client: &Client,
    dialect: Dialect,
    (asked, delivery): (Vec<u8>, Delivery),
) -> anyhow::Result<Got> {
    let endpoint = Arc::new(Endpoint::new(GATEWAY_URL, None, &TlsTrust::system())?);
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let path = endpoint.path(&backstop_dialects::path(dialect, "asked", delivery))?;
    let ask = Ask { method: Method::POST, path, headers, body: Bytes::from(asked) };
    let failed = |failure: Failure| anyhow::anyhow!("the gateway: {}", failure.message);
    let mut reply = client.send(&endpoint, ask, Duration::from_secs(5)).await.map_err(failed)?;
    let (mut body, mut broke) = (Vec::new(), None);
    loop {
        match reply.body.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(failure) => {
                broke = Some(failure);
                break;
            }
        }
    }
    let (status, headers) = (reply.status, reply.headers);
    Ok(Got { dialect, delivery, status, headers, body: Bytes::from(body), broke })
}

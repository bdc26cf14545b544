//! A gateway between one client and the providers of a ladder, all in memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
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
use backstop_vocabulary::{Class, Dialect, Failure};

use super::kinds::Kind;
use super::provider;
use super::script::Script;
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

/// A provider in the ladder: what it is, and what it does.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) kind: &'static Kind,
    pub(super) script: Arc<Script>,
    seen: Seen,
}

impl Part {
    /// A provider that does this.
    pub(super) fn new(kind: &'static Kind, script: Script) -> Self {
        Self { kind, script: Arc::new(script), seen: Seen::default() }
    }

    /// The last question it could read.
    pub(super) fn heard(&self) -> Option<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn connect(&self) -> Result<Box<dyn Io>, Failure> {
        if let Script::Unreachable(class) = *self.script {
            return Err(Failure::new(class, "no way there"));
        }
        let (near, far) = duplex(PIPE_BYTES);
        tokio::spawn(provider::serve(far, Arc::clone(&self.script), Arc::clone(&self.seen)));
        Ok(Box::new(near))
    }
}

/// Connects to the providers of a ladder, each at a host named by its place.
struct ToProviders(Arc<[Part]>);

impl Dial for ToProviders {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>> {
        let named = |(nth, _): &(usize, &Part)| endpoint.host() == host(*nth);
        let part = self.0.iter().enumerate().find(named);
        let unknown = || Err(Failure::new(Class::DnsFailed, "no such provider"));
        Box::pin(std::future::ready(part.map_or_else(unknown, |(_, part)| part.connect())))
    }
}

/// Where a provider of the ladder is.
fn host(nth: usize) -> String {
    format!("provider{nth}.conformance")
}

/// What all gateways know.
pub(super) struct Stage {
    catalogue: Catalogue,
}

impl Stage {
    /// A stage with what is known of models.
    pub(super) fn new() -> Self {
        Self { catalogue: Catalogue::built_in() }
    }

    /// Sends one request through a gateway that has just started and has these providers, in this
    /// order.
    pub(super) async fn play(
        &self,
        dialect: Dialect,
        (asked, delivery): (Vec<u8>, Delivery),
        ladder: &Arc<[Part]>,
    ) -> anyhow::Result<Got> {
        let gateway = gateway(ladder, &self.catalogue)?;
        let core = Arc::new(gateway.core(0, Arc::new(ToProviders(Arc::clone(ladder)))));
        let (drain, draining) = watch::channel(false);
        let to_gateway = ToGateway::new(Door::new(core), draining);
        let client = Client::new(Arc::new(to_gateway), ClientLimits::default());
        let got = ask(&client, dialect, (asked, delivery)).await?;
        drain.send_replace(true);
        Ok(got)
    }
}

/// The settings of a ladder. Alone, a provider is asked once; those behind it take longer prompts.
fn settings(ladder: &[Part]) -> String {
    let mut providers = String::new();
    let mut rungs = String::new();
    for (nth, Part { kind, .. }) in ladder.iter().enumerate() {
        let settings = kind.settings.replace("{at}", &format!("http://{}", host(nth)));
        let longer = if nth > 0 { ", abilities: { context_tokens_max: 9000000 }" } else { "" };
        // A string takes everything.
        let _ = writeln!(providers, "  provider{nth}: {settings}");
        let target = format!("provider{nth}/{}", kind.model);
        let _ = writeln!(rungs, "      - targets: [{{ target: \"{target}\"{longer} }}]");
    }
    let attempts = if ladder.len() > 1 { "" } else { "    attempts_max: 1\n" };
    format!(
        "console: off\nstore: none\nproviders:\n{providers}routes:\n  - name: all\n    \
         models: [\"*\"]\n    trickle: 0\n{attempts}    ladder:\n{rungs}"
    )
}

fn gateway(ladder: &[Part], catalogue: &Catalogue) -> anyhow::Result<Gateway> {
    let settings = backstop_settings::read(&settings(ladder), &BTreeMap::new(), catalogue)
        .map_err(|errors| anyhow::anyhow!("{ladder:?}: {errors:?}"))?;
    Ok(Gateway::new(Makings {
        settings,
        journal: Journal::in_memory(Caps::default()),
        trust: TlsTrust::system(),
        fetcher: None,
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

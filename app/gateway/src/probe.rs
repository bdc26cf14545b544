//! Validates targets before traffic returns: real completions on the same model, never a mere list
//! of models. One after the other: a whole answer, a stream, an offered tool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;

use backstop_dialects::{Frames, Framing, StreamReader, TargetForm};
use backstop_exchange::{Event, Request, Role, Tool, Turn};
use backstop_providers::Ask;
use backstop_resilience::Purpose;
use backstop_settings::Credential;
use backstop_vocabulary::{Class, Dialect, Failure, Moment};

use crate::beside::{embed, passthrough};
use crate::core::Core;
use crate::headers;
use crate::identity::access::{self, At};
use crate::live::Live;
use crate::perform;
use crate::permit::{Permit, Whole};
use crate::table::{ProviderRow, Target};
use crate::wait::Wait;

/// The longest a probe may take.
const PROBE_MAX: Duration = Duration::from_secs(30);
/// How often to look for targets that are due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long after its last request a target is still probed.
const WANTED_FOR: Duration = Duration::from_secs(3600);
/// Tokens a probe may cost.
const TOKENS_MAX: u64 = 32;
/// Bytes a probe's answer may have.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What a probe tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Stream,
    Tool,
    Vectors,
}

/// Sends probes where they are due, for as long as the future is polled.
pub async fn probe_forever(core: Arc<Core>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for probe in due(&core) {
            // The lease keeps a second probe off the target while this one runs.
            crate::core::spawn(probe.send());
        }
    }
}

/// Whether a client asked for the target lately: names that nobody asks for again cost nothing.
fn is_wanted(target: &Target, now: Moment) -> bool {
    let asked_at = Moment::from_nanos(target.asked_at.load(Ordering::Relaxed));
    now.since(asked_at) <= WANTED_FOR
}

/// One probe to send.
struct Probe {
    core: Arc<Core>,
    live: Arc<Live>,
    provider: Arc<str>,
    credential: Credential,
    target: Arc<Target>,
}

fn due(core: &Arc<Core>) -> Vec<Probe> {
    let now = core.shared.clock.now();
    let live = core.shared.live.load_full();
    let mut probes = Vec::new();
    for (provider, row) in &live.providers {
        for stem in row.stems.iter().filter(|stem| stem.credential != Credential::FromClient) {
            for target in stem.targets() {
                let passes = *target.key.model == *passthrough::MODEL;
                let dead = stem.pass.as_ref().is_some_and(|pass| pass.dead_until(now).is_some());
                let may_go = !passes && !dead;
                if may_go && is_wanted(&target, now) && target.cell.is_probe_due(now) {
                    probes.push(Probe {
                        core: Arc::clone(core),
                        live: Arc::clone(&live),
                        provider: Arc::clone(provider),
                        credential: stem.credential.clone(),
                        target,
                    });
                }
            }
        }
    }
    probes
}

impl Probe {
    async fn send(self) {
        let place = (self.core.shared.clock, self.core.number);
        let taken = Permit::take(&self.target, Purpose::Probe, Whole::Yes, place);
        let Ok(mut permit) = taken else { return };
        if !permit.is_probe() {
            // The target came back by itself: no need to spend a completion on it.
            return;
        }
        let vectors = self.target.gives_vectors.load(Ordering::Relaxed);
        let kind = match self.target.probes.fetch_add(1, Ordering::Relaxed) % 3 {
            _ if vectors => Kind::Vectors,
            0 => Kind::Whole,
            1 => Kind::Stream,
            _ if self.target.abilities.tools => Kind::Tool,
            _ => Kind::Whole,
        };
        self.core.shared.metrics.probes.inc();
        let (credential, pass) = (self.credential.clone(), self.target.pass.clone());
        match self.try_once(&mut permit, kind).await {
            Ok(()) => {
                permit.note_first_token(self.core.shared.clock.now());
                permit.answered();
            }
            Err(failure) => {
                let failure =
                    headers::discreet(failure, (&credential, pass.as_deref()), &HeaderMap::new());
                let (target, code) = (&self.target.name, failure.class.code());
                tracing::info!(%target, code, ?kind, "probe failed: {}", failure.message);
                permit.failed(&failure);
            }
        }
    }

    async fn try_once(&self, permit: &mut Permit, kind: Kind) -> Result<(), Failure> {
        let row = self.live.providers.get(&self.provider);
        let row = row.ok_or_else(|| Failure::new(Class::NoTarget, "the provider is gone"))?;
        let dialect = self.dialect(row)?;
        let (path, body) = self.written(row, dialect, kind)?;
        let mut headers = headers::plain();
        headers.insert(backstop_providers::HOP_HEADER, self.core.shared.instance.clone());
        let model = row.settings.own_name(&self.target.key.model);
        let (body, _) =
            perform::wrap(&row.settings.surface, (dialect, &model), &mut headers, body)?;
        let mut ask = Ask {
            method: http::Method::POST,
            path: path.ok_or_else(|| Failure::new(Class::NoTarget, "the provider has no path"))?,
            headers,
            body,
        };
        let clock = self.core.shared.clock;
        let (credential, target) = (&self.credential, &*self.target);
        let at = At { row, dialect, credential, target };
        access::authorise(&mut ask, at, &HeaderMap::new(), clock)?;
        let by = clock.now() + PROBE_MAX;
        let exchange = async {
            let mut reply =
                self.core.client.send(&row.endpoint, ask, row.settings.connect_max).await?;
            if !(200..300).contains(&reply.status) {
                let body = perform::error_body(&mut reply, PROBE_MAX).await;
                let body = headers::discreet_body(
                    body,
                    (credential, target.pass.as_deref()),
                    &HeaderMap::new(),
                );
                let now_unix = clock.unix_secs(clock.now());
                return Err(perform::classify(dialect, &reply, &body, now_unix));
            }
            let framing = perform::framing(&reply);
            let body = reply.body.collect(ANSWER_BYTES_MAX).await?;
            if kind == Kind::Vectors {
                return embed::probed(row, dialect, &model, &body);
            }
            check((dialect, framing), kind, body)
        };
        Wait { clock, by }.first(permit, exchange).await?
    }

    /// What the provider is asked in.
    fn dialect(&self, row: &ProviderRow) -> Result<Dialect, Failure> {
        let dialect = row.settings.dialect_for(row.settings.dialect, &self.target.key.model);
        dialect.ok_or_else(|| Failure::new(Class::NoTarget, "the provider has no such model"))
    }

    /// Where the question goes, and the question.
    fn written(
        &self,
        row: &ProviderRow,
        dialect: Dialect,
        kind: Kind,
    ) -> Result<(Option<PathAndQuery>, Bytes), Failure> {
        let model = &*row.settings.own_name(&self.target.key.model);
        if kind == Kind::Vectors {
            return embed::probe(row, dialect, model);
        }
        let stream = kind == Kind::Stream;
        let form = TargetForm { model, abilities: &self.target.abilities, stream };
        let body = backstop_dialects::write_request(dialect, &question(model, kind), &form)?.body;
        Ok((row.path(dialect, model, stream.into()), body.into()))
    }
}

/// The cheapest question that exercises what clients use.
fn question(model: &str, kind: Kind) -> Request {
    let tool = Tool {
        name: "report_ready".to_owned(),
        description: Some("Reports that the service is ready.".to_owned()),
        schema: Some(serde_json::json!({ "type": "object", "properties": {} })),
        ..Tool::default()
    };
    Request {
        model: model.to_owned(),
        turns: vec![Turn::text(Role::User, "Reply with the one word: ready")],
        tools: if kind == Kind::Tool { vec![tool] } else { Vec::new() },
        output_tokens_max: Some(TOKENS_MAX),
        stream: kind == Kind::Stream,
        ..Request::default()
    }
}

/// A complete answer will do, also one that its token limit left empty.
fn check((dialect, framing): (Dialect, Framing), kind: Kind, body: Bytes) -> Result<(), Failure> {
    let mut events = Vec::new();
    let read = if kind == Kind::Stream {
        read_stream((dialect, framing), body, &mut events)
    } else {
        backstop_dialects::read_answer(dialect, &body, &mut events)
    };
    let failed = events
        .into_iter()
        .find_map(|event| if let Event::Failed(failure) = event { Some(failure) } else { None });
    match failed.map_or(read, Err) {
        Err(failure) if failure.class == Class::EmptyAnswer => Ok(()),
        other => other,
    }
}

fn read_stream(
    (dialect, framing): (Dialect, Framing),
    body: Bytes,
    events: &mut Vec<Event>,
) -> Result<(), Failure> {
    let mut frames = Frames::new(framing, ANSWER_BYTES_MAX);
    let mut reader = StreamReader::new(dialect);
    frames.feed(body);
    for frame in frames.by_ref() {
        reader.read(&frame?, events);
    }
    reader.finish()
}

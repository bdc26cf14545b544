//! One exchange as a simulated client lives it: sent, listened to, judged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::timeout_at;

use backstop_gateway::Clock;
use backstop_providers::{Ask, Client, Endpoint, Reply};
use backstop_scenarios::{Delivery, Ear, Flaw, Heard, Seen, SeenKind, WorkItem};
use backstop_vocabulary::{Class, Failure, Moment, Tier};

use super::terminals::Terminals;

/// How long a client waits for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long the rest of a body may take once its terminal event was heard.
const TAIL_MAX: Duration = Duration::from_secs(1);
/// How long the body of an error may take.
const ERROR_TIME_MAX: Duration = Duration::from_secs(5);

/// Simulated clients: they share a pool of connections and a clock.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    client: Client,
    clock: Clock,
}

/// How long a client watches one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    /// For the first token, or a whole answer.
    pub(crate) deadline: Moment,
    /// For the head; a baseline's own clock.
    pub(crate) head_by: Moment,
    /// For the next byte of a stream that has begun.
    pub(crate) silence_max: Duration,
}

/// What one exchange came to.
#[derive(Debug)]
pub(crate) struct Got {
    /// The answer, or why there is none.
    pub(crate) heard: Result<Heard, Flaw>,
    /// The same as a plain client's machine sees it.
    pub(crate) seen: Seen,
    /// The gateway's headers that say who answered.
    pub(crate) provenance: Option<Provenance>,
    /// When its content began.
    pub(crate) began: Option<Moment>,
    /// How many ends a stream announced.
    pub(crate) terminals: u32,
}

/// Who answered, by the gateway's own headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// What the answer is worth.
    pub(crate) tier: Tier,
    /// How many attempts there were when the answer began.
    pub(crate) attempts: u32,
}

/// Why an exchange is over before its answer was.
#[derive(Clone, Copy)]
enum End {
    Late,
    Silent,
    Broken,
}

impl Caller {
    /// Clients that connect through this pool.
    pub(crate) const fn new(client: Client, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// The clock they live by.
    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Sends a work item, with these headers beside its own, and listens to the end.
    pub(crate) async fn ask(
        &self,
        endpoint: &Arc<Endpoint>,
        item: &WorkItem,
        headers: &[(&'static str, String)],
        watch: Watch,
    ) -> Got {
        let Some(ask) = prepared(endpoint, item, headers) else {
            return failed(Flaw::Disconnected, SeenKind::Transport);
        };
        let by = self.clock.instant(watch.head_by.min(watch.deadline));
        match timeout_at(by, self.send(endpoint, ask)).await {
            Err(_late) => failed(Flaw::TooLate, SeenKind::TimedOut),
            Ok(Err(_failure)) => failed(Flaw::Disconnected, SeenKind::Transport),
            Ok(Ok(reply)) if reply.status != 200 => refused(reply).await,
            Ok(Ok(reply)) => self.listen(reply, item, watch).await,
        }
    }

    /// A pooled connection that turns out closed is not the client's business: its HTTP stack tries
    /// the next one.
    async fn send(&self, endpoint: &Arc<Endpoint>, ask: Prepared) -> Result<Reply, Failure> {
        match self.client.send(endpoint, ask.again(), CONNECT_MAX).await {
            Err(failure) if failure.class == Class::StaleConnection => {
                self.client.send(endpoint, ask.again(), CONNECT_MAX).await
            }
            other => other,
        }
    }

    async fn listen(&self, mut reply: Reply, item: &WorkItem, watch: Watch) -> Got {
        let provenance = provenance(&reply.headers);
        let streams = item.delivery.is_stream();
        let mut ear = Ear::new(item.dialect, item.delivery);
        let mut terminals = Terminals::new(item.dialect);
        let mut began = None;
        let mut heard_at = self.clock.now();
        let end = loop {
            let by = if streams && ear.has_begun() {
                heard_at + watch.silence_max
            } else {
                watch.deadline
            };
            match timeout_at(self.clock.instant(by), reply.body.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    ear.feed(&bytes);
                    if streams {
                        terminals.feed(&bytes);
                    }
                    heard_at = self.clock.now();
                    if began.is_none() && ear.has_begun() {
                        began = Some(heard_at);
                    }
                    if streams && ear.is_done() {
                        tail(&mut reply, &mut terminals).await;
                        break None;
                    }
                }
                Ok(Ok(None)) => break None,
                Ok(Err(_broke)) => break Some(End::Broken),
                Err(_) if began.is_some() => break Some(End::Silent),
                Err(_) => break Some(End::Late),
            }
        };
        let (heard, seen) = judged(ear, end, item.delivery);
        let terminals = terminals.count();
        Got { heard, seen: seen.into(), provenance, began, terminals }
    }
}

fn judged(ear: Ear, end: Option<End>, delivery: Delivery) -> (Result<Heard, Flaw>, SeenKind) {
    match end {
        None => match ear.finish() {
            Ok(heard) => (Ok(heard), SeenKind::Answered),
            Err(flaw) => (Err(flaw), SeenKind::Broken),
        },
        Some(End::Late) => (Err(Flaw::TooLate), SeenKind::TimedOut),
        Some(End::Silent) => (Err(Flaw::Cut), SeenKind::Broken),
        Some(End::Broken) if delivery.is_stream() => {
            // What was said before the break may name its reason.
            let flaw = match ear.finish() {
                Err(flaw @ Flaw::ErrorInside(_)) => flaw,
                Err(_) | Ok(_) => Flaw::Cut,
            };
            (Err(flaw), SeenKind::Broken)
        }
        Some(End::Broken) => (Err(Flaw::Disconnected), SeenKind::Transport),
    }
}

/// Reads what follows the terminal event, so that the connection can serve again.
async fn tail(reply: &mut Reply, terminals: &mut Terminals) {
    let rest = async {
        while let Ok(Some(bytes)) = reply.body.chunk().await {
            terminals.feed(&bytes);
        }
    };
    let _in_time = tokio::time::timeout(TAIL_MAX, rest).await;
}

async fn refused(reply: Reply) -> Got {
    let kind = SeenKind::Status(reply.status);
    let advice = reply.headers.get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = advice.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let heard = Err(Flaw::Status(reply.status));
    let _body = tokio::time::timeout(ERROR_TIME_MAX, reply.body.collect(1 << 20)).await;
    Got { heard, seen: Seen { kind, retry_after }, provenance: None, began: None, terminals: 0 }
}

const fn failed(flaw: Flaw, kind: SeenKind) -> Got {
    let seen = Seen { kind, retry_after: None };
    Got { heard: Err(flaw), seen, provenance: None, began: None, terminals: 0 }
}

/// A request that can be sent more than once.
struct Prepared {
    path: http::uri::PathAndQuery,
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    fn again(&self) -> Ask {
        Ask {
            method: Method::POST,
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }
}

fn prepared(
    endpoint: &Endpoint,
    item: &WorkItem,
    extra: &[(&'static str, String)],
) -> Option<Prepared> {
    let path = endpoint.path(&item.path()).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in extra {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(Prepared { path, headers, body: item.body().into() })
}

/// `backstop-answer: target=…; rung=…; attempts=…; tier=…`.
fn provenance(headers: &HeaderMap) -> Option<Provenance> {
    let text = headers.get("backstop-answer")?.to_str().ok()?;
    let field = |name: &str| {
        let fields = text.split("; ").filter_map(|field| field.split_once('='));
        fields.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    };
    let tier = [Tier::Full, Tier::Degraded].into_iter().find(|it| Some(it.name()) == field("tier"));
    Some(Provenance { tier: tier?, attempts: field("attempts")?.parse().ok()? })
}

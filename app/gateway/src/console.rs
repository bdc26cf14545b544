//! What operators read: liveness, readiness, metrics, status.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use backstop_identity::Standing;
use backstop_listener::AnswerBody;
use backstop_resilience::State;

use crate::gateway::{Gateway, Shared};
use crate::{admit, answer};

/// The page that is asked for. What tells of targets and traffic is not told to a web page that
/// gave this machine a name of its own; whether the gateway is ready may be asked by any name,
/// because load balancers make names up.
pub(crate) fn page(gateway: &Gateway, head: &Parts) -> Response<AnswerBody> {
    let hosts = || gateway.shared.live.load().settings.hosts.clone();
    if let Some(standing) = standing(&gateway.shared, head) {
        return standing;
    }
    match head.uri.path() {
        _ if admit::is_called_otherwise(&hosts(), head) => answer::plain(
            StatusCode::MISDIRECTED_REQUEST,
            "the console answers to this machine's addresses, to localhost, and to the names in \
             `hosts` of the settings: use one of them, or add this name\n",
        ),
        "/metrics" => metrics(gateway),
        "/status" | "/status.json" => json_page(&gateway.status()),
        _ => answer::plain(
            StatusCode::NOT_FOUND,
            "the console has /healthz, /readyz, /metrics and /status\n",
        ),
    }
}

/// What load balancers ask, at either door; `None` is another question.
pub(crate) fn standing(shared: &Shared, head: &Parts) -> Option<Response<AnswerBody>> {
    if head.method != Method::GET && head.method != Method::HEAD {
        return None;
    }
    match head.uri.path() {
        "/healthz" => Some(answer::plain(StatusCode::OK, "ok\n")),
        "/readyz" => Some(ready(shared)),
        _ => None,
    }
}

/// Ready until it drains: the gateway never waits for its store or its providers.
fn ready(shared: &Shared) -> Response<AnswerBody> {
    if shared.draining.load(std::sync::atomic::Ordering::Relaxed) {
        return answer::plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining: send requests elsewhere\n",
        );
    }
    let live = shared.live.load();
    if live.settings.routes.is_empty() {
        return answer::plain(StatusCode::SERVICE_UNAVAILABLE, "no route is configured\n");
    }
    answer::plain(StatusCode::OK, "ready\n")
}

fn metrics(gateway: &Gateway) -> Response<AnswerBody> {
    gateway.refresh_metrics();
    let mut response =
        Response::new(AnswerBody::whole(Bytes::from(gateway.shared.metrics.encode())));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn json_page(value: &Value) -> Response<AnswerBody> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(AnswerBody::whole(Bytes::from(text)));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Gateway {
    /// The health of every target met so far, and of the gateway itself.
    pub fn status(&self) -> Value {
        let shared = &self.shared;
        let now = shared.clock.now();
        let taught = shared.live.load().taught(now);
        let targets: serde_json::Map<String, Value> = shared
            .registry
            .all()
            .into_iter()
            .map(|(name, cell)| {
                let outlook = cell.outlook(now);
                let value = json!({
                    "state": outlook.state.name(),
                    "share_percent": percent(outlook.share),
                    "recent_failure_percent": percent(outlook.recent_failure_share),
                    "until_seconds": outlook.until.map(|until| until.since(now).as_secs()),
                    "first_token_typical_ms": millis(outlook.first_token_typical),
                    "first_token_clock_ms": millis(outlook.first_token_clock),
                    "in_flight": cell.in_flight(),
                    "taught": taught.get(&*name).map(Vec::as_slice).unwrap_or_default(),
                });
                (name, value)
            })
            .collect();
        let journal = shared.journal.standing();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": now.since_zero().as_secs(),
            "requests_in_progress": shared.room.taken(),
            "held_bytes": shared.held_bytes.load(std::sync::atomic::Ordering::Relaxed),
            "targets": targets,
            "identities": self.standings().map(identity).collect::<serde_json::Map<_, _>>(),
            "journal": {
                "dropped": journal.dropped,
                "sampled_away": journal.sampled_away,
                "write_failures": journal.write_failures,
                "failing": journal.failing,
            },
        })
    }

    /// Every credential that is renewed, and how its tokens are doing.
    fn standings(&self) -> impl Iterator<Item = (String, Standing)> {
        let now = self.shared.clock.now();
        let all = self.shared.registry.passes.all();
        all.into_iter().map(move |(name, pass)| (name, pass.standing(now)))
    }

    /// Brings the gauges up to date before they are read.
    pub(crate) fn refresh_metrics(&self) {
        let now = self.shared.clock.now();
        self.shared.metrics.identities(self.standings());
        for (name, cell) in self.shared.registry.all() {
            let outlook = cell.outlook(now);
            let state = match outlook.state {
                State::Closed => 0,
                State::Demoted | State::Ramping => 1,
                State::HalfOpen => 2,
                State::Open => 3,
                State::Paused => 4,
                State::Blocked => 5,
            };
            self.shared.metrics.health(&name.into(), state, percent(outlook.share));
        }
        let dropped = i64::try_from(self.shared.journal.dropped()).unwrap_or(i64::MAX);
        self.shared.metrics.journal_dropped.set(dropped);
        let held = self.shared.held_bytes.load(std::sync::atomic::Ordering::Relaxed);
        let (transcripts, made) = (&self.shared.transcripts, &self.shared.backgrounds);
        let metrics = &self.shared.metrics;
        let gauges = [
            (&metrics.held_bytes, held),
            (&metrics.transcripts_bytes, transcripts.bytes()),
            (&metrics.background, made.running().into()),
            (&metrics.background_bytes, made.bytes()),
        ];
        for (gauge, value) in gauges {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }
}

fn identity((name, standing): (String, Standing)) -> (String, Value) {
    let trouble =
        standing.trouble.map(|(what, ago)| json!({ "what": what, "ago_seconds": ago.as_secs() }));
    let value = json!({
        "giver": standing.giver,
        "good": standing.good,
        "expires_in_seconds": standing.expires_in.map(|left| left.as_secs()),
        "renewed": standing.renewed,
        "failed": standing.failed,
        "trouble": trouble,
    });
    (name, value)
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "0..=100")]
fn percent(share: f32) -> i64 {
    (share.clamp(0.0, 1.0) * 100.0).round() as i64
}

//! One request on its way through: whatever becomes of it, health, journal and metrics hear of it.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap};
use http::{HeaderName, HeaderValue, Response};

use backstop_dialects::ErrorHead;
use backstop_listener::AnswerBody;
use backstop_providers::{Ask, Endpoint};
use backstop_settings::Credential;
use backstop_store::AttemptRow;
use backstop_vocabulary::{Class, Failure, Fault, Stage, Tier};

use crate::asked::Asked;
use crate::core::Core;
use crate::identity::access::{self, At};
use crate::permit::Permit;
use crate::record::{Record, micros};
use crate::table::ProviderRow;
use crate::{answer, headers};

/// A request that was let through. Dropped unfinished, the client has left, which says nothing about
/// the provider: an upload may take as long as it takes.
pub(super) struct Passage {
    pub(super) core: Arc<Core>,
    pub(super) asked: Arc<Asked>,
    record: Option<Record>,
    permit: Option<Permit>,
    credential: Credential,
    pub(super) provider: Arc<str>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) connect_max: Duration,
    tier: Tier,
    status: Option<u16>,
    upstream: Option<Box<str>>,
    /// What the head of the answer already said.
    refusal: Option<Failure>,
}

impl Passage {
    pub(super) fn new(
        core: Arc<Core>,
        (asked, mut record): (Arc<Asked>, Record),
        permit: Permit,
        (row, credential): (&ProviderRow, Credential),
    ) -> Self {
        permit.target.metrics.attempts.inc();
        record.begun(&permit.target.name, "first", permit.started);
        Self {
            core,
            asked,
            record: Some(record),
            permit: Some(permit),
            credential,
            provider: Arc::clone(&row.settings.name),
            endpoint: Arc::clone(&row.endpoint),
            connect_max: row.settings.connect_max,
            tier: row.settings.tier,
            status: None,
            upstream: None,
            refusal: None,
        }
    }

    /// Whether the request must be signed, body and all, before it goes out.
    pub(super) fn signs(&self) -> bool {
        self.permit.as_ref().is_some_and(|permit| access::signs(&permit.target))
    }

    /// Waits for the first token of the credential, if that is still on its way.
    pub(super) async fn granted(&self) {
        let pass = self.permit.as_ref().and_then(|permit| permit.target.pass.clone());
        if let Some(pass) = pass {
            // Without one, whoever needs it says why.
            let _granted = pass.wait(self.core.shared.clock.now()).await;
        }
    }

    /// Adds the provider's credential to a request that is complete but for that.
    pub(super) fn authorise(&self, ask: &mut Ask) -> Result<(), Failure> {
        let live = self.core.shared.live.load();
        let (row, permit) = (live.providers.get(&self.provider), self.permit.as_ref());
        let Some((row, permit)) = row.zip(permit) else {
            let what = "the provider is not configured any more";
            return Err(Failure::new(Class::NoTarget, what));
        };
        let (dialect, credential) = (row.settings.dialect, &self.credential);
        let at = At { row, dialect, credential, target: &permit.target };
        access::authorise(ask, at, &self.asked.headers, self.core.shared.clock).map(|_grant| ())
    }

    /// The head of the provider's answer: what it means, and what of it the client gets.
    pub(super) fn heard(&mut self, status: u16, provider: &HeaderMap) -> Response<()> {
        self.status = Some(status);
        let upstream = headers::upstream_request_id(provider);
        self.upstream = upstream.and_then(|value| value.to_str().ok().map(Box::from));
        let clock = self.core.shared.clock;
        self.refusal =
            (status >= 400).then(|| refusal(status, provider, clock.unix_secs(clock.now())));
        if let (Some(record), Some(permit)) = (&mut self.record, &self.permit) {
            record.first_token(clock.now());
            record.delivered_by(&permit.target.name, self.tier);
        }
        let mut head = Response::new(());
        *head.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        let out = head.headers_mut();
        headers::down(provider, out);
        for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            if let Some(value) = provider.get(&name) {
                out.insert(name, value.clone());
            }
        }
        let target = self.permit.as_ref().map_or("", |permit| &permit.target.name);
        let told = format!(
            "target={target}; rung=1; attempts=1; tier={}; route=passthrough",
            self.tier.name()
        );
        if let Ok(told) = HeaderValue::try_from(told) {
            out.insert(HeaderName::from_static("backstop-answer"), told);
        }
        if let Some(hop) = answer::next_hop(&self.provider, status) {
            out.insert(HeaderName::from_static("proxy-status"), hop);
        }
        answer::passage_ids(out, upstream, self.asked.id);
        head
    }

    /// The exchange is complete.
    pub(super) fn ended(mut self) {
        match self.refusal.take() {
            None => self.close(None),
            Some(failure) => self.close(Some(&failure)),
        }
    }

    /// It broke.
    pub(super) fn broke(mut self, failure: &Failure) {
        self.close(Some(failure));
    }

    /// It failed before a head came.
    pub(super) fn refused(self, failure: &Failure) -> Response<AnswerBody> {
        let pass = self.permit.as_ref().and_then(|permit| permit.target.pass.clone());
        let shown = (&self.credential, pass.as_deref());
        let failure = headers::discreet(failure.clone(), shown, &self.asked.headers);
        let id = self.asked.id;
        self.broke(&failure);
        answer::problem(&failure, id)
    }

    fn close(&mut self, failure: Option<&Failure>) {
        let (Some(permit), Some(mut record)) = (self.permit.take(), self.record.take()) else {
            return;
        };
        let target = Arc::clone(&permit.target);
        let timing = match failure {
            None => permit.answered(),
            Some(failure) if tells_of_provider(failure) => permit.failed(failure),
            Some(_) => permit.excused(),
        };
        match failure {
            None => target.metrics.answered(&timing),
            Some(failure) => {
                self.core.shared.metrics.failed(&target.metrics, failure.class.code());
            }
        }
        record.attempt(AttemptRow {
            target: Arc::clone(&target.name),
            purpose: "first".into(),
            class: failure.map(|failure| failure.class),
            status: self.status,
            provider_code: None,
            upstream_request_id: self.upstream.take(),
            first_token_us: None,
            total_us: micros(timing.total),
        });
        let now = self.core.shared.clock.now();
        match failure {
            None => record.answered(None, now),
            Some(failure) => record.failed(failure, now),
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.excused();
        }
    }
}

/// Whether a failure speaks of the provider as a whole. A limit, a quota or a credential that is not
/// good for one path may be good for all others.
fn tells_of_provider(failure: &Failure) -> bool {
    let of_path = matches!(
        failure.class,
        Class::RateLimited
            | Class::Acceleration
            | Class::QuotaExhausted
            | Class::AuthRefused
            | Class::ModelNotFound
    );
    failure.fault() == Fault::Provider && !of_path
}

/// What an error status means, by itself: the body goes to the client unread.
fn refusal(status: u16, provider: &HeaderMap, now_unix: u64) -> Failure {
    let text = |name: &str| headers::text(provider, name);
    let head = ErrorHead::new(status, &text, Some(now_unix));
    let failure = head.failure_by_status().at(Stage::BeforeContent);
    if !matches!(failure.class, Class::ModelNotFound | Class::BadAnswer) {
        return failure;
    }
    let message = "the provider refused the request".into();
    Failure { class: Class::InvalidRequest, message, ..failure }
}

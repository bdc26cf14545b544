//! The last phase: journal, usage, evidence. A record that is dropped unfinished says so: the client
//! left.

pub(crate) mod cost;

use std::sync::Arc;
use std::time::Duration;

use backstop_exchange::{Finish, Loss};
use backstop_store::{AttemptRow, Entry, Outcome};
use backstop_vocabulary::{Class, Failure, Moment, Tier, Usage};

use crate::admit;
use crate::asked::Asked;
use crate::fitness::PassedOver;
use crate::gateway::Shared;
use crate::plan::Place;

/// What is known of one request so far.
#[derive(Debug)]
pub(crate) struct Record {
    shared: Arc<Shared>,
    asked: Arc<Asked>,
    route: Arc<str>,
    attempts: Vec<AttemptRow>,
    /// The attempt under way: its target, its purpose and its beginning.
    pending: Option<(Arc<str>, &'static str, Moment)>,
    losses: Vec<Loss>,
    passed_over: Vec<PassedOver>,
    usage: Option<Usage>,
    spent: cost::Spent,
    first_token: Option<Duration>,
    resumed: bool,
    answered_by: Option<AnsweredBy>,
    open: bool,
    /// The request is in progress until its last byte.
    _place: admit::Place,
}

#[derive(Debug)]
struct AnsweredBy {
    target: Arc<str>,
    rung: u8,
    tier: Tier,
}

impl Record {
    pub(crate) fn new(shared: Arc<Shared>, asked: Arc<Asked>, place: admit::Place) -> Self {
        shared.metrics.in_flight.inc();
        Self {
            shared,
            asked,
            route: "".into(),
            attempts: Vec::new(),
            pending: None,
            losses: Vec::new(),
            passed_over: Vec::new(),
            usage: None,
            spent: cost::Spent::default(),
            first_token: None,
            resumed: false,
            answered_by: None,
            open: true,
            _place: place,
        }
    }

    pub(crate) fn route(&mut self, route: &Arc<str>) {
        self.route = Arc::clone(route);
    }

    /// An attempt begins: should the client leave before it ends, the journal must know of it.
    pub(crate) fn begun(&mut self, target: &Arc<str>, purpose: &'static str, now: Moment) {
        self.pending = Some((Arc::clone(target), purpose, now));
    }

    /// The attempt ended.
    pub(crate) fn attempt(&mut self, row: AttemptRow) {
        self.pending = None;
        self.attempts.push(row);
    }

    /// How many attempts ended so far.
    pub(crate) fn attempts(&self) -> &[AttemptRow] {
        &self.attempts
    }

    /// The targets that are left out because of what the request asks.
    pub(crate) fn passed_over(&mut self, targets: Vec<PassedOver>) {
        self.passed_over = targets;
    }

    /// One more, found out only when its turn came.
    pub(crate) fn pass_over(&mut self, target: PassedOver) {
        self.passed_over.push(target);
    }

    /// Those on rungs down to this one, counted from 0.
    pub(crate) fn unfit(&self, rung: u8) -> impl Iterator<Item = &PassedOver> {
        self.passed_over.iter().filter(move |passed| passed.rung <= rung)
    }

    pub(crate) fn lost(&mut self, losses: &[Loss]) {
        for loss in losses {
            if !self.losses.contains(loss) {
                self.losses.push(loss.clone());
            }
        }
    }

    pub(crate) fn losses(&self) -> &[Loss] {
        &self.losses
    }

    pub(crate) fn first_token(&mut self, now: Moment) {
        let waited = now.since(self.asked.started);
        self.first_token.get_or_insert(waited);
    }

    pub(crate) fn resumed(&mut self) {
        self.resumed = true;
        self.shared.metrics.resumed.inc();
    }

    /// An attempt at this place used so much.
    pub(crate) fn used(&mut self, usage: Usage, place: Option<&Place>) {
        let price = place.and_then(|place| place.cost.as_ref());
        self.spent.add(price.and_then(|price| price.add(&usage)));
        self.usage = Some(self.usage.map_or(usage, |before| before.plus(usage)));
    }

    /// The target whose answer is delivered; known from the first byte on.
    pub(crate) fn answered_by(&mut self, place: &Place) {
        self.answered_by = Some(AnsweredBy {
            target: Arc::clone(&place.target.name),
            rung: place.rung + 1,
            tier: place.tier,
        });
    }

    /// A provider's answer is delivered that is no place of a ladder.
    pub(crate) fn delivered_by(&mut self, target: &Arc<str>, tier: Tier) {
        self.answered_by = Some(AnsweredBy { target: Arc::clone(target), rung: 1, tier });
    }

    /// The request was answered in full.
    pub(crate) fn answered(mut self, finish: Option<&Finish>, now: Moment) {
        if self.attempts.iter().any(|row| row.class.is_some()) {
            self.shared.metrics.rescued.inc();
        }
        self.close(Outcome::Answered, None, finish, now);
    }

    /// The request failed with this, at the client's eyes.
    pub(crate) fn failed(mut self, failure: &Failure, now: Moment) {
        tracing::warn!(
            request = %self.asked.id,
            route = %self.route,
            model = %self.asked.scan.model_name,
            code = failure.class.code(),
            attempts = self.attempts.len(),
            "request failed: {}", failure.message
        );
        self.close(Outcome::Failed, Some(failure.class), None, now);
    }

    fn close(
        &mut self,
        outcome: Outcome,
        class: Option<Class>,
        finish: Option<&Finish>,
        now: Moment,
    ) {
        self.open = false;
        if let Some((target, purpose, began)) = self.pending.take() {
            self.attempts.push(AttemptRow {
                target,
                purpose: purpose.into(),
                class: Some(Class::ClientLeft),
                status: None,
                provider_code: None,
                upstream_request_id: None,
                first_token_us: None,
                total_us: micros(now.since(began)),
            });
        }
        self.shared.metrics.in_flight.dec();
        self.shared.metrics.request(self.asked.api, outcome.name());
        let at_unix_ms = self.shared.clock.unix_ms(self.asked.started);
        let shared = Arc::clone(&self.shared);
        let clean = outcome == Outcome::Answered && !self.resumed && self.attempts.len() <= 1;
        let mut entry = || self.entry(at_unix_ms, (outcome, class), finish, now);
        if clean {
            // Above a rate most of these are not kept: then their entry is not even built.
            shared.journal.record_clean(at_unix_ms, entry);
        } else {
            shared.journal.record(entry());
        }
    }

    fn entry(
        &mut self,
        at_unix_ms: u64,
        (outcome, class): (Outcome, Option<Class>),
        finish: Option<&Finish>,
        now: Moment,
    ) -> Entry {
        let asked = &self.asked;
        let answered = self.answered_by.take();
        let down_to = answered.as_ref().map_or(u8::MAX, |by| by.rung - 1);
        let unfit = self.unfit(down_to).map(|passed| format!("{}={}", passed.target, passed.why));
        let losses = self.losses.iter().map(ToString::to_string).chain(unfit).collect();
        Entry {
            request: asked.id,
            at_unix_ms,
            caller: Arc::clone(&asked.caller.name),
            app: asked.caller.app.clone(),
            workflow: asked.caller.workflow.clone(),
            session: asked.caller.session.clone(),
            route: Arc::clone(&self.route),
            api: asked.api,
            model_asked: Box::from(asked.scan.model_name.as_str()),
            stream: asked.scan.stream,
            outcome,
            class,
            rung: answered.as_ref().map(|by| by.rung),
            tier: answered.as_ref().map(|by| by.tier),
            answered_by: answered.map(|by| Box::from(&*by.target)),
            finish: finish.map(|finish| finish.name().into()),
            resumed: self.resumed,
            losses,
            usage: self.usage,
            cost: self.spent.sum(),
            first_token_us: self.first_token.map(micros),
            total_us: micros(now.since(asked.started)),
            attempts: std::mem::take(&mut self.attempts),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.open {
            let now = self.shared.clock.now();
            self.close(Outcome::Left, Some(Class::ClientLeft), None, now);
        }
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

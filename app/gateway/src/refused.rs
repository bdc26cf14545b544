//! Requests that never got as far as a route: counted all, journaled a few a second.

use std::sync::{Arc, Mutex, PoisonError};

use backstop_store::{Entry, Outcome};
use backstop_vocabulary::{Api, Class, Failure, Moment, RequestId};

use crate::asked::Caller;
use crate::gateway::Shared;
use crate::record::micros;

/// The most refusals journaled in one second: a stranger who knocks without end must not fill the
/// disk. The metrics count the rest.
const ROWS_PER_SECOND_MAX: u32 = 10;

/// How many refusals were journaled in the second under way.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<(u64, u32)>);

impl Refusals {
    /// Whether one more may be journaled.
    fn admit(&self, now: Moment) -> bool {
        let second = now.since_zero().as_secs();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != second {
            *state = (second, 0);
        }
        state.1 += 1;
        state.1 <= ROWS_PER_SECOND_MAX
    }
}

/// What is known of a request when it is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) id: RequestId,
    pub(crate) started: Moment,
    pub(crate) api: Api,
    /// Nobody, as long as no key was recognised.
    pub(crate) caller: Option<&'a Caller>,
}

/// Notes a refusal.
pub(crate) fn note(shared: &Shared, refused: Refused<'_>, failure: &Failure) {
    let Refused { id, started, api, caller } = refused;
    shared.metrics.request(api, "refused");
    shared.metrics.refused(failure.class.code());
    let now = shared.clock.now();
    if !shared.refusals.admit(now) {
        return;
    }
    let code = failure.class.code();
    tracing::warn!(request = %id, code, "request refused: {}", failure.message);
    let left = failure.class == Class::ClientLeft;
    shared.journal.record(Entry {
        request: id,
        at_unix_ms: shared.clock.unix_ms(started),
        caller: caller.map_or_else(|| "".into(), |caller| Arc::clone(&caller.name)),
        app: caller.and_then(|caller| caller.app.clone()),
        workflow: caller.and_then(|caller| caller.workflow.clone()),
        session: caller.and_then(|caller| caller.session.clone()),
        route: "".into(),
        api,
        model_asked: "".into(),
        stream: false,
        outcome: if left { Outcome::Left } else { Outcome::Failed },
        class: Some(failure.class),
        rung: None,
        tier: None,
        answered_by: None,
        finish: None,
        resumed: false,
        losses: Vec::new(),
        usage: None,
        cost: None,
        first_token_us: None,
        total_us: micros(now.since(started)),
        attempts: Vec::new(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_ten_refusals_a_second_and_no_more() {
        let refusals = Refusals::default();
        let admitted =
            |second| (0..25).filter(|_| refusals.admit(Moment::from_secs(second))).count();
        assert_eq!((admitted(1), admitted(1), admitted(2)), (10, 0, 10));
    }
}

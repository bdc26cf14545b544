//! Sending with a token: the first one is waited for, and one that is refused is replaced once.

use std::sync::Arc;

use tokio::time::timeout_at;

use backstop_continuity::Attempt;
use backstop_dialects::Renames;
use backstop_identity::{Grant, Pass};
use backstop_providers::{Ask, Reply};
use backstop_vocabulary::{Class, Failure};

use crate::identity::access;
use crate::perform::{Journey, Prepared, Question};
use crate::permit::Permit;
use crate::plan::Place;

/// An answer, or a failure with the provider's own id of the request.
pub(crate) type Sent = Result<(Reply, Renames), (Failure, Option<Box<str>>)>;

impl Journey {
    /// Writes the request and sends it, whatever the target's credential is.
    pub(crate) async fn knock(
        &mut self,
        attempt: &Attempt,
        permit: &mut Permit,
        question: Question<'_>,
    ) -> Sent {
        let place = attempt.candidate;
        let Some(pass) = self.place(place).target.pass.clone() else {
            let prepared = self.prepare(place, question).map_err(|failure| (failure, None))?;
            return self.send(place, attempt, permit, prepared).await;
        };
        // Boxed: few targets are of this kind.
        Box::pin(self.knock_with(&pass, attempt, permit, question)).await
    }

    /// A failure that also names the targets that were not tried for want of a token, or of what the
    /// request gives by address.
    pub(crate) fn explained(&self, failure: Failure) -> Failure {
        let failure = self.with_what_lacked(failure);
        let now = self.core.shared.clock.now();
        let dead = |place: &&Place| {
            let pass = place.target.pass.as_ref();
            pass.is_some_and(|pass| pass.dead_until(now).is_some())
        };
        let Some(dead) = self.roster.places.iter().find(dead) else { return failure };
        if failure.class != Class::RungExhausted {
            return failure;
        }
        let message = format!("{}; without a token: {}", failure.message, dead.target.name);
        Failure { message: message.into(), ..failure }
    }

    async fn knock_with(
        &mut self,
        pass: &Arc<Pass>,
        attempt: &Attempt,
        permit: &mut Permit,
        question: Question<'_>,
    ) -> Sent {
        let clock = self.core.shared.clock;
        let by = clock.instant(attempt.first_token_by);
        let place = attempt.candidate;
        let granted = timeout_at(by, pass.wait(clock.now())).await;
        granted.unwrap_or_else(|_| Err(pass.failure())).map_err(|failure| (failure, None))?;
        let prepared = self.prepare(place, question).map_err(|failure| (failure, None))?;
        let (again, renames) = (copy(&prepared.ask), prepared.renames.clone());
        let grant = prepared.grant.clone();
        let sent = self.send(place, attempt, permit, prepared).await;
        let Err((failure, upstream)) = sent else { return sent };
        if failure.class != Class::AuthRefused {
            return Err((failure, upstream));
        }
        // A token may end, or be called back, before its time.
        let Some(grant) = grant else { return Err((failure, upstream)) };
        let newer = timeout_at(by, pass.replace(&grant, clock.now())).await;
        let Ok(Some(newer)) = newer else { return Err((failure, upstream)) };
        tracing::debug!(target = %permit.target.name, "a token was refused and is replaced");
        self.send_again(attempt, permit, (again, renames, newer)).await
    }

    async fn send_again(
        &self,
        attempt: &Attempt,
        permit: &mut Permit,
        (mut ask, renames, grant): (Ask, Renames, Arc<Grant>),
    ) -> Sent {
        let place = self.place(attempt.candidate);
        let row = place.row(&self.live).ok_or_else(|| {
            (Failure::new(Class::NoTarget, "the provider is not configured any more"), None)
        })?;
        let clock = self.core.shared.clock;
        access::authorise(&mut ask, place.at(row), &self.asked.headers, clock)
            .map_err(|failure| (failure, None))?;
        let prepared = Prepared { ask, renames, grant: Some(grant) };
        self.send(attempt.candidate, attempt, permit, prepared).await
    }
}

fn copy(ask: &Ask) -> Ask {
    Ask {
        method: ask.method.clone(),
        path: ask.path.clone(),
        headers: ask.headers.clone(),
        body: ask.body.clone(),
    }
}

//! What one attempt teaches about more than its own target.

use std::sync::atomic::Ordering;

use backstop_continuity::SecondOpinion;
use backstop_settings::Credential;
use backstop_vocabulary::{Class, Failure, Moment, Scope};

use crate::gateway::Shared;
use crate::live::Live;
use crate::plan::Roster;
use crate::table::Target;

/// Whether an attempt's failure took its target out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Yes,
    No,
}

impl Shared {
    /// The failure as it should be taken: some refusals that name the caller are the provider's, and
    /// a provider that refuses the client's own credential speaks of the client.
    pub(crate) fn judge(
        &self,
        roster: &Roster,
        (place, shape): (usize, u64),
        failure: &Failure,
        now: Moment,
    ) -> Failure {
        let at = &roster.places[place];
        let (auth, invalid) =
            (failure.class == Class::AuthRefused, failure.class == Class::InvalidRequest);
        if auth && at.credential == Credential::FromClient {
            let message = "the provider refused the credential that the client sent".into();
            return Failure { class: Class::KeyRefused, message, ..failure.clone() }
                .with_scope(Scope::Request);
        }
        if !auth && !invalid {
            return failure.clone();
        }
        let (at, opinion) = ((&at.candidate, shape), (SecondOpinion::None, now));
        self.doubts.judge(&roster.places, at, failure.clone(), opinion)
    }

    /// Another vendor accepted what this place refused: its health hears of it if it is to blame.
    pub(crate) fn settle_doubt(
        &self,
        roster: &Roster,
        (place, shape): (usize, u64),
        failure: &Failure,
        now: Moment,
    ) {
        let at = (&roster.places[place].candidate, shape);
        let opinion = (SecondOpinion::Answered, now);
        let judged = self.doubts.judge(&roster.places, at, failure.clone(), opinion);
        if judged.class == Class::ServerError {
            roster.places[place].target.cell.failed(now, &judged);
            self.doubts.handle_failure(at.0, &judged, now);
        }
    }

    /// An attempt was answered.
    pub(crate) fn note_success(&self, roster: &Roster, (place, shape): (usize, u64), now: Moment) {
        let place_of = &roster.places[place];
        if let Some(worked) =
            usize::try_from(shape).ok().and_then(|at| place_of.target.worked_at.get(at))
        {
            worked.store(now.nanos().max(1), Ordering::Relaxed);
        }
        self.doubts.handle_success(&place_of.candidate, now);
        // A rung that answers proves that it can take more from those above it.
        for above in roster.places[..place].iter().filter(|above| above.rung < place_of.rung) {
            above.target.cell.fallback_proved(now);
        }
    }

    /// Tells the other targets that a failure reaches: what would fail for the same reason.
    ///
    /// A dead credential is dead for all its models at once. An overloaded model is overloaded for
    /// every credential, but each has its own record: the others hear of it when this one is opened,
    /// not at every failure, which would count the same trouble once per key.
    pub(crate) fn spread(
        &self,
        live: &Live,
        (roster, place): (&Roster, usize),
        failure: &Failure,
        opened: Opened,
    ) {
        let now = self.clock.now();
        let failed = &roster.places[place];
        self.doubts.handle_failure(&failed.candidate, failure, now);
        let strained = matches!(
            failure.class,
            Class::RateLimited | Class::Acceleration | Class::Overloaded | Class::QuotaExhausted
        );
        for above in roster.places[..place].iter().filter(|above| above.rung < failed.rung) {
            if strained {
                above.target.cell.fallback_strained(now);
            }
        }
        let Some(row) = failed.row(live) else { return };
        let (credential, model) = (failed.candidate.credential, &failed.target.key.model);
        let reached = |stem: u16, other: &Target| match failure.scope {
            Scope::Credential => stem == credential,
            Scope::Model => opened == Opened::Yes && other.key.model == *model,
            // The address is the roll-ups' matter, which only reorder.
            Scope::Request | Scope::Target | Scope::LimitPool | Scope::Endpoint => false,
        };
        if matches!(failure.scope, Scope::Credential | Scope::Model) {
            for stem in &row.stems {
                let targets = stem.targets().into_iter();
                let others = targets.filter(|other| other.number != failed.target.number);
                others
                    .filter(|other| reached(stem.number, other))
                    .for_each(|other| other.cell.failed(now, failure));
            }
        }
    }
}

//! An attempt failed: everybody hears of it, and the request is mended where that helps.

use std::sync::Arc;

use backstop_continuity::{Attempt, AttemptPurpose};
use backstop_dialects::Lesson;
use backstop_exchange::{Effort, ReasoningForm};
use backstop_settings::Credential;
use backstop_vocabulary::{Class, Failure, Refused};

use super::{Journey, Question, row};
use crate::beside::embed;
use crate::evidence::Opened;
use crate::fitness::{Needs, thoughts};
use crate::headers;
use crate::permit::Permit;
use crate::plan::{self, Place, Roster};

impl Journey {
    /// A failure as it may be told: a provider's words may repeat the key that it was sent.
    pub(crate) fn discreet(&self, place: usize, failure: Failure) -> Failure {
        headers::discreet(failure, self.roster.places[place].shown(), &self.asked.headers)
    }

    /// A stand-in that refuses, after the target the request was made for had failed, judges the fit
    /// and not the request: the client must not take it for its own fault.
    fn fit_or_request(&self, place: usize, failure: &Failure) -> Failure {
        let stands_in = !self.roster.places[place].is_own && !self.record.attempts().is_empty();
        if stands_in && failure.class == Class::InvalidRequest {
            return Failure { class: Class::UnsupportedFeature, words: None, ..failure.clone() };
        }
        failure.clone()
    }

    pub(super) fn note_failure(
        &mut self,
        attempt: Attempt,
        permit: Permit,
        failure: &Failure,
        upstream: Option<Box<str>>,
    ) {
        let shared = Arc::clone(&self.core.shared);
        let now = shared.clock.now();
        let place = attempt.candidate;
        let failure = self.discreet(place, self.fit_or_request(place, failure));
        let failure = &shared.judge(&self.roster, (place, self.asked.shape()), &failure, now);
        let name = Arc::clone(&permit.target.name);
        shared.metrics.failed(&permit.target.metrics, failure.class.code());
        let timing = if is_clients_own(&self.roster.places[place], failure) {
            permit.excused()
        } else {
            let (target, before) = (Arc::clone(&permit.target), permit.target.cell.openings());
            let timing = permit.failed(failure);
            let opened = if target.cell.openings() == before { Opened::No } else { Opened::Yes };
            shared.spread(&self.live, (&self.roster, place), failure, opened);
            timing
        };
        self.course.handle_failure(now, attempt.candidate, failure);
        let unread = failure.class == Class::SignatureRefused
            && thoughts::refuse(&shared, &self.asked, &self.roster.places[place]);
        if unread || self.learn(attempt, failure) {
            self.course.mend(place);
        }
        let mut row = row(&name, attempt.purpose, timing, (failure.status, upstream));
        row.class = Some(failure.class);
        row.provider_code.clone_from(&failure.provider_code);
        tracing::debug!(request = %self.asked.id, target = %name, code = failure.class.code(), "attempt failed: {}", failure.message);
        self.record.attempt(row);
    }

    /// Remembers what the target says that it does not take, if a request can do without; says whether
    /// this one is another then.
    fn learn(&mut self, attempt: Attempt, failure: &Failure) -> bool {
        let Some(refused) = &failure.refused else { return false };
        let is_of_form = failure.class == Class::UnsupportedFeature;
        if !is_of_form || embed::wants_vectors(&self.asked) || !self.had(attempt, refused) {
            return false;
        }
        let at = attempt.candidate;
        let Some(lesson) = self.taught(at, |sent| Lesson::of(refused, sent)) else { return false };
        let place = &self.roster.places[at];
        if place.lessons.contains(&lesson) {
            return false;
        }
        let shared = &self.core.shared;
        let key = (self.asked.pupil(), place.target.number, place.dialect);
        tracing::info!(target = %place.target.name, "a target taught: {lesson}");
        self.live.learn(key, lesson, shared.clock.now());
        let Ok(roster) = plan::roster(&self.live, &self.asked, &shared.parts(&self.live)) else {
            return false;
        };
        let mended = same_places(&self.roster, &roster) && self.still_fits(&roster.places[at]);
        if mended {
            self.roster = roster;
        }
        mended
    }

    /// Whether there was anything of what the target says that it does not take. Fields are looked for
    /// in the body.
    fn had(&self, attempt: Attempt, refused: &Refused) -> bool {
        match refused {
            Refused::Prefill => {
                let asks = self.asked.full().is_ok_and(|full| full.features.prefill);
                let goes_on = attempt.purpose == AttemptPurpose::Resume
                    && self.roster.places[attempt.candidate].abilities.prefill;
                asks || goes_on
            }
            Refused::ToolsWithReasoning { .. } => {
                self.asked.scan.tools && self.reasons(attempt.candidate)
            }
            Refused::CallIds
            | Refused::Field(_)
            | Refused::Value(_)
            | Refused::Renamed { .. }
            | Refused::Both { .. } => true,
        }
    }

    /// Whether the model is asked to reason, or does so where nothing is said of it.
    fn reasons(&self, at: usize) -> bool {
        let Ok(full) = self.asked.full() else { return false };
        let said = &full.request.reasoning;
        let is_off = said.enabled == Some(false) || said.effort == Some(Effort::None);
        let is_on = said.enabled.is_some() || said.effort.is_some() || said.adaptive;
        let by_itself = self.roster.places[at].abilities.reasoning != ReasoningForm::None;
        !is_off && (is_on || said.budget_tokens.is_some() || by_itself)
    }

    /// The lesson of a refusal, by the body that was refused: it is written once more.
    fn taught(&self, at: usize, of: impl FnOnce(&[u8]) -> Option<Lesson>) -> Option<Lesson> {
        let delivery = self.roster.streams(&self.asked).into();
        let place = &self.roster.places[at];
        let asked = (&*self.asked, &*self.core.shared, self.media.as_deref());
        of(&place.body(asked, delivery, Question::Original).ok()?.bytes)
    }

    /// Whether the target can answer the request as it goes there from now on.
    fn still_fits(&self, place: &Place) -> bool {
        let delivery = self.roster.streams(&self.asked).into();
        let fits = place.fits(&self.asked, &Needs::of(&self.asked), delivery).is_ok();
        !place.is_hindered(&self.asked) && fits && place.has_credential(&self.asked)
    }
}

/// Whether two rosters are of the same targets in the same order.
fn same_places(old: &Roster, new: &Roster) -> bool {
    let of = |roster: &Roster| roster.places.iter().map(|it| it.target.number).collect::<Vec<_>>();
    of(old) == of(new)
}

/// Whether a failure is about the credential that the client itself brought: it says nothing about
/// the target for anybody else.
fn is_clients_own(place: &Place, failure: &Failure) -> bool {
    place.credential == Credential::FromClient
        && matches!(
            failure.class,
            Class::KeyRefused | Class::QuotaExhausted | Class::RateLimited | Class::Acceleration
        )
}

//! Phase 3: which targets may answer, in which order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::HeaderValue;

use backstop_continuity::{Awaits, Candidate, CoursePolicy, Method, Unfit};
use backstop_dialects::Lesson;
use backstop_exchange::{Abilities, Adjustment, Allowed};
use backstop_settings::{Credential, Delivery, Policy, Route, Rung, TargetChoice, TargetModel};
use backstop_surfaces::Surface;
use backstop_vocabulary::{Class, Dialect, Failure, Moment, Tier};

use crate::answer;
use crate::asked::Asked;
use crate::beside::embed;
use crate::fitness::issuers::Issuer;
use crate::fitness::lessons::Pupil;
use crate::fitness::media::Addresses;
use crate::fitness::{Needs, PassedOver};
use crate::headers::Shown;
use crate::identity::access::At;
use crate::live::{Live, Match};
use crate::record::cost::Cost;
use crate::table::{NamedBy, Parts, ProviderRow, Stem, Target};
use crate::view::sessions::Session;

/// How long before a client's own deadline it hears that there is no answer; a twentieth of a
/// shorter one.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// The targets of one route for one model name, in ladder order.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) route: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) matched: Match,
    pub(crate) places: Vec<Place>,
    /// Until when what targets taught counts: then it is made anew.
    pub(crate) good_until: Moment,
}

/// One target on one rung.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) target: Arc<Target>,
    /// The provider's name: the key of its row.
    pub(crate) provider: Arc<str>,
    /// Who is behind it.
    pub(crate) vendor: Arc<str>,
    /// What the provider itself calls the model.
    pub(crate) own_name: Arc<str>,
    pub(crate) dialect: Dialect,
    /// How its provider offers dialects and vectors.
    pub(crate) surface: Surface,
    pub(crate) credential: Credential,
    /// What it can do, as far as it has not taught otherwise.
    pub(crate) abilities: Arc<Abilities>,
    /// What it taught by refusing.
    pub(crate) lessons: Vec<Lesson>,
    /// What its answers may lack.
    pub(crate) allowed: Allowed,
    /// What it is asked otherwise than the client asked.
    pub(crate) adjustment: Adjustment,
    /// What its answers cost, where that is known.
    pub(crate) cost: Option<Cost>,
    pub(crate) tier: Tier,
    pub(crate) rung: u8,
    /// Whether it is the very model the client named, in the client's own dialect and all of it,
    /// asked just what the client asks: then it is the judge of the request.
    pub(crate) is_own: bool,
    /// Whether it is another model than the client named, and the catalogue knows what it takes:
    /// then even a request in its own dialect is fitted to it.
    pub(crate) is_known_stand_in: bool,
    /// Whether its provider and surface take media by address.
    pub(crate) addresses: Addresses,
    pub(crate) candidate: Candidate,
    /// Who it is to those who made the reasoning that clients carry.
    pub(crate) issuer: Issuer,
    /// `backstop-answer` when it answers at the first attempt, and `proxy-status` when it does with
    /// 200: nearly always.
    pub(crate) first_answer: Option<HeaderValue>,
    pub(crate) good_hop: Option<HeaderValue>,
}

/// The targets for this request.
pub(crate) fn roster(
    live: &Live,
    asked: &Asked,
    parts: &Parts<'_>,
) -> Result<Arc<Roster>, Failure> {
    let model = &asked.scan.model_name;
    let made = live.roster(asked, || {
        let (route, matched) = live.route(asked.dialect, model)?;
        let (now, places) = (asked.started, Vec::new());
        let builder = Builder {
            live,
            parts,
            asked: (asked.dialect, model),
            tools: asked.scan.tools,
            pupil: live.pupil(asked),
            now,
            matched,
            places,
            good_until: Moment::NEVER,
        };
        Some(builder.build(route))
    });
    made.ok_or_else(|| {
        let cure = "set a provider's key in the environment or write a route in backstop.yaml";
        Failure::new(Class::NoTarget, format!("the gateway has no route: {cure}"))
    })
}

struct Builder<'a> {
    live: &'a Live,
    parts: &'a Parts<'a>,
    /// What the client speaks, and the model it names.
    asked: (Dialect, &'a str),
    /// Whether the request has tools: it matters where a target has refused them.
    tools: bool,
    /// Who asks, if targets taught that one anything.
    pupil: Option<Pupil>,
    now: Moment,
    matched: Match,
    places: Vec<Place>,
    good_until: Moment,
}

impl Builder<'_> {
    fn build(mut self, route: &Route) -> Roster {
        for (rung, step) in (0_u8..).zip(&route.ladder) {
            let Rung::Targets(choices) = step else { continue };
            for choice in choices {
                if let Some(row) = self.live.providers.get(&choice.provider) {
                    self.add(route, rung, choice, row);
                }
            }
        }
        Roster {
            route: Arc::clone(&route.name),
            policy: route.policy.clone(),
            matched: self.matched,
            places: self.places,
            good_until: self.good_until,
        }
    }

    /// What a target taught the caller in this dialect; the roster is good until some of that is forgotten.
    fn lessons(&mut self, target: &Target, dialect: Dialect) -> Vec<Lesson> {
        let Some(pupil) = self.pupil else { return Vec::new() };
        let (lessons, until) = self.live.lessons.of((pupil, target.number, dialect), self.now);
        self.good_until = self.good_until.min(until);
        lessons
    }

    /// The dialect in which a target is asked, what it taught in that, and what it can do then. Where
    /// its usual one takes no tools while a model reasons, another of its own that does is better.
    /// `None` where it has none for the model.
    fn form(
        &mut self,
        (row, choice): (&ProviderRow, &TargetChoice),
        (target, model): (&Target, &str),
    ) -> Option<(Dialect, Vec<Lesson>, Arc<Abilities>)> {
        // Not the target's: it may be older than these settings.
        let known = || row.settings.abilities(self.parts.catalogue, model);
        let mut abilities = choice.abilities.clone().unwrap_or_else(known);
        let usual = row.settings.dialect_for(self.asked.0, model)?;
        let lessons = self.lessons(target, usual);
        let refused = self.tools && lessons.iter().any(Lesson::is_of_tools);
        let mut known = abilities.clone();
        for lesson in &lessons {
            lesson.teach(&mut known);
        }
        let hindered = usual == Dialect::OpenaiChat && !known.tools_with_reasoning;
        let better = Dialect::OpenaiResponses;
        if !hindered || (usual == self.asked.0 && !refused) || !row.settings.speaks(better) {
            return Some((usual, lessons, known.into()));
        }
        let lessons = self.lessons(target, better);
        abilities.reasoning = known.reasoning;
        for lesson in &lessons {
            lesson.teach(&mut abilities);
        }
        Some((better, lessons, abilities.into()))
    }

    /// Exact names only: of those that merely look like a known model there is no end.
    fn named_by(&self, model: &str) -> NamedBy {
        let listed = self.parts.catalogue.models().iter().any(|of| of.listed_name() == Some(model));
        if listed { NamedBy::Us } else { NamedBy::Client }
    }

    fn add(&mut self, route: &Route, rung: u8, choice: &TargetChoice, row: &ProviderRow) {
        let (model, named_by) = match &choice.model {
            TargetModel::AsAsked => (self.asked.1, self.named_by(self.asked.1)),
            TargetModel::Named(name) => (&**name, NamedBy::Us),
        };
        if !row.settings.may_offer(model) {
            return;
        }
        let forbidden = route.policy.never.contains(&row.settings.vendor);
        for stem in &row.stems {
            let target = stem.target(&row.settings, (model, named_by), self.parts);
            let form = self.form((row, choice), (&target, model));
            let Some((dialect, lessons, abilities)) = form else { continue };
            let candidate = Candidate {
                target: target.number,
                rung,
                tier: choice.tier,
                vendor: row.vendor,
                provider: row.number,
                credential: stem.number,
                model: target.model_number,
                pool: u16::try_from(target.number).unwrap_or(u16::MAX),
                weight: if stands_by(row, stem) { 0 } else { choice.share },
                context_tokens_max: abilities.context_tokens_max,
                standing: if forbidden { Err(Unfit::Forbidden) } else { Ok(()) },
            };
            let mut place = Place {
                provider: Arc::clone(&choice.provider),
                vendor: Arc::clone(&row.settings.vendor),
                own_name: row.settings.own_name(model).into(),
                surface: row.settings.surface.clone(),
                dialect,
                credential: stem.credential.clone(),
                tier: choice.tier,
                rung,
                is_own: (dialect, model) == self.asked
                    && choice.adjustment.is_empty()
                    && row.settings.surface.is_whole(),
                is_known_stand_in: model != self.asked.1
                    && self.parts.catalogue.model(&row.settings.vendor, model).is_some(),
                abilities,
                lessons,
                cost: Cost::of(
                    self.parts.catalogue,
                    (&row.settings.vendor, model),
                    (self.parts.metrics, &target.metrics),
                ),
                allowed: route.policy.allow_loss.and(&choice.allow_loss),
                adjustment: choice.adjustment.clone(),
                addresses: addresses(row, dialect),
                issuer: Issuer::of(&target.key),
                target,
                candidate,
                first_answer: None,
                good_hop: answer::next_hop(&choice.provider, 200),
            };
            place.first_answer = answer::provenance(&place, (&route.name, self.matched), 1);
            self.places.push(place);
        }
    }
}

/// Whether a credential stands by: of two kinds, keys and tokens, the one that is listed first is
/// used, and the other when that one fails.
fn stands_by(row: &ProviderRow, stem: &Stem) -> bool {
    let is_ours = |stem: &Stem| stem.credential != Credential::FromClient;
    let first = row.stems.iter().find(|stem| is_ours(stem));
    is_ours(stem) && first.is_some_and(|first| first.pass.is_some() != stem.pass.is_some())
}

impl Roster {
    /// The candidates for one request: the roster's, less those that cannot serve it.
    pub(crate) fn candidates(&self, asked: &Asked) -> Result<Vec<Candidate>, Failure> {
        let mut needs = None;
        let mut candidates = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let mut candidate = place.candidate.clone();
            let vectors = embed::wants_vectors(asked);
            if candidate.standing.is_ok() && vectors {
                candidate.standing = embed::standing(place, asked);
            }
            // The model the client named, at a provider of its own dialect: its own judge, but for
            // what the client lays down for its data.
            let judged = !place.is_own || asked.scan.rules;
            if candidate.standing.is_ok() && judged && !vectors {
                let needs = needs.get_or_insert_with(|| Needs::of(asked));
                let delivery = self.streams(asked).into();
                candidate.standing = place.fits(asked, needs, delivery);
            }
            if candidate.standing.is_ok() && place.is_hindered(asked) {
                candidate.standing = Err(Unfit::Request("takes no tools while it reasons".into()));
            }
            if candidate.standing.is_ok() && !place.has_credential(asked) {
                candidate.standing = Err(Unfit::NoCredential);
            }
            if candidate.standing.is_ok() {
                // Also of a target that is out of service: whom clients want is probed.
                place.target.asked_at.store(asked.started.nanos(), Ordering::Relaxed);
                if place.target.gives_vectors.load(Ordering::Relaxed) != vectors {
                    place.target.gives_vectors.store(vectors, Ordering::Relaxed);
                }
            }
            candidates.push(candidate);
        }
        if let Some(Needs::Unreadable(failure)) = needs
            && candidates.iter().all(|candidate| candidate.standing.is_err())
        {
            return Err(failure);
        }
        self.prefer_own(&mut candidates);
        Ok(candidates)
    }

    /// The targets that cannot serve this very request.
    pub(crate) fn passed_over(&self, candidates: &[Candidate]) -> Vec<PassedOver> {
        let unfit = |(place, candidate): (&Place, &Candidate)| match &candidate.standing {
            Err(why @ Unfit::Request(_)) => Some(PassedOver {
                target: Arc::clone(&place.target.name),
                rung: place.rung,
                why: why.clone(),
            }),
            Err(Unfit::Forbidden | Unfit::NoCredential | Unfit::Loop | Unfit::OtherVectors)
            | Ok(()) => None,
        };
        self.places.iter().zip(candidates).filter_map(unfit).collect()
    }

    /// Where the client's own credential can be used, ours for the same provider stand by.
    fn prefer_own(&self, candidates: &mut [Candidate]) {
        for (at, place) in self.places.iter().enumerate() {
            let own = place.credential == Credential::FromClient;
            if !own || candidates[at].standing.is_err() {
                continue;
            }
            let (rung, provider) = (candidates[at].rung, candidates[at].provider);
            for (ours, place) in candidates.iter_mut().zip(&self.places) {
                let same = (ours.rung, ours.provider) == (rung, provider);
                if same && place.credential != Credential::FromClient {
                    ours.weight = 0;
                }
            }
        }
    }

    /// Whether providers are asked for a stream: because the client is, or because the route fetches
    /// whole answers that way.
    pub(crate) fn streams(&self, asked: &Asked) -> bool {
        let restreams = self.policy.delivery == Delivery::Whole;
        (asked.scan.stream || restreams) && !embed::wants_vectors(asked)
    }

    /// The policy of one request's course.
    pub(crate) fn policy(&self, asked: &Asked, session: Option<&Session>) -> CoursePolicy {
        let deadline = deadline(&self.policy, asked);
        CoursePolicy {
            attempts_max: self.policy.attempts_max,
            patience: self.policy.patience,
            trickle: if session.is_none_or(Session::may_trickle) {
                self.policy.trickle
            } else {
                0.0
            },
            first_token_max: self.policy.first_token_max,
            affinity: asked.affinity(),
            home: session.and_then(Session::home),
            awaits: if self.streams(asked) { Awaits::FirstToken } else { Awaits::Whole },
            ..CoursePolicy::new(asked.started + deadline)
        }
    }
}

impl Place {
    /// How its model is asked to go on where another broke off.
    pub(crate) fn way_on(&self) -> Method {
        if self.abilities.prefill { Method::Prefill } else { Method::Instruction }
    }

    /// Whether it has refused tools while it reasons, and cannot be told not to reason.
    pub(crate) fn is_hindered(&self, asked: &Asked) -> bool {
        let refused = || self.lessons.iter().any(Lesson::is_of_tools);
        asked.scan.tools && refused() && !self.abilities.reasoning_optional
    }

    pub(crate) fn has_credential(&self, asked: &Asked) -> bool {
        match &self.credential {
            // What a client brings opens the door of its own vendor only.
            Credential::FromClient => self.dialect == asked.dialect && asked.brings_its_own(),
            Credential::Key { .. } | Credential::Identity { .. } | Credential::None => true,
        }
    }

    /// What its provider is shown.
    pub(crate) fn shown(&self) -> Shown<'_> {
        (&self.credential, self.target.pass.as_deref())
    }

    /// Where its attempts go, and with which credential.
    pub(crate) fn at<'a>(&'a self, row: &'a ProviderRow) -> At<'a> {
        At { row, dialect: self.dialect, credential: &self.credential, target: &self.target }
    }

    /// The row of its provider.
    pub(crate) fn row<'a>(&self, live: &'a Live) -> Option<&'a ProviderRow> {
        live.providers.get(&self.provider)
    }
}

fn addresses(row: &ProviderRow, dialect: Dialect) -> Addresses {
    let taken = row.settings.takes_urls && row.settings.surface.takes_addresses(dialect);
    if taken { Addresses::Taken } else { Addresses::Refused }
}

/// The time a request has: the route's, lowered by what the client announces.
fn deadline(policy: &Policy, asked: &Asked) -> Duration {
    let own = if asked.scan.stream { policy.deadline_stream } else { policy.deadline_whole };
    asked.announced_timeout().map_or(own, |announced| own.min(within(announced)))
}

/// When the client leaves if it has been given nothing: never, unless it says so.
pub(crate) fn client_leaves_at(asked: &Asked) -> Moment {
    let announced = asked.announced_timeout();
    announced.map_or(Moment::NEVER, |announced| asked.started + within(announced))
}

/// When a stream of this policy ends, however it progresses.
pub(crate) fn ends_at(policy: &Policy, asked: &Asked) -> Moment {
    let longest = asked.background.map(|wish| wish.longest);
    let total = [policy.total, longest].into_iter().flatten().min();
    total.map_or(Moment::NEVER, |total| asked.started + total)
}

/// A client that waits for exactly as long as we do leaves before our error reaches it, so ours ends
/// a little sooner.
fn within(announced: Duration) -> Duration {
    announced.saturating_sub(FAREWELL_MAX.min(announced / 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hears_of_the_end_before_it_leaves() {
        assert_eq!(within(Duration::from_secs(60)), Duration::from_millis(59_500));
        assert_eq!(within(Duration::from_secs(2)), Duration::from_millis(1_900));
        assert_eq!(within(Duration::ZERO), Duration::ZERO);
    }
}

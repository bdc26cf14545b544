use std::time::Duration;

use backstop_vocabulary::Moment;

use crate::sample::weighted;
use crate::scenario::fits;
use crate::{Ask, Phase, Scope, Severity, Symptom};

use super::World;

/// What becomes of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connecting {
    /// It is taken.
    Accepted,
    /// It is refused.
    Refused,
    /// The name is not resolved.
    NoName,
    /// The handshake fails.
    BadHandshake,
}

impl World {
    /// Says what becomes of a connection that is opened now. Only faults of the whole provider show
    /// here; narrower ones show when a request comes.
    pub fn connect(&mut self, now: Moment, provider: &str) -> Connecting {
        let at = self.elapsed(now);
        let mut hits = Vec::new();
        for behaviour in &self.behaviours {
            if behaviour.symptom.at_connect() && at_endpoint(&behaviour.scope, provider) {
                hits.push((behaviour.symptom, behaviour.share));
            }
        }
        for phase in &self.scenario.phases {
            if at_endpoint(&phase.scope, provider) {
                let share = phase.share_at(at, self.severity);
                let total: f64 = phase.symptoms.iter().map(|(_, weight)| weight).sum();
                let here = phase.symptoms.iter().filter(|(symptom, _)| symptom.at_connect());
                hits.extend(here.map(|(symptom, weight)| (*symptom, share * weight / total)));
            }
        }
        let hit = hits.into_iter().find(|(_, share)| self.chance.happens(*share));
        match hit {
            Some((Symptom::Dns, _)) => Connecting::NoName,
            Some((Symptom::Tls, _)) => Connecting::BadHandshake,
            Some(_) => Connecting::Refused,
            None => Connecting::Accepted,
        }
    }

    /// The fault that hits this request, if any does.
    pub(super) fn draw_symptom(&mut self, now: Moment, ask: &Ask) -> Option<Symptom> {
        let at = self.elapsed(now);
        for nth in 0..self.behaviours.len() {
            let Some(behaviour) = self.behaviours.get(nth) else { break };
            let (symptom, share) = (behaviour.symptom, behaviour.share);
            let drawn = drawn_before(ask, symptom, &behaviour.scope);
            let hit = hits(&behaviour.scope, ask) && !drawn && concerns(symptom, ask);
            if hit && self.chance.happens(share) {
                return Some(symptom);
            }
        }
        for phase in &self.scenario.phases {
            if at < phase.from || at >= phase.to || !hits(&phase.scope, ask) {
                continue;
            }
            let share = phase.share_at(at, self.severity);
            let left = symptoms_left(ask, phase);
            if !self.chance.happens(share_left(phase, &left, share)) {
                continue;
            }
            let symptom = weighted(&left, &mut self.chance).copied();
            let felt = symptom.filter(|symptom| concerns(*symptom, ask));
            if felt.is_some() {
                return felt;
            }
        }
        None
    }
}

impl Phase {
    /// The share of requests hit at this time of the scenario.
    pub fn share_at(&self, at: Duration, severity: Severity) -> f64 {
        if at < self.from || at >= self.to {
            return 0.0;
        }
        let into = at.saturating_sub(self.from).as_secs_f64();
        if let Some(wave) = self.wave {
            let period = wave.period.as_secs_f64().max(1e-9);
            if (into % period) / period >= wave.duty {
                return 0.0;
            }
        }
        let end = self.share.at(severity);
        self.ramp_from.map_or(end, |from| {
            let whole = self.to.saturating_sub(self.from).as_secs_f64().max(1e-9);
            let begin = from.at(severity);
            begin + (end - begin) * (into / whole)
        })
    }
}

/// The symptoms that a request may still meet on its connection, with their weights.
fn symptoms_left(ask: &Ask, phase: &Phase) -> Vec<(Symptom, f64)> {
    let left = phase.symptoms.iter().copied();
    left.filter(|(symptom, _)| !drawn_before(ask, *symptom, &phase.scope)).collect()
}

/// The share hit by them, of the requests whose connection came to be: so that of all requests the
/// phase's own share is hit.
fn share_left(phase: &Phase, left: &[(Symptom, f64)], share: f64) -> f64 {
    let sum = |symptoms: &[(Symptom, f64)]| symptoms.iter().map(|(_, weight)| weight).sum::<f64>();
    let part = sum(left) / sum(&phase.symptoms).max(1e-9);
    let connected = 1.0 - share * (1.0 - part);
    if connected <= 0.0 { 0.0 } else { share * part / connected }
}

/// A connection fault of the whole provider was already drawn when the connection was opened.
fn drawn_before(ask: &Ask, symptom: Symptom, scope: &Scope) -> bool {
    ask.fresh_connection && symptom.at_connect() && scope.is_endpoint_wide()
}

/// Whether a symptom can be seen on such a request at all.
fn concerns(symptom: Symptom, ask: &Ask) -> bool {
    symptom != Symptom::GarbledArguments || !ask.tools.is_empty() || ask.schema.is_some()
}

fn at_endpoint(scope: &Scope, provider: &str) -> bool {
    scope.is_endpoint_wide() && any(&scope.providers, provider)
}

fn hits(scope: &Scope, ask: &Ask) -> bool {
    let method = if ask.delivery.is_stream() { "stream" } else { "unary" };
    any(&scope.providers, &ask.provider)
        && (scope.models.is_empty() || scope.models.iter().any(|model| fits(model, &ask.model)))
        && any(&scope.populations, ask.population.as_deref().unwrap_or_default())
        && any(&scope.credentials, &ask.credential)
        && any(&scope.regions, ask.region.as_deref().unwrap_or_default())
        && any(&scope.methods, method)
}

fn any(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|known| known == name)
}

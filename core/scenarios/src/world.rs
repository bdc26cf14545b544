//! The simulated providers on simulated time.

use std::time::Duration;

use backstop_vocabulary::{Chance, Moment};

use crate::symptom::{Complaint, RetryAdvice};
use crate::{Ask, Outcome, ProviderSettings, Refusal, Reply, Scenario, Severity, Symptom, Token};

mod behaviour;
mod compose;
mod faults;
mod login;
mod places;
mod timeline;

#[cfg(test)]
mod tests;

pub use behaviour::Behaviour;
pub use faults::Connecting;
pub use login::SDK_LOGIN;

use compose::Composer;
use places::{Admission, Provider};

/// Providers that answer, fail and tire as a scenario says. Told the time, never asks for it.
#[derive(Clone, Debug)]
pub struct World {
    scenario: Scenario,
    severity: Severity,
    /// The moment of the scenario's zero.
    epoch: Moment,
    providers: Vec<Provider>,
    behaviours: Vec<Behaviour>,
    chance: Chance,
    serial: u64,
    sessions: login::Sessions,
}

impl World {
    /// A world whose scenario begins at [`Moment::ZERO`].
    pub fn new(scenario: &Scenario, severity: Severity, seed: u64) -> Self {
        let providers = scenario.providers.iter().map(Provider::new).collect();
        Self {
            scenario: scenario.clone(),
            severity,
            epoch: Moment::ZERO,
            providers,
            behaviours: Vec::new(),
            chance: Chance::from_seed(seed ^ 0x5743_A11D),
            serial: 0,
            sessions: login::Sessions::default(),
        }
    }

    /// The same world, its scenario beginning at `epoch`.
    #[must_use]
    pub const fn starting_at(mut self, epoch: Moment) -> Self {
        self.epoch = epoch;
        self
    }

    /// The scenario that is played.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The settings of a provider.
    pub fn provider(&self, name: &str) -> Option<&ProviderSettings> {
        self.scenario.provider(name)
    }

    /// Faults set from outside, on top of the scenario's own.
    pub fn behaviours(&self) -> &[Behaviour] {
        &self.behaviours
    }

    /// Replaces the faults set from outside.
    pub fn set_behaviours(&mut self, behaviours: Vec<Behaviour>) {
        self.behaviours = behaviours;
    }

    /// Answers a request that arrives now. The token, if any, must come back with
    /// [`World::finished`] when the exchange is over, however it ended.
    pub fn respond(&mut self, now: Moment, ask: &Ask) -> Reply {
        self.serial += 1;
        let Some(index) = self.index_of(&ask.provider) else {
            let refusal = Refusal::new(404, "not_found_error", "no such simulated provider");
            return self.composer(ask, None).refused(&refusal, None);
        };
        if !self.knows_caller(now, index, ask) {
            return self.complain(ask, Complaint::Auth401, None);
        }
        let symptom = self.draw_symptom(now, ask);
        if let Some(Symptom::Says(complaint)) = symptom {
            return self.complain(ask, complaint, symptom);
        }
        if let Some(reply) =
            symptom.and_then(|symptom| self.composer(ask, None).unanswered(symptom))
        {
            return reply;
        }
        let settings = &self.scenario.providers[index];
        if let Some(life) = settings.tokens {
            return self.give_token(now, ask, (symptom, life));
        }
        let base = settings.base;
        let busy = match settings.dialect {
            backstop_vocabulary::Dialect::AnthropicMessages => Complaint::Status(529),
            backstop_vocabulary::Dialect::OpenaiChat
            | backstop_vocabulary::Dialect::OpenaiResponses
            | backstop_vocabulary::Dialect::Gemini
            | backstop_vocabulary::Dialect::BedrockConverse => Complaint::Status(503),
        };
        let draw = self.chance.unit();
        if draw < base.server_errors {
            return self.complain(ask, Complaint::Status(500), None);
        }
        if draw < base.server_errors + base.rate_limits {
            let advice = RetryAdvice::Seconds(1);
            return self.complain(ask, Complaint::RateLimit(advice), None);
        }
        let serial = self.serial;
        match self.providers[index].admit(now, &self.scenario.providers[index], serial) {
            Admission::Serve { place, wait } => {
                let token = Token { provider: index, place, serial };
                let mut reply = self.composer(ask, Some(token)).answered(symptom, wait);
                let holds = match reply.outcome {
                    Outcome::Silent => None,
                    Outcome::Answered
                    | Outcome::Status(..)
                    | Outcome::Transport
                    | Outcome::Broken => Some(now + reply.ends_after),
                };
                self.providers[index].expect(token, holds.unwrap_or(Moment::NEVER));
                reply.token = Some(token);
                reply
            }
            Admission::Busy => self.complain(ask, busy, None),
            Admission::Limited { seconds } => {
                self.complain(ask, Complaint::RateLimit(RetryAdvice::Seconds(seconds)), None)
            }
            Admission::TooFast => self.complain(ask, Complaint::Acceleration, None),
        }
    }

    /// Frees the place of a request that is over.
    pub fn finished(&mut self, now: Moment, token: Token) {
        if let Some(provider) = self.providers.get_mut(token.provider) {
            provider.free(now, token);
        }
    }

    /// How many requests a provider serves now.
    pub fn in_flight(&self, now: Moment, provider: &str) -> usize {
        self.index_of(provider).map_or(0, |index| self.providers[index].busy(now))
    }

    fn complain(&mut self, ask: &Ask, complaint: Complaint, symptom: Option<Symptom>) -> Reply {
        if let Complaint::Status(status @ (502 | 530)) = complaint {
            return self.composer(ask, None).web_page(status, symptom);
        }
        let refusal = Refusal::of(complaint, ask.dialect);
        self.composer(ask, None).refused(&refusal, symptom)
    }

    fn index_of(&self, provider: &str) -> Option<usize> {
        self.scenario.providers.iter().position(|known| known.name == provider)
    }

    /// Scenario time.
    fn elapsed(&self, now: Moment) -> Duration {
        now.since(self.epoch)
    }

    fn composer<'a>(&'a mut self, ask: &'a Ask, token: Option<Token>) -> Composer<'a> {
        let chance = self.chance.fork(self.serial);
        Composer::new(&self.scenario, ask, token, (chance, self.serial))
    }
}

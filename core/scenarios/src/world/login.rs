//! Token endpoints, and who takes their tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_vocabulary::Moment;

use crate::symptom::Complaint;
use crate::{Ask, Connecting, Reply, Symptom};

use super::World;

/// What a client shows whose SDK logs in by itself: it keeps a token until that ends, and asks for
/// the next when a request needs one, as the vendors' own libraries do.
pub const SDK_LOGIN: &str = "sdk-login";

/// Until when the token is good that SDKs hold, by token endpoint.
pub(super) type Sessions = BTreeMap<String, Moment>;

impl World {
    /// Whether a provider takes what this request shows.
    pub(super) fn knows_caller(&mut self, now: Moment, index: usize, ask: &Ask) -> bool {
        let settings = &self.scenario.providers[index];
        let Some(login) = settings.login.clone() else { return true };
        if settings.keys.contains(&ask.credential) {
            return true;
        }
        if ask.credential == SDK_LOGIN {
            return self.is_logged_in(now, &login);
        }
        until(&ask.credential, &login).is_some_and(|until| self.elapsed(now) < until)
    }

    /// Whether an SDK holds a token, or gets one now.
    fn is_logged_in(&mut self, now: Moment, login: &str) -> bool {
        if self.sessions.get(login).is_some_and(|until| now < *until) {
            return true;
        }
        let Some(settings) = self.scenario.provider(login) else { return false };
        let (life, dialect) = (settings.tokens.unwrap_or_default(), settings.dialect);
        let asked = Ask { fresh_connection: true, ..Ask::text(login, dialect, "", "") };
        let reached = self.connect(now, login) == Connecting::Accepted;
        if !reached || self.draw_symptom(now, &asked).is_some() {
            return false;
        }
        self.sessions.insert(login.to_owned(), now + life);
        true
    }

    /// A token that says until when it is good. What else than time befalls it is a refusal.
    pub(super) fn give_token(
        &mut self,
        now: Moment,
        ask: &Ask,
        (symptom, life): (Option<Symptom>, Duration),
    ) -> Reply {
        let wait = match symptom {
            None => Duration::ZERO,
            Some(Symptom::StallThenSuccess(wait) | Symptom::SlowFirstToken(wait)) => wait,
            Some(_) => return self.complain(ask, Complaint::Status(500), symptom),
        };
        let until = (self.elapsed(now) + life).as_millis();
        let token = format!("{}{until}", prefix(&ask.provider));
        let body = serde_json::json!({
            "access_token": token, "token_type": "Bearer", "expires_in": life.as_secs(),
        });
        self.composer(ask, None).token(&body, wait, symptom)
    }
}

fn prefix(login: &str) -> String {
    format!("token-of-{login}-until-")
}

/// Until when a token of this endpoint is good, in scenario time.
fn until(token: &str, login: &str) -> Option<Duration> {
    token.strip_prefix(&prefix(login))?.parse().ok().map(Duration::from_millis)
}

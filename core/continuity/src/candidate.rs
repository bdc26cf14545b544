use std::borrow::Cow;
use std::fmt;

use backstop_vocabulary::{Scope, Tier};

/// A target that may answer one request: where it stands in the ladder and what it shares with
/// others. Numbers are the caller's own indexes; only their equality matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The target's index in the caller's table.
    pub target: usize,
    /// The rung it stands on; 0 is the best.
    pub rung: u8,
    /// What its answers are worth on this route.
    pub tier: Tier,
    /// The failure domain: targets of one vendor tend to fail together.
    pub vendor: u16,
    /// The provider: one address, whatever the model and credential.
    pub provider: u16,
    /// The credential, unique over all providers.
    pub credential: u16,
    /// The model at its provider; the same number for the same model under another credential.
    pub model: u16,
    /// The pool of rate limits it draws from, unique over all providers: one credential and model
    /// family. Without knowledge of families, a number per target is the safe choice.
    pub pool: u16,
    /// Its share of normal traffic among the targets of its rung; 0 is a pure standby.
    pub weight: u32,
    /// Its context window in tokens; `None` when unknown.
    pub context_tokens_max: Option<u64>,
    /// Whether it can serve this request at all.
    pub standing: Result<(), Unfit>,
}

/// Why a target cannot serve this request, whatever its health.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// It cannot do what this request asks; what it says of itself: `lacks tools`.
    Request(Cow<'static, str>),
    /// The route forbids its vendor.
    Forbidden,
    /// It is another model than the one asked for, whose vectors mean something else.
    OtherVectors,
    /// It would need the client's own credential, and the client sent none for it.
    NoCredential,
    /// The request would come back to this gateway.
    Loop,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(why) => f.write_str(why),
            Self::Forbidden => f.write_str("is forbidden on this route"),
            Self::OtherVectors => {
                f.write_str("is another model, whose vectors cannot be compared with these")
            }
            Self::NoCredential => f.write_str("needs a credential that the client did not send"),
            Self::Loop => f.write_str("leads back to this gateway"),
        }
    }
}

impl Candidate {
    /// Whether a failure of `self` that reaches this far would meet `other` as well.
    pub fn shares(&self, other: &Self, scope: Scope) -> bool {
        match scope {
            Scope::Request => false,
            Scope::Target => self.target == other.target,
            Scope::LimitPool => self.pool == other.pool,
            Scope::Credential => self.credential == other.credential,
            Scope::Model => self.provider == other.provider && self.model == other.model,
            Scope::Endpoint => self.provider == other.provider,
        }
    }
}

/// The targets that a failure of `failed` with this scope covers, itself included unless the scope
/// is the request: where the caller pauses or blocks what would fail for the same reason.
pub fn reach<'a>(
    failed: &'a Candidate,
    scope: Scope,
    all: &'a [Candidate],
) -> impl Iterator<Item = usize> + 'a {
    all.iter().filter(move |other| failed.shares(other, scope)).map(|other| other.target)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fit full-tier candidate of its own vendor, provider, credential, model and pool.
    pub(crate) fn candidate(target: u16, rung: u8) -> Candidate {
        Candidate {
            target: usize::from(target),
            rung,
            tier: Tier::Full,
            vendor: target,
            provider: target,
            credential: target,
            model: target,
            pool: target,
            weight: 100,
            context_tokens_max: None,
            standing: Ok(()),
        }
    }

    #[test]
    fn reaches_exactly_what_shares_the_cause() {
        // Two keys with two models each at one provider, and another provider.
        let mut all: Vec<_> = (0..5).map(|n| candidate(n, 0)).collect();
        for (n, other) in all.iter_mut().enumerate().take(4) {
            let n = u16::try_from(n).unwrap();
            (other.vendor, other.provider, other.credential, other.model) = (0, 0, n / 2, n % 2);
            other.pool = n / 2;
        }
        let reached = |scope| reach(&all[0], scope, &all).collect::<Vec<_>>();
        assert!(reached(Scope::Request).is_empty());
        assert_eq!(reached(Scope::Target), [0]);
        assert_eq!(reached(Scope::LimitPool), [0, 1]);
        assert_eq!(reached(Scope::Credential), [0, 1]);
        assert_eq!(reached(Scope::Model), [0, 2]);
        assert_eq!(reached(Scope::Endpoint), [0, 1, 2, 3]);
    }
}

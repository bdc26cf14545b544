use std::fmt;

use backstop_exchange::{Abilities, Adjustment, Allowed, Features, Forfeit};
use backstop_vocabulary::Dialect;

/// What a request meets at one target.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The dialect the client speaks.
    pub client: Dialect,
    /// The dialect in which the target is asked.
    pub target: Dialect,
    /// Who is behind the target.
    pub vendor: &'a str,
    /// What the target can do.
    pub abilities: &'a Abilities,
    /// What the route lets it go without.
    pub allowed: &'a Allowed,
    /// What it is asked otherwise than the client asked.
    pub adjustment: &'a Adjustment,
}

impl Terms<'_> {
    fn crosses(&self) -> bool {
        self.client != self.target
    }
}

/// Why a target cannot serve a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The model cannot do this; no route can allow to go without it.
    Missing(&'static str),
    /// The answer would come without these, and the route does not allow it.
    Loses(Vec<Forfeit>),
    /// This field means something at a provider of the client's dialect only.
    Bound(String),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "lacks {what}"),
            Self::Loses(forfeits) => {
                f.write_str("would lose ")?;
                for (nth, forfeit) in forfeits.iter().enumerate() {
                    let joint = if nth == 0 { "" } else { " and " };
                    write!(f, "{joint}{forfeit}")?;
                }
                Ok(())
            }
            Self::Bound(field) => write!(f, "cannot honour {field} of another provider"),
        }
    }
}

/// Whether a target may serve a request with these needs.
pub fn standing(needs: &Features, terms: &Terms<'_>) -> Result<(), Lack> {
    if let Some(field) = needs.bound.as_ref().filter(|_| terms.crosses()) {
        return Err(Lack::Bound(field.clone()));
    }
    if needs.warms_cache && terms.crosses() {
        return Err(Lack::Missing("the warming of a prompt cache"));
    }
    if let Some(lack) = terms.abilities.lack(needs) {
        return Err(Lack::Missing(lack));
    }
    let mut refused = forfeits(needs, terms);
    refused.retain(|forfeit| !terms.allowed.allows(forfeit));
    if refused.is_empty() { Ok(()) } else { Err(Lack::Loses(refused)) }
}

/// What the answer would come without at this target, allowed or not.
pub fn forfeits(needs: &Features, terms: &Terms<'_>) -> Vec<Forfeit> {
    let Terms { abilities, .. } = terms;
    let crosses = terms.crosses();
    let sound = abilities.audio && takes_sound(terms.target);
    let refuses = |field| abilities.habits.refuse(field);
    let plain = [
        (needs.images && !abilities.images, Forfeit::Images),
        (needs.documents && !abilities.documents, Forfeit::Documents),
        (needs.audio && !sound, Forfeit::Audio),
        (needs.files && crosses, Forfeit::Files),
        // The neutral form of an answer has neither: they come only in the provider's own bytes.
        (needs.logprobs && (crosses || refuses("logprobs")), Forfeit::Logprobs),
        (needs.several_answers && (crosses || refuses("n")), Forfeit::Answers),
        (needs.citations && crosses, Forfeit::Citations),
    ];
    let mut lost: Vec<Forfeit> =
        plain.into_iter().filter_map(|(lost, what)| lost.then_some(what)).collect();
    if crosses {
        lost.extend(needs.hosted_tools.iter().cloned());
    }
    // Another counter for the same weights passes such a wish over, or refuses it.
    let keeps = |rule: &Forfeit| !crosses && rule.kept_by() == Some(terms.vendor);
    lost.extend(needs.rules.iter().filter(|rule| !keeps(rule)).cloned());
    lost
}

/// Whether sound can be part of a request in this dialect.
const fn takes_sound(dialect: Dialect) -> bool {
    match dialect {
        Dialect::OpenaiChat | Dialect::Gemini | Dialect::BedrockConverse => true,
        Dialect::AnthropicMessages | Dialect::OpenaiResponses => false,
    }
}

#[cfg(test)]
mod tests;

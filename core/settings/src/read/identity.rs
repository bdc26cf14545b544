//! Credentials that are renewed: what the section says, and what the environment has to add.

mod aws;
mod entra;
mod google;
mod oauth;

use super::Around;
use crate::address::Address;
use crate::faults::Faults;
use crate::section::{Field, Keys, Section};
use crate::yaml::Value;
use crate::{Giver, Identity, Proxies, Secret};

#[cfg(test)]
pub(crate) use {
    aws::KEYS as AWS_KEYS, entra::KEYS as ENTRA_KEYS, google::KEYS as GOOGLE_KEYS,
    oauth::KEYS as OAUTH_KEYS,
};

pub(crate) const KEYS: Keys =
    Keys { section: "identity", names: &["entra", "aws", "google", "oauth", "deadline"] };

/// The variables by which the environment names proxies, also in small letters.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];

/// Those that need no more than their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usual {
    Entra,
    Aws,
    Google,
}

/// The identity that stands here: a word, or a map with one giver.
pub(crate) fn identity(
    field: &Field<'_>,
    proxies: Proxies,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Identity> {
    if matches!(field.node.value, Value::Text(_)) {
        let words = [("entra", Usual::Entra), ("aws", Usual::Aws), ("google", Usual::Google)];
        let word = field.word(faults, &words)?;
        return Some(usual_identity(word, proxies, around));
    }
    let section = field.section(faults, KEYS)?;
    let deadline = section.get("deadline").and_then(|field| field.some_time(faults));
    let mut given =
        KEYS.names[..4].iter().filter_map(|name| section.get(name).map(|field| (*name, field)));
    let Some((name, giver)) = given.next() else {
        let cure = "write one of `entra`, `aws`, `google` and `oauth`";
        field.fault(faults, "nobody stands here who gives the tokens", cure);
        return None;
    };
    if let Some((other, field)) = given.next() {
        let what = format!("`{other}` and `{name}` exclude each other");
        field.fault(faults, what, "list them as two credentials");
        return None;
    }
    let giver = match name {
        "entra" => Giver::Entra(entra::entra(&giver, around, faults)?),
        "aws" => Giver::Aws(Box::new(aws::aws(&giver, around, faults)?)),
        "google" => Giver::Google(google::google(&giver, around, faults)?),
        _ => Giver::Oauth(oauth::oauth(&giver, faults)?),
    };
    Some(Identity { giver, deadline: deadline.unwrap_or(Identity::DEADLINE), proxies })
}

/// The identity that the tools of this cloud would find by themselves.
pub(crate) fn usual_identity(usual: Usual, proxies: Proxies, around: &Around<'_>) -> Identity {
    let giver = match usual {
        Usual::Entra => Giver::Entra(entra::usual(around)),
        Usual::Aws => Giver::Aws(Box::new(aws::usual(around))),
        Usual::Google => Giver::Google(google::usual(around)),
    };
    Identity { giver, deadline: Identity::DEADLINE, proxies }
}

/// The way to token endpoints of a provider that is reached so.
pub(crate) fn proxies(section: &Section<'_>, around: &Around<'_>) -> Proxies {
    let given = section.get("proxy").and_then(|field| match &field.node.value {
        Value::Text(text) => Some(text.value.clone()),
        Value::Empty
        | Value::Switch(_)
        | Value::Whole(_)
        | Value::Fraction(_)
        | Value::List(_)
        | Value::Map(_) => None,
    });
    match given.as_deref() {
        None => environment(around),
        Some("none") => Proxies::Direct,
        Some(proxy) => Proxies::This(proxy.to_owned()),
    }
}

/// The proxies that the environment names.
pub(crate) fn environment(around: &Around<'_>) -> Proxies {
    let both = PROXY_VARIABLES.into_iter().flat_map(|name| [name.to_owned(), name.to_lowercase()]);
    let set = both.filter_map(|name| around.env.get(&name).map(|value| (name.clone(), value)));
    Proxies::Environment(set.map(|(name, value)| (name, value.clone())).collect())
}

/// A variable that is set to something.
fn variable(around: &Around<'_>, name: &str) -> Option<String> {
    around.env.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A variable that holds something secret.
fn secret_variable(around: &Around<'_>, name: &str) -> Option<Secret> {
    variable(around, name).map(|value| Secret::new(&value))
}

/// The text of a key, if it stands there.
fn text(section: &Section<'_>, key: &str, example: &str, faults: &mut Faults) -> Option<String> {
    section.get(key)?.text(faults, example).map(|text| text.value.trim().to_owned())
}

/// The secret of a key, if it stands there; never quoted.
fn secret(section: &Section<'_>, key: &str, example: &str, faults: &mut Faults) -> Option<Secret> {
    section.get(key)?.text(faults, example).map(|text| Secret::new(text.value.trim()))
}

/// The address of a key, if it stands there, in its one form.
fn url(section: &Section<'_>, key: &str, example: &str, faults: &mut Faults) -> Option<String> {
    let field = section.get(key)?;
    let text = field.text(faults, example)?;
    // Other than a base URL, it is asked as it stands: it may have a query.
    let (plain, query) = match text.value.split_once('?') {
        Some((plain, query)) => (plain, format!("?{query}")),
        None => (&*text.value, String::new()),
    };
    match Address::read(plain) {
        Ok(address) => Some(address.url() + &query),
        Err((what, _)) => {
            field.fault(faults, what, format!("write it like `{example}`"));
            None
        }
    }
}

/// Notes that a key is missing that another one needs.
fn missing(section: &Section<'_>, key: &str, why: &str, faults: &mut Faults) {
    let cure = format!("add it, like `{key}: …`");
    faults.add(section.place, &section.path, format!("`{key}` is missing: {why}"), cure);
}

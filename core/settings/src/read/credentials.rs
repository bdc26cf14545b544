use std::collections::BTreeSet;

use backstop_vocabulary::TargetKey;

use super::Around;
use super::identity::{Usual, identity, proxies, usual_identity};
use crate::faults::Faults;
use crate::known::Known;
use crate::section::{Field, Keys, Section};
use crate::{Credential, Identity, ProviderKind, Proxies, Secret};

pub(crate) const KEYS: Keys =
    Keys { section: "credential", names: &["name", "api_key", "identity"] };

/// The key that a known provider's own tools would use, else a cloud's own tokens; none where there is
/// neither.
pub(crate) fn usual(whose: Option<Known>, proxies: Proxies, around: &Around<'_>) -> Credential {
    let key = whose.and_then(|known| known.key_in(around.env));
    match (key, whose.and_then(|known| giver(known.kind))) {
        (Some((_, key)), _) => key_credential(TargetKey::DEFAULT_CREDENTIAL, key),
        (None, Some(giver)) => {
            let identity = usual_identity(giver, proxies, around);
            identity_credential(TargetKey::DEFAULT_CREDENTIAL, identity)
        }
        (None, None) => Credential::None,
    }
}

/// Whose tokens a cloud's provider takes where it has no key.
const fn giver(kind: ProviderKind) -> Option<Usual> {
    match kind {
        ProviderKind::Azure | ProviderKind::Foundry => Some(Usual::Entra),
        ProviderKind::Bedrock => Some(Usual::Aws),
        ProviderKind::Vertex => Some(Usual::Google),
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Compatible => None,
    }
}

/// The credentials from the one of three keys that stands there, or by custom from the environment.
pub(crate) fn credentials(
    section: &Section<'_>,
    whose: Option<Known>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Vec<Credential>> {
    let forms = ["api_key", "credentials", "credential", "identity"];
    let mut given = forms.iter().filter_map(|key| section.get(key).map(|field| (*key, field)));
    let first = given.next();
    if let Some((key, field)) = given.next() {
        let (other, _) = first.as_ref()?;
        field.fault(
            faults,
            format!("`{key}` and `{other}` exclude each other"),
            "keep one of them",
        );
        return None;
    }
    match first {
        Some(("api_key", field)) => {
            let key = api_key(&field, faults)?;
            Some(vec![key_credential(TargetKey::DEFAULT_CREDENTIAL, &key)])
        }
        Some(("credentials", field)) => several(section, &field, around, faults),
        Some(("identity", field)) => {
            let identity = identity(&field, proxies(section, around), around, faults)?;
            Some(vec![identity_credential(TargetKey::DEFAULT_CREDENTIAL, identity)])
        }
        Some((_, field)) => {
            let words = [("from_client", Credential::FromClient), ("none", Credential::None)];
            let names = [("from_client", 0_usize), ("none", 1)];
            let at = field.word(faults, &names)?;
            words.get(at).map(|(_, credential)| vec![credential.clone()])
        }
        None => Some(vec![usual(whose, proxies(section, around), around)]),
    }
}

/// A key is never quoted, whatever is wrong with it.
fn api_key(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.text(faults, "${ANTHROPIC_API_KEY}")?;
    let key = text.value.trim();
    if key.chars().any(|letter| letter.is_control() || letter.is_whitespace() || !letter.is_ascii())
    {
        let cure = "check it for line breaks, spaces and quotes";
        field.fault(faults, "this key holds characters that no header may hold", cure);
        return None;
    }
    Some(key.to_owned())
}

fn several(
    provider: &Section<'_>,
    field: &Field<'_>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Vec<Credential>> {
    let items = field.list(faults, "[{ name: first, api_key: ${KEY_1} }]");
    let mut names = BTreeSet::new();
    let mut credentials = Vec::new();
    for item in &items {
        let Some(section) = item.section(faults, KEYS) else { continue };
        let name =
            section.need(faults, "name", "first").and_then(|field| field.text(faults, "first"));
        let made = one(&section, proxies(provider, around), around, faults);
        let (Some(name), Some(made)) = (name, made) else { continue };
        if names.insert(name.value.clone()) {
            credentials.push(made(&name.value));
        } else {
            let what = format!("a credential named `{}` stands above", name.written);
            item.fault(faults, what, "give each credential a name of its own");
        }
    }
    if items.is_empty() {
        field.fault(faults, "no credential stands here", "add one, or use `api_key`");
    }
    Some(credentials).filter(|credentials| !credentials.is_empty())
}

/// A credential but for its name.
type Unnamed = Box<dyn FnOnce(&str) -> Credential>;

fn one(
    section: &Section<'_>,
    proxies: Proxies,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Unnamed> {
    let Some(field) = section.get("identity") else {
        let field = section.need(faults, "api_key", "${KEY_1}")?;
        let key = api_key(&field, faults)?;
        return Some(Box::new(move |name| key_credential(name, &key)));
    };
    if section.get("api_key").is_some() {
        field.fault(
            faults,
            "`identity` and `api_key` exclude each other",
            "list them as two credentials: the second stands in for the first",
        );
        return None;
    }
    let identity = identity(&field, proxies, around, faults)?;
    Some(Box::new(move |name| identity_credential(name, identity)))
}

fn identity_credential(name: &str, identity: Identity) -> Credential {
    Credential::Identity { name: name.into(), identity: identity.into() }
}

fn key_credential(name: &str, key: &str) -> Credential {
    Credential::Key { name: name.into(), secret: Secret::new(key.trim()) }
}

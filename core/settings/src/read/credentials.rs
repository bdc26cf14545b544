use std::collections::BTreeSet;

use backstop_vocabulary::TargetKey;

use super::Around;
use crate::faults::Faults;
use crate::known::Known;
use crate::section::{Field, Keys, Section};
use crate::{Credential, Secret};

pub(crate) const KEYS: Keys = Keys { section: "credential", names: &["name", "api_key"] };

/// The key that a known provider's own tools would use; none when its variable is not set.
pub(crate) fn usual(whose: Option<Known>, around: &Around<'_>) -> Credential {
    let variable = whose.map(|known| known.key_variable).unwrap_or_default();
    let key = around.env.get(variable).filter(|key| !key.trim().is_empty());
    key.map_or(Credential::None, |key| key_credential(TargetKey::DEFAULT_CREDENTIAL, key))
}

/// The credentials from the one of three keys that stands there, or by custom from the environment.
pub(crate) fn credentials(
    section: &Section<'_>,
    whose: Option<Known>,
    around: &Around<'_>,
    faults: &mut Faults,
) -> Option<Vec<Credential>> {
    let forms = ["api_key", "credentials", "credential"];
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
        Some(("credentials", field)) => several(&field, faults),
        Some((_, field)) => {
            let words = [("from_client", Credential::FromClient), ("none", Credential::None)];
            let names = [("from_client", 0_usize), ("none", 1)];
            let at = field.word(faults, &names)?;
            words.get(at).map(|(_, credential)| vec![credential.clone()])
        }
        None => Some(vec![usual(whose, around)]),
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

fn several(field: &Field<'_>, faults: &mut Faults) -> Option<Vec<Credential>> {
    let items = field.list(faults, "[{ name: first, api_key: ${KEY_1} }]");
    let mut names = BTreeSet::new();
    let mut credentials = Vec::new();
    for item in &items {
        let Some(section) = item.section(faults, KEYS) else { continue };
        let name =
            section.need(faults, "name", "first").and_then(|field| field.text(faults, "first"));
        let key =
            section.need(faults, "api_key", "${KEY_1}").and_then(|field| api_key(&field, faults));
        let (Some(name), Some(key)) = (name, key) else { continue };
        if names.insert(name.value.clone()) {
            credentials.push(key_credential(&name.value, &key));
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

fn key_credential(name: &str, key: &str) -> Credential {
    Credential::Key { name: name.into(), secret: Secret::new(key.trim()) }
}

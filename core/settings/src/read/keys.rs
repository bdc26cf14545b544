use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Key;
use crate::faults::Faults;
use crate::section::{Field, Keys};

pub(crate) const KEYS: Keys =
    Keys { section: "key", names: &["name", "hash", "app", "requests_per_minute", "passthrough"] };

/// The keys of applications.
pub(crate) fn keys(field: &Field<'_>, faults: &mut Faults) -> Vec<Key> {
    let items = field.list(faults, "[{ name: shop, hash: … }]");
    if items.is_empty() {
        field.fault(faults, "no key stands here", "add one, or leave `keys` out for local use");
    }
    let (mut names, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    let mut keys = Vec::new();
    for item in &items {
        let Some(key) = key(item, faults) else { continue };
        if !names.insert(Arc::clone(&key.name)) {
            let what = format!("a key named `{}` stands above", key.name);
            item.fault(faults, what, "give each key a name of its own");
        } else if !hashes.insert(key.hash) {
            item.fault(
                faults,
                "the same key stands above under another name",
                "make a key for each",
            );
        }
        keys.push(key);
    }
    keys
}

fn key(item: &Field<'_>, faults: &mut Faults) -> Option<Key> {
    let section = item.section(faults, KEYS)?;
    let name = section.need(faults, "name", "shop").and_then(|field| field.text(faults, "shop"));
    let hash = section
        .need(faults, "hash", "<64 hexadecimal digits>")
        .and_then(|field| hash(&field, faults));
    let app = section.get("app").and_then(|field| field.text(faults, "shop-frontend"));
    let requests =
        section.get("requests_per_minute").and_then(|field| field.whole(faults, 1..=1_000_000_000));
    let passthrough = section.get("passthrough").map(|field| field.switch(faults));
    Some(Key {
        name: name?.value.as_str().into(),
        hash: hash?,
        app: app.map(|text| text.value.as_str().into()),
        requests_per_minute: requests.and_then(|number| u32::try_from(number).ok()),
        passthrough: passthrough.flatten().unwrap_or(true),
    })
}

/// Never quotes what stands there: it may be the key itself.
fn hash(field: &Field<'_>, faults: &mut Faults) -> Option<[u8; 32]> {
    let text = field.text(faults, "<64 hexadecimal digits>")?;
    let digits = text.value.trim().strip_prefix("blake3:").unwrap_or_else(|| text.value.trim());
    let hash = from_hex(digits);
    if hash.is_none() {
        field.fault(
            faults,
            "this is not the BLAKE3 hash of a key (64 hexadecimal digits)",
            "never write the key itself here; make its hash with `printf %s KEY | b3sum`",
        );
    }
    hash
}

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let digit = |letter: u8| char::from(letter).to_digit(16);
        let (high, low) = (digit(pair[0])?, digit(pair[1])?);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(hash)
}

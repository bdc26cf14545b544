use backstop_vocabulary::Dialect as Spoken;

use super::*;
use crate::known::KNOWN;
use crate::read;
use crate::section::Keys;

fn properties(name: &str) -> Vec<String> {
    let schema = json_schema();
    let object = match name {
        "" => &schema,
        name => &schema["$defs"][name],
    };
    object["properties"].as_object().unwrap().keys().cloned().collect()
}

fn check(name: &str, keys: Keys) {
    let (mut described, mut read) = (properties(name), keys.names.to_vec());
    described.sort();
    read.sort_unstable();
    assert_eq!(described, read, "{name} of the schema is not `{}` of the reader", keys.section);
}

#[test]
fn describes_the_keys_that_are_read_and_no_others() {
    check("", read::KEYS);
    check("Tls", read::TLS_KEYS);
    check("Key", read::keys::KEYS);
    check("Limits", read::limits::KEYS);
    check("FetchMedia", read::fetch::KEYS);
    check("Provider", read::providers::KEYS);
    check("Credential", read::credentials::KEYS);
    check("IdentityGiver", read::identity::KEYS);
    check("Entra", read::identity::ENTRA_KEYS);
    check("Aws", read::identity::AWS_KEYS);
    check("Google", read::identity::GOOGLE_KEYS);
    check("Oauth", read::identity::OAUTH_KEYS);
    check("Route", read::routes::KEYS);
    check("Deadlines", read::routes::DEADLINE_KEYS);
    check("Sessions", read::routes::SESSIONS_KEYS);
    check("Objective", read::routes::OBJECTIVE_KEYS);
    check("Rung", read::targets::RUNG_KEYS);
    check("DetailedTarget", read::targets::TARGET_KEYS);
    check("Abilities", read::abilities::KEYS);
    check("Parameters", read::adjustments::PARAMETER_KEYS);
    check("Catalogue", read::catalogue::KEYS);
    check("Model", read::catalogue::MODEL_KEYS);
    check("Price", read::catalogue::PRICE_KEYS);
    check("LongPrice", read::catalogue::LONG_KEYS);
}

#[test]
fn describes_every_known_provider() {
    let schema = json_schema();
    let kinds = schema["$defs"]["Kind"]["enum"].as_array().unwrap();
    let mut kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(kinds.pop(), Some("compatible"));
    assert_eq!(kinds, KNOWN.map(|known| known.name));
}

#[test]
fn describes_every_dialect() {
    let schema = json_schema();
    let dialects = schema["$defs"]["Dialect"]["enum"].as_array().unwrap();
    let dialects: Vec<&str> = dialects.iter().map(|dialect| dialect.as_str().unwrap()).collect();
    assert_eq!(dialects, Spoken::ALL.map(Spoken::name));
}

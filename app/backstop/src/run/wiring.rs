//! How a command and a gateway of its own are joined.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use backstop_catalogue::Catalogue;
use backstop_gateway::PLACEHOLDER_KEY;
use backstop_settings::{Credential, ProviderKind, Settings, discover};

use crate::configuration::alone;
use crate::local_models;

/// A dialect's own provider: its variables, for keys and for addresses.
struct Vendor {
    kind: ProviderKind,
    /// The variables in which its SDKs look for a credential, the usual one first.
    keys: &'static [&'static str],
    /// Programs with a login of their own, which a key in the environment would override.
    own_login: &'static [&'static str],
}

const VENDORS: [Vendor; 3] = [
    Vendor {
        kind: ProviderKind::Anthropic,
        keys: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
        own_login: &["claude"],
    },
    Vendor { kind: ProviderKind::Openai, keys: &["OPENAI_API_KEY"], own_login: &["codex"] },
    Vendor {
        kind: ProviderKind::Gemini,
        keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        own_login: &["gemini"],
    },
];

/// The settings of the command's gateway, and the variables of the command.
pub(super) struct Wiring {
    pub(super) settings: Settings,
    /// Variables that hold the placeholder, so that an SDK without a key starts.
    placeholders: Vec<&'static str>,
}

/// Settings without a file. All vendors are there, also without a key of ours: the command may
/// have a login of its own.
pub(super) fn discovered(env: &BTreeMap<String, String>) -> Settings {
    let mut env = env.clone();
    for vendor in &VENDORS {
        if let Some(usual) = vendor.keys.first() {
            let key = env.entry((*usual).to_owned()).or_default();
            if key.trim().is_empty() {
                PLACEHOLDER_KEY.clone_into(key);
            }
        }
    }
    let local = local_models::find(&env, Duration::from_millis(500));
    local_models::note_address(&mut env);
    discover(&env, &local, &Catalogue::built_in()).0
}

impl Wiring {
    pub(super) fn new(
        settings: Settings,
        env: &BTreeMap<String, String>,
        command: &[OsString],
    ) -> Self {
        let mut settings = alone(settings);
        settings.limits.threads = 2;
        for provider in settings.providers.values_mut() {
            let placeholder = |one: &Credential| matches!(one, Credential::Key { secret, .. } if secret.reveal() == PLACEHOLDER_KEY);
            provider.credentials.retain(|one| !placeholder(one));
            let own = VENDORS.iter().any(|vendor| vendor.kind == provider.kind);
            if own && !provider.credentials.contains(&Credential::FromClient) {
                provider.credentials.insert(0, Credential::FromClient);
            }
        }
        let placeholders = placeholders(&settings, env, command);
        Self { settings, placeholders }
    }

    /// What the command finds in its environment, beside what is there already.
    pub(super) fn variables(&self, gateway: SocketAddr) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("ANTHROPIC_BASE_URL", format!("http://{gateway}")),
            ("OPENAI_BASE_URL", format!("http://{gateway}/v1")),
            ("OPENAI_API_BASE", format!("http://{gateway}/v1")),
            ("GOOGLE_GEMINI_BASE_URL", format!("http://{gateway}")),
        ];
        let placeholder = |name: &&'static str| (*name, PLACEHOLDER_KEY.to_owned());
        variables.extend(self.placeholders.iter().map(placeholder));
        variables
    }
}

/// The key variables to fill: of vendors for which the command brings nothing, if anybody can
/// answer in their place.
fn placeholders(
    settings: &Settings,
    env: &BTreeMap<String, String>,
    command: &[OsString],
) -> Vec<&'static str> {
    let usable = |one: &Credential| *one != Credential::FromClient;
    if !settings.providers.values().any(|it| it.credentials.iter().any(usable)) {
        return Vec::new();
    }
    let program = command.first().and_then(|program| Path::new(program).file_stem());
    let program = program.and_then(|program| program.to_str()).unwrap_or_default();
    let brings = |vendor: &&Vendor| {
        let set = |name: &&str| env.get(*name).is_some_and(|value| !value.trim().is_empty());
        vendor.keys.iter().any(set) || vendor.own_login.contains(&program)
    };
    let without = VENDORS.iter().filter(|vendor| !brings(vendor));
    without.filter_map(|vendor| vendor.keys.first().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wired(env: &[(&str, &str)], command: &str) -> Wiring {
        let env: BTreeMap<String, String> =
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (settings, _) = {
            let mut env = env.clone();
            for name in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"] {
                env.entry(name.to_owned()).or_insert_with(|| PLACEHOLDER_KEY.to_owned());
            }
            discover(&env, &[], &Catalogue::built_in())
        };
        Wiring::new(settings, &env, &[OsString::from(command)])
    }

    fn credentials(wiring: &Wiring, provider: &str) -> Vec<String> {
        let credentials = &wiring.settings.providers[provider].credentials;
        credentials.iter().map(|one| one.name().to_owned()).collect()
    }

    #[test]
    fn a_commands_own_credential_goes_before_ours() {
        let keys = [("ANTHROPIC_API_KEY", "a"), ("OPENAI_API_KEY", "b"), ("GEMINI_API_KEY", "c")];
        let wiring = wired(&keys, "python");
        assert_eq!(credentials(&wiring, "anthropic"), ["from_client", "default"]);
        assert_eq!(wiring.placeholders, [""; 0]);
    }

    #[test]
    fn an_agents_hosted_tools_keep_it_from_no_other_provider() {
        let wiring = wired(&[("ANTHROPIC_API_KEY", "a"), ("OPENAI_API_KEY", "b")], "codex");
        let search = backstop_exchange::Forfeit::hosted("web_search");
        assert!(wiring.settings.routes.iter().all(|route| route.policy.allow_loss.allows(&search)));
    }

    #[test]
    fn without_a_key_a_placeholder_starts_the_sdk_and_opens_nothing() {
        let wiring = wired(&[("OPENAI_API_KEY", "b")], "/usr/bin/python");
        assert_eq!(credentials(&wiring, "anthropic"), ["from_client"]);
        assert_eq!(wiring.placeholders, ["ANTHROPIC_API_KEY", "GEMINI_API_KEY"]);
        assert_eq!(wired(&[("ANTHROPIC_AUTH_TOKEN", "t")], "x").placeholders, [""; 0]);
    }

    #[test]
    fn a_program_with_a_login_of_its_own_gets_no_placeholder() {
        let claude = wired(&[("OPENAI_API_KEY", "b")], "/opt/bin/claude");
        assert_eq!(claude.placeholders, ["GEMINI_API_KEY"]);
        assert_eq!(wired(&[], "python").placeholders, [""; 0]);
    }
}

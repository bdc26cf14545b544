//! Providers by themselves: their keys, their addresses, whether anything uses them.

use crate::address::Address;
use crate::finding::{Finding, Severity};
use crate::{Credential, Provider, Rung, Settings};

pub(super) fn check(settings: &Settings, findings: &mut Vec<Finding>) {
    if let Some(console) = settings.console.filter(|console| !console.ip().is_loopback()) {
        findings.push(
            Finding::new(Severity::Warning, "open_console", "console")
                .what(format!("other machines can reach {console}, and it asks for no key"))
                .cure("listen at 127.0.0.1, or let only your monitoring through"),
        );
    }
    findings.extend(fetches(settings));
    for provider in settings.providers.values() {
        let Ok(address) = Address::read(&provider.base_url) else { continue };
        findings.extend(missing_key(provider, &address));
        findings.extend(plain_text(provider, &address));
        findings.extend(unused(settings, provider));
    }
    findings.extend(shared_keys(settings));
}

/// Whoever may ask may then have the gateway ask others.
fn fetches(settings: &Settings) -> Option<Finding> {
    let hosts = &settings.fetch_media.as_ref()?.rules.hosts;
    let (whose, cure) = if hosts.are_any() {
        ("any public host", "name the hosts that your applications use")
    } else {
        ("the hosts named there", "")
    };
    let what = format!("requests may have the gateway fetch images and documents from {whose}");
    Some(Finding::new(Severity::Note, "fetch_media", "fetch_media").what(what).cure(cure))
}

fn place(provider: &Provider) -> String {
    format!("provider {}", provider.name)
}

fn missing_key(provider: &Provider, address: &Address) -> Option<Finding> {
    let none = provider.credentials.iter().all(|one| *one == Credential::None);
    (none && !address.is_local()).then(|| {
        Finding::new(Severity::Problem, "missing_key", place(provider))
            .what(format!("{} will be called without a key", address.host))
            .cure("set `api_key`, or `credential: none` and a local address if it needs none")
    })
}

fn plain_text(provider: &Provider, address: &Address) -> Option<Finding> {
    let secret = provider.credentials.iter().any(|one| *one != Credential::None);
    let severity = if secret { Severity::Problem } else { Severity::Warning };
    (!address.secure && !address.is_local()).then(|| {
        let what = if secret { "the key and every prompt travel" } else { "every prompt travels" };
        Finding::new(severity, "plain_text", place(provider))
            .what(format!("{what} to {} unencrypted", address.host))
            .cure("use `https`")
    })
}

fn unused(settings: &Settings, provider: &Provider) -> Option<Finding> {
    let used =
        settings.routes.iter().flat_map(|route| &route.ladder).any(|Rung::Targets(targets)| {
            targets.iter().any(|target| target.provider == provider.name)
        });
    (!used).then(|| {
        Finding::new(Severity::Note, "unused_provider", place(provider))
            .what("no route uses it")
            .cure("add it to a ladder, or leave it out")
    })
}

/// The same key under two names is one failure domain and one rate limit.
fn shared_keys(settings: &Settings) -> Vec<Finding> {
    let mut seen: Vec<(&Provider, &str, &str)> = Vec::new();
    let mut findings = Vec::new();
    for provider in settings.providers.values() {
        for credential in &provider.credentials {
            let Credential::Key { name, secret } = credential else { continue };
            let shown = |provider: &Provider, name: &str| format!("{}#{name}", provider.name);
            let same = |(other, _, key): &&(&Provider, &str, &str)| {
                other.vendor == provider.vendor && *key == secret.reveal()
            };
            match seen.iter().find(same) {
                Some((other, other_name, _)) => findings.push(
                    Finding::new(Severity::Warning, "shared_key", place(provider))
                        .what(format!(
                            "{} and {} are the same key: what blocks one blocks both",
                            shown(other, other_name),
                            shown(provider, name)
                        ))
                        .cure("use a second key, best of another account"),
                ),
                None => seen.push((provider, name, secret.reveal())),
            }
        }
    }
    findings
}

//! Settings without a file: from the keys in the environment and the models of a local server.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstop_catalogue::Catalogue;

use crate::built_in::{self, LocalModel};
use crate::faults::Faults;
use crate::finding::{Finding, Severity};
use crate::known::{KNOWN, Known};
use crate::read::{Around, clouds, hosted};
use crate::{Credential, Provider, ProviderKind, Rung, Settings, TargetModel};

/// Settings made of the provider keys in `env` and the models that a local Ollama offers, and what
/// was found, as lines for the operator.
///
/// `local_models` are the names as the local server lists them, the preferred one first; an empty
/// list means that there is no local server. Providers that only an explicit file can place in a
/// ladder are named in a finding and otherwise left alone.
pub fn discover(
    env: &BTreeMap<String, String>,
    local_models: &[String],
    catalogue: &Catalogue,
) -> (Settings, Vec<Finding>) {
    // A server that takes any name may list a pattern: as a route it would swallow every model.
    let local_models: Vec<String> =
        local_models.iter().filter(|model| !model.contains('*')).cloned().collect();
    let local_models = &*local_models;
    let mut settings = Settings { catalogue: Arc::new(catalogue.clone()), ..Settings::default() };
    let mut findings = Vec::new();
    let around = Around { env, catalogue };
    for known in KNOWN {
        if let Some(provider) = found(known, local_models, &around, &mut findings) {
            settings.providers.insert(Arc::clone(&provider.name), provider);
        }
    }
    let local: Vec<LocalModel> =
        local_models.iter().map(|model| ("ollama".into(), model.as_str().into())).collect();
    settings.routes = built_in::routes(&settings.providers, &local, catalogue);
    let catch_all = built_in::catch_all(&settings.providers, &settings.routes);
    settings.routes.extend(catch_all);
    findings.extend(settings.routes.iter().filter(|route| !route.models.is_empty()).map(|route| {
        let rungs: Vec<String> = route.ladder.iter().map(shown).collect();
        let names: Vec<&str> = route.models.iter().map(crate::Pattern::as_str).collect();
        Finding::new(Severity::Note, "route_made", format!("route {}", route.name)).what(format!(
            "{} → {}",
            names.join(", "),
            rungs.join(" → ")
        ))
    }));
    if settings.providers.is_empty() {
        let finding = Finding::new(Severity::Problem, "no_provider", "");
        findings.push(
            finding.what("no provider was found in the environment, and no local Ollama").cure(
                "set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, start Ollama, or write a `backstop.yaml`",
            ),
        );
    }
    (settings, findings)
}

/// The provider, where it has what it needs; and what there is to say about it.
fn found(
    known: Known,
    local_models: &[String],
    around: &Around<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Provider> {
    let note = |what: String| {
        Finding::new(Severity::Note, "provider_found", format!("provider {}", known.name))
            .what(what)
    };
    let key = known.key_in(around.env);
    let has_key = key.is_some();
    let local = known.name == "ollama" && !local_models.is_empty();
    match known.kind {
        ProviderKind::Compatible if !local => {
            if has_key {
                let cure = "write a `backstop.yaml` that names its models";
                let what = format!(
                    "{} is set, but which of its models fit is yours to say",
                    known.key_variable
                );
                findings.push(note(what).cure(cure));
            }
            return None;
        }
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Gemini
        | ProviderKind::Azure
        | ProviderKind::Foundry
        | ProviderKind::Bedrock
        | ProviderKind::Vertex
            if !has_key =>
        {
            return None;
        }
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Azure
        | ProviderKind::Foundry
        | ProviderKind::Bedrock
        | ProviderKind::Vertex
        | ProviderKind::Gemini
        | ProviderKind::Compatible => {}
    }
    let mut faults = Faults::default();
    let provider = hosted(known, around, &mut faults);
    for error in faults.end(None::<()>).err().unwrap_or_default() {
        let finding = Finding::new(Severity::Problem, "bad_address", error.path);
        findings.push(finding.what(error.what).cure(error.cure));
    }
    if provider.is_none()
        && let Some(place) = clouds::place_variable(known.kind)
    {
        let what = format!("{} is set, but not where that is", known.key_variable);
        findings.push(note(what).cure(format!("set {place} as well")));
    }
    let provider = provider?;
    let keyed = provider.credentials.iter().any(|one| matches!(one, Credential::Key { .. }));
    let what = match key.filter(|_| keyed) {
        Some((variable, _)) => format!("key from {variable}"),
        None => local_models.join(", "),
    };
    findings.push(note(format!("{what}, at {}", provider.base_url)));
    Some(provider)
}

fn shown(rung: &Rung) -> String {
    let Rung::Targets(targets) = rung;
    let targets = targets.iter().map(|target| match &target.model {
        TargetModel::AsAsked => format!("{}/*", target.provider),
        TargetModel::Named(model) => format!("{}/{model}", target.provider),
    });
    targets.collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests;

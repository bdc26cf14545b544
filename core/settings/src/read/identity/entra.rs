use super::{Around, missing, secret, secret_variable, text, url, variable};
use crate::faults::Faults;
use crate::section::{Field, Keys, Section};
use crate::{Entra, EntraApp, EntraWay};

pub(crate) const KEYS: Keys = Keys {
    section: "entra",
    names: &[
        "tenant",
        "client_id",
        "client_secret",
        "token_file",
        "managed",
        "scope",
        "authority",
        "metadata_url",
    ],
};

pub(super) fn entra(field: &Field<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<Entra> {
    let section = field.section(faults, KEYS)?;
    let scope = text(&section, "scope", Entra::SCOPE, faults);
    let managed = section.get("managed").and_then(|field| field.switch(faults)).unwrap_or(false);
    let client_secret = secret(&section, "client_secret", "${AZURE_CLIENT_SECRET}", faults);
    let token_file = text(&section, "token_file", "/var/run/secrets/token", faults);
    let way = match (client_secret, token_file) {
        (Some(client_secret), _) => {
            EntraWay::Secret { app: app(&section, around, faults)?, client_secret }
        }
        (None, Some(token_file)) => {
            EntraWay::Federated { app: app(&section, around, faults)?, token_file }
        }
        (None, None) if managed => {
            let client_id = text(&section, "client_id", "11111111-2222-3333-…", faults);
            managed_way(around, client_id, url(&section, "metadata_url", Entra::METADATA, faults))
        }
        (None, None) if section.get("tenant").is_some() => {
            missing(&section, "client_secret", "an application shows a secret or a token", faults);
            return None;
        }
        (None, None) => usual(around).way,
    };
    Some(Entra { scope: scope.unwrap_or_else(|| Entra::SCOPE.to_owned()), way })
}

/// Azure's own order: the environment's application, workload identity, the managed identity.
pub(super) fn usual(around: &Around<'_>) -> Entra {
    let authority = variable(around, "AZURE_AUTHORITY_HOST");
    let app = variable(around, "AZURE_TENANT_ID").zip(variable(around, "AZURE_CLIENT_ID"));
    let app = app.map(|(tenant, client_id)| EntraApp {
        authority: authority.map_or_else(|| Entra::AUTHORITY.to_owned(), |host| whole(&host)),
        tenant,
        client_id,
    });
    let client_secret = secret_variable(around, "AZURE_CLIENT_SECRET");
    let way = match (app, client_secret, variable(around, "AZURE_FEDERATED_TOKEN_FILE")) {
        (Some(app), Some(client_secret), _) => EntraWay::Secret { app, client_secret },
        (Some(app), None, Some(token_file)) => EntraWay::Federated { app, token_file },
        _ => managed_way(around, variable(around, "AZURE_CLIENT_ID"), None),
    };
    Entra { scope: Entra::SCOPE.to_owned(), way }
}

fn managed_way(
    around: &Around<'_>,
    client_id: Option<String>,
    metadata_url: Option<String>,
) -> EntraWay {
    let service = variable(around, "IDENTITY_ENDPOINT");
    match service.zip(secret_variable(around, "IDENTITY_HEADER")) {
        Some((endpoint, header)) if metadata_url.is_none() => {
            EntraWay::Service { endpoint, header, client_id }
        }
        _ => EntraWay::Machine {
            endpoint: metadata_url.unwrap_or_else(|| Entra::METADATA.to_owned()),
            client_id,
        },
    }
}

fn app(section: &Section<'_>, around: &Around<'_>, faults: &mut Faults) -> Option<EntraApp> {
    let authority = url(section, "authority", Entra::AUTHORITY, faults)
        .or_else(|| variable(around, "AZURE_AUTHORITY_HOST").map(|host| whole(&host)));
    let tenant = text(section, "tenant", "contoso.onmicrosoft.com", faults)
        .or_else(|| variable(around, "AZURE_TENANT_ID"));
    let client_id = text(section, "client_id", "11111111-2222-3333-…", faults)
        .or_else(|| variable(around, "AZURE_CLIENT_ID"));
    for (key, found) in [("tenant", &tenant), ("client_id", &client_id)] {
        if found.is_none() && section.get(key).is_none() {
            missing(section, key, "Entra must know who asks", faults);
        }
    }
    let tenant = tenant?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
    if !tenant.chars().all(fits) {
        let field = section.get("tenant")?;
        field.fault(faults, "this is no directory", "write its id or its domain");
        return None;
    }
    let authority = authority.unwrap_or_else(|| Entra::AUTHORITY.to_owned());
    Some(EntraApp { authority, tenant, client_id: client_id? })
}

/// A host by itself is reached by TLS.
fn whole(authority: &str) -> String {
    let authority = authority.trim_end_matches('/');
    let scheme = if authority.contains("://") { "" } else { "https://" };
    format!("{scheme}{authority}")
}

//! Microsoft Entra ID: applications with a secret or another issuer's token, managed identities.

use backstop_settings::{Entra, EntraApp, EntraWay};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::encode::percent;
use crate::pass::Grant;
use crate::source::{Asker, Url, secret_header};
use crate::trouble::Trouble;
use crate::{answer, files};

/// What is shown in place of a secret (RFC 7523, 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) async fn renew(asker: &Asker<'_>, entra: &Entra) -> Result<Grant, Trouble> {
    let scope = &entra.scope;
    match &entra.way {
        EntraWay::Secret { app, client_secret } => {
            let shown = [("client_secret", client_secret.reveal())];
            application(asker, app, scope, &shown).await
        }
        EntraWay::Federated { app, token_file } => {
            let token = files::read("the workload's token", token_file).await?;
            let shown = [("client_assertion_type", ASSERTION), ("client_assertion", token.trim())];
            application(asker, app, scope, &shown).await
        }
        EntraWay::Service { endpoint, header, client_id } => {
            let headers =
                HeaderMap::from_iter([secret_header("x-identity-header", header.reveal())?]);
            let version = "2019-08-01";
            managed(asker, (endpoint, version), (scope, client_id.as_deref()), headers).await
        }
        EntraWay::Machine { endpoint, client_id } => {
            let name = HeaderName::from_static("metadata");
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("true"))]);
            let (url, version) =
                (format!("{endpoint}/metadata/identity/oauth2/token"), "2018-02-01");
            managed(asker, (&url, version), (scope, client_id.as_deref()), headers).await
        }
    }
}

async fn application(
    asker: &Asker<'_>,
    app: &EntraApp,
    scope: &str,
    shown: &[(&str, &str)],
) -> Result<Grant, Trouble> {
    let url = Url::read(&format!("{}/{}/oauth2/v2.0/token", app.authority, app.tenant))?;
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &*app.client_id),
        ("scope", scope),
    ];
    fields.extend_from_slice(shown);
    let answer = asker.post_form(&url, HeaderMap::new(), &fields).await?;
    answer::token(&url.base, &answer, asker.now())
}

/// A managed identity names a resource, which is the scope without its last part.
async fn managed(
    asker: &Asker<'_>,
    (endpoint, version): (&str, &str),
    (scope, client_id): (&str, Option<&str>),
    headers: HeaderMap,
) -> Result<Grant, Trouble> {
    let resource = percent(scope.strip_suffix("/.default").unwrap_or(scope), "");
    let client = client_id.map(|id| format!("&client_id={}", percent(id, ""))).unwrap_or_default();
    let mark = if endpoint.contains('?') { '&' } else { '?' };
    let query = format!("{mark}api-version={version}&resource={resource}{client}");
    let url = Url::read(&format!("{endpoint}{query}"))?;
    let answer = asker.get(&url, headers).await?;
    // App Service tells the end and not the life of its tokens.
    answer::token_until(&url.base, &answer, (asker.now(), asker.unix_secs()))
}

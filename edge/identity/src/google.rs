//! Google Cloud: key files of four kinds, and the metadata server.

mod claims;
mod federated;
#[cfg(test)]
mod tests;

use backstop_settings::{Google, GoogleWay, Secret};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::encode::percent;
use crate::pass::Grant;
use crate::source::{Asker, Url};
use crate::trouble::Trouble;
use crate::{answer, files};

/// Where Google's tokens come from unless a key file names another place.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// A token for signed claims (RFC 7523, 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A key file, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum KeyFile {
    ServiceAccount(claims::ServiceAccount),
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
        token_uri: Option<String>,
    },
    ExternalAccount(federated::ExternalAccount),
    /// What `gcloud auth application-default login --impersonate-service-account` writes.
    ImpersonatedServiceAccount {
        service_account_impersonation_url: String,
        #[serde(default)]
        delegates: Vec<String>,
        source_credentials: Box<Self>,
    },
    #[serde(other)]
    Unknown,
}

pub(crate) async fn renew(asker: &Asker<'_>, google: &Google) -> Result<Grant, Trouble> {
    let scope = &*google.scope;
    match &google.way {
        GoogleWay::File(path) => {
            let text = files::read("the key file", path).await?;
            by_key(asker, &text, scope).await
        }
        GoogleWay::Text(key) => by_key(asker, key.reveal(), scope).await,
        GoogleWay::Usual { file, metadata } => {
            match files::read_if_there("the key file", file.as_ref()).await? {
                Some(text) => by_key(asker, &text, scope).await,
                None => by_machine(asker, metadata, scope).await,
            }
        }
    }
}

async fn by_key(asker: &Asker<'_>, text: &str, scope: &str) -> Result<Grant, Trouble> {
    // What serde says may quote the key.
    let key: KeyFile = serde_json::from_str(text)
        .map_err(|_| Trouble::setting("the key file is not one of Google's"))?;
    let KeyFile::ImpersonatedServiceAccount {
        service_account_impersonation_url: url,
        delegates,
        source_credentials,
    } = key
    else {
        return by_own_key(asker, key, scope).await;
    };
    // Speaking for somebody else needs a right of the cloud, whatever the token in the end is for.
    let grant = by_own_key(asker, *source_credentials, Google::SCOPE).await?;
    let whom = federated::Whom { url: &Url::read(&url)?, delegates: &delegates };
    federated::impersonate(asker, whom, &grant, scope).await
}

/// By a key that speaks for itself.
async fn by_own_key(asker: &Asker<'_>, key: KeyFile, scope: &str) -> Result<Grant, Trouble> {
    match key {
        KeyFile::ServiceAccount(account) => {
            let url = Url::read(account.token_uri.as_deref().unwrap_or(TOKEN_URL))?;
            let claims = claims::signed(&account, scope, asker.unix_secs())?;
            let fields = [("grant_type", JWT_BEARER), ("assertion", claims.reveal())];
            let answer = asker.post_form(&url, HeaderMap::new(), &fields).await?;
            answer::token(&url.base, &answer, asker.now())
        }
        KeyFile::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
            let url = Url::read(token_uri.as_deref().unwrap_or(TOKEN_URL))?;
            let (secret, refresh) = (Secret::new(&client_secret), Secret::new(&refresh_token));
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", &*client_id),
                ("client_secret", secret.reveal()),
                ("refresh_token", refresh.reveal()),
            ];
            let answer = asker.post_form(&url, HeaderMap::new(), &fields).await?;
            answer::token(&url.base, &answer, asker.now())
        }
        KeyFile::ExternalAccount(account) => federated::renew(asker, &account, scope).await,
        KeyFile::ImpersonatedServiceAccount { .. } => Err(Trouble::setting(
            "the key file speaks for somebody who speaks for somebody else: name the accounts \
             between in `delegates`",
        )),
        KeyFile::Unknown => Err(Trouble::setting(
            "the key file is of a type that is not in this version: use `service_account`, \
             `authorized_user`, `external_account` or `impersonated_service_account`",
        )),
    }
}

async fn by_machine(asker: &Asker<'_>, metadata: &str, scope: &str) -> Result<Grant, Trouble> {
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let url = Url::read(&format!("{metadata}{path}?scopes={}", percent(scope, "")))?;
    let name = HeaderName::from_static("metadata-flavor");
    let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("Google"))]);
    let answer = asker.get(&url, headers).await?;
    answer::token(&url.base, &answer, asker.now())
}

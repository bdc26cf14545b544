//! Workload identity federation: another issuer's token is changed for Google's (RFC 8693), which
//! may then speak for a service account.

use std::collections::BTreeMap;

use backstop_settings::Secret;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pass::{Grant, Proof};
use crate::source::{Asker, Url, secret_header};
use crate::trouble::Trouble;
use crate::{answer, files};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Where a token is exchanged unless the key file says otherwise.
const EXCHANGE_URL: &str = "https://sts.googleapis.com/v1/token";

/// The key file of a federated workload.
#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    credential_source: Subject,
}

/// Where the other issuer's token is.
#[derive(Deserialize)]
struct Subject {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
}

/// How the token stands there.
#[derive(Default, Deserialize)]
struct Format {
    /// `json`, or plain text.
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

pub(super) async fn renew(
    asker: &Asker<'_>,
    account: &ExternalAccount,
    scope: &str,
) -> Result<Grant, Trouble> {
    let subject = subject(asker, &account.credential_source).await?;
    let url = Url::read(account.token_url.as_deref().unwrap_or(EXCHANGE_URL))?;
    let fields = [
        ("grant_type", EXCHANGE),
        ("audience", &*account.audience),
        ("scope", scope),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", subject.reveal()),
        ("subject_token_type", &*account.subject_token_type),
    ];
    let answer = asker.post_form(&url, HeaderMap::new(), &fields).await?;
    let grant = answer::token(&url.base, &answer, asker.now())?;
    match &account.service_account_impersonation_url {
        None => Ok(grant),
        Some(url) => {
            let whom = Whom { url: &Url::read(url)?, delegates: &[] };
            impersonate(asker, whom, &grant, scope).await
        }
    }
}

async fn subject(asker: &Asker<'_>, source: &Subject) -> Result<Secret, Trouble> {
    let text = match (&source.file, &source.url) {
        (Some(file), _) => files::read("the workload's token", file).await?,
        (None, Some(url)) => {
            let url = Url::read(url)?;
            let mut headers = HeaderMap::new();
            for (name, value) in &source.headers {
                let name = HeaderName::try_from(name.as_str());
                let value = HeaderValue::from_str(value);
                if let (Ok(name), Ok(value)) = (name, value) {
                    headers.insert(name, value);
                }
            }
            let answer = asker.get(&url, headers).await?;
            if answer.status != 200 {
                return Err(answer::refusal(&url.base, &answer));
            }
            String::from_utf8_lossy(&answer.body).into_owned()
        }
        (None, None) => {
            return Err(Trouble::setting(
                "the key file takes its token from a place that is not in this version: use a \
                 file or a URL",
            ));
        }
    };
    if source.format.r#type.as_deref() != Some("json") {
        return Ok(Secret::new(text.trim()));
    }
    let field = source.format.subject_token_field_name.as_deref().unwrap_or("access_token");
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let token = value[field].as_str().map(Secret::new);
    token.ok_or_else(|| Trouble::setting(format!("the workload's token has no field `{field}`")))
}

/// The service account that is spoken for, and the accounts on the way to it.
#[derive(Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) url: &'a Url,
    pub(super) delegates: &'a [String],
}

pub(super) async fn impersonate(
    asker: &Asker<'_>,
    Whom { url, delegates }: Whom<'_>,
    grant: &Grant,
    scope: &str,
) -> Result<Grant, Trouble> {
    let Proof::Bearer(token) = &grant.proof else {
        return Err(Trouble::setting("only a token can speak for a service account"));
    };
    let shown = format!("Bearer {}", token.reveal());
    let headers = HeaderMap::from_iter([secret_header("authorization", &shown)?]);
    let mut asked = json!({ "scope": [scope], "lifetime": "3600s" });
    if !delegates.is_empty() {
        asked["delegates"] = json!(delegates);
    }
    let answer = asker.post_json(url, headers, &asked).await?;
    let value = answer::object(&url.base, &answer)?;
    let life = value["expireTime"].as_str().and_then(|end| answer::life(end, asker.unix_secs()));
    answer::bearer(&url.base, &value["accessToken"], life, asker.now())
}

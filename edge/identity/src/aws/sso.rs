//! Keys for whoever signed in with `aws sso login`: its token is in a file, and good for some hours.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use backstop_settings::{Aws, Secret};
use http::HeaderMap;
use serde_json::Value;

use super::profile::Profile;
use crate::encode::{hex, percent};
use crate::pass::{AwsProof, Grant, Proof};
use crate::source::{Asker, Url, secret_header};
use crate::trouble::Trouble;
use crate::{answer, files};

pub(super) async fn keys(
    asker: &Asker<'_>,
    aws: &Aws,
    (profile, session): (&Profile, &Profile),
) -> Result<Grant, Trouble> {
    let need = |from: &Profile, key: &str| {
        let missing = || Trouble::setting(format!("the profile's single sign-on lacks `{key}`"));
        from.get(key).cloned().ok_or_else(missing)
    };
    // The file is named after the session, or after the page of sign-in where there is none.
    let named = profile.get("sso_session").cloned();
    let named = named.map_or_else(|| need(session, "sso_start_url"), Ok)?;
    let name = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, named.as_bytes()).as_ref());
    let folder = aws.sso_cache.as_deref().unwrap_or_default();
    let text = files::read("the token of single sign-on", &format!("{folder}/{name}.json")).await?;
    let token: Value = serde_json::from_str(&text).unwrap_or_default();
    let left = token["expiresAt"].as_str().and_then(|end| answer::life(end, asker.unix_secs()));
    let shown = token["accessToken"].as_str().filter(|_| left.is_some_and(|left| !left.is_zero()));
    let shown = shown.ok_or_else(|| {
        Trouble::setting("the single sign-on has ended: sign in again with `aws sso login`")
    })?;
    let region = need(session, "sso_region")?;
    let usual = format!("https://portal.sso.{region}.amazonaws.com");
    let (role, account) = (need(profile, "sso_role_name")?, need(profile, "sso_account_id")?);
    let query = format!("role_name={}&account_id={}", percent(&role, ""), percent(&account, ""));
    let base = aws.sso_url.as_deref().unwrap_or(&usual);
    let url = Url::read(&format!("{base}/federation/credentials?{query}"))?;
    let headers = HeaderMap::from_iter([secret_header("x-amz-sso_bearer_token", shown)?]);
    let answered = asker.get(&url, headers).await?;
    let value = answer::object(&url.base, &answered)?;
    let keys = &value["roleCredentials"];
    let text = |name: &str| keys[name].as_str().map(str::to_owned);
    let bad = || answer::bad(&url.base, "the answer holds no keys");
    let proof = AwsProof {
        access_key_id: text("accessKeyId").ok_or_else(bad)?,
        secret_access_key: Secret::new(&text("secretAccessKey").ok_or_else(bad)?),
        session_token: text("sessionToken").map(|token| Secret::new(&token)),
    };
    let end = keys["expiration"].as_u64().map(|millis| millis / 1000).ok_or_else(bad)?;
    let life = std::time::Duration::from_secs(end.saturating_sub(asker.their_time(&answered)));
    let now = asker.now();
    Ok(Grant { proof: Proof::Aws(proof), given: now, expires: Some(now + life) })
}

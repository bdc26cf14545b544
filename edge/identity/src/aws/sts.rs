//! The security token service: roles for keys, and roles for tokens of other issuers.

use backstop_settings::{Aws, AwsRole, Secret};
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::sign::{Signing, sign};
use crate::endpoints::host_of;
use crate::outside::Answer;
use crate::pass::{AwsProof, Grant, Proof};
use crate::source::{Asker, Url};
use crate::trouble::Trouble;
use crate::{answer, encode, files};

const VERSION: &str = "2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded";
/// The region of the service where nobody names one.
const REGION: &str = "us-east-1";

/// Takes on a role with the keys that are there.
pub(super) async fn assume(
    asker: &Asker<'_>,
    aws: &Aws,
    grant: &Grant,
    role: &AwsRole,
) -> Result<Grant, Trouble> {
    let Proof::Aws(keys) = &grant.proof else {
        return Err(Trouble::setting("only keys can take on a role"));
    };
    let (url, region) = place(aws)?;
    let mut fields = vec![
        ("Action", "AssumeRole"),
        ("Version", VERSION),
        ("RoleArn", &*role.arn),
        ("RoleSessionName", &*role.session),
    ];
    fields.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    let body = Bytes::from(encode::form(&fields));
    let signing = Signing {
        method: &Method::POST,
        host: host_of(&url.base),
        path: &url.path,
        headers: &[("content-type", FORM)],
        body: &body,
        region,
        service: "sts",
        unix_secs: asker.unix_secs(),
    };
    let signed = sign(keys, &signing);
    let mut headers = signed.ok_or_else(|| Trouble::setting("keys hold what no header may"))?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    let answered = asker.ask(Method::POST, &url, headers, body).await?;
    read(asker, &url, &answered)
}

/// A role for whoever shows another issuer's token.
pub(super) async fn for_token(
    asker: &Asker<'_>,
    aws: &Aws,
    role: &AwsRole,
    token_file: &str,
) -> Result<Grant, Trouble> {
    let token = files::read("the workload's token", token_file).await?;
    let (url, _) = place(aws)?;
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", VERSION),
        ("RoleArn", &*role.arn),
        ("RoleSessionName", &*role.session),
        ("WebIdentityToken", token.trim()),
    ];
    let answered = asker.post_form(&url, HeaderMap::new(), &fields).await?;
    read(asker, &url, &answered)
}

/// The service of the region, which an outage of another region does not reach.
fn place(aws: &Aws) -> Result<(Url, &str), Trouble> {
    let region = aws.region.as_deref().or(aws.usual_region.as_deref()).unwrap_or(REGION);
    let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let usual = format!("https://sts.{region}.{end}");
    Ok((Url::read(aws.sts_url.as_deref().unwrap_or(&usual))?, region))
}

/// Keys in the answer, which is XML.
fn read(asker: &Asker<'_>, url: &Url, answered: &Answer) -> Result<Grant, Trouble> {
    if answered.status != 200 {
        return Err(answer::refusal(&url.base, answered));
    }
    let text = String::from_utf8_lossy(&answered.body);
    let tag = |name| answer::tag(&text, name).filter(|text| !text.is_empty());
    let bad = || answer::bad(&url.base, "the answer holds no keys");
    let proof = AwsProof {
        access_key_id: tag("AccessKeyId").ok_or_else(bad)?.to_owned(),
        secret_access_key: Secret::new(tag("SecretAccessKey").ok_or_else(bad)?),
        session_token: Some(Secret::new(tag("SessionToken").ok_or_else(bad)?)),
    };
    let life = tag("Expiration").and_then(|end| answer::life(end, asker.their_time(answered)));
    let now = asker.now();
    let expires = Some(now + life.ok_or_else(bad)?);
    Ok(Grant { proof: Proof::Aws(proof), given: now, expires })
}

//! AWS: keys from wherever its own tools find them, and the signature they make.

mod endpoints;
mod process;
mod profile;
mod sign;
mod sso;
mod sts;

use backstop_settings::{Aws, AwsKeys, Secret};
use backstop_vocabulary::Moment;
use serde_json::Value;

use crate::answer;
use crate::pass::{AwsProof, Grant, Proof};
use crate::source::Asker;
use crate::trouble::Trouble;

pub use sign::{Signed, Signing, sign};

/// Keys of AWS: the first that the settings name or the chain finds, and the role taken on with them.
pub(crate) async fn renew(asker: &Asker<'_>, aws: &Aws) -> Result<Grant, Trouble> {
    let grant = first(asker, aws).await?;
    match &aws.role {
        Some(role) if aws.web_identity.is_none() => sts::assume(asker, aws, &grant, role).await,
        Some(_) | None => Ok(grant),
    }
}

async fn first(asker: &Asker<'_>, aws: &Aws) -> Result<Grant, Trouble> {
    if let Some(keys) = &aws.keys {
        return Ok(as_they_are(keys, asker.now()));
    }
    if let Some(process) = &aws.process {
        return process::run(asker, process).await;
    }
    if let Some(web) = &aws.web_identity {
        return sts::for_token(asker, aws, &web.role, &web.token_file).await;
    }
    if let Some(grant) = Box::pin(profile::find(asker, aws)).await? {
        return Ok(grant);
    }
    if let Some(container) = &aws.container {
        return endpoints::container(asker, container).await;
    }
    match &aws.metadata {
        Some(metadata) => endpoints::machine(asker, metadata).await,
        None => Err(Trouble::setting("no keys of AWS were found, and the metadata service is off")),
    }
}

/// Keys that somebody wrote down: without an end.
fn as_they_are(keys: &AwsKeys, now: Moment) -> Grant {
    let AwsKeys { access_key_id, secret_access_key, session_token } = keys.clone();
    let proof = AwsProof { access_key_id, secret_access_key, session_token };
    Grant { proof: Proof::Aws(proof), given: now, expires: None }
}

/// Keys in JSON, as containers, machines and programs give them.
fn in_json(value: &Value, (now, unix_secs): (Moment, u64)) -> Option<Grant> {
    let text = |name: &str| value[name].as_str().map(str::trim).filter(|text| !text.is_empty());
    let token = text("Token").or_else(|| text("SessionToken"));
    let life = text("Expiration").and_then(|end| answer::life(end, unix_secs));
    let proof = AwsProof {
        access_key_id: text("AccessKeyId")?.to_owned(),
        secret_access_key: Secret::new(text("SecretAccessKey")?),
        session_token: token.map(Secret::new),
    };
    Some(Grant { proof: Proof::Aws(proof), given: now, expires: life.map(|life| now + life) })
}

#[cfg(test)]
mod tests;

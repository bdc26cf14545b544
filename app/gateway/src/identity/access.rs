//! What an attempt shows at its provider: the last thing that is done to a request.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{self, HeaderValue};

use backstop_identity::{AwsProof, Grant, Proof, Signing, sign};
use backstop_providers::{Ask, Endpoint};
use backstop_settings::{Aws, Credential, Giver, Identity};
use backstop_surfaces::Surface;
use backstop_vocabulary::{Class, Dialect, Failure};

use crate::clock::Clock;
use crate::headers;
use crate::table::{ProviderRow, Target};

/// The region that is signed for where nobody names one.
const REGION: &str = "us-east-1";

/// Where an attempt goes, and with which credential.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) row: &'a ProviderRow,
    pub(crate) dialect: Dialect,
    pub(crate) credential: &'a Credential,
    pub(crate) target: &'a Target,
}

/// Adds what the target's API demands: version, credential, signature. The request must be complete
/// but for that: a signature covers its path and its body. Gives the token that was used.
///
/// # Errors
///
/// `IdentityFailed` where the credential has no token that may be used.
pub(crate) fn authorise(
    ask: &mut Ask,
    at: At<'_>,
    client: &HeaderMap,
    clock: Clock,
) -> Result<Option<Arc<Grant>>, Failure> {
    headers::show_key(&mut ask.headers, (at.row.kind(), at.dialect), at.credential, client);
    let Some(pass) = &at.target.pass else { return Ok(None) };
    let now = clock.now();
    let grant = pass.grant(now).ok_or_else(|| pass.failure())?;
    let unfit = || Failure::new(Class::IdentityFailed, "the token holds what no header may hold");
    match &grant.proof {
        Proof::Bearer(token) => {
            let shown = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
            let mut shown = shown.map_err(|_| unfit())?;
            shown.set_sensitive(true);
            ask.headers.insert(header::AUTHORIZATION, shown);
        }
        Proof::Aws(keys) => {
            let unix_secs = clock.unix_secs(now);
            let place = place_of(pass.identity(), at.row);
            let signed = signed(ask, &at.row.endpoint, (keys, place), unix_secs);
            ask.headers.extend(signed.ok_or_else(unfit)?);
        }
    }
    Ok(Some(grant))
}

/// Whether a target's requests are signed, body and all.
pub(crate) fn signs(target: &Target) -> bool {
    let giver = target.pass.as_ref().map(|pass| &pass.identity().giver);
    matches!(giver, Some(Giver::Aws(_)))
}

fn signed(
    ask: &Ask,
    endpoint: &Endpoint,
    (keys, place): (&AwsProof, Option<(&str, &str)>),
    unix_secs: u64,
) -> Option<HeaderMap> {
    let kind = headers::text(&ask.headers, header::CONTENT_TYPE);
    let named: Vec<(&str, &str)> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
    let (region, service) = place?;
    let signing = Signing {
        method: &ask.method,
        host: endpoint.host_header().to_str().ok()?,
        path: ask.path.as_str(),
        headers: &named,
        body: &ask.body,
        region,
        service,
        unix_secs,
    };
    sign(keys, &signing)
}

/// Region and service to sign for at a provider.
fn place_of<'a>(identity: &'a Identity, row: &'a ProviderRow) -> Option<(&'a str, &'a str)> {
    let Giver::Aws(aws) = &identity.giver else { return None };
    let (region, service) = place(aws, row.endpoint.host());
    let told = match &row.settings.surface {
        // An address of its own may say nothing, and the settings do.
        Surface::Bedrock { region } if aws.region.is_none() && !region.is_empty() => &**region,
        Surface::Bedrock { .. }
        | Surface::Plain
        | Surface::AzureV1 { .. }
        | Surface::AzureDeployments { .. }
        | Surface::Vertex { .. } => region,
    };
    Some((told, service))
}

/// Region and service to sign for: as the settings say, else as the host does.
fn place<'a>(aws: &'a Aws, host: &'a str) -> (&'a str, &'a str) {
    let usual = aws.usual_region.as_deref().unwrap_or(REGION);
    let region = aws.region.as_deref().or_else(|| host.split('.').find(|label| is_region(label)));
    let mantle = host.split('.').any(|label| label == "bedrock-mantle");
    let service = if mantle { "bedrock-mantle" } else { "bedrock" };
    (region.unwrap_or(usual), aws.service.as_deref().unwrap_or(service))
}

/// `eu-central-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let mut parts = label.split('-').rev();
    let number = parts.next().is_some_and(|part| part.len() == 1 && part < ":" && part > "0");
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    number
        && (2..=3).contains(&words.len())
        && words.iter().all(is_word)
        && words.last().is_some_and(|first| first.len() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_for_the_region_and_service_of_the_address() {
        let aws = |region: Option<&str>, usual: Option<&str>| Aws {
            region: region.map(str::to_owned),
            usual_region: usual.map(str::to_owned),
            ..Aws::default()
        };
        let usual = aws(None, Some("eu-west-3"));
        for (host, expected) in [
            ("bedrock-runtime.eu-central-1.amazonaws.com", ("eu-central-1", "bedrock")),
            ("bedrock-mantle.us-west-2.api.aws", ("us-west-2", "bedrock-mantle")),
            ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", ("us-gov-west-1", "bedrock")),
            (
                "vpce-1-a.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com",
                ("ap-southeast-2", "bedrock"),
            ),
            ("127.0.0.1", ("eu-west-3", "bedrock")),
        ] {
            assert_eq!(place(&usual, host), expected, "{host}");
        }
        assert_eq!(place(&aws(None, None), "localhost").0, "us-east-1");
        let named = aws(Some("us-east-2"), None);
        assert_eq!(place(&named, "bedrock-runtime.eu-central-1.amazonaws.com").0, "us-east-2");
    }
}

//! Keys of the role that a container or a machine has.

use backstop_settings::AwsContainer;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::in_json;
use crate::endpoints::host_of;
use crate::pass::Grant;
use crate::source::{Asker, Url, secret_header};
use crate::trouble::Trouble;
use crate::{answer, files};

/// Hosts besides loopback to which a container's token may go without TLS (AWS, "container
/// credential provider").
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
/// Where a machine's roles are told.
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Keys of a container's role.
pub(super) async fn container(
    asker: &Asker<'_>,
    container: &AwsContainer,
) -> Result<Grant, Trouble> {
    let url = Url::read(&container.url)?;
    let name = host_of(&url.base);
    let near = CONTAINER_HOSTS.contains(&name)
        || name.starts_with("127.")
        || ["localhost", "[::1]"].iter().any(|own| name.starts_with(own));
    if url.base.starts_with("http://") && !near {
        let what = "the container's endpoint is neither near nor reached by TLS";
        return Err(Trouble::setting(what));
    }
    let mut headers = HeaderMap::new();
    let token = match (&container.token_file, &container.token) {
        (Some(file), _) => Some(files::read("the container's token", file).await?),
        (None, Some(token)) => Some(token.reveal().to_owned()),
        (None, None) => None,
    };
    if let Some(token) = token {
        headers.extend([secret_header("authorization", token.trim())?]);
    }
    let given = asker.get(&url, headers).await?;
    let value = answer::object(&url.base, &given)?;
    let grant = in_json(&value, (asker.now(), asker.their_time(&given)));
    grant.ok_or_else(|| answer::bad(&url.base, "the answer holds no keys"))
}

/// Keys of a machine's role, by the second version of its metadata service: a token first.
pub(super) async fn machine(asker: &Asker<'_>, metadata: &str) -> Result<Grant, Trouble> {
    let at = |path: &str| Url::read(&format!("{metadata}{path}"));
    let life = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
    let headers = HeaderMap::from_iter([(life, HeaderValue::from_static("21600"))]);
    let url = at("/latest/api/token")?;
    let answered = asker.ask(Method::PUT, &url, headers, bytes::Bytes::new()).await?;
    let token = text(&url, &answered)?;
    let shown = || secret_header("x-aws-ec2-metadata-token", &token);
    let roles = at(ROLES)?;
    let answered = asker.get(&roles, HeaderMap::from_iter([shown()?])).await?;
    let role = text(&roles, &answered)?;
    let role = role.lines().next().unwrap_or_default().trim().to_owned();
    let url = at(&format!("{ROLES}{}", crate::encode::percent(&role, "")))?;
    let answered = asker.get(&url, HeaderMap::from_iter([shown()?])).await?;
    let value = answer::object(&url.base, &answered)?;
    let grant = in_json(&value, (asker.now(), asker.their_time(&answered)));
    grant.ok_or_else(|| answer::bad(&url.base, "the answer holds no keys"))
}

fn text(url: &Url, answered: &crate::outside::Answer) -> Result<String, Trouble> {
    if answered.status != 200 {
        return Err(answer::refusal(&url.base, answered));
    }
    let text = String::from_utf8_lossy(&answered.body).trim().to_owned();
    if text.is_empty() {
        return Err(answer::bad(&url.base, "the answer is empty"));
    }
    Ok(text)
}

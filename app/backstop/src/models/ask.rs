//! Asks a provider for its list of models.

use std::sync::Arc;
use std::time::Duration;

use backstop_catalogue::sources::next_page;
use backstop_providers::{Ask, Client, ClientLimits, Endpoint, TcpDial, TlsTrust};
use backstop_settings::{Credential, Provider, ProviderKind};
use backstop_surfaces::Surface;
use backstop_vocabulary::Dialect;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::token::Token;

/// The longest that one page may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest page; the longest public list has a tenth of it.
const PAGE_BYTES_MAX: usize = 32 << 20;
/// The most pages of a list.
const PAGES_MAX: usize = 100;

/// Where a list of models is, and its pages.
pub(crate) struct Listed {
    /// The address, without credentials.
    pub(crate) source: String,
    pub(crate) pages: Vec<String>,
}

/// Whether providers of this kind have a list that says more than names.
pub(crate) const fn lists_models(kind: ProviderKind) -> bool {
    match kind {
        ProviderKind::Foundry | ProviderKind::Vertex => false,
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Azure
        | ProviderKind::Bedrock
        | ProviderKind::Gemini
        | ProviderKind::Compatible => true,
    }
}

/// The pages of the provider's list. The error says what went wrong, without its credential.
pub(crate) fn ask(provider: &Provider, trust: &Arc<TlsTrust>) -> anyhow::Result<Listed> {
    if !lists_models(provider.kind) {
        anyhow::bail!("its list says nothing of what models can do: read a file with `--from`");
    }
    let base_url = base_url(provider);
    let endpoint = Arc::new(Endpoint::new(&base_url, provider.proxy.as_deref(), trust)?);
    let (path, query) = place(provider);
    let headers = headers(provider)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Arc::new(Client::new(Arc::new(TcpDial::new()), ClientLimits::default()));
        let token = match credential(provider) {
            Some(Credential::Identity { identity, .. }) => {
                Some(Token::of(provider, identity, (&client, trust)).await?)
            }
            Some(Credential::Key { .. } | Credential::FromClient | Credential::None) | None => None,
        };
        let mut pages: Vec<String> = Vec::new();
        let mut next = query.clone();
        let source = format!("{}{}", origin(&base_url), endpoint.path(path)?.path());
        while pages.len() < PAGES_MAX {
            let whole = if next.is_empty() { path.to_owned() } else { format!("{path}?{next}") };
            let mut ask = Ask {
                method: Method::GET,
                path: endpoint.path(&whole)?,
                headers: headers.clone(),
                body: Bytes::new(),
            };
            if let Some(token) = &token {
                token.show(&mut ask, &endpoint)?;
            }
            let page = timeout(PATIENCE, page(&client, &endpoint, ask, provider.connect_max)).await;
            let page =
                page.map_err(|_| anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs()))??;
            let more = next_page(&page);
            pages.push(page);
            match more {
                Some(more) if query.is_empty() => next = more,
                Some(more) => next = format!("{query}&{more}"),
                None => break,
            }
        }
        Ok(Listed { source, pages })
    })
}

/// The credential that is asked with: whoever has both kinds is asked with its key.
fn credential(provider: &Provider) -> Option<&Credential> {
    let key = provider.credentials.iter().find(|one| matches!(one, Credential::Key { .. }));
    key.or_else(|| provider.credentials.first())
}

/// Where the list is: AWS lists its models at another host than it serves them.
fn base_url(provider: &Provider) -> String {
    if provider.kind == ProviderKind::Bedrock {
        return provider.base_url.replacen("://bedrock-runtime", "://bedrock", 1);
    }
    provider.base_url.clone()
}

/// The path of the list, and the query of its first page.
fn place(provider: &Provider) -> (&'static str, String) {
    let version = |version: &str| format!("api-version={version}");
    match &provider.surface {
        Surface::AzureV1 { api_version } => {
            ("/openai/v1/models", api_version.as_deref().map(version).unwrap_or_default())
        }
        Surface::AzureDeployments { api_version } => ("/openai/models", version(api_version)),
        Surface::Bedrock { .. } => ("/foundation-models", String::new()),
        Surface::Plain | Surface::Vertex { .. } => match provider.dialect {
            Dialect::AnthropicMessages => ("/v1/models", "limit=1000".to_owned()),
            Dialect::Gemini => ("/v1beta/models", "pageSize=1000".to_owned()),
            Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::BedrockConverse => {
                ("/v1/models", String::new())
            }
        },
    }
}

/// Scheme, host and port of an address.
fn origin(base_url: &str) -> &str {
    let host = base_url.find("://").map_or(0, |at| at + 3);
    let end =
        base_url.get(host..).and_then(|rest| rest.find('/')).map_or(base_url.len(), |at| host + at);
    base_url.get(..end).unwrap_or(base_url)
}

async fn page(
    client: &Client,
    endpoint: &Arc<Endpoint>,
    ask: Ask,
    connect_max: Duration,
) -> anyhow::Result<String> {
    let failed = |failure: backstop_vocabulary::Failure| anyhow::anyhow!("{}", failure.message);
    let reply = client.send(endpoint, ask, connect_max).await.map_err(failed)?;
    let status = reply.status;
    let body = reply.body.collect(PAGE_BYTES_MAX).await.map_err(failed)?;
    if status != 200 {
        // What a provider says beside an error may quote the key it was shown.
        anyhow::bail!("it answers with status {status}");
    }
    Ok(String::from_utf8(body.to_vec())?)
}

fn headers(provider: &Provider) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    let anthropic = provider.dialect == Dialect::AnthropicMessages;
    if anthropic {
        let name = HeaderName::from_static("anthropic-version");
        headers.insert(name, HeaderValue::from_static("2023-06-01"));
    }
    match credential(provider) {
        Some(Credential::Key { secret, .. }) => {
            let (name, text) = match provider.dialect {
                _ if provider.kind == ProviderKind::Azure => {
                    ("api-key", secret.reveal().to_owned())
                }
                Dialect::AnthropicMessages => ("x-api-key", secret.reveal().to_owned()),
                Dialect::Gemini => ("x-goog-api-key", secret.reveal().to_owned()),
                Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::BedrockConverse => {
                    ("authorization", format!("Bearer {}", secret.reveal()))
                }
            };
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| anyhow::anyhow!("its key holds characters that no header may"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Some(Credential::FromClient) => {
            anyhow::bail!("it is asked with clients' own keys, and there is no client here");
        }
        Some(Credential::Identity { .. } | Credential::None) | None => {}
    }
    Ok(headers)
}

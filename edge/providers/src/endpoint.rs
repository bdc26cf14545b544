use std::fmt;
use std::sync::Arc;

use http::header::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls_pki_types::ServerName;

use crate::TlsTrust;
use crate::tunnel::basic_credentials;

/// Why an address cannot be used. The text is meant for whoever wrote the settings, and never
/// repeats user information from a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EndpointError(Box<str>);

impl EndpointError {
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

/// The address of one provider and the way to it. Built once per provider from its settings; two
/// endpoints never share a connection, so that credentials of different owners stay apart.
#[derive(Clone)]
pub struct Endpoint {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
    authority: Authority,
    host_header: HeaderValue,
    prefix: Box<str>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    proxy: Option<Proxy>,
}

#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// Reads `base_url` (`http` or `https`, host, optional port and path prefix). `proxy` is an
    /// `http://[user:password@]host:port` that is asked for a tunnel (`https` providers) or to
    /// forward (`http` providers); whether `NO_PROXY` excludes this host is the caller's decision.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address and how it should look.
    pub fn new(base_url: &str, proxy: Option<&str>, tls: &TlsTrust) -> Result<Self, EndpointError> {
        let parts = read_url(base_url, "base_url")?;
        if parts.user.is_some() {
            return Err(EndpointError::new(
                "base_url must not hold a user or password: put the key into `api_key`",
            ));
        }
        if parts.uri.query().is_some() {
            return Err(EndpointError::new("base_url must not hold a query (`?…`)"));
        }
        let secure = parts.scheme == Scheme::HTTPS;
        let usual_port = if secure { 443 } else { 80 };
        let authority = authority(&parts.host, parts.port.filter(|&port| port != usual_port))?;
        let tls = if secure { Some((tls.config()?, server_name(&parts.host)?)) } else { None };
        Ok(Self {
            host_header: HeaderValue::from_str(authority.as_str())
                .map_err(|_| no_host("base_url"))?,
            prefix: parts.uri.path().trim_end_matches('/').into(),
            proxy: proxy.map(Proxy::read).transpose()?,
            scheme: parts.scheme,
            host: parts.host,
            port: parts.port.unwrap_or(usual_port),
            authority,
            tls,
        })
    }

    /// The path to ask for, behind this endpoint's prefix. A prefix that already names an API
    /// version (`/v1`, `/api/paas/v4`, `/v1beta/openai`) takes the place of the path's own `/v1`, as
    /// the official SDKs' base URLs do.
    ///
    /// # Errors
    ///
    /// When `path` does not start with `/` or holds what a URL may not.
    pub fn path(&self, path: &str) -> Result<PathAndQuery, EndpointError> {
        if !path.starts_with('/') {
            return Err(EndpointError::new("a path must start with `/`"));
        }
        let rest = if names_version(&self.prefix) { strip_version(path) } else { path };
        if self.prefix.is_empty() {
            PathAndQuery::try_from(rest)
        } else {
            PathAndQuery::try_from([&self.prefix, rest].concat())
        }
        .map_err(|_| EndpointError::new("the path holds characters that a URL may not"))
    }

    /// The same address, spoken to over HTTP/1.1 only.
    pub(crate) fn over_http1(&self) -> Self {
        let mut endpoint = self.clone();
        if let Some((config, _)) = &mut endpoint.tls {
            Arc::make_mut(config).alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        endpoint
    }

    /// The same address as a stranger's: over HTTP/1.1 only, and with a memory of TLS sessions that is
    /// not the providers'.
    pub(crate) fn for_a_stranger(&self) -> Self {
        let mut endpoint = self.over_http1();
        if let Some((config, _)) = &mut endpoint.tls {
            Arc::make_mut(config).resumption = Resumption::disabled();
        }
        endpoint
    }

    /// The provider's host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The provider's port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the way is encrypted.
    pub const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Host and port to open a socket to: the proxy's where there is one.
    pub(crate) fn first_hop(&self) -> (&str, u16) {
        self.proxy.as_ref().map_or((&*self.host, self.port), |proxy| (&*proxy.host, proxy.port))
    }

    pub(crate) fn tls(&self) -> Option<&(Arc<ClientConfig>, ServerName<'static>)> {
        self.tls.as_ref()
    }

    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The `host` header that requests carry: what a signature has to cover.
    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// The proxy's credentials where requests go to it unencrypted, to be forwarded.
    pub(crate) fn forwarding(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| !self.is_secure())
    }

    /// The whole address, as HTTP/2 and forward proxies want it.
    pub(crate) fn absolute(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        // All three parts are present, which is the only thing that can be wrong here.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("address", &format_args!("{}://{}{}", self.scheme, self.authority, self.prefix))
            .field("proxy", &self.proxy.as_ref().map(|proxy| (&proxy.host, proxy.port)))
            .finish_non_exhaustive()
    }
}

impl Proxy {
    fn read(url: &str) -> Result<Self, EndpointError> {
        let parts = read_url(url, "proxy")?;
        if parts.scheme != Scheme::HTTP {
            return Err(EndpointError::new("a proxy must be given as `http://host:port`"));
        }
        let authorization = parts.user.map(|user| basic_credentials(&user)).transpose()?;
        Ok(Self { host: parts.host, port: parts.port.unwrap_or(80), authorization })
    }
}

struct Parts {
    uri: Uri,
    scheme: Scheme,
    host: Box<str>,
    port: Option<u16>,
    user: Option<String>,
}

fn read_url(url: &str, what: &str) -> Result<Parts, EndpointError> {
    let uri: Uri = url.trim().parse().map_err(|_| {
        EndpointError::new(format!("{what} is not a URL: write it like `https://host/v1`"))
    })?;
    let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    let scheme = scheme.cloned().ok_or_else(|| {
        EndpointError::new(format!("{what} must start with `https://` or `http://`"))
    })?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(no_host(what));
    }
    let user = uri.authority().and_then(|authority| authority.as_str().rsplit_once('@'));
    Ok(Parts {
        user: user.map(|(user, _)| user.to_owned()),
        host: host.to_ascii_lowercase().into(),
        port: uri.port_u16(),
        scheme,
        uri,
    })
}

fn authority(host: &str, port: Option<u16>) -> Result<Authority, EndpointError> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let text = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    text.parse().map_err(|_| no_host("base_url"))
}

fn server_name(host: &str) -> Result<ServerName<'static>, EndpointError> {
    ServerName::try_from(host.to_owned()).map_err(|_| {
        EndpointError::new("base_url names a host that no certificate can be made out to")
    })
}

fn no_host(what: &str) -> EndpointError {
    EndpointError::new(format!("{what} has no host: write it like `https://host/v1`"))
}

fn names_version(prefix: &str) -> bool {
    prefix.split('/').any(is_version)
}

/// The path without its first segment where that is a version.
fn strip_version(path: &str) -> &str {
    let end = path[1..].find(['/', '?']).map_or(path.len(), |at| at + 1);
    if is_version(&path[1..end]) { &path[end..] } else { path }
}

/// `v1`, `v4`, `v1beta`: a `v`, a digit, and nothing that is not a letter or digit.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && rest.chars().all(|letter| letter.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests;

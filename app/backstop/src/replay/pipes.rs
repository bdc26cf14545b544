//! Connections that are pipes in memory: from clients to the gateway, and from anyone to the
//! simulated providers.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio::io::duplex;
use tokio::sync::watch;

use backstop_gateway::Door;
use backstop_listener::{ListenerLimits, serve_connection};
use backstop_providers::{BoxFuture, Dial, Endpoint, Io};
use backstop_scenarios::Connecting;
use backstop_simulator::{Entry, Simulator};
use backstop_vocabulary::{Class, Failure};

/// Bytes that may be on their way in each direction.
pub(crate) const PIPE_BYTES: usize = 256 << 10;
/// The ending of every provider's host name.
const DOMAIN: &str = ".replay";
/// Where clients find the gateway.
pub(crate) const GATEWAY_URL: &str = "http://gateway.localhost";

/// Where a provider is.
pub(crate) fn base_url(provider: &str) -> String {
    // Any name is a provider's name, not every name is a host's.
    let mut url = String::from("http://p");
    for byte in provider.bytes() {
        // A string takes everything.
        let _written = write!(url, "{byte:02x}");
    }
    url + DOMAIN
}

/// The provider at a host.
fn provider_at(host: &str) -> Option<String> {
    let digits = host.strip_suffix(DOMAIN)?.strip_prefix('p')?;
    let byte = |nth: usize| u8::from_str_radix(digits.get(2 * nth..2 * nth + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

/// Connects to simulated providers.
pub(crate) struct ToProviders(pub(crate) Simulator);

impl Dial for ToProviders {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>> {
        Box::pin(std::future::ready(self.connect(endpoint)))
    }
}

impl ToProviders {
    fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Io>, Failure> {
        let Some(provider) = provider_at(endpoint.host()) else {
            return Err(Failure::new(Class::DnsFailed, "no such host in this replay"));
        };
        let failed = |class, what: &str| Err(Failure::new(class, what));
        match self.0.connect(&provider) {
            Connecting::Accepted => {}
            Connecting::Refused => return failed(Class::ConnectFailed, "connection refused"),
            Connecting::NoName => return failed(Class::DnsFailed, "the name does not resolve"),
            Connecting::BadHandshake => return failed(Class::TlsFailed, "no TLS handshake"),
        }
        let (near, far) = duplex(PIPE_BYTES);
        let simulator = self.0.clone();
        tokio::spawn(async move {
            simulator.serve_connection(far, Entry::Provider(provider.into())).await;
        });
        Ok(Box::new(near))
    }
}

/// Connects to the gateway, whatever the address.
pub(crate) struct ToGateway {
    door: Arc<Door>,
    limits: Arc<ListenerLimits>,
    drain: watch::Receiver<bool>,
}

impl ToGateway {
    /// Connections to this door; they end when `drain` says so.
    pub(crate) fn new(door: Door, drain: watch::Receiver<bool>) -> Self {
        Self { door: Arc::new(door), limits: Arc::new(ListenerLimits::default()), drain }
    }
}

impl Dial for ToGateway {
    fn dial<'a>(&'a self, _endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Box<dyn Io>, Failure>> {
        let (near, far) = duplex(PIPE_BYTES);
        let (door, limits) = (Arc::clone(&self.door), Arc::clone(&self.limits));
        tokio::spawn(serve_connection(far, door, limits, self.drain.clone()));
        let io: Box<dyn Io> = Box::new(near);
        Box::pin(std::future::ready(Ok(io)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_of_any_name_is_found_at_its_address() {
        for name in ["anthropic", "our gpu box", "größer", "A.b_c"] {
            let url = base_url(name);
            let host = url.strip_prefix("http://").unwrap();
            assert_eq!(provider_at(host).as_deref(), Some(name));
        }
        assert_eq!(provider_at("api.anthropic.com"), None);
    }
}

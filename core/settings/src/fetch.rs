//! What the gateway fetches itself, for targets that take no addresses.

use backstop_guard::Rules;

use crate::Proxies;

/// What may be fetched from addresses in requests, and the way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchMedia {
    /// From where, and how much.
    pub rules: Rules,
    /// Through which proxy; none where every public host is allowed.
    pub proxies: Proxies,
}

impl FetchMedia {
    /// The proxy to a host.
    pub fn proxy_to(&self, host: &str) -> Option<String> {
        self.proxies.to(&format!("https://{host}"))
    }
}

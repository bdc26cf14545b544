use std::time::Duration;

use crate::Hosts;

/// What of the addresses in requests the operator lets the gateway fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// From where.
    pub hosts: Hosts,
    /// The most bytes of all that one request fetches.
    pub bytes_max: u64,
    /// The longest that everything a request fetches for one attempt may take: names, connections,
    /// redirects and bodies.
    pub time_max: Duration,
    /// The most redirects of one address.
    pub redirects_max: u32,
    /// The most addresses of one request.
    pub per_request_max: u32,
}

impl Default for Rules {
    /// From nowhere. The sizes are those that providers take: 20 MB is the largest request of Bedrock.
    fn default() -> Self {
        Self {
            hosts: Hosts::default(),
            bytes_max: 20_000_000,
            time_max: Duration::from_secs(10),
            redirects_max: 3,
            per_request_max: 20,
        }
    }
}

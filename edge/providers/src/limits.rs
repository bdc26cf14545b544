use std::time::Duration;

/// The limits of one client: how much it keeps, how long, and how much it takes from a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Idle HTTP/1 connections kept per endpoint; the oldest go first.
    pub idle_connections_max: usize,
    /// How long a connection may idle before it is closed. Below the 60 s after which common load
    /// balancers close theirs, so that a pooled connection is rarely found stale.
    pub idle_max: Duration,
    /// How old a connection may become before it serves no new request, so that changes of DNS
    /// and of load balancing take effect.
    pub age_max: Duration,
    /// Concurrent streams on one HTTP/2 connection; the peer's own limit counts too. Further
    /// requests open another connection instead of queueing unseen.
    pub streams_max: usize,
    /// The head of an answer, in bytes; at least 8,192.
    pub head_bytes_max: usize,
    /// The number of header lines of an answer over HTTP/1.
    pub headers_max: usize,
    /// Silence on an HTTP/2 connection after which it is pinged.
    pub ping_after: Duration,
    /// How long a ping may remain unanswered before the connection is given up.
    pub ping_wait_max: Duration,
    /// How soon after sending on a pooled connection its end still means that it was stale. When it
    /// ends later, the peer had taken the request and failed.
    pub stale_within: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            idle_connections_max: 256,
            idle_max: Duration::from_secs(50),
            age_max: Duration::from_secs(600),
            streams_max: 64,
            head_bytes_max: 64 * 1024,
            headers_max: 100,
            ping_after: Duration::from_secs(20),
            ping_wait_max: Duration::from_secs(10),
            stale_within: Duration::from_secs(1),
        }
    }
}

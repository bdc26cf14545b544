use std::time::Duration;

/// How a connection ends whose answer failed halfway, once the error frame is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AbortStyle {
    /// Close without the last chunk: a client that knows HTTP/1.1 sees an incomplete answer.
    #[default]
    MissingEnd,
    /// Reset (linger 0): no client can take it for an end, but what a slow client has not yet
    /// received is lost with it.
    Reset,
}

/// The limits of every connection, and the manner of ending it.
#[derive(Clone, Debug)]
pub struct ListenerLimits {
    /// Open connections of the whole listener; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Bytes of a request's head; past it HTTP/1 answers 431.
    pub head_bytes_max: usize,
    /// Header fields of a request; at most 100, which costs no allocation.
    pub headers_max: usize,
    /// Time for a request's head once its first byte has come, and for a TLS handshake. Checked at
    /// ticks of this length, so that it costs a request nothing: enforced after one to two of them.
    pub head_time_max: Duration,
    /// How long a connection may stay open without a request; enforced to the same coarseness.
    pub idle_max: Duration,
    /// How long a client may take nothing of what is written to it (nginx: 60 s); as coarse.
    /// Over HTTP/2 this is about the connection: one stream that is not read may stay.
    pub stall_max: Duration,
    /// Requests that one HTTP/2 connection may have open.
    pub streams_max: u32,
    /// While draining, how long a connection without a request stays usable, so that a client's next
    /// request meets an answer with `connection: close` rather than a closed socket.
    pub drain_idle_max: Duration,
    /// How long an error frame may take to leave for a client that does not read.
    pub farewell_max: Duration,
    /// What follows the error frame.
    pub abort: AbortStyle,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            head_bytes_max: 64 << 10,
            headers_max: 100,
            head_time_max: Duration::from_secs(15),
            idle_max: Duration::from_secs(300),
            stall_max: Duration::from_secs(300),
            streams_max: 256,
            drain_idle_max: Duration::from_secs(5),
            farewell_max: Duration::from_secs(5),
            abort: AbortStyle::default(),
        }
    }
}

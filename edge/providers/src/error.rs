use std::io;
use std::time::Duration;

use backstop_vocabulary::{Class, Failure, Stage};

use crate::Endpoint;

/// What can go wrong on the way to a provider, with its source kept for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetError {
    #[error("cannot resolve {host}")]
    Resolve { host: Box<str>, source: io::Error },
    #[error("cannot connect to {host}: {}", source.kind())]
    Connect { host: Box<str>, source: io::Error },
    #[error("cannot open another socket: {}", .0.kind())]
    OutOfSockets(#[source] io::Error),
    #[error("no connection to {host} within {within:?}, counting DNS, TCP and TLS")]
    ConnectTimeout { host: Box<str>, within: Duration },
    #[error("the proxy {host} refused the tunnel with status {status}")]
    TunnelRefused { host: Box<str>, status: u16 },
    #[error("the proxy {host} did not answer in HTTP")]
    TunnelBroken { host: Box<str> },
    #[error("the TLS handshake with {host} failed: {source}")]
    Tls { host: Box<str>, source: io::Error },
    #[error("a pooled connection was already closed")]
    Stale(#[source] hyper::Error),
    #[error("the connection broke before the head of an answer")]
    ResetBeforeHead(#[source] hyper::Error),
    #[error("the connection broke in the middle of the answer")]
    ResetInBody(#[source] hyper::Error),
    #[error("the peer does not keep to HTTP: {0}")]
    BrokenHead(#[source] hyper::Error),
    #[error("the peer does not keep to HTTP in the answer's body: {0}")]
    BrokenBody(#[source] hyper::Error),
    #[error("the request cannot be written as HTTP")]
    Request(#[source] hyper::Error),
    #[error("the answer was read on after it had broken")]
    ReadAfterBreak,
    #[error("the answer is larger than {bytes_max} bytes")]
    AnswerTooLarge { bytes_max: usize },
}

impl NetError {
    /// A failed attempt to open a socket to `host`.
    pub(crate) fn connect(host: &str, source: io::Error) -> Self {
        if is_out_of_sockets(&source) {
            return Self::OutOfSockets(source);
        }
        Self::Connect { host: host.into(), source }
    }

    /// Sorts a failure of the exchange that came before the head of the answer. `stale` says that
    /// the connection came from the pool, ended at once, and gave no byte of this answer.
    pub(crate) fn before_head(source: hyper::Error, stale: Stale) -> Self {
        if source.is_user() {
            return Self::Request(source);
        }
        if unprocessed(&source) {
            return Self::Stale(source);
        }
        if source.is_parse() || breaks_http2(&source) {
            return Self::BrokenHead(source);
        }
        match stale {
            Stale::Yes => Self::Stale(source),
            Stale::No => Self::ResetBeforeHead(source),
        }
    }

    /// Sorts a failure that came after the head of the answer.
    pub(crate) fn in_body(source: hyper::Error) -> Self {
        if source.is_parse() || breaks_http2(&source) || breaks_framing(&source) {
            Self::BrokenBody(source)
        } else {
            Self::ResetInBody(source)
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Resolve { .. } => Class::DnsFailed,
            Self::Connect { .. } | Self::TunnelRefused { .. } | Self::TunnelBroken { .. } => {
                Class::ConnectFailed
            }
            Self::OutOfSockets(_) => Class::GatewayBusy,
            Self::ConnectTimeout { .. } => Class::ConnectTimeout,
            Self::Tls { .. } => Class::TlsFailed,
            Self::Stale(_) => Class::StaleConnection,
            Self::ResetBeforeHead(_) | Self::ResetInBody(_) | Self::ReadAfterBreak => {
                Class::ConnectionReset
            }
            Self::BrokenHead(_) | Self::BrokenBody(_) => Class::ProtocolBroken,
            Self::Request(_) => Class::GatewayFault,
            Self::AnswerTooLarge { .. } => Class::BadAnswer,
        }
    }

    fn stage(&self) -> Stage {
        match self {
            Self::ResetInBody(_)
            | Self::BrokenBody(_)
            | Self::ReadAfterBreak
            | Self::AnswerTooLarge { .. } => Stage::BeforeContent,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::OutOfSockets(_)
            | Self::ConnectTimeout { .. }
            | Self::TunnelRefused { .. }
            | Self::TunnelBroken { .. }
            | Self::Tls { .. }
            | Self::Stale(_)
            | Self::ResetBeforeHead(_)
            | Self::BrokenHead(_)
            | Self::Request(_) => Stage::BeforeHeaders,
        }
    }
}

/// Whether the end of a connection may be the end of an idle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    Yes,
    No,
}

/// Turns a network error into the public language of failure. The cause chain goes to the log, the
/// message may be read by the client.
pub(crate) fn failure(error: &NetError) -> Failure {
    let class = error.class();
    tracing::debug!(class = class.code(), cause = chain(error), "way to the provider failed");
    Failure::new(class, error.to_string()).at(error.stage())
}

/// The failure of a connect clock that ran out.
pub(crate) fn connect_timeout(endpoint: &Endpoint, within: Duration) -> Failure {
    failure(&NetError::ConnectTimeout { host: endpoint.host().into(), within })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Too few file descriptors, ports or buffers on this machine: our own limit, nobody else's fault.
fn is_out_of_sockets(error: &io::Error) -> bool {
    // EMFILE and ENFILE; WSAEMFILE and WSAENOBUFS.
    let codes: &[i32] = if cfg!(windows) { &[10024, 10055] } else { &[24, 23] };
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::OutOfMemory
        || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Whether an HTTP/2 peer said that it has not looked at the request (RFC 9113, 8.7): the stream was
/// refused, or a graceful GOAWAY excluded it.
fn unprocessed(error: &hyper::Error) -> bool {
    http2(error).is_some_and(|cause| {
        cause.reason() == Some(h2::Reason::REFUSED_STREAM)
            || (cause.is_go_away()
                && cause.is_remote()
                && cause.reason() == Some(h2::Reason::NO_ERROR))
    })
}

/// Whether the peer, or we upon reading it, called something a violation of HTTP/2.
fn breaks_http2(error: &hyper::Error) -> bool {
    const VIOLATIONS: [h2::Reason; 7] = [
        h2::Reason::PROTOCOL_ERROR,
        h2::Reason::FLOW_CONTROL_ERROR,
        h2::Reason::FRAME_SIZE_ERROR,
        h2::Reason::COMPRESSION_ERROR,
        h2::Reason::STREAM_CLOSED,
        h2::Reason::SETTINGS_TIMEOUT,
        h2::Reason::HTTP_1_1_REQUIRED,
    ];
    http2(error).and_then(h2::Error::reason).is_some_and(|reason| VIOLATIONS.contains(&reason))
}

/// Whether the body's own framing is wrong, such as a chunk size that is no number.
fn breaks_framing(error: &hyper::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
    })
}

fn http2(error: &hyper::Error) -> Option<&h2::Error> {
    causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>())
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_blame_the_provider_when_this_machine_is_out_of_sockets() {
        let emfile = if cfg!(windows) { 10024 } else { 24 };
        for (source, class) in [
            (io::Error::from_raw_os_error(emfile), Class::GatewayBusy),
            (io::ErrorKind::AddrNotAvailable.into(), Class::GatewayBusy),
            (io::ErrorKind::ConnectionRefused.into(), Class::ConnectFailed),
            (io::ErrorKind::HostUnreachable.into(), Class::ConnectFailed),
        ] {
            assert_eq!(failure(&NetError::connect("a.example", source)).class, class);
        }
    }
}

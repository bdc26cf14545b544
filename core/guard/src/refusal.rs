use std::fmt;

/// Why something is not fetched, in words that go to the client: nothing of an answer is in them, no
/// address, and no host but the one that was asked for, which the caller puts in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The address is not written as it must be; this is what it must be or must not have.
    Address(&'static str),
    /// The settings do not allow the host.
    Host,
    /// The name leads nowhere, or not only to public addresses. One answer for both: else the gateway
    /// would tell strangers which internal names there are.
    NotPublic,
    /// No connection, or none that TLS can vouch for.
    Unreachable,
    /// It answered with this status.
    Status(u16),
    /// It redirects more often than the settings allow.
    Redirects,
    /// It redirects to where the gateway may not go.
    Redirected,
    /// It is compressed or encoded, unasked.
    Encoded,
    /// The connection broke, or it does not keep to HTTP.
    Broken,
    /// It is larger than the settings allow, together with what else the request has fetched.
    TooLarge,
    /// It is none of the kinds that are fetched, or another than the request says.
    Kind(&'static str),
    /// It took longer than the settings, or the request's own deadline, allow.
    TooSlow,
    /// The request names more addresses than the settings allow.
    TooMany,
    /// The memory for requests is used up.
    NoRoom,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address(what) => return write!(f, "its address {what}"),
            Self::Status(status) => return write!(f, "it answered {status}"),
            Self::Host => "the settings do not allow this host",
            Self::NotPublic => "its name leads to no public address",
            Self::Unreachable => "it cannot be reached over TLS",
            Self::Redirects => "it redirects too often",
            Self::Redirected => "it redirects to where the gateway may not go",
            Self::Encoded => "it is encoded in a way that was not asked for",
            Self::Broken => "the connection broke",
            Self::TooLarge => "it is larger than is allowed",
            Self::Kind(what) => what,
            Self::TooSlow => "it did not come in time",
            Self::TooMany => "the request names more addresses than are fetched",
            Self::NoRoom => "the gateway has no memory left for it",
        })
    }
}

//! The way to the AI providers: connections, TLS, proxies, and every network error made a `Failure`.
//!
//! In goes a prepared request for an [`Endpoint`]; out comes a [`Reply`] whose body is read chunk by
//! chunk, or a failure that says what was seen. Connections are pooled per client, one client per
//! runtime, so that the request path shares nothing between cores.
//!
//! [`Fetcher`] is another way out, to strangers: no connection, name or credential is shared with it.
//!
//! Absent on purpose: retries, the choice of a target, the meaning of an answer, credentials other
//! than the proxy's, redirects, decompression, and any clock but the connect clock.
//!
//! Start reading at [`Client::send`].

mod ask;
mod client;
mod dial;
mod endpoint;
mod error;
mod fetch;
mod limits;
mod line;
mod names;
mod outgoing;
mod pool;
mod race;
mod reply;
mod switch;
mod tcp;
mod tls;
mod tunnel;
mod wire;

pub use ask::{Ask, HOP_HEADER};
pub use client::Client;
pub use dial::{BoxFuture, Dial, Io};
pub use endpoint::{Endpoint, EndpointError};
pub use fetch::{Errand, Fetched, Fetcher, Reach, TcpReach};
pub use limits::ClientLimits;
pub use names::{Resolve, SystemNames};
pub use outgoing::{Upload, UploadError};
pub use reply::{Reply, ReplyBody};
pub use switch::{Socket, Switched};
pub use tcp::TcpDial;
pub use tls::TlsTrust;

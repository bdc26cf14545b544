//! The clients' side: connections in, requests out, answers back, byte for byte.
//!
//! In come sockets; out goes each request to a [`Serve`], whose answer is written back. An answer
//! that fails halfway ends so that no client can take it for complete. One place accepts and deals
//! connections to cores; a successor process takes the listening sockets over without a refusal.
//!
//! Absent on purpose: dialects, gateway keys, routes, any decision about a request; spawning threads
//! and reading the environment, which are `app`'s.
//!
//! Start reading at [`Serve`], then [`serve_connection`].

mod answer_body;
mod connection;
mod cors;
mod dealer;
mod error;
mod limits;
mod listening;
mod platform;
mod request_body;
mod tls;
mod transport;

pub use answer_body::{Abort, AnswerBody};
pub use connection::{Connection, Duplex, Flushed, Serve, serve_connection};
pub use cors::Cors;
pub use dealer::{Dealer, Hand};
pub use limits::{AbortStyle, ListenerLimits};
pub use listening::{Listening, TakenOver};
pub use platform::Handover;
pub use request_body::{BodyError, read_body};
pub use tls::Tls;
pub use transport::Transport;

//! Credentials that are renewed: tokens of Entra, AWS, Google and OAuth 2, and what signs with them.
//!
//! A [`Pass`] is what the request path reads: the token in force, without a lock. Its [`Keeper`]
//! asks for the next one at half of the life of this one, one question at a time, each within its
//! deadline; every token endpoint has a breaker. A token is used until it expires, whatever its
//! endpoint does meanwhile.
//!
//! Comes in: `settings::Identity`, and the world by [`Outside`]. Goes out: a [`Grant`], or a
//! `Failure` of class `identity_failed`.
//!
//! Absent on purpose: sockets (the gateway lends its own client), the environment (it is in the
//! settings already), redirects, and any word of a token or secret in errors and logs.
//!
//! Start reading at [`Keeper::keep`], then [`Pass`].

mod keeper;
mod pass;

mod endpoints;
mod outside;
mod trouble;

mod aws;
mod entra;
mod google;
mod oauth;

mod answer;
mod encode;
mod files;
mod source;

pub use aws::{Signed, Signing, sign};
pub use endpoints::Endpoints;
pub use keeper::Keeper;
pub use outside::{Answer, BoxFuture, Outside, Question};
pub use pass::{AwsProof, Grant, Pass, Proof, Standing};

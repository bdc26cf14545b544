//! Where and how a provider offers a dialect: the same weights are served at several addresses.
//!
//! A dialect is what is said; a surface is the counter it is said at. It knows which dialects a
//! model is offered in, the path that names model and delivery, and the envelope some clouds put
//! around a body: fields that move out of it into the path, and headers that move into it.
//!
//! Comes in: a dialect, the provider's own name of a model, a finished body. Goes out: a path, and
//! the same body with a few members more or less, every other byte as it was.
//!
//! Absent on purpose: host names, credentials, signatures, sockets; the JSON itself, which
//! `dialects` cuts.
//!
//! Start reading at [`Surface`].

mod betas;
mod encode;
mod envelope;
mod model_name;
mod surface;
mod usual;

pub use envelope::{Asked, Envelope};
pub use surface::Surface;

//! Text into validated settings, every error with its line and its cure.
//!
//! Comes in: the text of `backstop.yaml` and the environment as a map. Goes out: [`Settings`], or
//! every error at once.
//!
//! Absent on purpose: reading files or the environment, health, sockets.
//!
//! Start reading at [`Settings`].

mod typed;

pub use typed::{
    Credential, Delivery, Key, Limits, OnBreak, Pattern, Policy, Provider, ProviderKind, Route,
    Rung, Secret, Settings, TargetChoice, TargetModel, Tls, Workflow,
};

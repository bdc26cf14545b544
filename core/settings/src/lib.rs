//! Text into validated settings, every error with its line and its cure.
//!
//! Comes in: the text of `backstop.yaml` and the environment as a map. Goes out: [`Settings`], or
//! every error at once; and what in good settings would still not work on the day.
//!
//! Absent on purpose: reading files or the environment, health, sockets.
//!
//! Start reading at [`Settings`], then [`read`].

mod identity;
mod lookup;
mod provider;
mod typed;

mod error;
mod finding;

mod faults;
mod later;
mod section;
mod substitute;
mod units;
mod yaml;

mod address;
mod fetch;
mod known;
mod passthrough;
mod proxy;

mod built_in;
mod check;
mod discover;
mod import;
mod read;
mod schema;

pub use check::{check, check_age};
pub use discover::discover;
pub use error::{SettingsError, render_errors};
pub use fetch::FetchMedia;
pub use finding::{Finding, Severity};
pub use identity::{
    Aws, AwsContainer, AwsKeys, AwsRole, AwsWebIdentity, Entra, EntraApp, EntraWay, Giver, Google,
    GoogleWay, Identity, Oauth, OauthShown, Proxies,
};
pub use import::{Imported, Left, import_litellm};
pub use passthrough::Passthrough;
pub use provider::{Provider, ProviderKind};
pub use read::{catalogue_file, read};
pub use schema::json_schema;
pub use typed::{
    Credential, Delivery, Key, Limits, Objective, OnBreak, Pattern, Policy, Route, Rung, Secret,
    Settings, TargetChoice, TargetModel, Tls, Workflow,
};

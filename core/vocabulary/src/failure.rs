use std::fmt;
use std::time::Duration;

use crate::{Class, Dialect, Fault, Refused};

/// How far a failure reaches: what else would fail for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// This request only.
    Request,
    /// This target: one model with one credential.
    Target,
    /// The pool of limits this target draws from: one credential and model family.
    LimitPool,
    /// The credential, whatever the model.
    Credential,
    /// The model at this provider, whatever the credential.
    Model,
    /// The provider's address: every model and credential behind it.
    Endpoint,
}

/// How far the answer had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// No head of an answer yet.
    BeforeHeaders,
    /// A head, and nothing meaningful after it.
    BeforeContent,
    /// Meaningful content had arrived.
    AfterContent,
}

/// One failed attempt or request: what was seen, how far it reaches, how long to stay away.
///
/// Whether to try again, and where, is not a field: `continuity` computes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was seen.
    pub class: Class,
    /// What else would fail for the same reason.
    pub scope: Scope,
    /// How far the answer had come.
    pub stage: Stage,
    /// How long the provider asked us to stay away; untrusted, clamped where it is used.
    pub stay_away: Option<Duration>,
    /// The status the provider answered with.
    pub status: Option<u16>,
    /// The provider's own error code or type, for the journal.
    pub provider_code: Option<Box<str>>,
    /// What the client may read: lower case, no prompt, no key, no body.
    pub message: Box<str>,
    /// What the provider itself said, where the client may be told.
    pub words: Option<Box<Words>>,
    /// What of the request it names as the reason, where that can be told.
    pub refused: Option<Box<Refused>>,
}

/// A provider's own words about a request. They may quote it, so they are for the client that sent
/// it and for nobody else: never for a log or the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The dialect they are written in.
    pub dialect: Dialect,
    /// The error as a JSON object, with the fields that clients of the dialect read.
    pub error: Box<str>,
}

impl Failure {
    /// A failure with the usual scope of its class, before the head of an answer.
    pub fn new(class: Class, message: impl Into<Box<str>>) -> Self {
        Self {
            class,
            scope: usual_scope(class),
            stage: Stage::BeforeHeaders,
            stay_away: None,
            status: None,
            provider_code: None,
            message: message.into(),
            words: None,
            refused: None,
        }
    }

    /// The same failure, reaching this far.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The same failure, seen at this stage.
    #[must_use]
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// The same failure with the provider's status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same failure with the time the provider asked us to stay away.
    #[must_use]
    pub fn with_stay_away(mut self, stay_away: Option<Duration>) -> Self {
        self.stay_away = stay_away;
        self
    }

    /// The same failure with the provider's own code.
    #[must_use]
    pub fn with_provider_code(mut self, code: Option<&str>) -> Self {
        self.provider_code = code.map(Into::into);
        self
    }

    /// The same failure with what the provider itself said.
    #[must_use]
    pub fn with_words(mut self, words: Option<Words>) -> Self {
        self.words = words.map(Box::new);
        self
    }

    /// The same failure with what of the request it names as the reason.
    #[must_use]
    pub fn with_refused(mut self, refused: Option<Refused>) -> Self {
        self.refused = refused.map(Box::new);
        self
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        self.class.fault()
    }
}

impl fmt::Debug for Failure {
    /// As derived, less what is refused where nothing is: that is nearly always.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Failure");
        shown
            .field("class", &self.class)
            .field("scope", &self.scope)
            .field("stage", &self.stage)
            .field("stay_away", &self.stay_away)
            .field("status", &self.status)
            .field("provider_code", &self.provider_code)
            .field("message", &self.message)
            .field("words", &self.words);
        if let Some(refused) = &self.refused {
            shown.field("refused", refused);
        }
        shown.finish()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for Failure {}

/// The scope that a class has unless the evidence says more (`docs/reference/failures/`).
const fn usual_scope(class: Class) -> Scope {
    match class {
        Class::DnsFailed
        | Class::ConnectFailed
        | Class::ConnectTimeout
        | Class::TlsFailed
        | Class::ProtocolBroken
        | Class::Redirected => Scope::Endpoint,
        Class::Overloaded => Scope::Model,
        Class::RateLimited | Class::Acceleration => Scope::LimitPool,
        Class::QuotaExhausted | Class::AuthRefused | Class::IdentityFailed => Scope::Credential,
        Class::StaleConnection
        | Class::ConnectionReset
        | Class::FirstTokenTimeout
        | Class::Stalled
        | Class::TargetOpened
        | Class::ServerError
        | Class::ModelNotFound
        | Class::StreamCut
        | Class::BadAnswer
        | Class::EmptyAnswer => Scope::Target,
        Class::InvalidRequest
        | Class::ContextTooLong
        | Class::RequestTooLarge
        | Class::UnsupportedFeature
        | Class::MediaFailed
        | Class::SignatureRefused
        | Class::ContentRefused
        | Class::UnknownPath
        | Class::KeyRefused
        | Class::CallerLimited
        | Class::ClientLeft
        | Class::NoTarget
        | Class::RungExhausted
        | Class::DeadlinePassed
        | Class::GatewayBusy
        | Class::LoopDetected
        | Class::GatewayFault => Scope::Request,
    }
}

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use backstop_catalogue::Catalogue;
use backstop_exchange::{Abilities, Adjustment, Allowed};
use backstop_vocabulary::Tier;

use crate::identity::Identity;
use crate::{FetchMedia, Provider};

/// Everything an operator may say, validated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where applications connect.
    pub listen: SocketAddr,
    /// Where operators connect: health, metrics, status. `None` switches it off.
    pub console: Option<SocketAddr>,
    /// The path of the embedded store; `None` keeps nothing on disk.
    pub store: Option<String>,
    /// TLS for `listen`.
    pub tls: Option<Tls>,
    /// Origins that browsers may call from; `*` allows all.
    pub cors_origins: Vec<String>,
    /// Names, in small letters and without a port, by which this machine is known besides
    /// `localhost` and its addresses.
    pub hosts: Vec<String>,
    /// The keys of applications; empty means one local caller.
    pub keys: Vec<Key>,
    /// Providers by name.
    pub providers: BTreeMap<Arc<str>, Provider>,
    /// Routes, first match wins.
    pub routes: Vec<Route>,
    /// Business processes, kept for reports.
    pub workflows: Vec<Workflow>,
    /// The gateway's own limits.
    pub limits: Limits,
    /// What may be fetched from addresses in requests; `None` is nothing.
    pub fetch_media: Option<FetchMedia>,
    /// An extra CA file (PEM) trusted for providers.
    pub ca_file: Option<String>,
    /// What is known of models, with what the settings say of them on top.
    pub catalogue: Arc<Catalogue>,
    /// Where what was collected of models lies, if the settings say.
    pub catalogue_file: Option<String>,
}

impl Default for Settings {
    /// The usual addresses, a store beside the process, no providers and no routes.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            console: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8081))),
            store: Some("backstop.db".to_owned()),
            tls: None,
            cors_origins: Vec::new(),
            hosts: Vec::new(),
            keys: Vec::new(),
            providers: BTreeMap::new(),
            routes: Vec::new(),
            workflows: Vec::new(),
            limits: Limits::default(),
            fetch_media: None,
            ca_file: None,
            catalogue: Arc::new(Catalogue::built_in()),
            catalogue_file: None,
        }
    }
}

/// Certificate and key of `listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the certificate chain.
    pub certificate: String,
    /// PEM file of the private key.
    pub key: String,
}

/// A key an application must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in journal and metrics.
    pub name: Arc<str>,
    /// BLAKE3 of the key, 64 hexadecimal digits.
    pub hash: [u8; 32],
    /// The application it belongs to.
    pub app: Option<Arc<str>>,
    /// The most requests a minute; `None` is no limit.
    pub requests_per_minute: Option<u32>,
    /// Whether it opens what providers offer under `/passthrough/`.
    pub passthrough: bool,
}

/// A text that must never be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the text in.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Gives the text out, for the header it belongs in.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a provider knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A key of ours.
    Key {
        /// Its name; `default` when there is only one.
        name: Arc<str>,
        /// The key.
        secret: Secret,
    },
    /// Tokens of ours that are renewed.
    Identity {
        /// Its name; `default` when there is only one.
        name: Arc<str>,
        /// Where the tokens come from.
        identity: Arc<Identity>,
    },
    /// The client's own credential is passed on, to this provider only, and never kept.
    FromClient,
    /// None is needed (a local server).
    None,
}

impl Credential {
    /// The name that a target key carries.
    pub fn name(&self) -> &str {
        match self {
            Self::Key { name, .. } | Self::Identity { name, .. } => name,
            Self::FromClient => "from_client",
            Self::None => "none",
        }
    }
}

/// A set of model names and the ladder that answers them.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// The model names it answers.
    pub models: Vec<Pattern>,
    /// Its rungs, best first.
    pub ladder: Vec<Rung>,
    /// How it behaves.
    pub policy: Policy,
    /// What the operator promises for it; kept for reports.
    pub objective: Option<Objective>,
    /// Whether it was written by the operator or made by the gateway.
    pub built_in: bool,
}

/// What a route should reach, for reports and burn rates.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The share of requests that get an answer, 0 to 1.
    pub answered: Option<f64>,
    /// The share of requests that get a full answer, 0 to 1.
    pub full: Option<f64>,
    /// The 95th percentile of the time to the first token.
    pub first_token_p95: Option<Duration>,
}

/// A model name with `*` for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a model name matches. Linear in the name: `*` needs no backtracking beyond the last.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n, mut star) = (0, 0, None);
        while n < name.len() {
            if p < pattern.len() && pattern[p] == b'*' {
                star = Some((p, n));
                p += 1;
            } else if p < pattern.len() && pattern[p] == name[n] {
                (p, n) = (p + 1, n + 1);
            } else if let Some((at, from)) = star {
                (p, n) = (at + 1, from + 1);
                star = Some((at, from + 1));
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

/// One step of a ladder. Rungs that are not targets come with later versions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Rung {
    /// Models at providers, each with its share of normal traffic.
    Targets(Vec<TargetChoice>),
}

/// A target as a route names it; one per credential once resolved.
#[derive(Clone, Debug)]
pub struct TargetChoice {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The model there.
    pub model: TargetModel,
    /// What its answers are worth.
    pub tier: Tier,
    /// Its weight within the rung, 100 unless `share` says otherwise; 0 is a pure standby.
    pub share: u32,
    /// What it can do where the settings say more than the catalogue; `None` asks the catalogue.
    pub abilities: Option<Abilities>,
    /// What its answers may lack, beside what the route allows.
    pub allow_loss: Allowed,
    /// What it is asked otherwise than the client asked.
    pub adjustment: Adjustment,
}

impl TargetChoice {
    /// The weight of a target that says nothing about it.
    const USUAL_SHARE: u32 = 100;

    /// A target of which nothing more is said.
    pub fn new(provider: Arc<str>, model: TargetModel, tier: Tier) -> Self {
        Self {
            provider,
            model,
            tier,
            share: Self::USUAL_SHARE,
            abilities: None,
            allow_loss: Allowed::default(),
            adjustment: Adjustment::default(),
        }
    }
}

/// Which model a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetModel {
    /// The one the client asked for: `anthropic/*`.
    AsAsked,
    /// This one.
    Named(Arc<str>),
}

/// What happens when a stream breaks after its first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBreak {
    /// Another target continues the answer where that is safe; else the error.
    Resume,
    /// The dialect's error frame and a connection that does not end cleanly.
    Error,
}

/// How a whole answer is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As the client asked: unary stays unary.
    AsAsked,
    /// Streamed from the provider, also for a client that waits for the whole.
    Whole,
}

/// How a route behaves.
#[derive(Clone, Debug)]
pub struct Policy {
    /// To the first meaningful delta of a stream.
    pub deadline_stream: Duration,
    /// To the whole answer of a unary request.
    pub deadline_whole: Duration,
    /// To the end of a stream, however it progresses; `None` is no limit.
    pub total: Option<Duration>,
    /// The most attempts per request.
    pub attempts_max: u8,
    /// How long to wait for the preferred target when a 429 asks for less.
    pub patience: Duration,
    /// What happens when a stream breaks.
    pub on_break: OnBreak,
    /// How a whole answer is fetched.
    pub delivery: Delivery,
    /// The longest first-token clock of one attempt; `None` is adaptive only.
    pub first_token_max: Option<Duration>,
    /// The longest gap clock of one stream; `None` is adaptive only.
    pub gap_max: Option<Duration>,
    /// Vendors that must never see this route's requests.
    pub never: Vec<Arc<str>>,
    /// What answers of its targets may lack.
    pub allow_loss: Allowed,
    /// Share of real traffic that a full-tier rung below the first gets while all is well, 0 to 1.
    pub trickle: f64,
    /// How long after its last request a session keeps to the target that holds its prompt cache; zero
    /// is not at all.
    pub stay: Duration,
}

impl Default for Policy {
    /// The behaviour of a route that says nothing about it.
    fn default() -> Self {
        Self {
            deadline_stream: Duration::from_secs(60),
            deadline_whole: Duration::from_secs(600),
            total: None,
            attempts_max: 5,
            patience: Duration::ZERO,
            on_break: OnBreak::Resume,
            delivery: Delivery::AsAsked,
            first_token_max: None,
            gap_max: None,
            never: Vec::new(),
            allow_loss: Allowed::default(),
            trickle: 0.01,
            stay: Duration::from_secs(300),
        }
    }
}

/// A business process and the routes it hangs on.
#[derive(Clone, Debug, Default)]
pub struct Workflow {
    /// Its name.
    pub name: Arc<str>,
    /// The routes it uses.
    pub routes: Vec<Arc<str>>,
    /// Who owns it.
    pub owner: Option<String>,
    /// Everything else the operator wrote, kept as JSON text for reports.
    pub details: String,
}

/// The gateway's own limits, each with its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body.
    pub body_bytes_max: u64,
    /// The largest whole answer held.
    pub answer_bytes_max: u64,
    /// Connections of clients at once.
    pub connections_max: u32,
    /// Requests in progress at once.
    pub requests_max: u32,
    /// All bytes held for hold-back, retry and resume together.
    pub held_bytes_max: u64,
    /// How long a client may take to send its headers.
    pub header_time_max: Duration,
    /// How long a client may take to send its body.
    pub body_time_max: Duration,
    /// The largest head of a request.
    pub header_bytes_max: u32,
    /// Threads that serve requests; 0 is one per core.
    pub threads: u16,
    /// The largest journal on disk.
    pub journal_bytes_max: u64,
    /// The oldest journal entry kept.
    pub journal_age_max: Duration,
    /// Clean endings journaled per second; above it they are sampled.
    pub journal_rate_max: u32,
    /// All answers kept for their clients to go on from; 0 is none.
    pub transcripts_bytes_max: u64,
    /// The oldest of them.
    pub transcripts_age_max: Duration,
    /// Answers in the making at once whose clients need not wait (`background`).
    pub background_max: u32,
    /// Those of one gateway key; of all callers where there are no keys.
    pub background_per_key_max: u32,
    /// How long one of them may take, from its request to its end.
    pub background_time_max: Duration,
    /// The events of all of them that are kept for clients to read again.
    pub background_events_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            answer_bytes_max: 64 << 20,
            connections_max: 10_000,
            requests_max: 10_000,
            held_bytes_max: 512 << 20,
            header_time_max: Duration::from_secs(10),
            body_time_max: Duration::from_secs(60),
            header_bytes_max: 64 << 10,
            threads: 0,
            journal_bytes_max: 1 << 30,
            journal_age_max: Duration::from_secs(30 * 86_400),
            journal_rate_max: 200,
            transcripts_bytes_max: 64 << 20,
            transcripts_age_max: Duration::from_secs(86_400),
            background_max: 1_000,
            background_per_key_max: 100,
            background_time_max: Duration::from_secs(3_600),
            background_events_bytes_max: 64 << 20,
        }
    }
}

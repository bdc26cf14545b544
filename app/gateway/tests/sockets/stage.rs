//! A gateway on a loopback port between a client and simulated providers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstop_catalogue::Catalogue;
use backstop_gateway::{Clock, ConsoleDoor, Core, Door, Gateway, Makings};
use backstop_listener::{Dealer, ListenerLimits, Listening, Serve};
use backstop_providers::{BoxFuture, Fetcher, Resolve, TcpDial, TlsTrust};
use backstop_resilience::Tuning;
use backstop_scenarios::{Behaviour, Knobs, Scenario, Scope, Severity, Symptom, WorkItem, World};
use backstop_settings::Settings;
use backstop_simulator::{Entry, Simulator};
use backstop_store::{Caps, Entry as Row, Journal};
use backstop_vocabulary::{Dialect, Moment};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{self, Call, Got};

pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The simulated providers of `stage.yaml`, each on a port of its own.
pub(crate) struct Providers {
    pub(crate) simulator: Simulator,
    ports: BTreeMap<String, SocketAddr>,
    _served: JoinSet<()>,
}

impl Providers {
    pub(crate) async fn open() -> Self {
        Self::open_with(include_str!("stage.yaml")).await
    }

    pub(crate) async fn open_with(scenario: &str) -> Self {
        let scenario = Scenario::read(scenario).expect("the scenario can be read");
        let names: Vec<String> = scenario.providers.iter().map(|it| it.name.clone()).collect();
        let world = World::new(&scenario, Severity::Mid, 7);
        let started = tokio::time::Instant::now();
        let clock = Arc::new(move || Moment::ZERO + started.elapsed());
        let simulator = Simulator::new(world, clock);
        let (mut ports, mut served) = (BTreeMap::new(), JoinSet::new());
        for name in names {
            let entry = Entry::Provider(name.as_str().into());
            let port = simulator.bind(entry, ANYWHERE).await.expect("a free port");
            ports.insert(name, port.address().expect("an address"));
            served.spawn(port.run());
        }
        Self { simulator, ports, _served: served }
    }

    /// Replaces `{name}` by the address of each provider.
    pub(crate) fn fill_in(&self, yaml: &str) -> String {
        self.ports.iter().fold(yaml.to_owned(), |text, (name, address)| {
            text.replace(&format!("{{{name}}}"), &format!("http://{address}"))
        })
    }

    /// Makes a provider misbehave from now on, and all others behave.
    pub(crate) fn fail(&self, provider: &str, symptom: &str) {
        self.fail_with(provider, symptom, Knobs::default());
    }

    pub(crate) fn fail_with(&self, provider: &str, symptom: &str, knobs: Knobs) {
        let symptom = Symptom::named(symptom, &knobs).expect("a known symptom");
        let scope = Scope { providers: vec![provider.to_owned()], ..Scope::default() };
        self.behave(vec![Behaviour { scope, symptom, share: 1.0 }]);
    }

    /// These faults from now on, and no others.
    pub(crate) fn behave(&self, faults: Vec<Behaviour>) {
        self.simulator.set_behaviours(faults);
    }

    /// How many requests a provider has had, whatever became of them.
    pub(crate) fn requests(&self, provider: &str) -> u64 {
        self.simulator.requests().get(provider).map_or(0, |counts| counts.values().sum())
    }
}

/// A share of a provider's requests that go wrong in this way.
pub(crate) fn fault(provider: &str, symptom: &str, share: f64) -> Behaviour {
    let symptom = Symptom::named(symptom, &Knobs::default()).expect("a known symptom");
    let scope = Scope { providers: vec![provider.to_owned()], ..Scope::default() };
    Behaviour { scope, symptom, share }
}

/// The gateway and what is around it.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    pub(crate) core: Arc<Core>,
    pub(crate) journal: Journal,
    _opened: Opened,
}

/// A door of the gateway, open until this is dropped.
pub(crate) struct Opened {
    address: SocketAddr,
    _drain: watch::Sender<bool>,
    _served: JoinSet<()>,
}

impl Opened {
    fn open(listening: Listening, door: impl Serve) -> Self {
        let address = listening.local_addr().expect("an address");
        let (drain, draining) = watch::channel(false);
        let (dealer, hands) = Dealer::new(1, ListenerLimits::default());
        let (mut served, door) = (JoinSet::new(), Arc::new(door));
        let dealt = dealer.run(listening, draining.clone());
        served.spawn(async { dealt.await.expect("the listener runs") });
        for hand in hands {
            served.spawn(hand.serve(Arc::clone(&door), None, draining.clone()));
        }
        Self { address, _drain: drain, _served: served }
    }

    pub(crate) async fn send(&self, call: &Call) -> Got {
        client::ask(self.address, call).await
    }
}

/// How providers' names are resolved: not at all.
struct NoNames;

impl Resolve for NoNames {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<std::net::IpAddr>>> {
        Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) })
    }
}

impl Stage {
    /// A gateway with these settings; `{anthropic}` stands for the address of that provider.
    pub(crate) fn open(providers: &Providers, yaml: &str) -> Self {
        let listening = Listening::bind(ANYWHERE).expect("a free port");
        Self::open_on(&providers.fill_in(yaml), listening)
    }

    /// The same on a port that is known before its settings are written.
    pub(crate) fn open_on(yaml: &str, listening: Listening) -> Self {
        Self::open_tuned(yaml, listening, &Tuning::default())
    }

    /// The same with machines that are quicker or slower than usual.
    pub(crate) fn open_tuned(yaml: &str, listening: Listening, tuning: &Tuning) -> Self {
        Self::open_in(yaml, listening, (tuning, None))
    }

    /// The same with strangers that it may ask, and whom to trust as one.
    pub(crate) fn open_among(yaml: &str, strangers: (Fetcher, TlsTrust)) -> Self {
        let listening = Listening::bind(ANYWHERE).expect("a free port");
        Self::open_in(yaml, listening, (&Tuning::default(), Some(strangers)))
    }

    fn open_in(
        yaml: &str,
        listening: Listening,
        (tuning, strangers): (&Tuning, Option<(Fetcher, TlsTrust)>),
    ) -> Self {
        let settings = read(yaml);
        let (fetcher, trust) = strangers.unzip();
        let journal = Journal::in_memory(Caps::default());
        let gateway = Gateway::new(Makings {
            settings,
            journal: journal.clone(),
            trust: trust.unwrap_or_default(),
            fetcher,
            clock: Clock::start(),
            cores: 1,
            seed: 7,
            tuning: *tuning,
        })
        .expect("a gateway");
        let core = Arc::new(gateway.core(0, Arc::new(TcpDial::with_resolver(Arc::new(NoNames)))));
        let opened = Opened::open(listening, Door::new(Arc::clone(&core)));
        Self { gateway, address: opened.address, core, journal, _opened: opened }
    }

    /// Replaces the settings while it runs.
    pub(crate) fn reload(&self, providers: &Providers, yaml: &str) {
        self.gateway.reload(read(&providers.fill_in(yaml))).expect("settings that can be used");
    }

    /// The state of the only target at this provider, by the gateway's own account.
    pub(crate) fn state(&self, provider: &str) -> String {
        let status = self.gateway.status();
        let targets = status["targets"].as_object().expect("targets");
        let found = targets.iter().find(|(name, _)| name.starts_with(&format!("{provider}/")));
        let (_, target) = found.unwrap_or_else(|| panic!("no {provider}: {status}"));
        target["state"].as_str().expect("a state").to_owned()
    }

    /// Where operators come in.
    pub(crate) fn console(&self) -> Opened {
        let listening = Listening::bind(ANYWHERE).expect("a free port");
        Opened::open(listening, ConsoleDoor::new(self.gateway.clone()))
    }

    pub(crate) async fn ask(&self, item: &WorkItem) -> Got {
        client::ask(self.address, &Call::of(item)).await
    }

    pub(crate) async fn send(&self, call: &Call) -> Got {
        client::ask(self.address, call).await
    }

    /// The journal's rows, newest first, once there are `count` of them.
    pub(crate) async fn rows(&self, count: usize) -> Vec<Row> {
        let recent = || self.journal.recent(count + 1).expect("a journal in memory");
        self.until(|| recent().len() >= count, "the journal's rows").await;
        let rows = recent();
        assert_eq!(rows.len(), count, "{rows:#?}");
        rows.into_iter().map(|row| row.entry).collect()
    }

    /// Fails unless nothing of any request is left: no place, no attempt.
    pub(crate) async fn assert_idle(&self, what: &str) {
        self.until(|| self.gateway.in_progress() == 0, what).await;
        self.until(|| self.in_flight() == 0, what).await;
    }

    /// Attempts under way at all targets.
    pub(crate) fn in_flight(&self) -> u64 {
        let status = self.gateway.status();
        let targets = status["targets"].as_object().expect("targets");
        targets.values().map(|target| target["in_flight"].as_u64().expect("a number")).sum()
    }

    /// Lets everything else run until `reached`.
    pub(crate) async fn until(&self, reached: impl Fn() -> bool, what: &str) {
        let by = Instant::now() + Duration::from_secs(10);
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while !reached() {
            assert!(Instant::now() < by, "{what}: {}", self.gateway.status());
            looks.tick().await;
        }
    }
}

fn read(yaml: &str) -> Settings {
    backstop_settings::read(yaml, &BTreeMap::new(), &Catalogue::built_in())
        .unwrap_or_else(|errors| panic!("{errors:#?}\n{yaml}"))
}

/// Settings with a first target and one of another vendor after it.
pub(crate) fn ladder(first: Dialect, second: Dialect, policy: &str) -> String {
    let (first, second) = match (first, second) {
        (Dialect::AnthropicMessages, Dialect::AnthropicMessages) => (ANTHROPIC, CLAUDE_CLOUD),
        (Dialect::OpenaiChat, Dialect::OpenaiChat) => (OPENAI, GPT_CLOUD),
        (Dialect::OpenaiChat, Dialect::OpenaiResponses) => (OPENAI, RESPONSES_CLOUD),
        (Dialect::OpenaiResponses, Dialect::OpenaiChat) => (RESPONSES, GPT_CLOUD),
        (Dialect::OpenaiResponses, Dialect::OpenaiResponses) => (RESPONSES, RESPONSES_CLOUD),
        (Dialect::BedrockConverse, Dialect::BedrockConverse) => (CONVERSE, CONVERSE_CLOUD),
        (Dialect::Gemini, Dialect::Gemini) => (GEMINI, GEMINI_CLOUD),
        (first, second) => (first_of(first), first_of(second)),
    };
    settings(&[first, second], policy)
}

/// The vendor's own target of this dialect.
const fn first_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => ANTHROPIC,
        Dialect::OpenaiChat => OPENAI,
        Dialect::OpenaiResponses => RESPONSES,
        Dialect::Gemini => GEMINI,
        Dialect::BedrockConverse => CONVERSE,
    }
}

/// Every first dialect with every second.
pub(crate) fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    Dialect::ALL
        .into_iter()
        .flat_map(|first| Dialect::ALL.into_iter().map(move |second| (first, second)))
}

/// The name and the target of the provider that speaks this dialect.
pub(crate) const fn provider_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => "anthropic",
        Dialect::OpenaiChat => "openai",
        Dialect::OpenaiResponses => "responses",
        Dialect::Gemini => "gemini",
        Dialect::BedrockConverse => "converse",
    }
}

pub(crate) const ANTHROPIC: &str = "anthropic/claude-opus-4-6";
pub(crate) const OPENAI: &str = "openai/gpt-4o";
pub(crate) const CLAUDE_CLOUD: &str = "claude-cloud/claude-opus-4-6";
pub(crate) const GPT_CLOUD: &str = "gpt-cloud/gpt-4o";
pub(crate) const RESPONSES: &str = "responses/gpt-4o";
pub(crate) const CONVERSE: &str = "converse/us.anthropic.claude-opus-4-6-v1:0";
pub(crate) const CONVERSE_CLOUD: &str = "cloud-converse/us.anthropic.claude-opus-4-6-v1:0";
pub(crate) const RESPONSES_CLOUD: &str = "cloud-responses/gpt-4o";
pub(crate) const GEMINI: &str = "gemini/gemini-3.5-flash";
pub(crate) const GEMINI_CLOUD: &str = "gemini-cloud/gemini-3.5-flash";

/// The clocks of a provider's silence. A test that runs into one waits for all of it; every healthy
/// answer beside it must come in less, also on a machine that is busy with something else.
const CLOCK: &str = "1500ms";

/// The same settings with clocks that end no test.
pub(crate) fn patient(yaml: &str) -> String {
    let waits = |text: String, clock: &str| {
        let short = format!("{clock}: {CLOCK}");
        assert!(text.contains(&short), "{clock} stands elsewhere:\n{text}");
        text.replace(&short, &format!("{clock}: 600s"))
    };
    waits(waits(yaml.to_owned(), "first_token_max"), "gap_max")
}

/// The same settings with such clocks between two pieces of a stream.
pub(crate) fn patient_with_gaps(yaml: &str, gap_max: &str) -> String {
    yaml.replace(&format!("gap_max: {CLOCK}"), &format!("gap_max: {gap_max}"))
}

/// Settings with one route over these targets, a rung each, and clocks for the impatient.
pub(crate) fn settings(targets: &[&str], policy: &str) -> String {
    let rungs = targets.join("]\n      - targets: [");
    format!(
        "console: off\nstore: none\nproviders:\n{PROVIDERS}routes:\n  - name: all\n    \
         models: [\"*\"]\n    ladder:\n      - targets: [{rungs}]\n    trickle: 0\n    first_token_max: {CLOCK}\n    \
         gap_max: {CLOCK}\n{policy}"
    )
}

/// The same settings with one more provider, called `there`.
pub(crate) fn provider(yaml: &str, dialect: Dialect, base_url: &str) -> String {
    let there = format!(
        "providers:\n  there: {{ dialect: {dialect}, base_url: \"{base_url}\", api_key: any, \
         tier: full }}\n"
    );
    yaml.replacen("providers:\n", &there, 1)
}

pub(crate) const PROVIDERS: &str = "  \
    anthropic: { api_key: key-of-anthropic, base_url: \"{anthropic}\" }\n  \
    openai: { dialect: openai_chat, api_key: key-of-openai, base_url: \"{openai}/v1\" }\n  \
    responses: { kind: openai, dialect: openai_responses, api_key: key-of-openai, base_url: \"{responses}/v1\" }\n  \
    cloud-responses: { dialect: openai_responses, base_url: \"{cloud-responses}/v1\", api_key: any, tier: full }\n  \
    converse: { dialect: bedrock_converse, base_url: \"{converse}\", api_key: key-of-converse, tier: full }\n  \
    cloud-converse: { dialect: bedrock_converse, base_url: \"{cloud-converse}\", api_key: any, tier: full }\n  \
    claude-cloud: { dialect: anthropic_messages, base_url: \"{claude-cloud}\", api_key: any, tier: full }\n  \
    gpt-cloud: { dialect: openai_chat, base_url: \"{gpt-cloud}/v1\", api_key: any, tier: full }\n  \
    gemini: { api_key: key-of-gemini, base_url: \"{gemini}\" }\n  \
    gemini-cloud: { dialect: gemini, base_url: \"{gemini-cloud}\", api_key: any, tier: full }\n";

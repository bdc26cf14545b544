//! One strategy through one scenario: a runtime whose clock jumps to the next thing that happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::watch;

use backstop_gateway::{Clock, Door, Gateway, Makings, probe_forever, renew_forever};
use backstop_providers::{Client, ClientLimits, Dial, Endpoint, TlsTrust};
use backstop_resilience::Tuning;
use backstop_scenarios::{
    Direct, Naive, ProviderSettings, SDK_LOGIN, Scenario, SdkRetries, Severity, Strategy, World,
};
use backstop_simulator::Simulator;
use backstop_store::{Caps, Journal};
use backstop_vocabulary::Moment;

use super::pipes::{self, GATEWAY_URL, ToGateway, ToProviders};
use crate::trial::{Caller, Ledger, Shared, Site, Stage, Way, drive};

/// How often the journal is read.
const READ_EVERY: Duration = Duration::from_secs(10);
/// How long what a request leaves behind may take to end: a body's tail, a probe.
const REST_MAX: Duration = Duration::from_secs(120);

/// A way to cope that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategies {
    Direct,
    SdkRetries,
    Naive,
    Backstop,
}

impl Strategies {
    /// All of them, in the order of reports.
    pub(crate) const ALL: [Self; 4] = [Self::Direct, Self::SdkRetries, Self::Naive, Self::Backstop];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::SdkRetries => "sdk_retries",
            Self::Naive => "naive",
            Self::Backstop => "backstop",
        }
    }
}

/// Plays one strategy in a world of its own. Everything random comes from the scenario's seed.
pub(crate) fn play(
    stage: &Stage,
    severity: Severity,
    strategy: Strategies,
    reached_ms: Arc<AtomicU64>,
) -> anyhow::Result<Ledger> {
    // Without IO nothing but the next timer can wake the runtime.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let column = Column::new(stage, severity, reached_ms);
        match strategy {
            Strategies::Backstop => column.gateway(stage).await,
            Strategies::Direct => column.baseline(Arc::new(Mutex::new(Direct))).await,
            Strategies::Naive => {
                let naive = Naive::new(&column.scenario);
                column.baseline(Arc::new(Mutex::new(naive))).await
            }
            Strategies::SdkRetries => {
                let retries = SdkRetries::new(column.scenario.seed);
                column.baseline(Arc::new(Mutex::new(retries))).await
            }
        }
    })
}

struct Column {
    scenario: Arc<Scenario>,
    clock: Clock,
    to_providers: Arc<dyn Dial>,
    ledger: Shared,
}

impl Column {
    fn new(stage: &Stage, severity: Severity, reached_ms: Arc<AtomicU64>) -> Self {
        let scenario = Arc::new(stage.scenario.clone());
        let clock = Clock::start_at(Duration::from_secs(scenario.start_unix));
        let world = World::new(&scenario, severity, scenario.seed);
        let simulator = Simulator::new(world, Arc::new(move || clock.now()));
        let ledger = Shared::new(stage, reached_ms);
        Self { scenario, clock, to_providers: Arc::new(ToProviders(simulator)), ledger }
    }

    async fn baseline(self, strategy: Arc<Mutex<dyn Strategy + Send>>) -> anyhow::Result<Ledger> {
        let client = Client::new(Arc::clone(&self.to_providers), ClientLimits::default());
        let way = Way::Baseline(strategy, sites(&self.scenario)?);
        self.drive(client, &way).await;
        Ok(self.ledger.close())
    }

    async fn gateway(self, stage: &Stage) -> anyhow::Result<Ledger> {
        let caps = Caps { rate_max: u32::MAX, ..Caps::default() };
        let journal = Journal::in_memory(caps);
        let gateway = Gateway::new(Makings {
            settings: stage.settings.clone(),
            journal: journal.clone(),
            trust: TlsTrust::system(),
            fetcher: None,
            clock: self.clock,
            cores: 1,
            seed: self.scenario.seed,
            tuning: Tuning::default(),
        })?;
        let core = Arc::new(gateway.core(0, Arc::clone(&self.to_providers)));
        let (drain, draining) = watch::channel(false);
        let dial = ToGateway::new(Door::new(Arc::clone(&core)), draining);
        let client = Client::new(Arc::new(dial), ClientLimits::default());
        let books = Books {
            gateway: gateway.clone(),
            journal,
            ledger: self.ledger.clone(),
            probes: Arc::default(),
        };
        let renewing = tokio::spawn(renew_forever(Arc::clone(&core)));
        let probing = tokio::spawn(probe_forever(core));
        let reading = tokio::spawn(books.clone().read_forever(self.clock));
        let way = Way::Gateway(Arc::new(Endpoint::new(GATEWAY_URL, None, &TlsTrust::system())?));
        self.drive(client, &way).await;
        reading.abort();
        probing.abort();
        renewing.abort();
        self.rest(&gateway).await;
        books.read(self.scenario.length);
        drain.send_replace(true);
        let mut ledger = self.ledger.close();
        let leaks = [
            (gateway.in_progress(), "requests in progress when all clients had gone"),
            (gateway.attempts_in_flight(), "attempts under way when all clients had gone"),
        ];
        for (count, rule) in leaks {
            (0..count).for_each(|_| ledger.break_rule(rule));
        }
        Ok(ledger)
    }

    async fn drive(&self, client: Client, way: &Way) {
        let caller = Caller::new(client, self.clock);
        let from = (self.scenario.seed, Moment::ZERO);
        drive(&self.scenario, from, &caller, way, &self.ledger).await;
    }

    /// Waits until the gateway has nothing left to do.
    async fn rest(&self, gateway: &Gateway) {
        let by = self.clock.now() + REST_MAX;
        let busy = || gateway.in_progress() > 0 || gateway.attempts_in_flight() > 0;
        while busy() && self.clock.now() < by {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The gateway's own books.
#[derive(Clone)]
struct Books {
    gateway: Gateway,
    journal: Journal,
    ledger: Shared,
    /// Probes counted so far.
    probes: Arc<AtomicU64>,
}

impl Books {
    async fn read_forever(self, clock: Clock) {
        loop {
            tokio::time::sleep(READ_EVERY).await;
            self.read(clock.now().since_zero());
        }
    }

    fn read(&self, at: Duration) {
        self.journal.take().into_iter().for_each(|row| self.ledger.journaled(row.entry));
        let sent = self.gateway.probes();
        let before = self.probes.swap(sent, Ordering::Relaxed);
        self.ledger.probed(at, sent - before);
    }
}

/// What a client shows at this provider: where that wants tokens, its SDK logs in.
fn shown(provider: &ProviderSettings) -> String {
    let usual = if provider.login.is_some() { SDK_LOGIN } else { "sk-simulated" };
    provider.keys.first().cloned().unwrap_or_else(|| usual.to_owned())
}

/// The ladder of the baselines.
fn sites(scenario: &Scenario) -> anyhow::Result<Arc<[Site]>> {
    let rungs = scenario.ladder.iter();
    rungs
        .filter_map(|rung| scenario.provider(&rung.provider).map(|provider| (rung, provider)))
        .map(|(rung, provider)| {
            let url = pipes::base_url(&provider.name);
            Ok(Site {
                endpoint: Arc::new(Endpoint::new(&url, None, &TlsTrust::system())?),
                dialect: provider.dialect,
                model: rung.model.clone(),
                key: shown(provider),
                tier: rung.tier,
            })
        })
        .collect()
}

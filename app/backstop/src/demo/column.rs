//! One way to cope, with providers, clients and books of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backstop_gateway::Clock;
use backstop_providers::{Client, ClientLimits, Endpoint, TcpDial, TlsTrust};
use backstop_scenarios::{
    Direct, Move, Naive, Scenario, SdkRetries, Seen, Severity, Strategy, Tally, World,
};
use backstop_settings::Settings;
use backstop_simulator::{Entry, Simulator};
use backstop_vocabulary::Moment;
use tokio::runtime::Runtime;

use super::short::{CLOCK, Short};
use crate::running::{Running, Sockets};
use crate::trial::{self, Caller, Shared, Site, drive};

/// How long requests in progress may take after the last client has gone.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A way to cope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    SdkRetries,
    Naive,
    Backstop,
}

impl Way {
    /// In the order of the table.
    pub(super) const ALL: [Self; 4] = [Self::Direct, Self::SdkRetries, Self::Naive, Self::Backstop];

    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::SdkRetries => "sdk_retries",
            Self::Naive => "naive",
            Self::Backstop => "backstop",
        }
    }

    /// The name on the screen.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Direct => "no gateway",
            Self::SdkRetries => "SDK retries",
            Self::Naive => "naive breaker",
            Self::Backstop => "Backstop",
        }
    }
}

/// One way to cope, at work.
pub(super) struct Column {
    pub(super) way: Way,
    pub(super) ledger: Shared,
    clock: Clock,
    means: trial::Way,
    pub(super) gateway: Option<Behind>,
}

/// The gateway of a column, and what its journal says.
pub(super) struct Behind {
    pub(super) running: Running,
    probes: AtomicU64,
    /// Answers by rung, from 1.
    rungs: Mutex<BTreeMap<u8, u64>>,
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

impl Column {
    /// Opens the ports of its providers and of its gateway.
    pub(super) fn open(
        short: &Short,
        (way, severity): (Way, Severity),
        (clock, began): (Clock, Moment),
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let scenario = &short.scenario;
        let world = World::new(scenario, severity, scenario.seed).starting_at(began);
        let simulator = Simulator::new(world, Arc::new(move || clock.now()));
        let mut ports = BTreeMap::new();
        for provider in &scenario.providers {
            let entry = Entry::Provider(provider.name.as_str().into());
            let port = runtime.block_on(simulator.bind(entry, any_port()))?;
            ports.insert(provider.name.clone(), format!("http://{}", port.address()?));
            runtime.spawn(port.run());
        }
        let url = |name: &str| ports.get(name).cloned().unwrap_or_default();
        let stage = trial::of_scenario(scenario, &url);
        let (means, gateway) = match way {
            Way::Backstop => {
                let behind = Behind::start(stage.settings.clone())?;
                let address = format!("http://{}", behind.running.listen);
                let endpoint = Endpoint::new(&address, None, &TlsTrust::system())?;
                (trial::Way::Gateway(Arc::new(endpoint)), Some(behind))
            }
            Way::Direct | Way::SdkRetries | Way::Naive => {
                let sites = sites(scenario, &url)?;
                (trial::Way::Baseline(strategy(way, scenario), sites), None)
            }
        };
        let tally = Tally::with_true_lengths(scenario, &short.true_lengths);
        let ledger = Shared::counting(&stage, tally, Arc::default());
        Ok(Self { way, ledger, clock, means, gateway })
    }

    pub(super) const fn name(&self) -> &'static str {
        self.way.name()
    }

    /// Lives through the scenario with all its clients.
    pub(super) fn run(
        &self,
        short: &Short,
        began: Moment,
    ) -> impl Future<Output = ()> + Send + 'static {
        let client = Client::new(Arc::new(TcpDial::new()), ClientLimits::default());
        let caller = Caller::new(client, self.clock);
        let (scenario, means) = (Arc::clone(&short.scenario), self.means.clone());
        let ledger = self.ledger.clone();
        async move { drive(&scenario, (scenario.seed, began), &caller, &means, &ledger).await }
    }

    /// Takes what the gateway's journal has to say since the last time.
    pub(super) fn read_books(&self, at: Duration) {
        if let Some(behind) = &self.gateway {
            behind.read(&self.ledger, at);
        }
    }

    /// Ends the gateway and closes the books.
    pub(super) fn close(self) -> Tally {
        if let Some(behind) = self.gateway {
            behind.read(&self.ledger, Duration::MAX);
            let journal = behind.running.journal.clone();
            behind.running.stop(DRAIN_MAX, std::future::pending());
            // What ended since the last look.
            journal.take().into_iter().for_each(|row| self.ledger.journaled(row.entry));
        }
        self.ledger.close().tally
    }
}

impl Behind {
    fn start(mut settings: Settings) -> anyhow::Result<Self> {
        settings.listen = any_port();
        settings.limits.threads = 2;
        for route in &mut settings.routes {
            route.policy.first_token_max = Some(CLOCK);
            route.policy.gap_max = Some(CLOCK);
        }
        let sockets = Sockets::bind(&settings)?;
        let running = Running::start(settings, sockets)?;
        Ok(Self { running, probes: AtomicU64::new(0), rungs: Mutex::default() })
    }

    fn read(&self, ledger: &Shared, at: Duration) {
        for row in self.running.journal.take() {
            if let Some(rung) = row.entry.rung {
                let mut rungs = self.rungs.lock().unwrap_or_else(PoisonError::into_inner);
                *rungs.entry(rung).or_default() += 1;
            }
            ledger.journaled(row.entry);
        }
        let sent = self.running.gateway.probes();
        let before = self.probes.swap(sent, Ordering::Relaxed);
        ledger.probed(at, sent.saturating_sub(before));
    }

    /// Answers by rung since the start.
    pub(super) fn rungs(&self) -> BTreeMap<u8, u64> {
        self.rungs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn strategy(way: Way, scenario: &Scenario) -> Arc<Mutex<dyn Strategy + Send>> {
    match way {
        Way::SdkRetries => Arc::new(Mutex::new(SdkRetries::new(scenario.seed))),
        Way::Naive => Arc::new(Mutex::new(Hurried(Naive::new(scenario)))),
        Way::Direct | Way::Backstop => Arc::new(Mutex::new(Direct)),
    }
}

/// A strategy whose clock is shortened as the gateway's is.
struct Hurried<S>(S);

impl<S: Strategy> Strategy for Hurried<S> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn head_timeout(&self) -> Option<Duration> {
        self.0.head_timeout().map(|usual| usual.min(CLOCK))
    }

    fn begin(&mut self, now: Moment, request: u64) -> Move {
        self.0.begin(now, request)
    }

    fn handle(&mut self, now: Moment, request: u64, seen: &Seen) -> Move {
        self.0.handle(now, request, seen)
    }
}

/// The ladder of the baselines.
fn sites(scenario: &Scenario, url: &dyn Fn(&str) -> String) -> anyhow::Result<Arc<[Site]>> {
    let rungs = scenario.ladder.iter();
    rungs
        .filter_map(|rung| scenario.provider(&rung.provider).map(|provider| (rung, provider)))
        .map(|(rung, provider)| {
            Ok(Site {
                endpoint: Arc::new(Endpoint::new(&url(&provider.name), None, &TlsTrust::system())?),
                dialect: provider.dialect,
                model: rung.model.clone(),
                key: provider.keys.first().cloned().unwrap_or_else(|| "sk-simulated".to_owned()),
                tier: rung.tier,
            })
        })
        .collect()
}

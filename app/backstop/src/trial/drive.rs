//! The loop over a workload: each request begins at its time and has a task of its own.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use tokio::time::sleep_until;

use backstop_providers::Endpoint;
use backstop_scenarios::{
    Arrival, Flaw, Move, Scenario, Seen, SeenKind, Strategy, Verdict, WorkItem, Workload,
};
use backstop_vocabulary::{Dialect, Moment, Tier};

use super::caller::{Caller, Got, Watch};
use super::ledger::{Ending, Facts, Shared};

/// How requests get to providers.
#[derive(Clone)]
pub(crate) enum Way {
    /// Through the gateway at this address.
    Gateway(Arc<Endpoint>),
    /// As a baseline decides, along the rungs of the scenario's ladder.
    Baseline(Arc<Mutex<dyn Strategy + Send>>, Arc<[Site]>),
}

/// One rung of a baseline's ladder.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) dialect: Dialect,
    /// The model there; `None` is the one that was asked for.
    pub(crate) model: Option<String>,
    pub(crate) key: String,
    pub(crate) tier: Tier,
}

/// Sends every request of the scenario at its time and waits until the last is over. `began` is the
/// moment of the scenario's zero.
pub(crate) async fn drive(
    scenario: &Arc<Scenario>,
    (seed, began): (u64, Moment),
    caller: &Caller,
    way: &Way,
    ledger: &Shared,
) {
    let clock = caller.clock();
    let mut open = JoinSet::new();
    for arrival in Workload::new(scenario, seed) {
        let at = began + arrival.at.since_zero();
        sleep_until(clock.instant(at)).await;
        ledger.reached(arrival.at.since_zero());
        while open.try_join_next().is_some() {}
        let one = One {
            scenario: Arc::clone(scenario),
            caller: caller.clone(),
            ledger: ledger.clone(),
            at,
        };
        open.spawn(one.run(arrival, way.clone()));
    }
    while open.join_next().await.is_some() {}
}

/// One request of one client.
struct One {
    scenario: Arc<Scenario>,
    caller: Caller,
    ledger: Shared,
    /// When it came.
    at: Moment,
}

impl One {
    async fn run(self, arrival: Arrival, way: Way) {
        let arrived = arrival.at.since_zero();
        let item = arrival.item;
        let number = item.number;
        match way {
            Way::Gateway(endpoint) => {
                let got = self.through_gateway(&endpoint, &item).await;
                let facts = Facts {
                    delivery: item.delivery,
                    proven: got.provenance.is_some(),
                    late: got.began.is_some_and(|began| began > self.deadline()),
                    terminals: got.terminals,
                };
                let tier = got.provenance.as_ref().map_or(Tier::Full, |it| it.tier);
                let attempts = got.provenance.as_ref().map_or(0, |it| it.attempts);
                let verdict = item.verdict(got.heard, tier);
                let ending = Ending { arrived, verdict, attempts };
                self.ledger.note(&ending, facts);
                self.ledger.ended(number, ending);
            }
            Way::Baseline(strategy, sites) => {
                let (verdict, attempts) = self.by_strategy(&strategy, &sites, &item).await;
                self.ledger.settle(&Ending { arrived, verdict, attempts });
            }
        }
    }

    fn deadline(&self) -> Moment {
        self.at + self.scenario.workload.deadline
    }

    fn watch(&self, head_by: Moment) -> Watch {
        let silence_max = self.scenario.workload.silence_max;
        Watch { deadline: self.deadline(), head_by, silence_max }
    }

    /// As an official SDK sends it, which announces how long it will wait.
    async fn through_gateway(&self, endpoint: &Arc<Endpoint>, item: &WorkItem) -> Got {
        let mut headers = item.headers("sk-of-the-application");
        let seconds = self.scenario.workload.deadline.as_secs();
        headers.push(("x-stainless-timeout", seconds.to_string()));
        headers.push(("backstop-app", item.number.to_string()));
        self.caller.ask(endpoint, item, &headers, self.watch(Moment::NEVER)).await
    }

    async fn by_strategy(
        &self,
        strategy: &Mutex<dyn Strategy + Send>,
        sites: &[Site],
        item: &WorkItem,
    ) -> (Verdict, u32) {
        let clock = self.caller.clock();
        let lock = || strategy.lock().unwrap_or_else(PoisonError::into_inner);
        let head_timeout = lock().head_timeout();
        let mut next = lock().begin(clock.now(), item.number);
        let mut attempts = 0;
        let mut verdict = Verdict::Failed(Flaw::Status(503));
        loop {
            let Move::Attempt { rung, at } = next else { return (verdict, attempts) };
            if at >= self.deadline() {
                sleep_until(clock.instant(self.deadline())).await;
                return (Verdict::Failed(Flaw::TooLate), attempts);
            }
            sleep_until(clock.instant(at)).await;
            let Some(site) = sites.get(rung) else { return (verdict, attempts) };
            attempts += 1;
            let head_by = head_timeout.map_or(Moment::NEVER, |most| clock.now() + most);
            let got = self.at_site(site, item, head_by).await;
            let seen: Seen = got.seen;
            verdict = item.verdict(got.heard, site.tier);
            if seen.kind == SeenKind::TimedOut && clock.now() >= self.deadline() {
                // The client has left: whatever the machine would do next is for nobody.
                let _told = lock().handle(clock.now(), item.number, &seen);
                return (verdict, attempts);
            }
            next = lock().handle(clock.now(), item.number, &seen);
        }
    }

    /// One attempt of a baseline, in the provider's own dialect.
    async fn at_site(&self, site: &Site, item: &WorkItem, head_by: Moment) -> Got {
        let mut sent = item.clone();
        sent.dialect = site.dialect;
        if let Some(model) = &site.model {
            sent.model.clone_from(model);
        }
        let headers = sent.headers(&site.key);
        self.caller.ask(&site.endpoint, &sent, &headers, self.watch(head_by)).await
    }
}

use std::time::Duration;

use backstop_vocabulary::{Chance, Dialect, Moment};

use crate::item::{Wish, WorkItem, prompt};
use crate::sample::weighted;
use crate::{Delivery, Population, Scenario, WorkloadSettings};

/// A request and when it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// When, from the scenario's start.
    pub at: Moment,
    /// What is asked.
    pub item: WorkItem,
}

/// The requests of all clients in order of time: a Poisson process, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Workload {
    settings: WorkloadSettings,
    length: Duration,
    chance: Chance,
    at: Moment,
    number: u64,
}

impl Workload {
    /// The requests of a scenario.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            settings: scenario.workload.clone(),
            length: scenario.length,
            chance: Chance::from_seed(seed ^ 0x0C11_E275),
            at: Moment::ZERO,
            number: 0,
        }
    }

    /// The same clients, asking this often.
    #[must_use]
    pub const fn at_rate(mut self, requests_per_second: f64) -> Self {
        self.settings.requests_per_second = requests_per_second;
        self
    }

    fn item(&mut self) -> Option<WorkItem> {
        let shares: Vec<(&Population, f64)> =
            self.settings.populations.iter().map(|it| (it, it.share)).collect();
        let population = *weighted(&shares, &mut self.chance)?;
        let model = weighted(&population.models, &mut self.chance)?.clone();
        let dialect = *weighted(&population.dialects, &mut self.chance)?;
        let wishes = [
            (Wish::Tools, self.settings.tools),
            (Wish::Schema, self.settings.schema),
            (Wish::Text, 1.0 - self.settings.tools - self.settings.schema),
        ];
        let wish = *weighted(&wishes, &mut self.chance)?;
        let streamed = self.chance.happens(self.settings.streamed);
        let wants_usage = dialect == Dialect::OpenaiChat && self.chance.happens(0.5);
        let delivery = match (streamed, wants_usage) {
            (false, _) => Delivery::Unary,
            (true, false) => Delivery::Stream,
            (true, true) => Delivery::StreamWithUsage,
        };
        let prompt = prompt(&population.name, self.number);
        let population = population.name.clone();
        Some(WorkItem { number: self.number, population, model, dialect, delivery, wish, prompt })
    }
}

impl Iterator for Workload {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let mean = Duration::from_secs_f64(1.0 / self.settings.requests_per_second.max(1e-6));
        self.at += self.chance.exponential(mean);
        if self.at.since_zero() >= self.length {
            return None;
        }
        let item = self.item()?;
        self.number += 1;
        Some(Arrival { at: self.at, item })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTHY: &str = include_str!("../../../scenarios/healthy.yaml");

    #[test]
    fn repeats_from_a_seed_and_keeps_to_its_shares() {
        let scenario = Scenario::read(HEALTHY).unwrap();
        let all: Vec<_> = Workload::new(&scenario, 5).collect();
        assert!(all == Workload::new(&scenario, 5).collect::<Vec<_>>());
        assert!(all != Workload::new(&scenario, 6).collect::<Vec<_>>());
        assert!((20_800..22_400).contains(&all.len()), "{}", all.len());
        let share = |test: &dyn Fn(&WorkItem) -> bool| {
            let hits = all.iter().filter(|arrival| test(&arrival.item)).count();
            100 * hits / all.len()
        };
        assert!((58..=62).contains(&share(&|item| item.delivery.is_stream())));
        assert!((28..=31).contains(&share(&|item| item.wish == Wish::Tools)));
        assert!((9..=11).contains(&share(&|item| item.wish == Wish::Schema)));
    }
}

use std::sync::Arc;
use std::time::Duration;

use backstop_scenarios::{Evidence, Kind, Phase, Scenario, Scope, Severity, Shares, Symptom};
use backstop_vocabulary::Chance;

use super::column::{self, Strategies};
use super::columns::{Columns, Progress};
use super::outcome::Outcome;
use super::pipes;
use crate::scenario_files;
use crate::trial::{Ledger, of_scenario};

/// Seeds for the rules that hold whatever fails; `make soak` asks for more.
const SEEDS: u64 = 100;
/// How many of them are played at once.
const THREADS: u64 = 4;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// A few minutes of a scenario, its phases moved along.
fn excerpt(name: &str, from: Duration, length: Duration) -> Scenario {
    let mut scenario = scenario_files::load(name).unwrap();
    scenario.length = length;
    let within = |at: Duration| at.saturating_sub(from).min(length);
    for phase in &mut scenario.phases {
        (phase.from, phase.to) = (within(phase.from), within(phase.to));
    }
    scenario.phases.retain(|phase| phase.from < phase.to);
    scenario
}

fn played(scenario: &Scenario, severity: Severity) -> Ledger {
    let stage = of_scenario(scenario, &pipes::base_url);
    column::play(&stage, severity, Strategies::Backstop, Arc::default()).unwrap()
}

fn json(scenario: &Scenario) -> String {
    let stage = of_scenario(scenario, &pipes::base_url);
    let columns = Columns::new(&stage, Severity::Mid, &Strategies::ALL);
    let played = columns.play(&Progress::new(&columns)).unwrap();
    Outcome::of(&stage, Severity::Mid, played).unwrap().to_json().to_string()
}

#[test]
fn the_same_seed_gives_the_same_result_byte_for_byte() {
    let mut scenario = excerpt("2026-03-02", minutes(815), minutes(5));
    scenario.workload.requests_per_second = 2.0;
    let first = json(&scenario);
    assert_eq!(first, json(&scenario));
    scenario.seed += 1;
    assert_ne!(first, json(&scenario));
}

#[test]
fn every_shipped_scenario_keeps_its_promise_where_it_turns_bad() {
    // The first minutes of the worst phase; without baselines, as these are the gateway's promises.
    let worst = [
        ("2023-11-28", 38),
        ("2024-12-04", 16),
        ("2024-12-12", 64),
        ("2025-06-12", 20),
        ("2025-11-18", 118),
        ("2026-03-02", 813),
        ("2026-06-16", 50),
        ("healthy", 0),
        ("vendor-down-12h", 58),
    ];
    for (name, from) in worst {
        let scenario = excerpt(name, minutes(from), minutes(14));
        for severity in [Severity::Low, Severity::High] {
            let ledger = played(&scenario, severity);
            let total = ledger.tally.total();
            let what = format!("{name} {severity}: {total:?} {:#?}", ledger.lost);
            assert!(total.requests > 600, "{what}");
            assert!(total.failed <= 1, "{what}");
            assert!(scenario.kind == Kind::Correlated || total.full_share() >= 0.998, "{what}");
            let most = if scenario.kind == Kind::Correlated { 2.0 } else { 1.2 };
            assert!(total.upstream_amplification() <= most, "{what}");
            assert!(ledger.broken.is_empty(), "{name} {severity}: {:?}", ledger.broken);
        }
    }
}

#[test]
fn a_vendor_that_was_down_for_half_a_day_is_asked_again() {
    let mut scenario = excerpt("vendor-down-12h", minutes(60), minutes(13 * 60));
    scenario.workload.requests_per_second = 0.05;
    let ledger = played(&scenario, Severity::High);
    let by_vendor = ledger
        .tried
        .iter()
        .filter(|(kind, _)| kind.starts_with("anthropic/") && kind.ends_with(" first answered"));
    // In the last hour there are some 180 requests.
    let answered: u64 = by_vendor.map(|(_, count)| count).sum();
    assert!(answered > 100, "{answered}: {:#?}", ledger.tried);
}

#[test]
fn a_token_endpoint_that_is_down_for_longer_than_its_tokens_live_costs_nobody_an_answer() {
    let mut scenario = excerpt("2025-06-12", minutes(0), minutes(180));
    scenario.workload.requests_per_second = 0.2;
    scenario.phases.retain(|phase| phase.name == "tokens");
    let phase = scenario.phases.first_mut().unwrap();
    (phase.from, phase.to) = (minutes(10), minutes(150));
    let ledger = played(&scenario, Severity::High);
    let total = ledger.tally.total();
    assert_eq!((total.failed, total.full_share()), (0, 1.0), "{total:?} {:#?}", ledger.lost);
    let answered = |target: &str| -> u64 {
        let by = ledger.tried.iter().filter(|(kind, _)| kind.starts_with(target));
        by.filter(|(kind, _)| kind.ends_with(" answered")).map(|(_, count)| count).sum()
    };
    // A token lives for an hour, so for two thirds of the time there is none.
    let (own, other) = (answered("vertex/"), answered("anthropic/"));
    assert!(own > total.requests / 3 && other > total.requests / 3, "{:#?}", ledger.tried);
    let stage = of_scenario(&scenario, &pipes::base_url);
    let play = column::play(&stage, Severity::High, Strategies::SdkRetries, Arc::default());
    let baseline = play.unwrap().tally.total();
    assert!(baseline.failed > baseline.requests / 3, "SDKs log in too: {baseline:?}");
}

#[test]
fn whatever_fails_no_rule_is_broken() {
    let asked = crate::environment::read();
    let asked = asked.get("BACKSTOP_SEEDS").and_then(|seeds| seeds.parse().ok());
    let seeds: u64 = asked.unwrap_or(SEEDS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for seed in (0..seeds).filter(|seed| seed % THREADS == thread) {
                    let scenario = random(seed);
                    let ledger = played(&scenario, Severity::Mid);
                    let broken = &ledger.broken;
                    let (phases, lost) = (&scenario.phases, &ledger.lost);
                    assert!(broken.is_empty(), "seed {seed}: {broken:?} {phases:?} {lost:#?}");
                    let failed = ledger.tally.total();
                    assert!(failed.requests > 100, "seed {seed}: {failed:?}");
                }
            });
        }
    });
}

/// Three minutes in which up to four things go wrong at once.
fn random(seed: u64) -> Scenario {
    let mut chance = Chance::from_seed(seed).fork(0xBAD);
    let mut scenario = scenario_files::load("healthy").unwrap();
    scenario.seed = seed;
    scenario.length = minutes(3);
    scenario.workload.requests_per_second = 1.0 + chance.unit();
    let names: Vec<String> = scenario.providers.iter().map(|it| it.name.clone()).collect();
    for _ in 0..=chance.below(4) {
        let from = Duration::from_secs(chance.below(120));
        let share = [0.1, 0.4, 1.0][usize::try_from(chance.below(3)).unwrap()];
        let whom = usize::try_from(chance.below(names.len() as u64 + 1)).unwrap();
        let methods = ["stream", "unary"][usize::try_from(chance.below(2)).unwrap()];
        scenario.phases.push(Phase {
            name: "random".to_owned(),
            from,
            to: from + Duration::from_secs(15 + chance.below(90)),
            scope: Scope {
                providers: names.get(whom).cloned().into_iter().collect(),
                methods: chance.happens(0.2).then(|| methods.to_owned()).into_iter().collect(),
                ..Scope::default()
            },
            symptoms: (0..=chance.below(3)).map(|_| (symptom(&mut chance), 1.0)).collect(),
            share: Shares::flat(share),
            ramp_from: None,
            wave: None,
            evidence: Evidence::Estimated,
            source: String::new(),
            demo: Duration::ZERO,
        });
    }
    scenario
}

/// Any symptom but the one that is only large.
fn symptom(chance: &mut Chance) -> Symptom {
    loop {
        let at = usize::try_from(chance.below(Symptom::ALL.len() as u64)).unwrap();
        let (name, symptom) = Symptom::ALL[at];
        if name != "long_answer" {
            return symptom;
        }
    }
}

//! Hours of trouble, in time of their own: providers that come and go, come back one after the
//! other, or lose a share of what they are asked.

use std::sync::Arc;
use std::time::Duration;

use backstop_gateway::probe_forever;
use backstop_scenarios::{Behaviour, Delivery, Wish, WorkItem};
use backstop_vocabulary::Dialect;
use tokio::task::JoinSet;

use crate::client::item;
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, CLAUDE_CLOUD, GPT_CLOUD, OPENAI, Providers, Stage, fault, settings};

const MINUTE: Duration = Duration::from_secs(60);

/// A gateway that probes, and one request every few seconds.
struct Hours {
    providers: Providers,
    stage: Stage,
    every: Duration,
    asked: u64,
    attempts: u64,
    _probing: JoinSet<()>,
}

/// What a stretch of time came to.
#[derive(Debug, Default)]
struct Told {
    requests: u64,
    attempts: u64,
    /// Answers by rung, the first first.
    rungs: [u64; 4],
}

impl Hours {
    async fn open(targets: &[&str], every: Duration) -> Self {
        let providers = Providers::open().await;
        let stage = Stage::open(&providers, &settings(targets, ""));
        let mut probing = JoinSet::new();
        probing.spawn(probe_forever(Arc::clone(&stage.core)));
        Self { providers, stage, every, asked: 0, attempts: 0, _probing: probing }
    }

    /// Lets time pass with these faults; fails unless every request is answered.
    async fn pass(&mut self, length: Duration, faults: &[Behaviour]) -> Told {
        self.providers.behave(faults.to_vec());
        let mut told = Told::default();
        let ends = tokio::time::Instant::now() + length;
        while tokio::time::Instant::now() < ends {
            for _ in 0..2 {
                tokio::time::advance(self.every / 2).await;
                // Between two leaps a probe that is under way gets its answer.
                let mut looks = tokio::time::interval(Duration::from_millis(15));
                looks.tick().await;
                looks.tick().await;
            }
            let item = self.next();
            let got = self.stage.ask(&item).await;
            got.assert_answers(&item, &format!("request {} of {told:?}", self.asked));
            let answer = got.header("backstop-answer");
            let number = |key: &str| -> usize {
                let (_, rest) = answer.split_once(key).expect("it is there");
                rest.split(';').next().and_then(|it| it.trim().parse().ok()).expect("a number")
            };
            told.requests += 1;
            told.attempts += number("attempts=") as u64;
            told.rungs[number("rung=") - 1] += 1;
        }
        self.attempts += told.attempts;
        told
    }

    fn next(&mut self) -> WorkItem {
        let number = self.asked;
        self.asked += 1;
        let dialect = Dialect::ALL[usize::from(number % 2 == 1)];
        let delivery = if number % 5 < 3 { Delivery::Stream } else { Delivery::Unary };
        let prompt = format!("[api/{number}] Please tell me about river number {number}.");
        WorkItem { number, prompt, ..item(dialect, delivery, Wish::Text) }
    }

    /// Attempts for each request since the beginning, in percent.
    fn amplification(&self) -> u64 {
        self.attempts * 100 / self.asked
    }
}

#[tokio::test]
async fn providers_that_come_and_go_every_5_and_11_minutes_cost_no_request_and_are_used_again() {
    for minutes in [5, 11] {
        for symptom in ["http_529", "hang_before_headers"] {
            quickly(flapping(symptom, minutes)).await;
        }
    }
}

async fn flapping(symptom: &'static str, minutes: u32) {
    let mut hours = Hours::open(&[ANTHROPIC, OPENAI], Duration::from_secs(10)).await;
    for _ in 0..120 / minutes {
        hours.pass(MINUTE * minutes / 2, &[fault("anthropic", symptom, 1.0)]).await;
        hours.pass(MINUTE * minutes / 2, &[]).await;
    }
    let amplification = hours.amplification();
    assert!(amplification <= 115, "{amplification} % of attempts");
    hours.pass(MINUTE * 15, &[]).await;
    let told = hours.pass(MINUTE * 10, &[]).await;
    assert_eq!(told.rungs[0], told.requests, "it is well again: {told:?}");
}

#[tokio::test]
async fn providers_that_come_back_one_after_the_other_are_used_as_they_come() {
    for symptom in ["http_529", "headers_then_silence"] {
        quickly(staggered(symptom)).await;
    }
}

async fn staggered(symptom: &'static str) {
    let ladder = [ANTHROPIC, OPENAI, CLAUDE_CLOUD, GPT_CLOUD];
    let mut hours = Hours::open(&ladder, Duration::from_secs(8)).await;
    let down = |provider: &str| fault(provider, symptom, 1.0);
    hours.pass(MINUTE * 5, &[]).await;
    let all = ["anthropic", "openai", "claude-cloud"].map(down);
    let told = hours.pass(MINUTE * 30, &all).await;
    assert!(told.rungs[3] * 10 > told.requests * 9, "only the last is well: {told:?}");
    hours.pass(MINUTE * 15, &["anthropic", "openai"].map(down)).await;
    let told = hours.pass(MINUTE * 10, &["anthropic", "openai"].map(down)).await;
    assert!(told.rungs[2] * 10 > told.requests * 9, "the third is back: {told:?}");
    hours.pass(MINUTE * 15, &["anthropic"].map(down)).await;
    let told = hours.pass(MINUTE * 10, &["anthropic"].map(down)).await;
    assert!(told.rungs[1] * 10 > told.requests * 9, "the second is back: {told:?}");
    // The first comes back and is not yet well.
    hours.pass(MINUTE * 20, &[fault("anthropic", symptom, 0.3)]).await;
    hours.pass(MINUTE * 20, &[]).await;
    let told = hours.pass(MINUTE * 10, &[]).await;
    assert_eq!(told.rungs[0], told.requests, "all are back: {told:?}");
    let amplification = hours.amplification();
    assert!(amplification <= 115, "{amplification} % of attempts");
}

#[tokio::test]
async fn hours_in_which_a_share_of_the_requests_fails_cost_no_request_and_few_attempts() {
    for percent in [10, 25] {
        for symptoms in [["http_500", "http_529"], ["empty_answer", "http_502"]] {
            quickly(share(percent, symptoms)).await;
        }
    }
}

async fn share(percent: u32, symptoms: [&'static str; 2]) {
    let mut hours = Hours::open(&[ANTHROPIC, OPENAI], Duration::from_secs(5)).await;
    let each = f64::from(percent) / 100.0 / 2.0;
    let faults = symptoms.map(|symptom| fault("anthropic", symptom, each));
    hours.pass(MINUTE * 50, &faults).await;
    let told = hours.pass(MINUTE * 70, &faults).await;
    // Demoted or opened: what fails is asked less than what is well.
    assert!(told.rungs[0] * 4 < told.requests * 3, "{told:?}");
    let amplification = hours.amplification();
    assert!(amplification <= 115, "{amplification} % of attempts");
}

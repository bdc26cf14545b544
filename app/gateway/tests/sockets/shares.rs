//! Providers of which a part is ill: a share of the requests, one key, one model; and ladders whose
//! next rung is in trouble as well.

use std::sync::Arc;
use std::time::Duration;

use backstop_scenarios::{Behaviour, Delivery, Knobs, Scope, Wish, WorkItem};
use backstop_vocabulary::Dialect;
use tokio::task::JoinSet;

use crate::checks::Checks;
use crate::client::item;
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, CLAUDE_CLOUD, OPENAI, Providers, Stage, fault, settings};

/// Work of a day: every dialect, form and wish in turn.
fn work(count: u64) -> impl Iterator<Item = WorkItem> {
    (0..count).map(|number| {
        let dialect = Dialect::ALL[usize::from(number % 2 == 1)];
        let delivery = if number % 5 < 3 { Delivery::Stream } else { Delivery::Unary };
        let wish = [Wish::Text, Wish::Tools, Wish::Text, Wish::Schema][(number / 2 % 4) as usize];
        let prompt = format!("[api/{number}] Please tell me about river number {number}.");
        WorkItem { number, prompt, ..item(dialect, delivery, wish) }
    })
}

#[tokio::test]
async fn a_provider_that_takes_one_at_a_time_answers_all_who_wait_for_it() {
    quickly(async {
        let providers = Providers::open().await;
        let slow = Knobs { after: Some(Duration::from_secs(1)), ..Knobs::default() };
        providers.fail_with("openai", "slow_first_token", slow);
        let yaml = settings(&[OPENAI], "");
        let narrow = yaml.replace("  openai: {", "  openai: { concurrency: 1,");
        assert_ne!(yaml, narrow);
        let stage = Arc::new(Stage::open(&providers, &narrow));
        let mut asking = JoinSet::new();
        for item in work(12) {
            let stage = Arc::clone(&stage);
            asking.spawn(async move {
                let item = WorkItem { wish: Wish::Text, ..item };
                stage.ask(&item).await.assert_answers(&item, "");
            });
        }
        asking.join_all().await;
    })
    .await;
}

#[tokio::test]
async fn where_a_share_of_the_requests_fails_every_one_is_answered() {
    let mut checks = Checks::default();
    let kinds = [
        ["http_500", "http_529"],
        ["reset_before_headers", "reset_mid_body"],
        ["rate_limit", "empty_answer"],
        ["cut_stream", "error_in_stream"],
    ];
    for percent in [10, 25] {
        for symptoms in kinds {
            checks.add(format!("{percent} % of {symptoms:?}"), share(percent, symptoms));
        }
    }
    checks.pass_quickly().await;
}

async fn share(percent: u32, symptoms: [&'static str; 2]) {
    const REQUESTS: u64 = 100;
    let providers = Providers::open().await;
    let each = f64::from(percent) / 100.0 / 2.0;
    providers.behave(symptoms.map(|it| fault("anthropic", it, each)).to_vec());
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
    for item in work(REQUESTS) {
        stage.ask(&item).await.assert_answers(&item, &format!("request {}", item.number));
    }
    let asked = providers.requests("anthropic") + providers.requests("openai");
    assert!(asked > REQUESTS, "nothing failed");
    let most = REQUESTS + REQUESTS * u64::from(percent) * 2 / 100;
    assert!(asked <= most, "{asked} attempts for {REQUESTS} requests");
    stage.assert_idle("a share").await;
}

/// One scope in which every request fails.
fn everywhere(scope: Scope, symptom: &str) -> Vec<Behaviour> {
    vec![Behaviour { scope, ..fault("anthropic", symptom, 1.0) }]
}

#[tokio::test]
async fn a_dead_key_among_several_leaves_its_provider_in_use() {
    for symptom in ["auth_401", "auth_403", "payment_402", "quota", "rate_limit_absurd"] {
        let providers = Providers::open().await;
        let scope = Scope {
            providers: vec!["anthropic".to_owned()],
            credentials: vec!["key-of-anthropic".to_owned()],
            ..Scope::default()
        };
        providers.behave(everywhere(scope, symptom));
        let two = "credentials: [{ name: first, api_key: key-of-anthropic }, \
                   { name: second, api_key: second-key }]";
        let yaml = settings(&[ANTHROPIC, OPENAI], "").replace("api_key: key-of-anthropic", two);
        let stage = Stage::open(&providers, &yaml);
        let mut failovers = 0;
        for item in work(30) {
            let what = format!("{symptom}, request {}", item.number);
            let got = stage.ask(&item).await;
            got.assert_answers(&item, &what);
            let answer = got.header("backstop-answer");
            assert!(answer.contains("; rung=1; "), "{what}: {answer}");
            failovers += usize::from(!answer.contains("; attempts=1; "));
        }
        assert!(
            (1..=3).contains(&failovers),
            "{symptom}: the dead key was tried {failovers} times"
        );
        assert_eq!(providers.requests("openai"), 0, "{symptom}");
    }
}

#[tokio::test]
async fn a_dead_model_among_several_leaves_the_others_in_use() {
    for symptom in ["http_500", "model_not_found_404", "hang_before_headers"] {
        quickly(dead_model(symptom)).await;
    }
}

async fn dead_model(symptom: &'static str) {
    let providers = Providers::open().await;
    let scope = Scope {
        providers: vec!["anthropic".to_owned()],
        models: vec!["claude-opus-4-6".to_owned()],
        ..Scope::default()
    };
    providers.behave(everywhere(scope, symptom));
    let stage = Stage::open(&providers, &settings(&["anthropic/*", OPENAI], ""));
    let mut failovers = 0;
    for dead in work(20) {
        let dead = WorkItem { model: "claude-opus-4-6".to_owned(), ..dead };
        let alive = WorkItem { model: "claude-haiku-4-5".to_owned(), ..dead.clone() };
        let what = format!("{symptom}, request {}", dead.number);
        let got = stage.ask(&dead).await;
        got.assert_answers(&dead, &what);
        let answer = got.header("backstop-answer");
        assert!(answer.contains("; rung=2; "), "{what}: {answer}");
        failovers += usize::from(!answer.contains("; attempts=1; "));
        let got = stage.ask(&alive).await;
        got.assert_answers(&alive, &what);
        let answer = got.header("backstop-answer");
        assert!(answer.contains("; rung=1; attempts=1; "), "{what}: {answer}");
    }
    assert!((1..=8).contains(&failovers), "{symptom}: it was tried {failovers} times");
}

#[tokio::test]
async fn a_fallback_that_throttles_is_left_alone_for_as_long_as_it_says() {
    let providers = Providers::open().await;
    providers.behave(vec![
        fault("anthropic", "http_529", 1.0),
        fault("openai", "rate_limit_absurd", 1.0),
    ]);
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI, CLAUDE_CLOUD], ""));
    for item in work(30) {
        let got = stage.ask(&item).await;
        got.assert_answers(&item, &format!("request {}", item.number));
        let answer = got.header("backstop-answer");
        assert!(answer.contains("; rung=3; "), "{answer}");
    }
    assert_eq!(providers.requests("openai"), 1, "it said when to come back");
    stage.assert_idle("throttled").await;
}

#[tokio::test]
async fn a_provider_that_refuses_everything_for_good_is_asked_no_more() {
    for symptom in ["auth_401", "auth_403", "payment_402", "quota", "http_530", "html"] {
        let providers = Providers::open().await;
        providers.fail("anthropic", symptom);
        let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
        for item in work(40) {
            let what = format!("{symptom}, request {}", item.number);
            stage.ask(&item).await.assert_answers(&item, &what);
        }
        let asked = providers.requests("anthropic");
        assert!((1..=8).contains(&asked), "{symptom}: it was asked {asked} times");
    }
}

#[tokio::test]
async fn where_every_provider_refuses_everything_the_client_is_told_and_they_are_spared() {
    let mut checks = Checks::default();
    for symptom in ["auth_401", "payment_402", "http_500", "http_529", "rate_limit_absurd"] {
        checks.add(symptom.to_owned(), refused_by_all(symptom));
    }
    checks.pass_quickly().await;
}

async fn refused_by_all(symptom: &'static str) {
    let providers = Providers::open().await;
    providers.behave(vec![fault("anthropic", symptom, 1.0), fault("openai", symptom, 1.0)]);
    // What is soon back is waited for, but not past the deadline.
    let yaml = settings(&[ANTHROPIC, OPENAI], "    deadline: 500ms\n");
    let stage = Stage::open(&providers, &yaml);
    for item in work(8) {
        let got = stage.ask(&item).await;
        let what = format!("request {}: {}", item.number, got.text());
        assert!(got.status >= 400, "{what}");
        assert!(!got.header("backstop-error").is_empty(), "{what}");
        let own = got.json()["type"] == "error";
        assert_eq!(own, item.dialect == Dialect::AnthropicMessages, "{what}");
    }
    let asked = providers.requests("anthropic") + providers.requests("openai");
    assert!(asked <= 24, "{asked} attempts for 8 requests");
    stage.assert_idle("refused by all").await;
}

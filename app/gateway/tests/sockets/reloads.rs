//! New settings while requests come: what did not change goes on as if nothing had happened.

use std::time::Duration;

use backstop_scenarios::{Behaviour, Delivery, Knobs, Scope, Wish};
use backstop_vocabulary::Dialect;

use crate::bytes::odd_stream;
use crate::client::{Call, forms, item};
use crate::peer::{Peer, Script};
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, OPENAI, Providers, Stage, fault, patient, provider, settings};

/// One more provider, which comes before all others and so would take a number of theirs.
fn with_another(yaml: &str) -> String {
    let another = "providers:\n  aaa: { dialect: openai_chat, base_url: \"{gpt-cloud}/v1\" }\n";
    yaml.replacen("providers:\n", another, 1)
}

#[tokio::test]
async fn a_reload_keeps_the_connections_to_providers_that_stay_where_they_are() {
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        let mut peer = Peer::open(Script::stream(&odd_stream(dialect, 2000))).await;
        let base_url = format!("http://{}", peer.address);
        let before = provider(&settings(&["there/*"], ""), dialect, &base_url);
        let stage = Stage::open(&providers, &before);
        let call = Call::of(&item(dialect, Delivery::Stream, Wish::Text));
        let mut connections = Vec::new();
        let other_route = before.replace("name: all", "name: everything");
        let other_key = before.replace("api_key: any, tier", "api_key: another, tier");
        let other_path = before.replace(&base_url, &format!("{base_url}/elsewhere"));
        for yaml in [&before, &with_another(&other_route), &other_key, &other_path] {
            stage.reload(&providers, yaml);
            assert_eq!(stage.send(&call).await.status, 200);
            connections.push(peer.taken().await.connection);
        }
        assert_eq!(connections, [0, 0, 0, 1], "{dialect:?}");
    }
}

#[tokio::test]
async fn a_reload_leaves_requests_in_flight_to_the_settings_they_came_under() {
    for (dialect, delivery) in forms() {
        quickly(in_flight(dialect, delivery)).await;
    }
}

async fn in_flight(dialect: Dialect, delivery: Delivery) {
    let providers = Providers::open().await;
    let slow = Knobs { after: Some(Duration::from_secs(2)), ..Knobs::default() };
    providers.fail_with("anthropic", "slow_first_token", slow);
    let yaml = patient(&settings(&[ANTHROPIC, OPENAI], ""));
    let stage = Stage::open(&providers, &yaml);
    let item = item(dialect, delivery, Wish::Text);
    let reloaded = async {
        stage.until(|| stage.in_flight() == 1, "the attempt begins").await;
        let without: Vec<&str> = yaml.lines().filter(|it| !it.contains("anthropic")).collect();
        stage.reload(&providers, &without.join("\n"));
    };
    let (got, ()) = tokio::join!(stage.ask(&item), reloaded);
    got.assert_answers(&item, "begun before");
    let answer = got.header("backstop-answer");
    assert!(answer.contains("anthropic/"), "{answer}");
    assert!(answer.contains("; rung=1; attempts=1; "), "{answer}");
    let got = stage.ask(&item).await;
    got.assert_answers(&item, "begun after");
    assert!(got.header("backstop-answer").contains("openai/"));
    stage.assert_idle("reloaded").await;
}

#[tokio::test]
async fn a_reload_keeps_what_was_learnt_of_those_that_stay_the_same() {
    let providers = Providers::open().await;
    let yaml = settings(&[ANTHROPIC, OPENAI], "");
    let stage = Stage::open(&providers, &yaml);
    providers.fail("anthropic", "http_529");
    let ask = |what: &'static str| {
        let item = item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text);
        let stage = &stage;
        async move {
            let got = stage.ask(&item).await;
            got.assert_answers(&item, what);
            got.header("backstop-answer").contains("; rung=1; attempts=1; ")
        }
    };
    while !stage.gateway.status()["targets"].to_string().contains("\"open\"") {
        ask("until it is opened").await;
    }
    let asked = providers.requests("anthropic");
    stage.reload(&providers, &with_another(&yaml));
    for _ in 0..5 {
        ask("after a reload").await;
    }
    assert_eq!(stage.state("anthropic"), "open");
    assert_eq!(providers.requests("anthropic"), asked, "it was asked again");
    // Another address is another provider, whatever its name.
    providers.behave(Vec::new());
    let moved = with_another(&yaml).replace("\"{anthropic}\"", "\"{claude-cloud}\"");
    stage.reload(&providers, &moved);
    assert!(ask("at another address").await);
    assert_eq!(stage.state("anthropic"), "closed");
}

#[tokio::test]
async fn a_key_that_is_replaced_is_used_at_once_and_the_old_ones_refusal_forgotten() {
    let providers = Providers::open().await;
    let scope = Scope {
        providers: vec!["anthropic".to_owned()],
        credentials: vec!["key-of-anthropic".to_owned()],
        ..Scope::default()
    };
    providers.behave(vec![Behaviour { scope, ..fault("anthropic", "auth_401", 1.0) }]);
    let yaml = settings(&[ANTHROPIC, OPENAI], "");
    let stage = Stage::open(&providers, &yaml);
    let item = item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text);
    stage.ask(&item).await.assert_answers(&item, "refused");
    assert_eq!(stage.state("anthropic"), "blocked");
    stage.reload(&providers, &with_another(&yaml));
    assert_eq!(stage.state("anthropic"), "blocked");
    stage.reload(&providers, &yaml.replace("key-of-anthropic", "second-key"));
    let got = stage.ask(&item).await;
    got.assert_answers(&item, "the new key");
    let answer = got.header("backstop-answer");
    assert!(answer.contains("; rung=1; attempts=1; "), "{answer}");
}

#[tokio::test]
async fn a_key_that_worked_a_minute_ago_is_still_known_after_a_reload() {
    let providers = Providers::open().await;
    let yaml = settings(&[ANTHROPIC, OPENAI], "");
    let stage = Stage::open(&providers, &yaml);
    let item = item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text);
    stage.ask(&item).await.assert_answers(&item, "it works");
    stage.reload(&providers, &with_another(&yaml));
    providers.fail("anthropic", "auth_401");
    let got = stage.ask(&item).await;
    got.assert_answers(&item, "it is refused");
    let attempts = got.header("backstop-attempts");
    assert!(attempts.contains("error=server_error"), "{attempts}");
}

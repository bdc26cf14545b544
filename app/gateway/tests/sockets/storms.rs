//! Refusals that blame the client although the provider is to blame, and those that do not.

use backstop_scenarios::{Delivery, Wish, WorkItem};
use backstop_vocabulary::Dialect;

use crate::checks::Checks;
use crate::client::{forms, item};
use crate::stage::{
    ANTHROPIC, GPT_CLOUD, OPENAI, Providers, Stage, fault, ladder, pairs, provider_of, settings,
};

#[tokio::test]
async fn a_key_that_worked_a_minute_ago_is_the_providers_trouble_and_comes_back_like_it() {
    let mut checks = Checks::default();
    for symptom in ["auth_401", "auth_403"] {
        for (first, second) in pairs() {
            checks.add(format!("{symptom} at {first:?}, then {second:?}"), async move {
                let providers = Providers::open().await;
                let stage = Stage::open(&providers, &ladder(first, second, ""));
                let before = item(first, Delivery::Unary, Wish::Text);
                stage.ask(&before).await.assert_answers(&before, "before the storm");
                providers.fail(provider_of(first), symptom);
                for (dialect, delivery) in forms().chain(forms()).chain(forms()) {
                    let item = item(dialect, delivery, Wish::Text);
                    let got = stage.ask(&item).await;
                    got.assert_answers(&item, "in the storm");
                    let attempts = got.header("backstop-attempts");
                    assert!(!attempts.contains("auth_refused"), "{attempts}");
                }
                // Opened by a breaker, which soon tries again; not blocked until somebody looks.
                assert_eq!(stage.state(provider_of(first)), "open");
                stage.assert_idle("").await;
            });
        }
    }
    checks.pass_quickly().await;
}

#[tokio::test]
async fn a_key_that_never_worked_is_blocked_at_its_first_refusal() {
    for symptom in ["auth_401", "auth_403"] {
        let providers = Providers::open().await;
        providers.fail("anthropic", symptom);
        let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
        for (dialect, delivery) in forms() {
            let item = item(dialect, delivery, Wish::Text);
            stage.ask(&item).await.assert_answers(&item, symptom);
        }
        assert_eq!(providers.requests("anthropic"), 1, "{symptom}");
        assert_eq!(stage.state("anthropic"), "blocked", "{symptom}");
    }
}

#[tokio::test]
async fn a_400_that_others_do_not_share_is_the_providers_and_it_is_soon_asked_no_more() {
    let mut checks = Checks::default();
    for (first, second) in pairs() {
        checks.add(format!("{first:?}, then {second:?}"), async move {
            let providers = Providers::open().await;
            let stage = Stage::open(&providers, &ladder(first, second, ""));
            let before = item(first, Delivery::Unary, Wish::Text);
            stage.ask(&before).await.assert_answers(&before, "before the storm");
            providers.fail(provider_of(first), "bad_request_400");
            for number in 0..30 {
                let dialect = Dialect::ALL[number % Dialect::ALL.len()];
                let prompt = format!("[api/{number}] Please tell me about river number {number}.");
                let item = WorkItem { prompt, ..item(dialect, Delivery::Unary, Wish::Text) };
                stage.ask(&item).await.assert_answers(&item, "in the storm");
            }
            assert_eq!(stage.state(provider_of(first)), "open");
            let asked = providers.requests(provider_of(first));
            assert!(asked < 15, "it was asked {asked} times");
            stage.assert_idle("").await;
        });
    }
    checks.pass_quickly().await;
}

#[tokio::test]
async fn a_400_that_all_vendors_share_is_the_clients_and_costs_nobody_their_good_name() {
    let mut checks = Checks::default();
    for (dialect, delivery) in forms() {
        checks.add(format!("{dialect:?} {delivery:?}"), async move {
            let providers = Providers::open().await;
            providers.behave(["anthropic", "openai", "gpt-cloud"].map(bad_request).to_vec());
            let yaml = settings(&[ANTHROPIC, OPENAI, GPT_CLOUD], "");
            let stage = Stage::open(&providers, &yaml);
            let item = item(dialect, delivery, Wish::Text);
            for _ in 0..5 {
                let got = stage.ask(&item).await;
                assert_eq!(got.status, 400, "{}", got.text());
                assert_eq!(got.header("x-should-retry"), "false");
                let own = got.json()["type"] == "error";
                assert_eq!(own, dialect == Dialect::AnthropicMessages, "{}", got.text());
                let (field, word) = match dialect {
                    Dialect::Gemini => ("status", "INVALID_ARGUMENT"),
                    Dialect::BedrockConverse => ("", ""),
                    Dialect::AnthropicMessages | Dialect::OpenaiChat | Dialect::OpenaiResponses => {
                        ("type", "invalid_request_error")
                    }
                };
                if dialect != Dialect::BedrockConverse {
                    assert_eq!(got.json()["error"][field], word);
                }
                assert!(!got.said().is_empty(), "{}", got.text());
            }
            assert!(stage.rows(5).await.iter().all(|row| row.attempts.len() <= 2));
            assert_eq!(providers.requests("gpt-cloud"), 0, "one second opinion is enough");
            assert_eq!(stage.state("anthropic"), "closed");
            stage.assert_idle("").await;
        });
    }
    checks.pass_quickly().await;
}

fn bad_request(provider: &str) -> backstop_scenarios::Behaviour {
    fault(provider, "bad_request_400", 1.0)
}

#[tokio::test]
async fn a_key_of_the_clients_own_is_its_own_trouble() {
    let providers = Providers::open().await;
    let yaml = settings(&[ANTHROPIC], "").replace(
        "anthropic: { api_key: key-of-anthropic,",
        "anthropic: { credential: from_client,",
    );
    let stage = Stage::open(&providers, &yaml);
    for delivery in [Delivery::Unary, Delivery::Stream] {
        let item = item(Dialect::AnthropicMessages, delivery, Wish::Text);
        let got = stage.ask(&item).await;
        assert_eq!(got.status, 401, "{}", got.text());
        assert_eq!(got.json()["error"]["type"], "authentication_error", "{}", got.text());
        assert!(!got.text().contains("key-of-a-client"), "{}", got.text());
    }
    assert_eq!(stage.state("anthropic"), "closed", "others' keys may be right");
    stage.assert_idle("").await;
}

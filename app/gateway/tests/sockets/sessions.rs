//! Conversations keep to the target that holds their prompt cache: among equals, and after a failover.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backstop_gateway::probe_forever;
use backstop_scenarios::{Delivery, Wish};
use backstop_vocabulary::Dialect;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Call, item};
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, CLAUDE_CLOUD, Providers, Stage, settings};

/// A turn of a conversation: the same beginning, and all that was said since.
fn turn(talk: usize, turns: usize) -> Call {
    let mut call = Call::of(&item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text));
    let mut messages = Vec::new();
    for nth in 0..=turns {
        if nth > 0 {
            messages.push(json!({ "role": "assistant", "content": "well" }));
        }
        messages.push(json!({ "role": "user", "content": format!("[api/{talk}] question {nth}") }));
    }
    let body = json!({ "model": "claude-opus-4-6", "max_tokens": 100, "messages": messages });
    call.body = body.to_string().into_bytes();
    call
}

async fn answered_by(stage: &Stage, call: &Call) -> String {
    let got = stage.send(call).await;
    assert_eq!(got.status, 200, "{}", got.everything());
    let answer = got.header("backstop-answer");
    let (_, target) = answer.split_once("target=").expect("a target");
    target.split('/').next().expect("a provider").to_owned()
}

/// One rung of two that share the work.
fn equals(share: &str) -> String {
    let targets = format!("{ANTHROPIC}, {CLAUDE_CLOUD}");
    let yaml = settings(&[&targets], "");
    yaml.replace(&format!("[{targets}]"), &format!("[{targets}]\n        share: {share}"))
}

#[tokio::test]
async fn among_equals_a_conversation_stays_where_it_began_and_weights_hold_for_new_ones() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &equals("{ anthropic: 75, claude-cloud: 25 }"));
    let mut begun: BTreeMap<String, usize> = BTreeMap::new();
    for talk in 0..120 {
        let mut where_to = BTreeSet::new();
        for turns in 0..4 {
            where_to.insert(answered_by(&stage, &turn(talk, turns)).await);
        }
        assert_eq!(where_to.len(), 1, "talk {talk} wandered");
        *begun.entry(where_to.into_iter().next().unwrap()).or_default() += 1;
    }
    let share = begun["anthropic"];
    assert!((74..=106).contains(&share), "{share} of 120 where 90 should be");
    // The same first request again and again is no conversation: the weights hold.
    let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..120 {
        *repeated.entry(answered_by(&stage, &turn(7, 0)).await).or_default() += 1;
    }
    assert!((74..=106).contains(&repeated["anthropic"]), "{repeated:?}");
}

#[tokio::test]
async fn a_blip_moves_nobody() {
    for session in [None, Some("s")] {
        let providers = Providers::open().await;
        let stage = Stage::open(&providers, &settings(&[ANTHROPIC, CLAUDE_CLOUD], ""));
        let of = |turns| match session {
            Some(name) => turn(1, turns).with("x-claude-code-session-id", name),
            None => turn(1, turns),
        };
        assert_eq!(answered_by(&stage, &of(0)).await, "anthropic");
        providers.fail("anthropic", "http_500");
        assert_eq!(answered_by(&stage, &of(1)).await, "claude-cloud");
        providers.behave(Vec::new());
        assert_eq!(stage.state("anthropic"), "closed");
        for turns in 2..5 {
            assert_eq!(answered_by(&stage, &of(turns)).await, "anthropic");
        }
    }
}

#[tokio::test]
async fn a_conversation_that_moved_stays_until_its_cache_would_be_gone_and_new_ones_return() {
    for session in [None, Some("s")] {
        for (stay, stays) in [("5m", true), ("0s", false)] {
            quickly(outage(session, stay, stays)).await;
        }
    }
}

#[expect(clippy::fn_params_excessive_bools, reason = "one column of a table")]
async fn outage(session: Option<&str>, stay: &str, stays: bool) {
    let providers = Providers::open().await;
    let policy = format!("    sessions: {{ stay: {stay} }}\n");
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, CLAUDE_CLOUD], &policy));
    let mut probing = JoinSet::new();
    probing.spawn(probe_forever(Arc::clone(&stage.core)));
    let of = |turns| match session {
        Some(name) => turn(1, turns).with("backstop-session", name),
        None => turn(1, turns),
    };
    answered_by(&stage, &of(0)).await;
    providers.fail("anthropic", "http_500");
    let mut others = 100..;
    while stage.state("anthropic") == "closed" {
        answered_by(&stage, &turn(others.next().unwrap(), 0)).await;
    }
    assert_eq!(answered_by(&stage, &of(1)).await, "claude-cloud");
    providers.behave(Vec::new());
    let mut returned = 0;
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(10)).await;
        let mut looks = tokio::time::interval(Duration::from_millis(15));
        looks.tick().await;
        looks.tick().await;
        for _ in 0..3 {
            let by = answered_by(&stage, &turn(others.next().unwrap(), 0)).await;
            returned += usize::from(by == "anthropic");
        }
        let by = answered_by(&stage, &of(2)).await;
        assert!(!stays || by == "claude-cloud", "it went back to {by}");
    }
    assert_eq!(stage.state("anthropic"), "closed");
    assert!(returned > 60, "{returned} new conversations came back");
    if stays {
        tokio::time::advance(Duration::from_secs(301)).await;
    }
    assert_eq!(answered_by(&stage, &of(3)).await, "anthropic");
}

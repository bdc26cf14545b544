//! Credentials that are renewed, and what becomes of requests when their token endpoint does not
//! answer, answers nonsense, or comes back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_gateway::renew_forever;
use backstop_identity::{AwsProof, Signing, sign};
use backstop_scenarios::{Delivery, Wish};
use backstop_settings::Secret;
use backstop_vocabulary::Dialect;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Call, Got, item};
use crate::oracle::{Asked, Oracle, Say};
use crate::quick::quickly;
use crate::secrets::{Log, everything};
use crate::stage::{Providers, Stage, settings};

/// What our settings hold, and a good token begins with.
const SECRET: &str = "canary-secret-4714";
const TOKEN: &str = "canary-token-";
/// The key beside it.
const KEY: &str = "canary-of-a-key-4715";
const ANSWER: &str = r#"{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ready"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const REFUSAL: &str = r#"{"error":{"message":"wrong credential","type":"invalid_request_error","code":"invalid_api_key"}}"#;

/// How a token endpoint behaves.
#[derive(Clone, Debug)]
enum Mood {
    /// A new token with so many seconds of life.
    Gives(u64),
    /// This, every time.
    Says(Say),
}

/// A token endpoint, and a provider that knows which tokens it gave.
struct World {
    mood: Arc<Mutex<Mood>>,
    /// The tokens that the provider takes.
    good: Arc<Mutex<BTreeSet<String>>>,
    issuer: Oracle,
    provider: Oracle,
    providers: Providers,
}

impl World {
    async fn open(mood: Mood) -> Self {
        let mood = Arc::new(Mutex::new(mood));
        let good: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let (moods, goods) = (Arc::clone(&mood), Arc::clone(&good));
        let issuer = Oracle::open(move |_| match &*moods.lock().unwrap() {
            Mood::Gives(life) => {
                let mut good = goods.lock().unwrap();
                let token = format!("{TOKEN}{}", good.len() + 1);
                good.insert(token.clone());
                let body = format!(
                    r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{life}}}"#
                );
                Say::json("200 OK", &body)
            }
            Mood::Says(say) => say.clone(),
        });
        let goods = Arc::clone(&good);
        let provider = Oracle::open(move |asked: &Asked| {
            let shown = asked.header("authorization").trim_start_matches("Bearer ");
            if shown == KEY || goods.lock().unwrap().contains(shown) {
                Say::json("200 OK", ANSWER)
            } else {
                Say::json("401 Unauthorized", REFUSAL)
            }
        });
        let (issuer, provider) = (issuer.await, provider.await);
        Self { mood, good, issuer, provider, providers: Providers::open().await }
    }

    fn become_(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// A gateway with one provider that knows us by token, and by this besides.
    fn stage(&self, besides: &str, policy: &str) -> (Stage, JoinSet<()>) {
        let (issuer, provider) = (self.issuer.address, self.provider.address);
        let oauth = format!(
            "{{ token_url: \"http://{issuer}/token?q=1\", client_id: us, client_secret: {SECRET} }}"
        );
        let there = format!(
            "providers:\n  there:\n    dialect: openai_chat\n    base_url: \"http://{provider}/v1\"\n    \
             tier: full\n    credentials:\n      - {{ name: login, identity: {{ oauth: {oauth}, deadline: 2s }} }}\n{besides}"
        );
        let yaml = settings(&["there/*"], policy).replacen("providers:\n", &there, 1);
        let stage = Stage::open(&self.providers, &yaml);
        let mut renewing = JoinSet::new();
        renewing.spawn(renew_forever(Arc::clone(&stage.core)));
        (stage, renewing)
    }
}

const BESIDES: &str = "      - { name: key, api_key: canary-of-a-key-4715 }\n";

async fn ask(stage: &Stage) -> Got {
    stage.ask(&item(Dialect::OpenaiChat, Delivery::Unary, Wish::Text)).await
}

/// Which credential answered.
#[track_caller]
fn by(got: &Got) -> String {
    let answer = got.header("backstop-answer");
    assert_eq!(got.status, 200, "{}", got.everything());
    let target = answer.split(';').next().unwrap_or_default();
    target.rsplit_once('#').map_or("default", |(_, name)| name).to_owned()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all_and_renewed_at_half_of_its_life() {
    quickly(async {
        let world = World::open(Mood::Gives(600)).await;
        let (stage, _renewing) = world.stage("", "");
        let asks: Vec<_> = (0..20).map(|_| ask(&stage)).collect();
        for got in futures(asks).await {
            assert_eq!(by(&got), "login");
        }
        assert_eq!(world.issuer.count(), 1, "one question for all who wait");
        let asked = world.issuer.heard().remove(0);
        assert_eq!(asked.path(), "/token?q=1");
        assert!(asked.text().contains(&format!("client_secret={SECRET}")), "{}", asked.text());
        let began = Instant::now();
        stage.until(|| world.issuer.count() == 2, "the second token").await;
        let half = began.elapsed().as_secs();
        assert!((269..=301).contains(&half), "renewed after {half} s of 600");
        ask(&stage).await;
        let shown = world.provider.heard().pop().unwrap();
        assert_eq!(shown.header("authorization"), format!("Bearer {TOKEN}2"));
    })
    .await;
}

/// All at once.
async fn futures<T: Send + 'static>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, slot) in pinned.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *slot = Some(value);
            }
        }
        let open = done.iter().any(Option::is_none);
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Everything a token endpoint may do instead of its work.
fn bad_moods(itself: &str) -> Vec<(&'static str, Say)> {
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {itself}\r\ncontent-length: 0\r\n\r\n");
    let huge = format!("{{\"access_token\":\"{}\"}}", "x".repeat(300 << 10));
    vec![
        ("closes", Say::Close),
        ("hangs", Say::Nothing),
        ("redirects in a loop", Say::Bytes(redirect.into_bytes())),
        ("says 500", Say::json("500 Oh", "{\"error\":\"server_error\"}")),
        ("says 503", Say::whole("503 Oh", "text/plain", "later")),
        ("limits", Say::json("429 Slow", "{}")),
        ("shows a page", Say::whole("200 OK", "text/html", "<!DOCTYPE html><html>login</html>")),
        ("says garbage", Say::json("200 OK", "\u{1}{{{")),
        ("forgets the token", Say::json("200 OK", "{\"token_type\":\"Bearer\"}")),
        ("gives a dead token", Say::json("200 OK", "{\"access_token\":\"t\",\"expires_in\":0}")),
        ("never stops", Say::json("200 OK", &huge)),
        ("drips", Say::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec())),
        ("refuses", Say::json("401 No", "{\"error\":\"invalid_client\"}")),
    ]
}

#[tokio::test]
async fn whatever_a_token_endpoint_does_the_next_credential_answers_and_it_is_taken_back() {
    for nth in 0..bad_moods("").len() {
        quickly(trouble_at_start(nth)).await;
    }
}

async fn trouble_at_start(nth: usize) {
    let world = World::open(Mood::Gives(600)).await;
    let itself = format!("http://{}/token?q=1", world.issuer.address);
    let (what, say) = bad_moods(&itself).swap_remove(nth);
    world.become_(Mood::Says(say));
    let (stage, _renewing) = world.stage(BESIDES, "");
    let began = Instant::now();
    assert_eq!(by(&ask(&stage).await), "key", "{what}");
    let waited = began.elapsed();
    assert!(waited < Duration::from_millis(2500), "{what}: waited {waited:?}");
    // Whoever comes before the very first answer, or the end of its deadline, waits for it.
    assert_eq!(by(&ask(&stage).await), "key", "{what}");
    assert!(began.elapsed() < Duration::from_millis(2500), "{what}: {:?}", began.elapsed());
    for _ in 0..5 {
        let began = Instant::now();
        let got = ask(&stage).await;
        assert_eq!(by(&got), "key", "{what}");
        let attempts = got.header("backstop-answer").to_owned();
        assert!(
            attempts.contains("attempts=1"),
            "{what}: a dead credential is not tried: {}",
            got.everything()
        );
        assert!(began.elapsed() < Duration::from_millis(500), "{what}: {:?}", began.elapsed());
    }
    tokio::time::advance(Duration::from_secs(120)).await;
    assert_eq!(by(&ask(&stage).await), "key", "{what}");
    let questions = world.issuer.count();
    assert!(questions < 16, "{what}: it was asked {questions} times in two minutes");
    let status = stage.gateway.status();
    let told = status["identities"]["there#login"]["trouble"]["what"].as_str().unwrap_or_default();
    assert!(told.contains(&world.issuer.address.to_string()), "{what}: {status:#}");
    world.become_(Mood::Gives(600));
    let good = || stage.gateway.status()["identities"]["there#login"]["good"] == true;
    let began = Instant::now();
    stage.until(good, what).await;
    assert!(began.elapsed() < Duration::from_secs(62), "{what}: back after {:?}", began.elapsed());
    assert_eq!(by(&ask(&stage).await), "login", "{what}: its own health was never in doubt");
}

#[tokio::test]
async fn a_token_is_used_until_it_ends_whatever_its_endpoint_does_meanwhile() {
    quickly(async {
        let world = World::open(Mood::Gives(600)).await;
        let (stage, _renewing) = world.stage(BESIDES, "");
        assert_eq!(by(&ask(&stage).await), "login");
        world.become_(Mood::Says(Say::Nothing));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(545) {
            tokio::time::advance(Duration::from_secs(19)).await;
            let asked = Instant::now();
            assert_eq!(by(&ask(&stage).await), "login", "after {:?}", began.elapsed());
            assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
        }
        // Half a minute before its end it is not trusted any more.
        tokio::time::advance(Duration::from_secs(24)).await;
        assert_eq!(by(&ask(&stage).await), "key");
        world.become_(Mood::Gives(600));
        let good = || stage.gateway.status()["identities"]["there#login"]["good"] == true;
        stage.until(good, "a token again").await;
        assert_eq!(by(&ask(&stage).await), "login");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_and_tried_again_at_the_same_target_once_a_minute() {
    quickly(async {
        let world = World::open(Mood::Gives(3600)).await;
        let (stage, _renewing) = world.stage(BESIDES, "");
        assert_eq!(by(&ask(&stage).await), "login");
        // Called back before its time.
        world.good.lock().unwrap().remove(&format!("{TOKEN}1"));
        world.good.lock().unwrap().insert("so that the next has another name".to_owned());
        let got = ask(&stage).await;
        assert_eq!(by(&got), "login", "{}", got.everything());
        assert!(got.header("backstop-answer").contains("attempts=1"), "{}", got.everything());
        assert_eq!(world.issuer.count(), 2);
        // A provider that refuses everything is not asked to death, and neither is the endpoint.
        world.good.lock().unwrap().clear();
        for _ in 0..5 {
            assert_eq!(by(&ask(&stage).await), "key");
        }
        assert_eq!(world.issuer.count(), 2, "no second forced renewal within the minute");
    })
    .await;
}

#[tokio::test]
async fn without_another_credential_a_client_hears_at_once_and_is_told_when_to_come_back() {
    quickly(async {
        let world = World::open(Mood::Says(Say::json("500 Oh", "{}"))).await;
        let (stage, _renewing) = world.stage("", "    deadline: 20s\n");
        let first = ask(&stage).await;
        assert!(first.status >= 500, "{}", first.everything());
        assert!(
            first.header("backstop-attempts").contains("identity_failed"),
            "{}",
            first.everything()
        );
        let began = Instant::now();
        let got = ask(&stage).await;
        assert!(got.status >= 500 && !got.header("retry-after").is_empty(), "{}", got.everything());
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(got.text().contains("without a token: there/"), "{}", got.text());
    })
    .await;
}

#[tokio::test]
async fn no_token_and_no_secret_is_seen_by_anybody_else() {
    let spoken = format!("{{\"error\":\"{SECRET}\",\"error_description\":\"AADSTS70 {SECRET}\"}}");
    let odd = format!("{{\"access_token\":\"{TOKEN} 1\",\"expires_in\":\"{SECRET}\"}}");
    let moods = [
        Mood::Gives(600),
        Mood::Says(Say::json("400 No", &spoken)),
        Mood::Says(Say::json("200 OK", &odd)),
        Mood::Says(Say::whole("500 Oh", "text/plain", SECRET)),
    ];
    for mood in moods {
        let log = Log::default();
        let _logging = tracing::subscriber::set_default(log.clone());
        let world = World::open(mood).await;
        let (stage, _renewing) = world.stage(BESIDES, "");
        for _ in 0..2 {
            let got = ask(&stage).await;
            assert_eq!(got.status, 200, "{}", got.everything());
            let all = got.everything();
            assert!(!all.contains(SECRET) && !all.contains(TOKEN) && !all.contains(KEY), "{all}");
        }
        let all = everything(&stage, &log, 2).await;
        for canary in [SECRET, TOKEN, KEY] {
            let at = all.find(canary).map(|at| &all[at.saturating_sub(300)..]);
            assert!(at.is_none(), "{canary} in {}", &at.unwrap()[..400]);
        }
        assert!(all.contains("backstop_identity_renewals_total"), "{all}");
    }
}

#[tokio::test]
async fn an_indiscreet_provider_gives_no_token_away() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let world = World::open(Mood::Gives(600)).await;
    let echo = Oracle::open(|asked| {
        let shown = asked.header("authorization").trim_start_matches("Bearer ").to_owned();
        let error = format!("{{\"error\":{{\"message\":\"bad {shown}\",\"type\":\"invalid_request_error\",\"code\":\"{shown}\",\"param\":\"{shown}\"}}}}");
        Say::json("400 Bad", &error)
    })
    .await;
    let world = World { provider: echo, ..world };
    let (stage, _renewing) = world.stage("", "    deadline: 2s\n");
    let got = ask(&stage).await;
    assert!(world.provider.heard()[0].header("authorization").contains(TOKEN));
    assert!(got.status >= 400 && !got.everything().contains(TOKEN), "{}", got.everything());
    let all = everything(&stage, &log, 1).await;
    assert!(!all.contains(TOKEN), "{all}");
}

#[tokio::test]
async fn a_reload_keeps_the_token_and_a_changed_credential_gets_its_own() {
    let world = World::open(Mood::Gives(600)).await;
    let (stage, _renewing) = world.stage(BESIDES, "");
    assert_eq!(by(&ask(&stage).await), "login");
    let (same, _renewing_same) = world.stage(BESIDES, "    deadline: 9s\n");
    stage.gateway.reload(same.gateway.settings()).unwrap();
    assert_eq!(by(&ask(&stage).await), "login");
    let before = world.issuer.count();
    let mut other = same.gateway.settings();
    for provider in other.providers.values_mut() {
        for credential in &mut provider.credentials {
            if let backstop_settings::Credential::Identity { identity, .. } = credential {
                let mut changed = (**identity).clone();
                changed.deadline = Duration::from_secs(3);
                *identity = changed.into();
            }
        }
    }
    stage.gateway.reload(other).unwrap();
    assert_eq!(by(&ask(&stage).await), "login");
    stage.until(|| world.issuer.count() > before, "a token of its own").await;
}

#[tokio::test]
async fn a_client_signed_in_at_its_vendor_carries_on_by_our_key_when_the_login_fails() {
    let world = World::open(Mood::Gives(600)).await;
    for (status, body) in [("401 No", REFUSAL), ("500 Oh", "{}"), ("403 No", REFUSAL)] {
        // The vendor's login path is down: what it signed is refused, its API keys are good.
        let body = body.to_owned();
        let vendor = Oracle::open(move |asked| {
            let shown = asked.header("authorization").trim_start_matches("Bearer ");
            if shown == KEY { Say::json("200 OK", ANSWER) } else { Say::json(status, &body) }
        })
        .await;
        let there = format!(
            "providers:\n  there: {{ dialect: openai_chat, base_url: \"http://{}/v1\", tier: full, credential: from_client }}\n  \
             ours: {{ dialect: openai_chat, base_url: \"http://{}/v1\", tier: full, api_key: {KEY} }}\n",
            vendor.address, vendor.address
        );
        let yaml = settings(&["there/*", "ours/*"], "").replacen("providers:\n", &there, 1);
        let stage = Stage::open(&world.providers, &yaml);
        for _ in 0..3 {
            let call = Call::of(&item(Dialect::OpenaiChat, Delivery::Unary, Wish::Text));
            let got = stage.send(&call).await;
            assert_eq!(got.status, 200, "{status}: {}", got.everything());
            assert!(got.header("backstop-answer").contains("target=ours/"), "{}", got.everything());
        }
        let first = vendor.heard().remove(0);
        assert!(first.header("authorization").contains("key-of-a-client"), "{}", first.head);
    }
}

/// A Bedrock that accepts what is signed with these keys for what it received, and nothing else.
fn verified(asked: &Asked) -> bool {
    let keys = AwsProof {
        access_key_id: "AKIDOFOURS".to_owned(),
        secret_access_key: Secret::new(SECRET),
        session_token: Some(Secret::new("canary-token-of-aws")),
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let kind = asked.header("content-type");
    (0..20).any(|ago| {
        let signing = Signing {
            method: &http::Method::POST,
            host: asked.header("host"),
            path: asked.path(),
            headers: &[("content-type", kind)],
            body: &asked.body,
            region: "eu-central-1",
            service: "bedrock",
            unix_secs: now.as_secs() - ago,
        };
        let signed = sign(&keys, &signing).unwrap();
        ["authorization", "x-amz-date", "x-amz-security-token"]
            .iter()
            .all(|name| signed[*name].to_str().unwrap() == asked.header(name))
    })
}

#[tokio::test]
async fn what_goes_to_bedrock_is_signed_as_it_is_sent() {
    let bedrock = Oracle::open(|asked| {
        if verified(asked) {
            Say::json("200 OK", r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ready"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"#)
        } else {
            Say::json("403 Forbidden", r#"{"message":"The request signature we calculated does not match"}"#)
        }
    })
    .await;
    let providers = Providers::open().await;
    let there = format!(
        "providers:\n  there:\n    kind: bedrock\n    region: eu-central-1\n    base_url: \"http://{}\"\n    tier: full\n    \
         models: {{ claude-opus-4-6: \"eu.anthropic.claude-opus-4-6-v1:0\" }}\n    \
         identity: {{ aws: {{ access_key_id: AKIDOFOURS, secret_access_key: {SECRET}, session_token: canary-token-of-aws }} }}\n",
        bedrock.address
    );
    let yaml = settings(&["there/claude-opus-4-6"], "").replacen("providers:\n", &there, 1);
    let stage = Stage::open(&providers, &yaml);
    let mut renewing = JoinSet::new();
    renewing.spawn(renew_forever(Arc::clone(&stage.core)));
    let got = stage.ask(&item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text)).await;
    let heard = bedrock.heard();
    assert_eq!(got.status, 200, "{}\n{}", got.everything(), heard[0].head);
    assert!(heard[0].path().contains("/model/"), "{}", heard[0].head);
    assert_eq!(heard.len(), 1);
}

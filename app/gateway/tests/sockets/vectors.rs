//! Embeddings: the client's own bytes to whoever hosts the model, and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use backstop_gateway::probe_forever;
use backstop_listener::Listening;
use backstop_resilience::Tuning;
use backstop_vocabulary::Dialect;

use crate::client::Call;
use crate::peer::{Peer, Script};
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, ANYWHERE, OPENAI, Providers, Stage, provider, settings};

const ASKED: &str = r#"{ "input":["a", "b"],  "dimensions":2, "encoding_format":"base64", "model":"text-embedding-3-small" }"#;
const VECTORS: &str = r#"{"object":"list","data":[{"embedding":"AAAAPwAAgD8=","index":0},{"embedding":"AAAAPwAAgD8=","index":1}],"model":"text-embedding-3-small","usage":{"prompt_tokens":7,"total_tokens":7}}"#;

fn call() -> Call {
    Call { method: "POST", body: ASKED.into(), ..Call::get("/v1/embeddings") }
        .with("content-type", "application/json")
}

/// Settings with two hosts of the model, the second under a name of its own, and a model of another
/// vendor between them.
fn hosts(first: &Peer, second: &Peer) -> String {
    let ladder =
        settings(&["there/*", ANTHROPIC, OPENAI, "elsewhere/Org/Text-Embedding-3-Small"], "");
    let ladder = provider(&ladder, Dialect::OpenaiChat, &format!("http://{}", second.address));
    let ladder = ladder.replacen("  there:", "  elsewhere:", 1);
    provider(&ladder, Dialect::OpenaiChat, &format!("http://{}/v1", first.address))
}

fn broken(status: &str) -> Script {
    Script::whole(status, br#"{"error":{"message":"no","type":"server_error","code":null}}"#)
}

#[tokio::test]
async fn vectors_come_from_the_first_host_of_the_model_byte_for_byte() {
    let providers = Providers::open().await;
    let mut first = Peer::open(Script::whole("200 OK", VECTORS.as_bytes())).await;
    let second = Peer::open(broken("500 Oops")).await;
    let stage = Stage::open(&providers, &hosts(&first, &second));
    let got = stage.send(&call()).await;
    assert_eq!((got.status, &*got.text()), (200, VECTORS), "{}", got.everything());
    assert!(got.header("backstop-answer").contains("attempts=1"), "{}", got.everything());
    let taken = first.taken().await;
    assert_eq!(taken.body, ASKED.as_bytes());
    assert!(taken.head.starts_with("post /v1/embeddings "), "{}", taken.head);
    assert!(taken.head.contains("authorization: bearer any"), "{}", taken.head);
    let row = &stage.rows(1).await[0];
    assert_eq!(
        (row.api.name(), &*row.model_asked),
        ("openai_embeddings", "text-embedding-3-small")
    );
    assert_eq!(row.usage.map(|usage| usage.input()), Some(7));
    stage.assert_idle("vectors").await;
}

#[tokio::test]
async fn a_host_that_fails_or_answers_the_wrong_vectors_is_replaced_by_another_host_only() {
    let one = VECTORS.replace(r#"{"embedding":"AAAAPwAAgD8=","index":0},"#, "");
    let long = VECTORS.replace("AAAAPwAAgD8=", "AAAAPwAAgD8AAAA/");
    let whole = |body: &str| Script::whole("200 OK", body.as_bytes());
    let spoilt = [
        (broken("503 Busy"), "overloaded"),
        (broken("403 No"), "unsupported_feature"),
        (broken("404 No"), "unsupported_feature"),
        (whole(&one), "bad_answer"),
        (whole(&long), "bad_answer"),
        (whole("<!DOCTYPE html><html></html>"), "bad_answer"),
    ];
    for (script, class) in spoilt {
        let providers = Providers::open().await;
        let first = Peer::open(script).await;
        let mut second = Peer::open(whole(VECTORS)).await;
        let stage = Stage::open(&providers, &hosts(&first, &second));
        let got = stage.send(&call()).await;
        assert_eq!((got.status, &*got.text()), (200, VECTORS), "{class}: {}", got.everything());
        assert!(got.header("backstop-attempts").contains(&format!("error={class}")), "{class}");
        let sent = second.taken().await.body;
        let named = ASKED.replace("text-embedding-3-small", "Org/Text-Embedding-3-Small");
        assert_eq!(String::from_utf8_lossy(&sent), named, "only the name of the model changes");
        assert_eq!(providers.requests("openai") + providers.requests("anthropic"), 0);
    }
}

#[tokio::test]
async fn another_model_never_answers_and_the_client_is_told_why() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
    let got = stage.send(&call()).await;
    assert_eq!(got.header("backstop-error"), "no_target", "{}", got.everything());
    assert!(got.text().contains("vectors cannot be compared"), "{}", got.text());
    assert_eq!(providers.requests("openai") + providers.requests("anthropic"), 0);
    // The only host is down: that is what the client is told, and nobody else is asked.
    let (first, second) =
        (Peer::open(broken("503 Busy")).await, Peer::open(broken("503 Busy")).await);
    let stage = Stage::open(&providers, &hosts(&first, &second));
    let got = stage.send(&call()).await;
    assert_eq!((got.status, got.header("backstop-error")), (503, "rung_exhausted"));
    assert_eq!(providers.requests("openai") + providers.requests("anthropic"), 0);
    let wrong = stage.send(&Call::get("/v1/embeddings")).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "post"));
}

#[tokio::test]
async fn a_host_of_vectors_is_probed_with_a_question_for_vectors() {
    quickly(async {
        let providers = Providers::open().await;
        let mut host = Peer::open(broken("500 Oops")).await;
        let mut tuning = Tuning::default();
        tuning.breaker.pause_min = Duration::from_millis(1);
        tuning.breaker.validation_gap = Duration::from_millis(1);
        let listening = Listening::bind(ANYWHERE).expect("a free port");
        let yaml = provider(
            &settings(&["there/*"], ""),
            Dialect::OpenaiChat,
            &format!("http://{}/v1", host.address),
        );
        let stage = Stage::open_tuned(&providers.fill_in(&yaml), listening, &tuning);
        stage.send(&call()).await;
        while !matches!(&*stage.state("there"), "open" | "half_open") {
            stage.send(&call()).await;
        }
        while host.untold() > 0 {
            assert_eq!(host.taken().await.body, ASKED.as_bytes());
        }
        tokio::spawn(probe_forever(Arc::clone(&stage.core)));
        let probe = host.taken().await;
        assert!(probe.head.starts_with("post /v1/embeddings "), "{}", probe.head);
        assert!(String::from_utf8_lossy(&probe.body).contains(r#""input":"ready""#));
    })
    .await;
}

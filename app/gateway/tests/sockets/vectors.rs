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
async fn texts_whose_client_forbids_keeping_them_go_to_nobody_who_promises_nothing() {
    let providers = Providers::open().await;
    let whole = || Script::whole("200 OK", VECTORS.as_bytes());
    let (first, second) = (Peer::open(whole()).await, Peer::open(whole()).await);
    let stage = Stage::open(&providers, &hosts(&first, &second));
    let ruled = |rule: &str| {
        let body = ASKED.replacen('{', &format!("{{ \"provider\": {rule},"), 1);
        Call { body: body.into_bytes(), ..call() }
    };
    for rule in [r#"{"zdr":true}"#, r#"{"data_collection":"deny"}"#] {
        let got = stage.send(&ruled(rule)).await;
        assert_eq!(got.header("backstop-error"), "no_target", "{rule}: {}", got.everything());
        assert!(got.text().contains("retention"), "{rule}: {}", got.text());
    }
    assert_eq!(stage.send(&ruled(r#"{"zdr":false}"#)).await.status, 200);
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

/// Google's own API, and its cloud behind it.
fn google(api: &Peer, cloud: &Peer) -> String {
    format!(
        "store: none\nconsole: off\nproviders:\n  \
           google: {{ kind: gemini, api_key: google-key, base_url: \"http://{}\" }}\n  \
           cloud: {{ kind: vertex, project: p, location: eu, api_key: k, base_url: \"http://{}\" }}\n\
         routes:\n  - name: all\n    models: [\"*\"]\n    ladder:\n      \
           - targets: [\"google/*\"]\n      - targets: [\"cloud/*\"]\n",
        api.address, cloud.address
    )
}

fn opened(yaml: &str) -> Stage {
    Stage::open_on(yaml, Listening::bind(ANYWHERE).expect("a free port"))
}

#[tokio::test]
async fn an_openai_client_reads_googles_vectors_from_its_api_and_from_its_cloud() {
    let batch = r#"{"embeddings":[{"values":[0.5,1]},{"values":[0.5,1]}]}"#;
    let predicted = r#"{"predictions":[{"embeddings":{"values":[0.5,1],"statistics":{"token_count":4}}},{"embeddings":{"values":[0.5,1],"statistics":{"token_count":3}}}]}"#;
    let asked = ASKED.replace("text-embedding-3-small", "text-embedding-005");
    for up in [true, false] {
        let first = if up { Script::whole("200 OK", batch.as_bytes()) } else { broken("503 Busy") };
        let mut api = Peer::open(first).await;
        let mut cloud = Peer::open(Script::whole("200 OK", predicted.as_bytes())).await;
        let stage = opened(&google(&api, &cloud));
        let call = Call { body: asked.clone().into(), ..call() };
        let got = stage.send(&call).await;
        assert_eq!(got.status, 200, "{}", got.everything());
        let told = got.json();
        assert_eq!(told["data"][1]["embedding"], "AAAAPwAAgD8=", "coded as the client asked");
        assert_eq!(told["model"], "text-embedding-005");
        let sent = api.taken().await;
        let path = "post /v1beta/models/text-embedding-005:batchembedcontents ";
        assert!(sent.head.starts_with(path), "{}", sent.head);
        let body = String::from_utf8_lossy(&sent.body).into_owned();
        assert!(body.contains(r#""model":"models/text-embedding-005""#), "{body}");
        if up {
            assert_eq!(cloud.untold(), 0, "nobody else is asked");
            continue;
        }
        let sent = cloud.taken().await;
        let path =
            "post /v1/projects/p/locations/eu/publishers/google/models/text-embedding-005:predict ";
        assert!(sent.head.starts_with(path), "{}", sent.head);
        assert_eq!(told["usage"]["prompt_tokens"], 7);
        stage.assert_idle("vectors of a cloud").await;
    }
}

#[tokio::test]
async fn a_gemini_client_reads_vectors_byte_for_byte_and_its_key_stays_here() {
    let said = r#"{ "embedding": {"values":[0.50, 1]} }"#;
    let asked = r#"{ "model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}, "taskType":"CLUSTERING" }"#;
    let path = "/v1beta/models/gemini-embedding-001:embedContent?key=secret-of-the-client&x=1";
    let call = Call { method: "POST", body: asked.into(), ..Call::get(path) }
        .with("content-type", "application/json");
    let mut api = Peer::open(Script::whole("200 OK", said.as_bytes())).await;
    let cloud = Peer::open(broken("503 Busy")).await;
    let stage = opened(&google(&api, &cloud));
    let got = stage.send(&call).await;
    assert_eq!((got.status, &*got.text()), (200, said), "{}", got.everything());
    let sent = api.taken().await;
    assert_eq!(sent.body, asked.as_bytes());
    let start = "post /v1beta/models/gemini-embedding-001:embedcontent?x=1 ";
    assert!(sent.head.starts_with(start) && !sent.head.contains("secret"), "{}", sent.head);
    assert!(sent.head.contains("x-goog-api-key: google-key"), "{}", sent.head);
    assert_eq!(stage.rows(1).await[0].api.name(), "gemini_embeddings");
    // Its cloud says the same in other words.
    let predicted = r#"{"predictions":[{"embeddings":{"values":[0.50,1]}}]}"#;
    let api = Peer::open(broken("503 Busy")).await;
    let mut cloud = Peer::open(Script::whole("200 OK", predicted.as_bytes())).await;
    let stage = opened(&google(&api, &cloud));
    let got = stage.send(&call).await;
    assert_eq!((got.status, &*got.text()), (200, r#"{"embedding":{"values":[0.50,1]}}"#));
    let sent = String::from_utf8_lossy(&cloud.taken().await.body).into_owned();
    assert!(sent.contains(r#""task_type":"CLUSTERING""#), "{sent}");
}

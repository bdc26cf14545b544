//! Answers that are made while their clients are gone.

use std::time::Duration;

use backstop_scenarios::{Delivery, Ear, Wish, WorkItem};
use backstop_store::Outcome;
use backstop_vocabulary::{Class, Dialect};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{Call, End, item};
use crate::drip::Drip;
use crate::quick::quickly;
use crate::stage::{Providers, Stage, ladder, patient, provider, settings};

const HERE: Dialect = Dialect::OpenaiResponses;

/// A request that nobody waits for, with these members besides.
fn call(more: &Value) -> Call {
    let mut call = Call::of(&item(HERE, Delivery::Unary, Wish::Text));
    let mut body = json!({ "model": "gpt-4o", "input": "hello", "background": true });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call.body = body.to_string().into_bytes();
    call
}

/// The same of a client that can tell whether its answer is right.
fn call_of(item: &WorkItem) -> Call {
    let mut call = Call::of(item);
    let mut body: Value = serde_json::from_slice(&call.body).unwrap();
    body["background"] = true.into();
    body["store"] = true.into();
    call.body = body.to_string().into_bytes();
    call
}

fn of(id: &str, rest: &str) -> Call {
    Call::get(&format!("/v1/responses/{id}{rest}"))
}

fn with_method(method: &'static str, call: Call) -> Call {
    Call { method, ..call }
}

/// A gateway before a provider that waits for a word, and nobody else.
async fn stage(policy: &str) -> (Drip, Stage) {
    let (providers, drip) = (Providers::open().await, Drip::open().await);
    let yaml = patient(&settings(&["there/gpt-4o"], ""));
    let yaml = provider(&yaml, HERE, &format!("http://{}/v1", drip.address));
    (drip, Stage::open(&providers, &format!("{policy}{yaml}")))
}

/// Begins an answer and gives its name.
async fn begin(stage: &Stage, call: &Call) -> String {
    let got = stage.send(call).await;
    let (answer, header) = (got.json(), got.header("x-request-id").to_owned());
    assert_eq!((got.status, answer["status"].as_str()), (200, Some("queued")), "{answer}");
    let id = answer["id"].as_str().unwrap();
    assert_eq!(id.strip_prefix("resp_backstop_"), header.strip_prefix("req_"), "{answer}");
    id.to_owned()
}

async fn status(stage: &Stage, id: &str) -> String {
    let got = stage.send(&of(id, "")).await;
    let status = got.json()["status"].as_str().map(str::to_owned);
    status.unwrap_or_else(|| panic!("{}", got.everything()))
}

/// Asks until the answer stands so.
async fn until(stage: &Stage, id: &str, wanted: &str) -> Value {
    let mut seen = String::new();
    for _ in 0..10_000 {
        let answer = stage.send(&of(id, "")).await.json();
        if answer["status"] == wanted {
            return answer;
        }
        seen = answer.to_string();
        tokio::task::yield_now().await;
    }
    panic!("never {wanted}: {seen}")
}

/// The data of all events of a stream.
fn events(text: &str) -> Vec<Value> {
    let data = text.split("\n\n").filter_map(|frame| frame.split_once("data: "));
    data.map(|(_, data)| serde_json::from_str(data).unwrap()).collect()
}

fn numbers(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_is_made_while_its_client_is_gone_and_waits_for_it() {
    let (drip, stage) = stage("").await;
    let metadata = json!({ "metadata": { "job": "7" }, "stream": false });
    let id = begin(&stage, &call(&metadata)).await;
    let begun = until(&stage, &id, "in_progress").await;
    assert_eq!((&begun["metadata"]["job"], &begun["output"]), (&json!("7"), &json!([])));
    assert_eq!(stage.gateway.in_background(), 1);
    let metrics = stage.console().send(&Call::get("/metrics")).await.text();
    assert!(metrics.contains("backstop_background_answers 1\n"), "{metrics}");
    assert!(!metrics.contains("backstop_background_bytes 0\n"), "{metrics}");
    let early = stage.send(&call(&json!({ "previous_response_id": id }))).await;
    assert!(early.status == 400 && early.said().contains("still being made"), "{early:?}");
    drip.go_on();
    let answer = until(&stage, &id, "completed").await;
    assert_eq!(answer["id"], id.as_str());
    assert_eq!((&answer["background"], &answer["store"]), (&json!(true), &json!(true)));
    assert_eq!(answer["output"][0]["content"][0]["text"], "Hello world");
    let told = stage.send(&of(&id, "")).await;
    assert!(told.header("backstop-answer").starts_with("target=there/gpt-4o"), "{told:?}");
    // The provider was asked as by anybody, and the journal knows no client that left.
    let asked = &drip.asked()[0];
    assert!(asked.get("background").is_none() && asked["stream"] == true, "{asked}");
    stage.assert_idle("it is made").await;
    let row = &stage.rows(2).await[0];
    assert_eq!((row.outcome, row.usage.map(|usage| usage.output)), (Outcome::Answered, Some(2)));
    stage.until(|| stage.gateway.in_background() == 0, "it is made").await;
    // It is a part of a conversation like any other.
    let items = stage.send(&of(&id, "/input_items?order=asc")).await.json();
    assert_eq!(items["data"][0]["content"][0]["text"], "hello", "{items}");
    let next = begin(&stage, &call(&json!({ "previous_response_id": id }))).await;
    let next = until(&stage, &next, "completed").await;
    assert_eq!(next["previous_response_id"], id.as_str());
    assert_eq!(drip.asked()[1]["input"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_reader_may_break_away_and_go_on_from_any_event() {
    let (drip, stage) = stage("").await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    crate::client::send(&mut stream, &call(&json!({ "stream": true }))).await;
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    while !read.contains("Hello ") {
        let count = stream.read(&mut buffer).await.unwrap();
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    drop(stream);
    let (_, id) = read.split_once("resp_backstop_").unwrap();
    let id = format!("resp_backstop_{}", id.split('"').next().unwrap());
    // One that reads from a number on, and is there before the rest comes.
    let late = of(&id, "?stream=true&starting_after=3");
    let (late, ()) = tokio::join!(stage.send(&late), async {
        assert_eq!(status(&stage, &id).await, "in_progress");
        drip.go_on();
    });
    let late_events = events(&late.text());
    assert_eq!((late.end, numbers(&late_events)), (End::Clean, (4..11).collect()));
    assert_eq!(late_events.last().unwrap()["type"], "response.completed");
    // And one that comes when all is over.
    let whole = stage.send(&of(&id, "?stream=true")).await;
    let all = events(&whole.text());
    assert_eq!(numbers(&all), (0..11).collect::<Vec<_>>());
    let kinds: Vec<&str> = all[..3].iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["response.created", "response.queued", "response.in_progress"]);
    let answers = all.iter().filter_map(|event| event.get("response"));
    assert!(answers.clone().all(|it| it["id"] == id.as_str() && it["background"] == true));
    assert_eq!(answers.count(), 4);
    let after_all = stage.send(&of(&id, "?stream=true&starting_after=10")).await;
    assert_eq!((after_all.status, after_all.end, after_all.body.len()), (200, End::Clean, 0));
    assert_eq!(stage.rows(1).await[0].outcome, Outcome::Answered);
}

#[tokio::test]
async fn whoever_answers_it_an_answer_is_whole_and_right() {
    for (second, symptom) in [
        (Dialect::AnthropicMessages, ""),
        (Dialect::AnthropicMessages, "http_503"),
        (Dialect::AnthropicMessages, "reset_mid_body"),
        (Dialect::OpenaiChat, "reset_mid_body"),
        (HERE, "reset_mid_body"),
        (Dialect::Gemini, "http_529"),
    ] {
        for wish in [Wish::Text, Wish::Tools] {
            let providers = Providers::open().await;
            if !symptom.is_empty() {
                providers.fail("responses", symptom);
            }
            let stage = Stage::open(&providers, &ladder(HERE, second, ""));
            let item = item(HERE, Delivery::Stream, wish);
            let got = stage.send(&call_of(&item)).await;
            got.assert_answers(&item, symptom);
            let id = events(&got.text())[0]["response"]["id"].as_str().unwrap().to_owned();
            let again = stage.send(&of(&id, "?stream=true")).await;
            assert_eq!(again.text(), got.text(), "{symptom}");
            let whole = stage.send(&of(&id, "")).await;
            let mut ear = Ear::new(HERE, Delivery::Unary);
            ear.feed(&whole.body);
            let heard = ear.finish().unwrap_or_else(|flaw| panic!("{flaw:?} {}", whole.text()));
            assert_eq!(item.check(&heard), Ok(()), "{symptom}: {}", whole.text());
            let row = &stage.rows(1).await[0];
            assert_eq!(row.outcome, Outcome::Answered, "{row:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_nobody_gives_has_failed_and_says_why() {
    let providers = Providers::open().await;
    providers.fail("responses", "http_503");
    let yaml = settings(&["responses/gpt-4o"], "    deadline: 100ms\n");
    let stage = Stage::open(&providers, &yaml);
    let id = begin(&stage, &call_of(&item(HERE, Delivery::Unary, Wish::Text))).await;
    let failed = until(&stage, &id, "failed").await;
    assert!(failed["error"]["message"].as_str().is_some_and(|it| !it.is_empty()), "{failed}");
    assert!(failed["error"]["code"].is_string(), "{failed}");
    let told = stage.send(&of(&id, "")).await;
    assert!(!told.header("backstop-error").is_empty() && told.status == 200, "{told:?}");
    let read = stage.send(&of(&id, "?stream=true")).await;
    let kinds: Vec<Value> = events(&read.text()).iter().map(|it| it["type"].clone()).collect();
    assert_eq!(kinds, ["response.created", "response.queued", "response.failed"]);
    assert!(read.end != End::Clean, "{:?}", read.end);
    assert_eq!(stage.rows(1).await[0].outcome, Outcome::Failed);
    // Nothing can go on from it.
    let next = stage.send(&call(&json!({ "previous_response_id": id }))).await;
    assert_eq!(next.json()["error"]["code"], "previous_response_not_found", "{next:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_what_came_and_has_failed() {
    let (drip, stage) = stage("").await;
    let id = begin(&stage, &call(&json!({}))).await;
    until(&stage, &id, "in_progress").await;
    drip.die();
    let failed = until(&stage, &id, "failed").await;
    assert_eq!((&failed["id"], &failed["background"]), (&json!(id), &json!(true)), "{failed}");
    let read = stage.send(&of(&id, "?stream=true&starting_after=4")).await;
    let last = events(&read.text());
    assert_eq!((last.len(), &last[1]["type"]), (2, &json!("response.failed")), "{last:?}");
    assert_eq!(last[1]["response"]["id"], id.as_str());
    assert!(read.end != End::Clean);
}

#[tokio::test]
async fn an_answer_may_be_cancelled_more_than_once_and_frees_its_provider() {
    let (drip, stage) = stage("").await;
    let id = begin(&stage, &call(&json!({}))).await;
    until(&stage, &id, "in_progress").await;
    let cancel = with_method("POST", of(&id, "/cancel"));
    let along = of(&id, "?stream=true");
    let (read, cancelled) = tokio::join!(stage.send(&along), async {
        // Whoever reads along is there first: both are served by one thread in turn.
        until(&stage, &id, "in_progress").await;
        stage.send(&cancel).await.json()
    });
    assert_eq!((&cancelled["status"], &cancelled["id"]), (&json!("cancelled"), &json!(id)));
    assert!(read.end != End::Clean, "{:?}", read.end);
    stage.assert_idle("it was cancelled").await;
    assert_eq!(stage.send(&cancel).await.json()["status"], "cancelled");
    assert_eq!(status(&stage, &id).await, "cancelled");
    let row = &stage.rows(1).await[0];
    assert_eq!((row.outcome, row.class), (Outcome::Left, Some(Class::ClientLeft)));
    // One that is complete stays so, and one that was waited for is none of these.
    drip.go_on();
    let done = begin(&stage, &call(&json!({}))).await;
    until(&stage, &done, "completed").await;
    let late = stage.send(&with_method("POST", of(&done, "/cancel"))).await;
    assert_eq!(late.json()["status"], "completed");
    let waited = stage.send(&call(&json!({ "background": false, "stream": true }))).await;
    let all = events(&waited.text());
    let waited = all[0]["response"]["id"].as_str().unwrap();
    let refused = stage.send(&with_method("POST", of(waited, "/cancel"))).await;
    assert_eq!(refused.status, 400);
    assert!(refused.said().contains("synchronous"), "{}", refused.said());
    let refused = stage.send(&of(waited, "?stream=true")).await;
    assert!(refused.said().contains("background=true"), "{}", refused.said());
}

#[tokio::test]
async fn an_answer_that_is_deleted_is_not_made_any_more() {
    let (_drip, stage) = stage("").await;
    let id = begin(&stage, &call(&json!({}))).await;
    until(&stage, &id, "in_progress").await;
    let deleted = stage.send(&with_method("DELETE", of(&id, ""))).await.json();
    assert_eq!((&deleted["deleted"], &deleted["id"]), (&json!(true), &json!(id)));
    stage.assert_idle("it was deleted").await;
    assert_eq!(stage.send(&of(&id, "")).await.status, 404);
    assert_eq!(stage.send(&with_method("POST", of(&id, "/cancel"))).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_made_and_too_much_is_refused() {
    let refused = async |policy: &str, more: Value| {
        let (_drip, stage) = stage(policy).await;
        let got = stage.send(&call(&more)).await;
        (got.status, got.said())
    };
    let (status, said) = refused("", json!({ "store": false })).await;
    assert!(status == 400 && said.contains("requires `store`"), "{said}");
    for policy in ["transcripts_max: off", "background_max: 0"] {
        let (status, said) = refused(&format!("limits: {{ {policy} }}\n"), json!({})).await;
        assert!(status == 400 && said.contains("leave `background` out"), "{said}");
    }
    for (policy, status) in [("background_max: 1", 503), ("background_per_key_max: 1", 429)] {
        let (drip, stage) = stage(&format!("limits: {{ {policy} }}\n")).await;
        let first = begin(&stage, &call(&json!({}))).await;
        let got = stage.send(&call(&json!({}))).await;
        assert_eq!(got.status, status, "{}", got.everything());
        assert!(got.said().contains(&policy[..policy.len() - 3]), "{}", got.said());
        assert!(got.header("retry-after") == "5", "{got:?}");
        drip.go_on();
        until(&stage, &first, "completed").await;
        stage.assert_idle("the first is made").await;
        stage.until(|| stage.gateway.in_background() == 0, "the first is made").await;
        begin(&stage, &call(&json!({}))).await;
    }
    // What no provider can take is refused at once, and not later.
    let (_drip, stage) = stage("").await;
    let unfit = stage.send(&call(&json!({ "model": "" }))).await;
    assert_eq!(unfit.status, 400, "{}", unfit.everything());
}

#[tokio::test]
async fn an_answer_is_for_the_key_that_asked_for_it() {
    let hash = |key: &str| blake3::hash(key.as_bytes()).to_hex();
    let keys = format!(
        "keys:\n  - {{ name: one, hash: {} }}\n  - {{ name: two, hash: {} }}\n",
        hash("key-of-one"),
        hash("key-of-two")
    );
    let (_drip, stage) = stage(&keys).await;
    let shown = |call: Call, key: &str| Call {
        headers: vec![("authorization".to_owned(), format!("Bearer {key}"))],
        ..call
    };
    let id = begin(&stage, &shown(call(&json!({})), "key-of-one")).await;
    for (rest, method) in
        [("", "GET"), ("?stream=true", "GET"), ("/cancel", "POST"), ("", "DELETE")]
    {
        let theirs = with_method(method, shown(of(&id, rest), "key-of-two"));
        assert_eq!(stage.send(&theirs).await.status, 404, "{method} {rest}");
        let nobodys = with_method(method, of(&id, rest));
        assert_eq!(stage.send(&nobodys).await.status, 401, "{method} {rest}");
    }
    assert_eq!(stage.send(&shown(of(&id, ""), "key-of-one")).await.status, 200);
}

#[tokio::test]
async fn an_answer_has_its_time_and_no_more() {
    quickly(async {
        let (_drip, stage) = stage("limits: { background_time_max: 10s }\n").await;
        let id = begin(&stage, &call(&json!({}))).await;
        until(&stage, &id, "in_progress").await;
        tokio::time::advance(Duration::from_secs(11)).await;
        let failed = until(&stage, &id, "failed").await;
        assert!(failed["error"]["message"].as_str().unwrap().contains("longer than"), "{failed}");
        let row = &stage.rows(1).await[0];
        assert_eq!((row.outcome, row.class), (Outcome::Failed, Some(Class::DeadlinePassed)));
    })
    .await;
}

#[tokio::test]
async fn an_answer_outlives_its_connections_and_fails_when_the_gateway_ends() {
    let (_drip, stage) = stage("").await;
    let id = begin(&stage, &call(&json!({}))).await;
    until(&stage, &id, "in_progress").await;
    stage.gateway.drain();
    let refused = stage.send(&call(&json!({}))).await;
    assert_eq!((refused.status, refused.said().contains("ending")), (503, true));
    let along = of(&id, "?stream=true");
    let (read, ()) = tokio::join!(stage.send(&along), async {
        until(&stage, &id, "in_progress").await;
        stage.gateway.abandon();
    });
    let last = events(&read.text()).pop().unwrap();
    assert_eq!(last["type"], "response.failed", "{last}");
    assert!(last["response"]["error"]["message"].as_str().unwrap().contains("restarted"));
    assert!(read.end != End::Clean);
    stage.core.settled().await;
    assert_eq!((stage.gateway.in_background(), stage.gateway.in_progress()), (0, 0));
}

#[tokio::test]
async fn events_have_a_limit_and_the_whole_answer_is_there_all_the_same() {
    let (drip, stage) = stage("limits: { background_events_max: 300KiB }\n").await;
    // Its first two events say so again.
    let long = call(&json!({ "instructions": "x".repeat(200 << 10) }));
    let id = begin(&stage, &long).await;
    until(&stage, &id, "in_progress").await;
    let behind = stage.send(&of(&id, "?stream=true")).await;
    assert_eq!(behind.status, 400, "{}", behind.everything());
    assert!(behind.said().contains("kept from sequence number"), "{}", behind.said());
    // The request of another has no room as long as this one is made.
    let busy = stage.send(&long).await;
    assert_eq!((busy.status, busy.header("retry-after")), (503, "5"), "{}", busy.everything());
    assert!(busy.said().contains("background_events_max"), "{}", busy.said());
    let never = stage.send(&call(&json!({ "instructions": "x".repeat(400 << 10) }))).await;
    assert_eq!(never.status, 413, "{}", never.everything());
    drip.go_on();
    let whole = until(&stage, &id, "completed").await;
    assert_eq!(whole["output"][0]["content"][0]["text"], "Hello world");
    stage.until(|| stage.gateway.in_background() == 0, "the first is made").await;
    begin(&stage, &long).await;
}

#[tokio::test]
async fn whoever_reads_along_loses_nothing_however_little_is_kept() {
    let (drip, stage) = stage("limits: { background_events_max: 4KiB }\n").await;
    let id = begin(&stage, &call(&json!({}))).await;
    until(&stage, &id, "in_progress").await;
    let along = of(&id, "?stream=true");
    let (read, ()) = tokio::join!(stage.send(&along), async { drip.go_on() });
    let events = events(&read.text());
    assert_eq!(events.last().unwrap()["type"], "response.completed", "{}", read.everything());
    assert_eq!(numbers(&events), (0..events.len() as u64).collect::<Vec<_>>());
    assert!(read.end == End::Clean);
}

#[tokio::test]
async fn what_an_answer_was_given_to_is_there_before_and_after_its_end() {
    let (drip, stage) = stage("").await;
    let id = begin(&stage, &call(&json!({}))).await;
    let input = async || {
        let page = stage.send(&of(&id, "/input_items")).await.json();
        page["data"][0]["content"].to_string()
    };
    assert!(input().await.contains("hello"));
    drip.go_on();
    until(&stage, &id, "completed").await;
    stage.until(|| stage.gateway.in_background() == 0, "the answer is made").await;
    assert!(input().await.contains("hello"));
}

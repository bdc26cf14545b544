//! A client that leaves at any moment: whatever the request was waiting for, nothing of it is left.

use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use backstop_gateway::{Core, serve};
use backstop_scenarios::{Delivery, Wish, WorkItem};
use backstop_store::Outcome;
use backstop_vocabulary::{Class, Dialect};
use bytes::Bytes;
use http_body::Body as _;

use crate::checks::Checks;
use crate::client::{Call, forms, item};
use crate::quick::quickly;
use crate::stage::{ANTHROPIC, Providers, Stage, ladder, patient};

/// What the request meets before it is answered.
const MEETS: [&str; 9] = [
    "",
    "refused",
    "reset_before_headers",
    "http_529",
    "empty_answer",
    "html",
    "reset_mid_body",
    "error_in_stream",
    "cut_stream",
];

#[tokio::test]
async fn a_client_may_leave_at_every_await_and_nothing_of_its_request_is_left() {
    let mut checks = Checks::default();
    for meets in MEETS {
        for (dialect, delivery) in forms() {
            for wish in [Wish::Text, Wish::Tools] {
                let name = format!("{meets} for {dialect:?} {delivery:?} {wish:?}");
                checks.add(name, leave_everywhere(meets, item(dialect, delivery, wish)));
            }
        }
    }
    checks.pass_quickly().await;
}

/// Leaves after the first poll, after the second, and so on, until the request lives to its end.
async fn leave_everywhere(meets: &str, item: WorkItem) {
    let providers = Providers::open().await;
    if !meets.is_empty() {
        providers.fail("anthropic", meets);
    }
    let settings = ladder(Dialect::AnthropicMessages, Dialect::OpenaiChat, "");
    for polls in 0.. {
        assert!(polls < 10_000, "it never ends");
        let stage = Stage::open(&providers, &settings);
        let lived = live_for(polls, Arc::clone(&stage.core), Call::of(&item)).await;
        let what = format!("left after {polls} polls");
        // At once: nothing has to be waited for.
        assert_eq!(stage.gateway.in_progress(), 0, "{what}");
        assert_eq!(stage.in_flight(), 0, "{what}");
        assert_eq!(stage.gateway.status()["held_bytes"], 0, "{what}");
        let rows = stage.rows(usize::from(polls > 0)).await;
        if lived == Lived::ToTheEnd {
            assert_eq!(rows[0].outcome, Outcome::Answered, "{rows:#?}");
            assert!(polls > 2, "the request waits for something");
            return;
        }
        for row in rows {
            // Its last byte may have been given out before the body's end was asked for.
            let left = (row.outcome, row.class) == (Outcome::Left, Some(Class::ClientLeft));
            assert!(left || row.outcome == Outcome::Answered, "{what}: {row:#?}");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Lived {
    ToTheEnd,
    /// Dropped at an await.
    Shorter,
}

/// Answers a request and reads the answer, for so many polls, then drops all of it.
async fn live_for(polls: u32, core: Arc<Core>, call: Call) -> Lived {
    let mut request = http::Request::builder().method(call.method).uri(&call.path);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    request = request.header("host", "localhost");
    let (head, body) = request.body(Bytes::from(call.body)).unwrap().into_parts();
    let life = async {
        let mut body = serve(core, head, ready(Ok(body))).await.into_body();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            assert!(frame.is_ok(), "the answer is whole");
        }
    };
    let mut life = pin!(life);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(Lived::Shorter);
        }
        left -= 1;
        match life.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Lived::ToTheEnd),
            Poll::Pending if left == 0 => Poll::Ready(Lived::Shorter),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_client_may_leave_while_its_request_is_a_probe_and_another_may_probe_at_once() {
    for meets in ["", "reset_before_headers", "http_529", "reset_mid_body"] {
        for delivery in [Delivery::Unary, Delivery::Stream] {
            let item = item(Dialect::AnthropicMessages, delivery, Wish::Text);
            quickly(Box::pin(leave_a_probe(meets, item))).await;
        }
    }
}

/// Only requests of clients probe what is reached with their credentials. A lease that was lost
/// would keep the next of them away for 90 s.
async fn leave_a_probe(meets: &str, item: WorkItem) {
    let providers = Providers::open().await;
    let settings = ladder(Dialect::AnthropicMessages, Dialect::OpenaiChat, "").replace(
        "anthropic: { api_key: key-of-anthropic,",
        "anthropic: { credential: from_client,",
    );
    let mut call = Call::of(&item);
    for (_, value) in &mut call.headers {
        *value = value.replace("key-of-a-client", "key-of-anthropic");
    }
    for polls in 1.. {
        assert!(polls < 10_000, "it never ends");
        let stage = Stage::open(&providers, &settings);
        let what = format!("left after {polls} polls");
        providers.fail("anthropic", "http_529");
        let mut requests = 0;
        while requests == 0 || stage.state("anthropic") != "open" {
            stage.send(&call).await.assert_answers(&item, &what);
            requests += 1;
        }
        tokio::time::advance(PAUSE).await;
        providers.behave(Vec::new());
        if !meets.is_empty() {
            providers.fail("anthropic", meets);
        }
        let lived = live_for(polls, Arc::clone(&stage.core), call.clone()).await;
        assert_eq!(stage.in_flight(), 0, "{what}");
        if lived == Lived::ToTheEnd {
            assert_probed(&stage, requests + 1).await;
            assert!(polls > 2, "the request waits for something");
            return;
        }
        // A probe that failed before its client left has begun another pause.
        let open = stage.state("anthropic") == "open";
        tokio::time::advance(if open { PAUSE * 2 } else { PAUSE }).await;
        providers.behave(Vec::new());
        stage.send(&call).await.assert_answers(&item, &what);
        assert_probed(&stage, requests + 2).await;
    }
}

/// Longer than a first pause, and than validations are apart.
const PAUSE: Duration = Duration::from_secs(20);

/// Fails unless the last of so many requests began with a probe.
async fn assert_probed(stage: &Stage, requests: usize) {
    let row = &stage.rows(requests).await[0];
    let first = row.attempts.first().map(|first| (&*first.purpose, &*first.target));
    assert_eq!(first, Some(("probe", ANTHROPIC)), "{row:#?}");
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_the_provider_at_once() {
    for (dialect, delivery) in forms() {
        let providers = Providers::open().await;
        providers.fail("anthropic", "hang_before_headers");
        // Clocks that will not help.
        let settings = patient(&ladder(Dialect::AnthropicMessages, Dialect::OpenaiChat, ""));
        let stage = Stage::open(&providers, &settings);
        let mut stream = tokio::net::TcpStream::connect(stage.address).await.unwrap();
        crate::client::send(&mut stream, &Call::of(&item(dialect, delivery, Wish::Text))).await;
        stage.until(|| stage.in_flight() == 1, "the attempt begins").await;
        drop(stream);
        stage.assert_idle("the client left").await;
        let row = &stage.rows(1).await[0];
        assert_eq!((row.outcome, row.class), (Outcome::Left, Some(Class::ClientLeft)));
    }
}

#[tokio::test]
async fn a_stream_counts_as_in_progress_until_its_last_byte() {
    let providers = Providers::open().await;
    providers.fail("anthropic", "silence_mid_stream");
    let settings = patient(&ladder(Dialect::AnthropicMessages, Dialect::OpenaiChat, ""));
    let stage = Stage::open(&providers, &settings);
    let mut stream = tokio::net::TcpStream::connect(stage.address).await.unwrap();
    let item = item(Dialect::AnthropicMessages, Delivery::Stream, Wish::Text);
    crate::client::send(&mut stream, &Call::of(&item)).await;
    stream.readable().await.unwrap();
    assert_eq!(stage.gateway.in_progress(), 1);
    drop(stream);
    stage.assert_idle("the client left").await;
}

//! What a client is told while it waits, and when it is slow to hear the end.

use std::time::Duration;

use backstop_scenarios::{Delivery, Wish, WorkItem};
use backstop_store::Outcome;
use backstop_vocabulary::Dialect;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::breaks::assert_farewell;
use crate::bytes::odd_stream;
use crate::checks::Checks;
use crate::client::{self, Body, Call, Reader, forms, item};
use crate::peer::{Peer, Script};
use crate::quick::quickly;
use crate::stage::{
    Providers, Stage, fault, ladder, pairs, patient, patient_with_gaps, provider, provider_of,
    settings,
};

/// What says nothing and shows that the stream lives.
const fn sign_of_life(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnthropicMessages => "event: ping\n",
        Dialect::OpenaiChat | Dialect::OpenaiResponses => "\r\n: ",
        Dialect::Gemini => "\r\n\r\n\r\n\r\n",
        Dialect::BedrockConverse => "\u{4}ping",
    }
}

#[tokio::test]
async fn a_client_of_a_silent_stream_gets_signs_of_life() {
    for (first, second) in pairs() {
        for dialect in Dialect::ALL {
            let providers = Providers::open().await;
            providers.fail(provider_of(first), "silence_mid_stream");
            let yaml = patient_with_gaps(&ladder(first, second, ""), "20s");
            let stage = Stage::open(&providers, &yaml);
            let mut stream = TcpStream::connect(stage.address).await.unwrap();
            let item = item(dialect, Delivery::Stream, Wish::Text);
            client::send(&mut stream, &Call::of(&item)).await;
            let mut wire = String::new();
            // Real time until the stream has begun; then it passes in no time.
            read_until(&mut stream, &mut wire, |wire| begun(wire) >= 4).await;
            tokio::time::pause();
            let signs = |wire: &str| wire.matches(sign_of_life(dialect)).count();
            let before = signs(&wire);
            read_until(&mut stream, &mut wire, |wire| signs(wire) > before).await;
            tokio::time::resume();
            drop(stream);
            stage.assert_idle("a silent stream").await;
        }
    }
}

/// How many events there have been, in whatever framing.
fn begun(wire: &str) -> usize {
    wire.matches("data:").count() + wire.matches("contentBlockDelta").count()
}

async fn read_until(stream: &mut TcpStream, wire: &mut String, seen: impl Fn(&str) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while !seen(wire) {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{wire}");
        wire.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_hears_all_there_was_and_then_the_error() {
    let mut checks = Checks::default();
    for from in Dialect::ALL {
        for dialect in Dialect::ALL {
            checks.add(format!("{from:?} for {dialect:?}"), async move {
                let whole = odd_stream(from, 6 << 20);
                let peer = Peer::open(Script::begun(&whole[..whole.len() / 2])).await;
                let base_url = format!("http://{}", peer.address);
                let yaml = settings(&["there/*"], "    on_break: error\n");
                let providers = Providers::open().await;
                let stage = Stage::open(&providers, &provider(&yaml, from, &base_url));
                let socket = TcpSocket::new_v4().unwrap();
                socket.set_recv_buffer_size(4096).unwrap();
                let mut stream = socket.connect(stage.address).await.unwrap();
                let item = item(dialect, Delivery::Stream, Wish::Text);
                client::send(&mut stream, &Call::of(&item)).await;
                let got = client::read_on(Reader::default(), &mut stream, Body::Framed).await;
                assert_farewell(&got, dialect);
                assert!(got.body.len() > 1 << 20, "{} bytes", got.body.len());
                stage.assert_idle("").await;
            });
        }
    }
    checks.pass().await;
}

#[tokio::test]
async fn a_client_that_says_how_long_it_waits_hears_of_the_end_before_it_leaves() {
    for symptom in ["hang_before_headers", "headers_then_silence", "http_529"] {
        for (dialect, delivery) in forms() {
            for seconds in [2, 20] {
                let item = item(dialect, delivery, Wish::Text);
                quickly(heard_in_time(symptom, seconds, &item)).await;
            }
        }
    }
}

async fn heard_in_time(symptom: &str, seconds: u64, item: &WorkItem) {
    let providers = Providers::open().await;
    providers.behave(vec![fault("anthropic", symptom, 1.0), fault("openai", symptom, 1.0)]);
    let yaml = patient(&ladder(Dialect::AnthropicMessages, Dialect::OpenaiChat, ""));
    let stage = Stage::open(&providers, &yaml);
    let call = Call::of(item).with("x-stainless-timeout", &seconds.to_string());
    let leaves = Duration::from_secs(seconds);
    let got = tokio::time::timeout(leaves, stage.send(&call)).await;
    let got = got.unwrap_or_else(|_| panic!("{symptom}: {item:?} left after {seconds} s"));
    assert!(got.status >= 500, "{symptom}: {}", got.text());
    assert!(!got.header("backstop-error").is_empty(), "{symptom}: {}", got.text());
    let row = &stage.rows(1).await[0];
    assert_eq!(row.outcome, Outcome::Failed, "{row:#?}");
    stage.assert_idle("told in time").await;
}

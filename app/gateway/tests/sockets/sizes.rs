//! Much at once, and little at a time.

use backstop_scenarios::{Delivery, Wish};
use backstop_store::Outcome;
use backstop_vocabulary::Dialect;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;

use crate::bytes::odd_stream;
use crate::checks::Checks;
use crate::client::{self, Body, Call, item};
use crate::peer::{Peer, Script, push_chunk};
use crate::stage::{
    ANTHROPIC, CLAUDE_CLOUD, OPENAI, Providers, Stage, patient, provider, settings,
};

const MB: usize = 1 << 20;

/// A request of so many bytes, all of them meant.
fn large(dialect: Dialect, bytes: usize) -> Call {
    let mut call = Call::of(&item(dialect, Delivery::Stream, Wish::Text));
    let text = String::from_utf8(call.body).expect("text");
    let padding = "x".repeat(bytes - text.len());
    let prompt = "Please tell me about the river";
    call.body = text.replace(prompt, &format!("{padding}{prompt}")).into_bytes();
    assert_eq!(call.body.len(), bytes);
    call
}

/// The same in the chunked framing.
fn chunked(call: &Call) -> Call {
    let mut body = Vec::with_capacity(call.body.len() + 1024);
    call.body.chunks(100_000).for_each(|piece| push_chunk(&mut body, piece));
    body.extend_from_slice(b"0\r\n\r\n");
    Call { body, ..call.clone() }.with("transfer-encoding", "chunked")
}

#[tokio::test]
async fn a_request_of_32_mb_passes_and_a_byte_more_is_refused_in_the_clients_dialect() {
    let providers = Providers::open().await;
    for dialect in Dialect::ALL {
        let answer = odd_stream(dialect, 100);
        let mut peer = Peer::open(Script::stream(&answer)).await;
        let base_url = format!("http://{}", peer.address);
        let yaml = provider(&settings(&["there/*"], ""), dialect, &base_url);
        let stage = Stage::open(&providers, &yaml);
        let most = large(dialect, 32 * MB);
        for call in [most.clone(), chunked(&most)] {
            let got = stage.send(&call).await;
            assert_eq!((got.status, got.body == answer), (200, true), "{}", got.text());
            assert!(peer.taken().await.body == most.body, "{dialect:?}: another body arrived");
        }
        for bytes in [32 * MB + 1, 33 * MB] {
            let more = large(dialect, bytes);
            for call in [more.clone(), chunked(&more)] {
                let got = stage.send(&call).await;
                assert_eq!(got.status, 413, "{dialect:?}: {}", got.text());
                let said = got.json();
                let known = match dialect {
                    Dialect::AnthropicMessages => &said["error"]["type"],
                    Dialect::OpenaiChat | Dialect::OpenaiResponses => &said["error"]["code"],
                    Dialect::BedrockConverse => &said["code"],
                    Dialect::Gemini => &said["error"]["details"][0]["metadata"]["code"],
                };
                assert_eq!(known, "request_too_large", "{}", got.text());
            }
        }
        assert_eq!(peer.untold(), 0);
        stage.assert_idle("large requests").await;
    }
}

#[tokio::test]
async fn a_large_request_is_translated_and_fails_over_like_a_small_one() {
    let providers = Providers::open().await;
    providers.fail("anthropic", "http_529");
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
    let mut item = item(Dialect::AnthropicMessages, Delivery::Stream, Wish::Text);
    item.prompt = format!("[api/7] {} Please.", "river ".repeat(50_000));
    stage.ask(&item).await.assert_answers(&item, "300 KB");
    stage.assert_idle("a large request").await;
}

#[tokio::test]
async fn a_flood_of_headers_is_refused_and_no_provider_hears_of_it() {
    let providers = Providers::open().await;
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC], ""));
    let item = item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text);
    let mut many = Call::of(&item);
    for number in 0..1000 {
        many = many.with(&format!("x-flood-{number}"), "drop");
    }
    let long = Call::of(&item).with("x-flood", &"drop".repeat(100_000));
    for flood in [many, long] {
        assert_eq!(stage.send(&flood).await.status, 431);
    }
    assert_eq!(providers.requests("anthropic"), 0);
    stage.ask(&item).await.assert_answers(&item, "after the flood");
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything_and_its_provider_no_blame() {
    let mut checks = Checks::default();
    for dialect in Dialect::ALL {
        checks.add(format!("{dialect:?}"), read_slowly(dialect));
    }
    checks.pass().await;
}

async fn read_slowly(dialect: Dialect) {
    let providers = Providers::open().await;
    let answer = odd_stream(dialect, 24 * MB);
    let peer = Peer::open(Script::stream(&answer)).await;
    let base_url = format!("http://{}", peer.address);
    let yaml = provider(&settings(&["there/*", CLAUDE_CLOUD], ""), dialect, &base_url);
    let stage = Stage::open(&providers, &yaml);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(stage.address).await.unwrap();
    let call = Call::of(&item(dialect, Delivery::Stream, Wish::Text));
    client::send(&mut stream, &call).await;
    let mut reader = client::Reader::default();
    let mut buffer = vec![0; 1000];
    // Longer than the gap clock, twice: whatever it could blame has happened by then.
    for _ in 0..2 {
        let count = stream.read(&mut buffer).await.unwrap();
        reader.feed(&buffer[..count]);
        gap_clock_runs_out().await;
    }
    let got = client::read_on(reader, &mut stream, Body::Framed).await;
    assert_eq!((got.status, got.end), (200, client::End::Clean));
    assert!(got.body == answer, "{dialect:?}: {} of {} bytes", got.body.len(), answer.len());
    let row = &stage.rows(1).await[0];
    assert_eq!((row.outcome, row.rung, row.resumed), (Outcome::Answered, Some(1), false));
    assert_eq!((row.attempts.len(), row.attempts[0].class), (1, None), "{row:#?}");
    let status = stage.gateway.status();
    let targets = status["targets"].as_object().unwrap();
    let (_, there) = targets.iter().find(|(name, _)| name.starts_with("there/")).unwrap();
    assert_eq!((&there["state"], &there["share_percent"]), (&"closed".into(), &100.into()));
    assert_eq!(there["recent_failure_percent"], 0, "{there}");
    stage.assert_idle("read slowly").await;
}

/// Ends when another gateway, with the same clocks, has given a silent stream up.
async fn gap_clock_runs_out() {
    let providers = Providers::open().await;
    providers.fail("anthropic", "silence_mid_stream");
    let stage = Stage::open(&providers, &settings(&[ANTHROPIC, OPENAI], ""));
    let item = item(Dialect::AnthropicMessages, Delivery::Stream, Wish::Text);
    stage.ask(&item).await.assert_answers(&item, "carried on");
    assert!(stage.rows(1).await[0].resumed);
}

#[tokio::test]
async fn an_answer_on_its_way_counts_as_held_until_its_client_leaves() {
    let part = 3 * MB / 2;
    let stream = odd_stream(Dialect::AnthropicMessages, 2 * MB);
    for (delivery, script) in [
        ("as_asked", Script::part(&vec![b' '; 2 * MB], part)),
        ("whole", Script::begun(&stream[..part])),
    ] {
        let peer = Peer::open(script).await;
        let policy = format!("    delivery: {delivery}\n");
        let yaml = settings(&["there/claude-opus-4-6"], &policy);
        let yaml = provider(&yaml, Dialect::AnthropicMessages, &format!("http://{}", peer.address));
        let providers = Providers::open().await;
        let stage = Stage::open(&providers, &patient(&yaml));
        let held = || stage.gateway.status()["held_bytes"].as_u64().expect("a number");
        let call = Call::of(&item(Dialect::AnthropicMessages, Delivery::Unary, Wish::Text));
        let asking = stage.send(&call);
        let all_there = stage.until(|| held() > MB as u64, "what came is held");
        tokio::select! {
            got = asking => panic!("{delivery}: {got:?}"),
            () = all_there => {}
        }
        stage.until(|| held() == 0, "nobody waits for it any more").await;
    }
}

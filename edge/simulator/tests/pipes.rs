//! The simulator on in-memory pipes under a paused clock, as replay uses it.

use std::sync::Arc;
use std::time::Duration;

use backstop_scenarios::{Scenario, Severity, World};
use backstop_simulator::{Entry, Simulator};
use backstop_vocabulary::Moment;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

const SCENARIO: &str = include_str!("sockets/stage.yaml");

fn simulator(scenario: &Scenario) -> Simulator {
    let zero = Instant::now();
    let clock = Arc::new(move || Moment::ZERO + zero.elapsed());
    Simulator::new(World::new(scenario, Severity::Mid, 1), clock)
}

/// A connection to the simulated Anthropic with one streamed request on it.
async fn ask(simulator: &Simulator) -> DuplexStream {
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let simulator = simulator.clone();
    tokio::spawn(async move {
        simulator.serve_connection(server, Entry::Provider("anthropic".into())).await;
    });
    let body = "{\"model\":\"claude-opus-4-6\",\"max_tokens\":9,\"stream\":true,\
                \"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: h\r\nx-api-key: key\r\nanthropic-version: 2023-06-01\
         \r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).await.expect("the request can be sent");
    client
}

#[tokio::test(start_paused = true)]
async fn half_a_minute_of_stall_takes_no_time_and_the_answer_is_whole() {
    let text = format!(
        "{SCENARIO}\nphases:\n  - {{ name: stall, from: 0s, for: 1h, symptom: stall_then_success, \
         share: 100%, evidence: estimated, source: a test }}\n"
    );
    let simulator = simulator(&Scenario::read(&text).unwrap());
    let begin = Instant::now();
    let mut answer = String::new();
    ask(&simulator).await.read_to_string(&mut answer).await.unwrap();
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(31), "{took:?}");
    assert!(answer.contains("The end is #") && answer.contains("message_stop"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_its_place_at_once() {
    let mut scenario = Scenario::read(SCENARIO).unwrap();
    scenario.providers[0].concurrency_max = 1;
    scenario.providers[0].latency.tokens_per_second = 1.0;
    let simulator = simulator(&scenario);
    let mut first = ask(&simulator).await;
    let mut some = [0; 64];
    first.read_exact(&mut some).await.unwrap();
    let mut refused = String::new();
    ask(&simulator).await.read_to_string(&mut refused).await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 529"), "{refused}");
    drop(first);
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut again = ask(&simulator).await;
    again.read_exact(&mut some).await.unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&some));
}

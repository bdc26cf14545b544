//! What a connection may cost.

use std::sync::Arc;
use std::time::Duration;

use backstop_listener::{ListenerLimits, serve_connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::stage::{Stage, read_until, send, start_plain};

/// A client of a server over a pipe, in virtual time.
fn pipe(limits: ListenerLimits) -> (DuplexStream, watch::Sender<bool>) {
    let (client, server) = tokio::io::duplex(64 << 10);
    let (drain, drained) = watch::channel(false);
    tokio::spawn(serve_connection(server, Stage::new().0, Arc::new(limits), drained));
    (client, drain)
}

/// Seconds until the server closes.
async fn seconds_to_the_end(client: &mut DuplexStream) -> u64 {
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    start.elapsed().as_secs()
}

#[tokio::test]
async fn refuses_a_flood_of_headers() {
    let server = start_plain(ListenerLimits::default());
    let many = "x: y\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(100_000));
    for headers in [many, long] {
        let mut client = send(server.addr, &format!("GET /whole HTTP/1.1\r\n{headers}\r\n")).await;
        let answer = read_until(&mut client, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn closes_on_a_head_that_does_not_come_to_its_end() {
    let (mut client, _drain) = pipe(ListenerLimits::default());
    client.write_all(b"GET /whole HTTP/1.1\r\n").await.unwrap();
    assert!((15..=30).contains(&seconds_to_the_end(&mut client).await));
    // A second request is watched like the first, and trickling does not help.
    let (mut client, _drain) = pipe(ListenerLimits::default());
    client.write_all(b"GET /whole HTTP/1.1\r\n\r\nGET").await.unwrap();
    read_until(&mut client, "stage").await;
    let start = Instant::now();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    while client.write_all(b"x").await.is_ok() {
        seconds.tick().await;
    }
    assert!((15..=31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closes_what_has_nothing_to_say() {
    let (mut client, _drain) = pipe(ListenerLimits::default());
    assert_eq!(seconds_to_the_end(&mut client).await, 300);
    let (mut client, _drain) = pipe(ListenerLimits::default());
    client.write_all(b"GET /whole HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, "stage").await;
    assert!((300..=330).contains(&seconds_to_the_end(&mut client).await));
    // Neither is a half-sent preface of HTTP/2 a way to stay.
    let (mut client, _drain) = pipe(ListenerLimits::default());
    client.write_all(b"PRI * HTTP").await.unwrap();
    assert_eq!(seconds_to_the_end(&mut client).await, 15);
}

#[tokio::test(start_paused = true)]
async fn leaves_a_slow_answer_alone() {
    let (mut client, _drain) = pipe(ListenerLimits::default());
    client.write_all(b"GET /hang HTTP/1.1\r\n\r\n").await.unwrap();
    read_until(&mut client, "one").await;
    let hour = Duration::from_secs(3600);
    tokio::time::timeout(hour, client.read_u8()).await.unwrap_err();
}

/// Asks for more than a pipe holds, reads so much of it every hundred seconds, and says when the
/// server gave up; `None` if it did not within an hour.
async fn seconds_of_patience(request: &[u8], bytes_read: usize) -> Option<u64> {
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let (_drain, drained) = watch::channel(false);
    let limits = Arc::new(ListenerLimits::default());
    let mut served = tokio::spawn(serve_connection(server, Stage::new().0, limits, drained));
    client.write_all(request).await.unwrap();
    let start = Instant::now();
    let mut taken = vec![0; bytes_read];
    for _ in 0..36 {
        if tokio::time::timeout(Duration::from_secs(100), &mut served).await.is_ok() {
            return Some(start.elapsed().as_secs());
        }
        client.read_exact(&mut taken).await.unwrap();
    }
    None
}

#[tokio::test(start_paused = true)]
async fn closes_on_a_client_that_takes_nothing_of_its_answer() {
    let body = "x".repeat(1 << 20);
    let whole = format!("POST /echo HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // With its body still to be read, and with all of it in our hands already.
    for request in ["GET /long HTTP/1.1\r\n\r\n", &whole] {
        let patience = seconds_of_patience(request.as_bytes(), 0).await;
        assert!(patience.is_some_and(|it| (300..=330).contains(&it)), "{patience:?}");
        // However slowly it reads, it reads.
        assert_eq!(seconds_of_patience(request.as_bytes(), 100).await, None);
    }
}

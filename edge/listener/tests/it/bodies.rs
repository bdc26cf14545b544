//! Request bodies, whole and refused.

use backstop_listener::ListenerLimits;
use tokio::io::AsyncWriteExt;

use crate::stage::{read_all, read_until, send, start_plain};

async fn check(request: &str, expect_status: &str, expect_end: &str) {
    let server = start_plain(ListenerLimits::default());
    let mut client = send(server.addr, request).await;
    let answer = read_until(&mut client, expect_end).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {expect_status}")), "{answer}");
    assert!(answer.ends_with(expect_end), "{answer}");
}

#[tokio::test]
async fn reads_bodies_with_a_length_in_chunks_and_of_nothing() {
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\n";
    check(&format!("{head}content-length: 5\r\n\r\nhello"), "200", "hello").await;
    let chunks = "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    check(&format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}"), "200", "hello").await;
    check(&format!("{head}\r\n"), "200", "\r\n\r\n").await;
}

#[tokio::test]
async fn puts_a_body_together_that_comes_byte_by_byte() {
    let server = start_plain(ListenerLimits::default());
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 40\r\n\r\n";
    let mut client = send(server.addr, head).await;
    client.set_nodelay(true).unwrap();
    for digit in (b'0'..=b'9').cycle().take(40) {
        client.write_all(&[digit]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = read_until(&mut client, &"0123456789".repeat(4)).await;
    assert!(answer.contains("content-length: 40"), "{answer}");
}

#[tokio::test]
async fn refuses_a_body_that_is_announced_or_grows_too_large() {
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\n";
    check(&format!("{head}content-length: 1048577\r\n\r\n"), "413", "request_too_large").await;
    let chunk = format!("80000\r\n{}\r\n", "x".repeat(0x80000));
    let chunks = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}1\r\nx\r\n");
    check(&chunks, "413", "request_too_large").await;
}

#[tokio::test]
async fn tells_a_body_that_is_no_http_from_a_client_that_left() {
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    for chunk in ["-5\r\nhello\r\n", "hello\r\n", "ffffffffffffffffff\r\nx\r\n"] {
        check(&format!("{head}{chunk}"), "400", "invalid_request").await;
    }
}

#[tokio::test]
async fn refuses_before_it_says_continue() {
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\n";
    check(&format!("{head}content-length: 1048577\r\n\r\n"), "413", "request_too_large").await;
}

#[tokio::test]
async fn lets_a_client_that_is_still_sending_see_the_refusal() {
    let server = start_plain(ListenerLimits::default());
    let head = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 33554432\r\n\r\n";
    let mut client = send(server.addr, head).await;
    // All of it, as simple clients do, before the answer is looked at.
    client.write_all(&vec![b'x'; 32 << 20]).await.unwrap();
    let (answer, end) = read_all(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    end.unwrap();
}

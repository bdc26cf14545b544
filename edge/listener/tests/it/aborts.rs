//! An answer that breaks must never look like one that ended.

use std::io::ErrorKind;
use std::time::Duration;

use backstop_listener::{AbortStyle, ListenerLimits};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::stage::{FAREWELL, FRAME, Stage, read_all, read_until, send, start, start_plain};

fn limits(abort: AbortStyle) -> ListenerLimits {
    ListenerLimits { abort, ..ListenerLimits::default() }
}

fn chunk(text: &str) -> String {
    format!("{:X}\r\n{text}\r\n", text.len())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

#[tokio::test]
async fn writes_the_last_words_and_leaves_the_last_chunk_out() {
    let server = start_plain(limits(AbortStyle::MissingEnd));
    let mut client = send(server.addr, &get("/broken")).await;
    let (answer, end) = read_all(&mut client).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{}{}", chunk(FRAME), chunk(FAREWELL))), "{answer}");
    end.unwrap();
}

#[tokio::test]
async fn resets_after_the_last_words_if_asked_to() {
    let server = start_plain(limits(AbortStyle::Reset));
    let mut client = send(server.addr, &get("/broken")).await;
    let (answer, end) = read_all(&mut client).await;
    assert!(answer.ends_with(&format!("{}{}", chunk(FRAME), chunk(FAREWELL))), "{answer}");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn ends_a_whole_stream_properly_and_keeps_the_connection() {
    let server = start_plain(limits(AbortStyle::Reset));
    let mut client = send(server.addr, &(get("/stream") + &get("/whole"))).await;
    let answer = read_until(&mut client, "stage").await;
    assert!(answer.contains(&format!("{}{}0\r\n\r\nHTTP/1.1 200", chunk(FRAME), chunk(FRAME))));
}

#[tokio::test]
async fn aborts_without_last_words_too_but_not_before_what_was_said() {
    let server = start_plain(limits(AbortStyle::MissingEnd));
    let mut client = send(server.addr, &get("/mute")).await;
    let (answer, _end) = read_all(&mut client).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{}", chunk(FRAME))), "{answer}");
}

#[tokio::test]
async fn delivers_a_long_answer_to_a_slow_reader_before_it_breaks() {
    let server = start_plain(limits(AbortStyle::MissingEnd));
    let mut client = send(server.addr, &get("/long")).await;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = client.read(&mut buffer).await.unwrap();
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..read]);
        tokio::task::yield_now().await;
    }
    assert!(bytes.len() > 16 << 20);
    assert!(bytes.ends_with(chunk(FAREWELL).as_bytes()));
}

#[tokio::test]
async fn does_not_wait_for_ever_for_a_client_that_does_not_read() {
    let quick = Duration::from_millis(50);
    let server =
        start_plain(ListenerLimits { farewell_max: quick, ..limits(AbortStyle::MissingEnd) });
    let client = send(server.addr, &get("/long")).await;
    server.drain.send(true).unwrap();
    // Only an aborted answer lets the server end: the client reads nothing.
    server.done.await.unwrap();
    drop(client);
}

#[tokio::test]
async fn says_nothing_that_could_pass_for_the_rest_of_an_answer_of_known_length() {
    let server = start_plain(limits(AbortStyle::MissingEnd));
    let mut client = send(server.addr, &get("/measured")).await;
    let (answer, _end) = read_all(&mut client).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{FRAME}")), "{answer}");
}

#[tokio::test]
async fn resets_whatever_the_style_where_http_1_0_has_no_other_sign() {
    let server = start_plain(limits(AbortStyle::MissingEnd));
    let mut client = send(server.addr, "GET /broken HTTP/1.0\r\n\r\n").await;
    let (answer, end) = read_all(&mut client).await;
    assert!(answer.ends_with(&format!("\r\n\r\n{FRAME}{FAREWELL}")), "{answer}");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn resets_only_the_stream_under_http2() {
    let server = start_plain(limits(AbortStyle::Reset));
    let io = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
    let (mut sender, connection) =
        http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..100 {
        let request = |path| http::Request::get(path).body(Empty::new()).unwrap();
        let mut broken = sender.send_request(request("http://test/broken")).await.unwrap();
        let mut text = Vec::new();
        let error = loop {
            match broken.frame().await.unwrap() {
                Ok(frame) => text.extend_from_slice(&frame.into_data().unwrap()),
                Err(error) => break error,
            }
        };
        assert_eq!(String::from_utf8(text).unwrap(), format!("{FRAME}{FAREWELL}"));
        assert!(format!("{error:?}").contains("Reset"), "{error:?}");
        let whole = sender.send_request(request("http://test/whole")).await.unwrap();
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "stage");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn drops_the_body_as_soon_as_its_client_leaves() {
    let (stage, mut has_left) = Stage::new();
    let server = start(stage, limits(AbortStyle::MissingEnd), None);
    let mut client = send(server.addr, &get("/hang")).await;
    read_until(&mut client, FRAME).await;
    drop(client);
    has_left.recv().await.unwrap();
}

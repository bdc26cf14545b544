//! Sockets of the web: after the provider's 101, bytes both ways until either side ends.

use std::sync::atomic::{AtomicU64, Ordering};

use http::Response;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use backstop_listener::{AnswerBody, Connection, Duplex};
use backstop_providers::{Ask, Io, Switched};
use backstop_vocabulary::{Class, Failure};

use super::flow::{self, IDLE_MAX};
use super::passage::Passage;

/// Bytes on their way in one direction.
const BUFFER_BYTES: usize = 16 << 10;
/// Where a browser may name several protocols, and some servers let it show its key.
static PROTOCOLS: HeaderName = HeaderName::from_static("sec-websocket-protocol");
/// How such an item begins.
const SHOWN_KEY: &str = "openai-insecure-api-key.";

/// Asks the provider for the switch, and gives the client its answer.
pub(super) async fn open(
    mut passage: Passage,
    ask: Ask,
    connection: &Connection,
) -> Response<AnswerBody> {
    if connection.is_draining() {
        let what = "the gateway is about to end: connect again";
        return passage.refused(&Failure::new(Class::GatewayBusy, what).with_status(503));
    }
    let protocol = HeaderValue::from_static("websocket");
    let asking =
        passage.core.client.switch(&passage.endpoint, ask, protocol.clone(), passage.connect_max);
    let asked = tokio::time::timeout(IDLE_MAX, asking).await;
    let switched = asked.unwrap_or_else(|_| {
        Err(Failure::new(Class::FirstTokenTimeout, "the provider did not answer"))
    });
    let socket = match switched {
        Ok(Switched::Yes(socket)) => socket,
        Ok(Switched::No(reply)) => return flow::down(passage, *reply),
        Err(failure) => return passage.refused(&failure),
    };
    let mut head = passage.heard(101, &socket.headers);
    let out = head.headers_mut();
    out.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    out.insert(UPGRADE, protocol);
    connection.switch_to(move |client| talk(passage, client, socket.io));
    head.map(|()| AnswerBody::empty())
}

/// Copies both ways until either side ends, or nothing moves for too long.
async fn talk(passage: Passage, client: Box<dyn Duplex>, provider: Box<dyn Io>) {
    let moved = AtomicU64::new(0);
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_provider, mut to_provider) = tokio::io::split(provider);
    let silence = async {
        let mut before = u64::MAX;
        while before != moved.load(Ordering::Relaxed) {
            before = moved.load(Ordering::Relaxed);
            sleep(IDLE_MAX).await;
        }
    };
    tokio::select! {
        () = copy(&mut from_client, &mut to_provider, &moved) => {}
        () = copy(&mut from_provider, &mut to_client, &moved) => {}
        () = silence => {}
    }
    // Whoever still waits is told that it is over; that it may be gone already is no matter.
    let _gone = to_client.shutdown().await;
    let _gone = to_provider.shutdown().await;
    passage.ended();
}

/// Copies until the end of one side, or until the other takes no more.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    moved: &AtomicU64,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        moved.fetch_add(count as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// Takes out what shows a key among the protocols: it was shown to us.
pub(super) fn hide_keys(headers: &mut HeaderMap) {
    let Some(value) = headers.get(&PROTOCOLS).and_then(|value| value.to_str().ok()) else { return };
    let kept: Vec<&str> =
        value.split(',').map(str::trim).filter(|item| !item.starts_with(SHOWN_KEY)).collect();
    match HeaderValue::try_from(kept.join(", ")) {
        Ok(value) if !kept.is_empty() => headers.insert(PROTOCOLS.clone(), value),
        Ok(_) | Err(_) => headers.remove(&PROTOCOLS),
    };
}

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::timeout;

use super::drive::until_drained;
use crate::{ListenerLimits, Transport};

/// How every HTTP/2 connection begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Enough for the whole head of most requests, so that telling costs no further read.
const READ_BYTES: usize = 4096;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What was learnt from the first bytes, and the bytes.
pub(super) struct Opening {
    pub(super) protocol: Protocol,
    pub(super) bytes: Bytes,
}

impl Opening {
    /// Settled before the first byte.
    pub(super) fn http2() -> Self {
        Self { protocol: Protocol::Http2, bytes: Bytes::new() }
    }
}

/// Reads until it is clear what the client speaks. `None` when nothing came, in time or at all.
pub(super) async fn first_bytes<IO: Transport>(
    io: &mut IO,
    limits: &ListenerLimits,
    drain: &mut watch::Receiver<bool>,
) -> Option<Opening> {
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    let first = tokio::select! {
        biased;
        first = timeout(limits.idle_max, io.read_buf(&mut bytes)) => first.ok(),
        () = async {
            until_drained(drain).await;
            tokio::time::sleep(limits.drain_idle_max).await;
        } => None,
    };
    if first?.ok()? == 0 {
        return None;
    }
    let rest = async {
        loop {
            let compared = bytes.len().min(PREFACE.len());
            if bytes[..compared] != PREFACE[..compared] {
                return Some(Protocol::Http1);
            }
            if compared == PREFACE.len() {
                return Some(Protocol::Http2);
            }
            if io.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
    };
    let protocol = timeout(limits.head_time_max, rest).await.ok()??;
    Some(Opening { protocol, bytes: bytes.freeze() })
}

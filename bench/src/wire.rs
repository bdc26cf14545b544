//! Just enough HTTP/1.1 to ask and to answer without becoming the bottleneck.

use std::ops::Range;

use anyhow::{Context as _, bail};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;

/// The longest message read.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A head that was read: where it ends, and how long its body is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) end: usize,
    pub(crate) body_bytes: Option<usize>,
}

/// Finds a complete head at the start of `bytes`.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let length = bytes[..end].split(|byte| *byte == b'\n').find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let named = line[..colon].eq_ignore_ascii_case(b"content-length");
        let value = std::str::from_utf8(&line[colon + 1..]).ok()?;
        if named { value.trim().parse().ok() } else { None }
    });
    Some(Head { end, body_bytes: length })
}

/// Reads one message whose length is announced. `None` when the peer closed before it.
pub(crate) async fn message(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Option<Range<usize>>> {
    buffer.clear();
    loop {
        if let Some(head) = head(buffer) {
            let whole = head.end + head.body_bytes.context("a message without a length")?;
            if buffer.len() >= whole {
                return Ok(Some(head.end..whole));
            }
        }
        if buffer.len() > MESSAGE_BYTES_MAX {
            bail!("a message longer than {MESSAGE_BYTES_MAX} bytes");
        }
        if stream.read_buf(buffer).await? == 0 {
            if buffer.is_empty() {
                return Ok(None);
            }
            bail!("the peer closed in the middle of a message");
        }
    }
}

/// Whether an answer's head says 200.
pub(crate) fn is_ok(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200")
}

/// Resolves when the peer has closed.
pub(crate) async fn closed(half: &mut ReadHalf<'_>) {
    let mut waste = [0; 256];
    while matches!(half.read(&mut waste).await, Ok(1..)) {}
}

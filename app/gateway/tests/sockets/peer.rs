//! A provider without an HTTP library: it answers with the very bytes it was given, and keeps the
//! very bytes it was sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::stage::ANYWHERE;

/// What every request is answered with.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Head and body as they go on the wire.
    answer: Vec<u8>,
    /// Sent again and again after the answer, for as long as somebody listens.
    beat: Option<Vec<u8>>,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Taken {
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The number of the connection it came by.
    pub(crate) connection: usize,
}

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    taken: mpsc::UnboundedReceiver<Taken>,
    _served: JoinSet<()>,
}

impl Script {
    /// A whole answer.
    pub(crate) fn whole(status: &str, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { answer: [head.as_bytes(), body].concat(), beat: None }
    }

    /// A whole answer that stops coming when this many bytes are there.
    pub(crate) fn part(body: &[u8], bytes: usize) -> Self {
        let mut script = Self::whole("200 OK", body);
        script.answer.truncate(script.answer.len() - body.len() + bytes);
        script
    }

    /// A stream, in chunks that heed neither frames nor letters.
    pub(crate) fn stream(body: &[u8]) -> Self {
        let mut script = Self::begun(body);
        script.answer.extend_from_slice(b"0\r\n\r\n");
        script
    }

    /// Head and body.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.answer
    }

    /// The same answer with one more header.
    pub(crate) fn with_header(mut self, line: &str) -> Self {
        let end = self.answer.windows(2).position(|two| two == b"\r\n").expect("a head");
        let rest = self.answer.split_off(end);
        self.answer = [&*self.answer, b"\r\n", line.as_bytes(), &rest].concat();
        self
    }

    /// The same answer under another content type.
    pub(crate) fn of_type(mut self, kind: &str) -> Self {
        let end = self.answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let body = self.answer.split_off(end);
        let head = String::from_utf8(self.answer).expect("a head of text");
        self.answer = [head.replace("text/event-stream", kind).as_bytes(), &body].concat();
        self
    }

    /// Head and body, as far as they are text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    /// A stream that begins so and then says nothing but this.
    pub(crate) fn beating(body: &[u8], beat: &[u8]) -> Self {
        let mut script = Self::begun(body);
        let mut chunk = Vec::new();
        push_chunk(&mut chunk, beat);
        script.beat = Some(chunk);
        script
    }

    /// A stream that begins so and then says nothing more.
    pub(crate) fn begun(body: &[u8]) -> Self {
        // A message of an event-stream begins with its length, of which no text is.
        let kind = match body {
            [0, ..] => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let mut answer = head.into_bytes();
        let mut left = body;
        let sizes = [1, 7, 4093, 2, 65_537, 100, 3].iter().cycle();
        for size in sizes {
            if left.is_empty() {
                break;
            }
            let (piece, rest) = left.split_at(left.len().min(*size));
            push_chunk(&mut answer, piece);
            left = rest;
        }
        Self { answer, beat: None }
    }
}

/// Bytes in the chunked framing, without the last chunk.
pub(crate) fn push_chunk(out: &mut Vec<u8>, piece: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
    out.extend_from_slice(piece);
    out.extend_from_slice(b"\r\n");
}

impl Peer {
    pub(crate) async fn open(script: Script) -> Self {
        let listener = TcpListener::bind(ANYWHERE).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, taken) = mpsc::unbounded_channel();
        let script = Arc::new(script);
        let mut served = JoinSet::new();
        served.spawn(async move {
            let mut conversations = JoinSet::new();
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { break };
                let told = (connection, sender.clone());
                conversations.spawn(converse(stream, Arc::clone(&script), told));
            }
        });
        Self { address, taken, _served: served }
    }

    /// The next request it got.
    pub(crate) async fn taken(&mut self) -> Taken {
        self.taken.recv().await.expect("a request")
    }

    /// How many requests came that nobody has looked at.
    pub(crate) fn untold(&self) -> usize {
        self.taken.len()
    }
}

async fn converse(
    mut stream: TcpStream,
    script: Arc<Script>,
    (connection, told): (usize, mpsc::UnboundedSender<Taken>),
) {
    while let Some((head, body)) = take(&mut stream).await {
        let _untold = told.send(Taken { head, body, connection });
        if stream.write_all(&script.answer).await.is_err() {
            return;
        }
        let Some(beat) = &script.beat else { continue };
        let mut beats = interval(Duration::from_millis(20));
        while stream.write_all(beat).await.is_ok() {
            beats.tick().await;
        }
        return;
    }
}

/// Reads head and body of one request, framed by its length.
pub(crate) async fn take(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut heard = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let end = loop {
        if let Some(at) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        heard.extend_from_slice(&buffer[..count]);
    };
    let head = String::from_utf8_lossy(&heard[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = heard.split_off(end + 4);
    while body.len() < length {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&buffer[..count]);
    }
    Some((head, body))
}

//! A server without an HTTP library that says to each request what a test wants it to say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::stage::ANYWHERE;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A header by its small name, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value)
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What is said to a request.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// These bytes, head and all.
    Bytes(Vec<u8>),
    /// Nothing, for ever.
    Nothing,
    /// These bytes, one each second.
    Drip(Vec<u8>),
    /// The connection is closed.
    Close,
}

impl Say {
    /// A whole answer.
    pub(crate) fn whole(status: &str, kind: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        Self::Bytes([head.as_bytes(), body.as_bytes()].concat())
    }

    /// The same in JSON.
    pub(crate) fn json(status: &str, body: &str) -> Self {
        Self::whole(status, "application/json", body)
    }
}

type Answer = dyn Fn(&Asked) -> Say + Send + Sync;

pub(crate) struct Oracle {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Asked>>>,
    _served: JoinSet<()>,
}

impl Oracle {
    pub(crate) async fn open(answer: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(ANYWHERE).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (told, answer): (_, Arc<Answer>) = (Arc::clone(&heard), Arc::new(answer));
        let mut served = JoinSet::new();
        served.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, Arc::clone(&answer), Arc::clone(&told)));
            }
        });
        Self { address, heard, _served: served }
    }

    /// Every request so far.
    pub(crate) fn heard(&self) -> Vec<Asked> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

async fn converse(mut stream: TcpStream, answer: Arc<Answer>, told: Arc<Mutex<Vec<Asked>>>) {
    while let Some(asked) = take(&mut stream).await {
        told.lock().unwrap().push(asked.clone());
        match answer(&asked) {
            Say::Bytes(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Say::Nothing => {
                let mut rest = [0; 64];
                while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
                return;
            }
            Say::Drip(bytes) => {
                let mut seconds = tokio::time::interval(Duration::from_secs(1));
                for byte in bytes {
                    seconds.tick().await;
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
            }
            Say::Close => return,
        }
    }
}

/// Reads head and body of one request, framed by its length.
async fn take(stream: &mut TcpStream) -> Option<Asked> {
    let mut heard = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let end = loop {
        if let Some(at) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        heard.extend_from_slice(&buffer[..count]);
    };
    let head = String::from_utf8_lossy(&heard[..end]).into_owned();
    let mut body = heard.split_off(end + 4);
    let asked = Asked { head, body: Vec::new() };
    let length: usize = asked.header("content-length").parse().unwrap_or(0);
    while body.len() < length {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&buffer[..count]);
    }
    Some(Asked { body, ..asked })
}

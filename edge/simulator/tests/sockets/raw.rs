//! A client without an HTTP library: it sees what is on the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstop_scenarios::{Scenario, Severity, World};
use backstop_simulator::{Entry, Simulator};
use backstop_vocabulary::Moment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any healthy silence here, shorter than a test may last.
const PATIENCE: Duration = Duration::from_millis(400);

const SCENARIO: &str = include_str!("stage.yaml");

/// The kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    AnthropicWhole,
    AnthropicStream,
    OpenaiWhole,
    OpenaiStream,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The body was whole by HTTP's own rules.
    Clean,
    /// The connection closed before the body was whole.
    Closed,
    /// The connection was reset.
    Reset,
    /// Nothing more came.
    Silent,
    /// No connection.
    Refused,
}

/// What a request came to.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) end: End,
}

/// Two simulated providers on loopback ports.
pub(crate) struct Stage {
    pub(crate) anthropic: SocketAddr,
    pub(crate) openai: SocketAddr,
    pub(crate) control: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Asked {
    pub(crate) const ALL: [Self; 4] =
        [Self::AnthropicWhole, Self::AnthropicStream, Self::OpenaiWhole, Self::OpenaiStream];

    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::AnthropicStream | Self::OpenaiStream)
    }

    fn bytes(self, more: &str) -> Vec<u8> {
        let (path, auth, model, stream) = match self {
            Self::AnthropicWhole | Self::AnthropicStream => (
                "/v1/messages",
                "x-api-key: key\r\nanthropic-version: 2023-06-01",
                "\"model\":\"claude-opus-4-6\",\"max_tokens\":1000",
                self == Self::AnthropicStream,
            ),
            Self::OpenaiWhole | Self::OpenaiStream => (
                "/v1/chat/completions",
                "authorization: Bearer key",
                "\"model\":\"gpt-5.6\"",
                self == Self::OpenaiStream,
            ),
        };
        let body = format!(
            "{{{model},\"stream\":{stream},\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]{more}}}"
        );
        request("POST", path, auth, &body)
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: simulated\r\n{headers}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Stage {
    /// Opens the stage; `behaviour` is JSON for the control path, or nothing.
    pub(crate) async fn open(behaviour: &str) -> Self {
        let scenario = Scenario::read(SCENARIO).expect("the stage's scenario can be read");
        let world = World::new(&scenario, Severity::Mid, 7);
        let started = Instant::now();
        let clock = Arc::new(move || Moment::ZERO + started.elapsed());
        let simulator = Simulator::new(world, clock);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let anthropic =
            simulator.bind(Entry::Provider("anthropic".into()), any).await.expect("port");
        let openai = simulator.bind(Entry::Provider("openai".into()), any).await.expect("port");
        let control = simulator.bind(Entry::All, any).await.expect("port");
        let addresses = [anthropic.address(), openai.address(), control.address()]
            .map(|it| it.expect("address"));
        let server = tokio::spawn(async move {
            tokio::join!(anthropic.run(), openai.run(), control.run());
        });
        let stage =
            Self { anthropic: addresses[0], openai: addresses[1], control: addresses[2], server };
        if !behaviour.is_empty() {
            let seen =
                exchange(addresses[2], &request("PUT", "/simulator/behaviour", "x: y", behaviour))
                    .await;
            assert_eq!(seen.status, 200, "{seen:?}");
        }
        stage
    }

    pub(crate) async fn ask(&self, asked: Asked) -> Seen {
        self.ask_with(asked, "").await
    }

    /// Asks with more fields in the body, each after a comma.
    pub(crate) async fn ask_with(&self, asked: Asked, more: &str) -> Seen {
        let address = match asked {
            Asked::AnthropicWhole | Asked::AnthropicStream => self.anthropic,
            Asked::OpenaiWhole | Asked::OpenaiStream => self.openai,
        };
        exchange(address, &asked.bytes(more)).await
    }
}

/// One request on a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Seen {
    let nothing = |end| Seen { status: 0, head: String::new(), body: String::new(), end };
    let Ok(mut stream) = TcpStream::connect(address).await else { return nothing(End::Refused) };
    if stream.write_all(request).await.is_err() {
        return nothing(End::Reset);
    }
    let mut received = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let end = loop {
        if let Some(seen) = whole(&received) {
            return seen;
        }
        match timeout(PATIENCE, stream.read(&mut buffer)).await {
            Err(_) => break End::Silent,
            Ok(Ok(0)) => break End::Closed,
            Ok(Ok(count)) => received.extend_from_slice(&buffer[..count]),
            Ok(Err(_)) => break End::Reset,
        }
    };
    let Some((status, head, body)) = split(&received) else { return nothing(end) };
    let (body, _) = unchunk(&head, body);
    Seen { status, head, body, end }
}

fn split(received: &[u8]) -> Option<(u16, String, &[u8])> {
    let at = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..at]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head, &received[at + 4..]))
}

fn whole(received: &[u8]) -> Option<Seen> {
    let (status, head, body) = split(received)?;
    let (body, whole) = unchunk(&head, body);
    whole.then_some(Seen { status, head, body, end: End::Clean })
}

/// The body without its framing, and whether it is whole.
fn unchunk(head: &str, body: &[u8]) -> (String, bool) {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length.and_then(|it| it.trim().parse::<usize>().ok()) {
        return (String::from_utf8_lossy(body).into_owned(), body.len() >= length);
    }
    let (mut rest, mut text) = (body, Vec::new());
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size =
            std::str::from_utf8(&rest[..at]).ok().and_then(|it| usize::from_str_radix(it, 16).ok());
        let Some(size) = size else { break };
        if size == 0 {
            return (String::from_utf8_lossy(&text).into_owned(), true);
        }
        let Some(piece) = rest.get(at + 2..at + 2 + size) else {
            text.extend_from_slice(&rest[at + 2..]);
            break;
        };
        text.extend_from_slice(piece);
        rest = rest.get(at + 4 + size..).unwrap_or_default();
    }
    (String::from_utf8_lossy(&text).into_owned(), false)
}

//! A client without an HTTP library: it sees what is on the wire, and judges it as strictly as the
//! dialect allows.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use backstop_scenarios::{Delivery, Ear, Flaw, Heard, Wish, WorkItem};
use backstop_vocabulary::Dialect;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here may take: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

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
}

/// What a request came to.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    /// The head in lower case.
    head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Got {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = |line: &str| {
            let (known, _) = line.split_once(": ")?;
            (known == name).then_some(known.len() + 2)
        };
        self.head.lines().find_map(|line| Some(&line[value(line)?..])).unwrap_or_default()
    }

    /// Every value of a header, one for each of its lines.
    pub(crate) fn lines_of(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter_map(|(known, value)| (known == name).then_some(value)).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Head and body.
    pub(crate) fn everything(&self) -> String {
        format!("{}\n{}", self.head, self.text())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What a strict client of the dialect makes of it.
    pub(crate) fn heard(&self, item: &WorkItem) -> Result<Heard, Flaw> {
        if self.status != 200 {
            return Err(Flaw::Status(self.status));
        }
        let mut ear = Ear::new(item.dialect, item.delivery);
        ear.feed(&self.body);
        if self.end != End::Clean {
            ear.finish()?;
            return Err(Flaw::Disconnected);
        }
        ear.finish()
    }

    /// Fails unless this is the whole, right answer to `item`, ended as it should be.
    #[track_caller]
    pub(crate) fn assert_answers(&self, item: &WorkItem, what: &str) {
        let heard = self.heard(item);
        let verdict = heard.clone().and_then(|heard| item.check(&heard));
        assert_eq!(verdict, Ok(()), "{what}: {heard:?}\n{}\n{}", self.head, self.text());
    }
}

impl Got {
    /// The message of an error in whatever dialect; empty if there is none.
    pub(crate) fn said(&self) -> String {
        let body = self.json();
        let said = [&body["error"]["message"], &body["message"]];
        said.into_iter().find_map(|said| said.as_str()).unwrap_or_default().to_owned()
    }
}

/// A request of a client, built by hand.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn of(item: &WorkItem) -> Self {
        let headers = item.headers("key-of-a-client");
        Self {
            method: "POST",
            path: item.path().into_owned(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: item.body(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        let path = path.to_owned();
        Self { method: "GET", path, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if self.headers.iter().all(|(name, _)| name != "host") {
            head.push_str("host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            head.extend([name.as_str(), ": ", value, "\r\n"]);
        }
        let framed =
            |(name, _): &(String, String)| name == "content-length" || name == "transfer-encoding";
        if self.method == "POST" && !self.headers.iter().any(framed) {
            head.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends a request on a connection of its own and reads the answer to its end.
pub(crate) async fn ask(address: SocketAddr, call: &Call) -> Got {
    let mut stream = TcpStream::connect(address).await.expect("the gateway accepts");
    let (mut from, mut to) = stream.split();
    let body = if call.method == "HEAD" { Body::Never } else { Body::Framed };
    let request = call.bytes();
    // An answer may come, and the connection close, while the request is still on its way.
    let sending = async {
        let _refused = to.write_all(&request).await;
        pending::<Infallible>().await
    };
    tokio::select! {
        got = read(&mut from, body) => got,
        never = sending => match never {},
    }
}

/// Writes a request; a server that has answered already may have closed its side.
pub(crate) async fn send(stream: &mut TcpStream, call: &Call) {
    let _refused = stream.write_all(&call.bytes()).await;
}

/// Whether an answer has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Framed,
    Never,
}

/// Reads one answer.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), body: Body) -> Got {
    read_on(Reader::default(), stream, body).await
}

/// Reads the rest of an answer.
pub(crate) async fn read_on(
    mut reader: Reader,
    stream: &mut (impl AsyncRead + Unpin),
    body: Body,
) -> Got {
    let mut buffer = vec![0; 1 << 16];
    let end = loop {
        if reader.is_whole(body) {
            break End::Clean;
        }
        match timeout(PATIENCE, stream.read(&mut buffer)).await {
            Err(_) => break End::Silent,
            Ok(Ok(0)) => break End::Closed,
            Ok(Ok(count)) => reader.feed(&buffer[..count]),
            Ok(Err(_)) => break End::Reset,
        }
    };
    reader.got(end)
}

/// Takes an answer apart as it comes: what is done is not looked at again.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
    head: Option<String>,
    body: Vec<u8>,
    framing: Framing,
}

#[derive(Debug, Default)]
enum Framing {
    #[default]
    Unknown,
    Length(usize),
    Chunks {
        at: usize,
        over: bool,
    },
}

impl Reader {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.head.is_none() {
            let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
                return;
            };
            let head = String::from_utf8_lossy(&self.buffer[..at]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            self.framing = match length.and_then(|it| it.trim().parse().ok()) {
                Some(length) => Framing::Length(length),
                None => Framing::Chunks { at: 0, over: false },
            };
            self.head = Some(head);
            self.buffer.drain(..at + 4);
        }
        match &mut self.framing {
            Framing::Unknown => {}
            Framing::Length(_) => self.body.append(&mut self.buffer),
            Framing::Chunks { at, over } => {
                while !*over {
                    let rest = &self.buffer[*at..];
                    let Some(line) = rest.windows(2).position(|two| two == b"\r\n") else { break };
                    let size = std::str::from_utf8(&rest[..line]).expect("a chunk size");
                    let size = usize::from_str_radix(size, 16).expect("a chunk size");
                    if rest.len() < line + 2 + size + 2 {
                        break;
                    }
                    *over = size == 0;
                    self.body.extend_from_slice(&rest[line + 2..line + 2 + size]);
                    *at += line + 2 + size + 2;
                }
                if *at > 1 << 16 {
                    self.buffer.drain(..*at);
                    *at = 0;
                }
            }
        }
    }

    pub(crate) fn is_whole(&self, body: Body) -> bool {
        match (&self.framing, body) {
            (Framing::Unknown, _) => false,
            (_, Body::Never) => true,
            (Framing::Length(length), Body::Framed) => self.body.len() >= *length,
            (Framing::Chunks { over, .. }, Body::Framed) => *over,
        }
    }

    pub(crate) fn got(self, end: End) -> Got {
        let head = self.head.unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        Got { status, head, body: self.body, end }
    }
}

/// The work of a client: what it asks and in which form.
pub(crate) fn item(dialect: Dialect, delivery: Delivery, wish: Wish) -> WorkItem {
    let model = match dialect {
        Dialect::AnthropicMessages => "claude-opus-4-6",
        Dialect::OpenaiChat | Dialect::OpenaiResponses => "gpt-4o",
        Dialect::Gemini => "gemini-3.5-flash",
        Dialect::BedrockConverse => "us.anthropic.claude-opus-4-6-v1:0",
    };
    WorkItem {
        number: 7,
        population: "api".to_owned(),
        model: model.to_owned(),
        dialect,
        delivery,
        wish,
        prompt: "[api/7] Please tell me about the river, at length and to the point.".to_owned(),
    }
}

/// Every dialect, whole and streamed.
pub(crate) fn forms() -> impl Iterator<Item = (Dialect, Delivery)> {
    Dialect::ALL
        .into_iter()
        .flat_map(|dialect| [(dialect, Delivery::Unary), (dialect, Delivery::Stream)])
}

//! A peer that does exactly what its script says, one script per connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use backstop_providers::{Ask, Client, ClientLimits, Endpoint, Reply, TcpDial, TlsTrust};
use backstop_vocabulary::Failure;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) const CONNECT_BY: Duration = Duration::from_secs(5);
/// Longer than anything a test waits for; a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Act(Vec<Step>);

#[derive(Clone)]
enum Step {
    Hear,
    HearHead,
    Say(Bytes),
    Flood(u8, usize),
    /// Ends our half and waits for the client to end its own.
    Finish,
    Hold,
    Reset,
}

impl Act {
    /// Hears a request, says this, and closes.
    pub(crate) fn say(text: &str) -> Self {
        Self(vec![Step::Hear, Step::Say(Bytes::copy_from_slice(text.as_bytes()))])
    }

    /// Says this at once and finishes.
    pub(crate) fn greet(text: &str) -> Self {
        Self(vec![Step::Say(Bytes::copy_from_slice(text.as_bytes())), Step::Finish])
    }

    pub(crate) fn reset(text: &str) -> Self {
        Self::say(text).then(Self(vec![Step::Reset]))
    }

    pub(crate) fn hear() -> Self {
        Self(vec![Step::Hear])
    }

    pub(crate) fn hear_and_reset() -> Self {
        Self(vec![Step::Hear, Step::Reset])
    }

    /// One empty answer with each of these status lines, and the connection kept.
    pub(crate) fn answers(statuses: &[&str]) -> Self {
        statuses
            .iter()
            .map(|status| Self::say(&format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")))
            .fold(Self(Vec::new()), Self::then)
            .and_hold()
    }

    pub(crate) fn flood(head: &str, byte: u8, count: usize) -> Self {
        Self::say(head).then(Self(vec![Step::Flood(byte, count)]))
    }

    /// Answers when it has seen the head of the request.
    pub(crate) fn interrupt(text: &str) -> Self {
        Self(vec![Step::HearHead, Step::Say(Bytes::copy_from_slice(text.as_bytes())), Step::Hold])
    }

    /// The same, and hangs up with the rest of the request unread, which resets the connection.
    pub(crate) fn interrupt_and_hang_up(text: &str) -> Self {
        Self(vec![Step::HearHead, Step::Say(Bytes::copy_from_slice(text.as_bytes()))])
    }

    pub(crate) fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    pub(crate) fn and_hold(self) -> Self {
        self.then(Self(vec![Step::Hold]))
    }

    pub(crate) fn and_finish(self) -> Self {
        self.then(Self(vec![Step::Finish]))
    }
}

#[derive(Default)]
struct Seen {
    accepted: usize,
    open: usize,
    said: usize,
    heard: Vec<String>,
}

pub(crate) struct Stage {
    address: SocketAddr,
    seen: watch::Sender<Seen>,
}

impl Stage {
    /// Opens with one act per connection; further ones are closed at once.
    pub(crate) async fn open(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = watch::Sender::new(Seen::default());
        let acts: Vec<Act> = acts.into_iter().collect();
        tokio::spawn(serve(listener, acts, seen.clone()));
        Self { address, seen }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn endpoint(&self) -> Arc<Endpoint> {
        endpoint(&format!("http://{}", self.address))
    }

    pub(crate) fn accepted(&self) -> usize {
        self.seen.borrow().accepted
    }

    pub(crate) fn said(&self) -> usize {
        self.seen.borrow().said
    }

    /// Everything heard on the connection with that number.
    pub(crate) fn heard(&self, connection: usize) -> String {
        self.seen.borrow().heard[connection].clone()
    }

    pub(crate) async fn has_heard(&self, text: &str) {
        self.wait(|seen| seen.heard.iter().any(|heard| heard.ends_with(text))).await;
    }

    /// Waits until no connection is open any more.
    pub(crate) async fn closed(&self) {
        self.wait(|seen| seen.accepted > 0 && seen.open == 0).await;
    }

    pub(crate) async fn open_connections(&self, count: usize) {
        self.wait(|seen| seen.open == count).await;
    }

    async fn wait(&self, what: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        timeout(PATIENCE, seen.wait_for(what)).await.expect("it never happened").unwrap();
    }
}

async fn serve(listener: TcpListener, acts: Vec<Act>, seen: watch::Sender<Seen>) {
    let mut acts = acts.into_iter();
    while let Ok((stream, _)) = listener.accept().await {
        let number = seen.borrow().accepted;
        seen.send_modify(|seen| {
            seen.accepted += 1;
            seen.open += 1;
            seen.heard.push(String::new());
        });
        let (act, seen) = (acts.next(), seen.clone());
        tokio::spawn(async move {
            if let Some(act) = act {
                // The end of the act is what it says, not an error of the test.
                let _ended = perform(stream, act, number, &seen).await;
            }
            seen.send_modify(|seen| seen.open -= 1);
        });
    }
}

async fn perform(
    mut stream: TcpStream,
    act: Act,
    number: usize,
    seen: &watch::Sender<Seen>,
) -> std::io::Result<()> {
    for step in act.0 {
        match step {
            Step::Hear => {
                let head = hear_head(&mut stream, number, seen).await?;
                let length = head
                    .to_lowercase()
                    .split_once("content-length: ")
                    .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse().unwrap());
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await?;
                let body = String::from_utf8_lossy(&body).into_owned();
                seen.send_modify(|seen| seen.heard[number].push_str(&body));
            }
            Step::HearHead => drop(hear_head(&mut stream, number, seen).await?),
            Step::Say(bytes) => stream.write_all(&bytes).await?,
            Step::Flood(byte, count) => flood(&mut stream, byte, count, seen).await?,
            Step::Finish => {
                stream.shutdown().await?;
                listen_to_end(&mut stream).await?;
            }
            Step::Hold => listen_to_end(&mut stream).await?,
            Step::Reset => SockRef::from(&stream).set_linger(Some(Duration::ZERO))?,
        }
    }
    Ok(())
}

async fn hear_head(
    stream: &mut TcpStream,
    number: usize,
    seen: &watch::Sender<Seen>,
) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    seen.send_modify(|seen| seen.heard[number].push_str(&head));
    Ok(head)
}

async fn flood(
    stream: &mut TcpStream,
    byte: u8,
    count: usize,
    seen: &watch::Sender<Seen>,
) -> std::io::Result<()> {
    let piece = vec![byte; 64 * 1024];
    for _ in 0..count / piece.len() {
        stream.write_all(&piece).await?;
        seen.send_modify(|seen| seen.said += piece.len());
    }
    Ok(())
}

async fn listen_to_end(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = vec![0; 64 * 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

pub(crate) fn client() -> Client {
    client_with(ClientLimits::default())
}

pub(crate) fn client_with(limits: ClientLimits) -> Client {
    Client::new(Arc::new(TcpDial::new()), limits)
}

pub(crate) fn endpoint(base_url: &str) -> Arc<Endpoint> {
    Arc::new(Endpoint::new(base_url, None, &TlsTrust::system()).unwrap())
}

pub(crate) fn ask(body: &'static str) -> Ask {
    ask_with(Bytes::from_static(body.as_bytes()))
}

pub(crate) fn ask_with(body: impl Into<Bytes>) -> Ask {
    Ask {
        method: Method::POST,
        path: PathAndQuery::from_static("/v1/messages"),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

/// Sends a request that must fail.
pub(crate) async fn fails(client: &Client, endpoint: &Arc<Endpoint>, ask: Ask) -> Failure {
    let sent = timeout(PATIENCE, client.send(endpoint, ask, CONNECT_BY)).await;
    sent.expect("no answer and no failure").expect_err("there was an answer")
}

/// Sends a request that must be answered.
pub(crate) async fn answers(client: &Client, endpoint: &Arc<Endpoint>, ask: Ask) -> Reply {
    let sent = timeout(PATIENCE, client.send(endpoint, ask, CONNECT_BY)).await;
    sent.expect("no answer and no failure").unwrap()
}

pub(crate) async fn collect(reply: Reply) -> Result<Bytes, Failure> {
    timeout(PATIENCE, reply.body.collect(1 << 30)).await.expect("the body never ended")
}

/// An address that nobody listens at.
pub(crate) fn vacant_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

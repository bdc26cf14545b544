//! A web of strangers in memory: names, the addresses they lead to, and what is served there.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_guard::{Link, Refusal, Rules};
use backstop_providers::{BoxFuture, Errand, Fetched, Fetcher, Io, Reach, Resolve, TlsTrust};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Instant, interval};
use tokio_rustls::TlsAcceptor;

use crate::tls::Identity;

/// A public address that nobody here asks over the network.
pub(crate) const PUBLIC: &str = "93.184.215.14";

/// What a path is answered with.
#[derive(Clone)]
pub(crate) enum Page {
    /// These bytes, and the end of the connection.
    Say(Vec<u8>),
    /// These bytes, and then one more every second.
    Dribble(Vec<u8>),
    /// These bytes, and then more without end.
    Flood(Vec<u8>),
}

impl Page {
    pub(crate) fn of(kind: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        Self::Say([head.as_bytes(), body].concat())
    }

    pub(crate) fn to(location: &str) -> Self {
        let head = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\n");
        Self::Say(format!("{head}content-length: 6\r\n\r\nsecret").into_bytes())
    }
}

#[derive(Default)]
struct Map {
    names: BTreeMap<String, Vec<IpAddr>>,
    pages: BTreeMap<String, Page>,
    /// The names that were looked up.
    looked_up: Vec<String>,
    /// The names whose servers never answer.
    silent: Vec<String>,
    /// Where connections were opened.
    reached: Vec<SocketAddr>,
    /// The heads of requests.
    heard: Vec<String>,
}

/// The web, and a fetcher that knows no other.
pub(crate) struct Web {
    map: Arc<Mutex<Map>>,
    trust: TlsTrust,
    pub(crate) fetcher: Fetcher,
    pub(crate) rules: Rules,
}

struct Net {
    map: Arc<Mutex<Map>>,
    acceptor: TlsAcceptor,
}

impl Web {
    /// Names with the addresses they lead to, whose certificates are vouched for.
    pub(crate) fn of(names: &[(&str, &[&str])]) -> Self {
        let listed: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let identity = Identity::new(&listed);
        let trust = TlsTrust::with_extra_ca(identity.pem.as_bytes()).unwrap();
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let names = names.iter().map(|(name, at)| (format!("{name}."), read(at))).collect();
        let map = Arc::new(Mutex::new(Map { names, ..Map::default() }));
        let net = Net { map: Arc::clone(&map), acceptor: identity.acceptor("http/1.1") };
        let net = Arc::new(net);
        let fetcher = Fetcher::new(Arc::clone(&net) as Arc<dyn Resolve>, net);
        let mut rules = Rules::default();
        assert!(rules.hosts.add("*"));
        Self { map, trust, fetcher, rules }
    }

    /// One page at one of the names.
    pub(crate) fn page(self, at: &str, page: Page) -> Self {
        self.map.lock().unwrap().pages.insert(at.to_owned(), page);
        self
    }

    /// A name whose servers never answer.
    pub(crate) fn silent(self, name: &str) -> Self {
        self.map.lock().unwrap().silent.push(format!("{name}."));
        self
    }

    /// Fetches, with a budget of the rules' own.
    pub(crate) async fn fetch(&self, url: &str) -> Result<Fetched, Refusal> {
        self.fetch_by(url, None).await
    }

    pub(crate) async fn fetch_by(
        &self,
        url: &str,
        proxy: Option<&str>,
    ) -> Result<Fetched, Refusal> {
        let left = Mutex::new(usize::try_from(self.rules.bytes_max).unwrap());
        let take = |bytes: usize| {
            let mut left = left.lock().unwrap();
            *left = left.checked_sub(bytes).ok_or(Refusal::TooLarge)?;
            Ok(())
        };
        let errand = Errand {
            rules: &self.rules,
            trust: &self.trust,
            by: Instant::now() + self.rules.time_max,
            proxy_to: &|_| proxy.map(str::to_owned),
            take: &take,
        };
        self.fetcher.fetch(&Link::read(url)?, &errand).await
    }

    /// Fetches in another web, with this one's trust.
    pub(crate) async fn fetch_in(&self, web: &Self, url: &str) -> Result<Fetched, Refusal> {
        let errand = Errand {
            rules: &self.rules,
            trust: &self.trust,
            by: Instant::now() + self.rules.time_max,
            proxy_to: &|_| None,
            take: &|_| Ok(()),
        };
        web.fetcher.fetch(&Link::read(url)?, &errand).await
    }

    pub(crate) fn looked_up(&self) -> Vec<String> {
        self.map.lock().unwrap().looked_up.clone()
    }

    pub(crate) fn reached(&self) -> Vec<String> {
        self.map.lock().unwrap().reached.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.map.lock().unwrap().heard.clone()
    }
}

impl Resolve for Net {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut map = self.map.lock().unwrap();
        map.looked_up.push(host.to_owned());
        let known = map.names.get(host).cloned();
        if map.silent.iter().any(|name| name == host) {
            return Box::pin(std::future::pending());
        }
        Box::pin(async { known.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

impl Reach for Net {
    fn reach(&self, addresses: Vec<SocketAddr>) -> BoxFuture<'_, io::Result<Box<dyn Io>>> {
        self.map.lock().unwrap().reached.extend(addresses);
        let (ours, theirs) = duplex(1 << 16);
        tokio::spawn(serve(theirs, self.acceptor.clone(), Arc::clone(&self.map)));
        Box::pin(async { Ok(Box::new(ours) as Box<dyn Io>) })
    }
}

async fn serve(stream: tokio::io::DuplexStream, acceptor: TlsAcceptor, map: Arc<Mutex<Map>>) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let page = {
        let mut map = map.lock().unwrap();
        map.heard.push(head);
        map.pages.get(&format!("{host}{target}")).cloned()
    };
    let missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\nsecret".to_vec();
    let (said, more, pause) = match page.unwrap_or(Page::Say(missing)) {
        Page::Say(said) => (said, Vec::new(), None),
        Page::Dribble(said) => (said, b"x".to_vec(), Some(Duration::from_secs(1))),
        Page::Flood(said) => (said, vec![b'x'; 1 << 12], None),
    };
    let _heard = stream.write_all(&said).await;
    let mut beats = pause.map(interval);
    while !more.is_empty() && stream.write_all(&more).await.is_ok() {
        let _flushed = stream.flush().await;
        if let Some(beats) = &mut beats {
            beats.tick().await;
        }
    }
    let _ended = stream.shutdown().await;
}

//! Fetches what stands at an address that a stranger wrote.
//!
//! Each hop is judged anew: the address as it is written, the host by the settings, and every address
//! that its name has at this moment; the connection goes to one of those very addresses, so that no
//! second look-up can lead elsewhere. It is a connection of its own over HTTP/1.1 and TLS, closed after
//! one answer, and carries nothing but the question: no credential, no cookie, no `referer`.

mod answer;
mod reach;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use backstop_guard::{Link, Medium, Refusal, Rules, is_public};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::tcp::Secure;
use crate::{Dial, Endpoint, Io, Resolve, SystemNames, TcpDial, TlsTrust};
use answer::Answer;
pub use reach::{Reach, TcpReach};

/// How many are fetched at once by the whole gateway; further ones wait, within their deadline.
const AT_ONCE_MAX: usize = 256;
/// How many names are looked up at once. A look-up that is given up goes on in one of the runtime's
/// 512 threads until the system's resolver ends it, after half a minute or so, and keeps its place until
/// then: slow names of strangers must never leave those of providers without a thread.
const LOOK_UPS_MAX: usize = 32;
/// The addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// The head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// The only port that is asked.
const PORT: u16 = 443;

/// What is to be fetched, and on which terms.
pub struct Errand<'a> {
    /// From where, and how much.
    pub rules: &'a Rules,
    /// Whom to believe who they are.
    pub trust: &'a TlsTrust,
    /// When it must be done.
    pub by: Instant,
    /// The proxy to a host.
    pub proxy_to: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Takes so many more bytes in; the refusal ends the errand.
    pub take: &'a (dyn Fn(usize) -> Result<(), Refusal> + Sync),
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What it is.
    pub medium: Medium,
    /// All of it.
    pub bytes: Bytes,
}

/// Fetches from strangers.
#[derive(Clone)]
pub struct Fetcher {
    names: Arc<dyn Resolve>,
    reach: Arc<dyn Reach>,
    /// The way to proxies, which the operator names.
    dial: Arc<dyn Dial>,
    at_once: Arc<Semaphore>,
    look_ups: Arc<Semaphore>,
}

impl Fetcher {
    /// Goes out to the network.
    pub fn network() -> Self {
        Self::new(Arc::new(SystemNames), Arc::new(TcpReach))
    }

    /// Resolves and connects by other means. Whatever they are, only public addresses are asked.
    pub fn new(names: Arc<dyn Resolve>, reach: Arc<dyn Reach>) -> Self {
        let dial = Arc::new(TcpDial::with_resolver(Arc::clone(&names)));
        let room = |places| Arc::new(Semaphore::new(places));
        let (at_once, look_ups) = (room(AT_ONCE_MAX), room(LOOK_UPS_MAX));
        Self { names, reach, dial, at_once, look_ups }
    }

    /// Fetches one address. Dropping the future closes whatever it opened.
    ///
    /// # Errors
    ///
    /// Why it was not fetched; nothing of an answer is in the words.
    pub async fn fetch(&self, link: &Link, errand: &Errand<'_>) -> Result<Fetched, Refusal> {
        // Boxed: TLS makes it large, and few requests come here.
        let following = Box::pin(async {
            let _place = self.at_once.acquire().await.map_err(|_| Refusal::NoRoom)?;
            self.follow(link.clone(), errand).await
        });
        timeout_at(errand.by, following).await.unwrap_or(Err(Refusal::TooSlow))
    }

    async fn follow(&self, mut link: Link, errand: &Errand<'_>) -> Result<Fetched, Refusal> {
        let mut redirects = 0;
        loop {
            match self.ask(&link, errand).await {
                // Where it leads is not said: it is the word of a stranger.
                Err(Refusal::Host | Refusal::NotPublic) if redirects > 0 => {
                    return Err(Refusal::Redirected);
                }
                Err(refusal) => return Err(refusal),
                Ok(Answer::Whole(fetched)) => return Ok(fetched),
                Ok(Answer::Elsewhere(_)) if redirects == errand.rules.redirects_max => {
                    return Err(Refusal::Redirects);
                }
                Ok(Answer::Elsewhere(location)) => {
                    redirects += 1;
                    link = link.join(&location).map_err(|_| Refusal::Redirected)?;
                }
            }
        }
    }

    /// One hop.
    async fn ask(&self, link: &Link, errand: &Errand<'_>) -> Result<Answer, Refusal> {
        if !errand.rules.hosts.allow(link.host()) {
            return Err(Refusal::Host);
        }
        let io = match (errand.proxy_to)(link.host()) {
            None => self.connect(link, errand).await?,
            // A proxy looks the name up itself: it may do so for hosts that the operator has named.
            Some(_) if errand.rules.hosts.are_any() => return Err(Refusal::Host),
            Some(proxy) => self.tunnel(link, &proxy, errand).await?,
        };
        let mut builder = http1::Builder::new();
        builder.max_header_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
        let shaken = builder.max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(io)).await;
        let (mut sender, connection) = shaken.map_err(|_| Refusal::Broken)?;
        let question = question(link)?;
        let exchange = async move {
            let response = sender.send_request(question).await.map_err(|_| Refusal::Broken)?;
            answer::read(response, errand).await
        };
        // Driven here and by no task of its own, so that it ends with whoever wanted it.
        let (mut exchange, mut connection) = (Box::pin(exchange), Box::pin(connection));
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // It may end before its last bytes were looked at.
            _ended = &mut connection => exchange.await,
        }
    }

    /// A connection to an address that was judged.
    async fn connect(&self, link: &Link, errand: &Errand<'_>) -> Result<Box<dyn Io>, Refusal> {
        let endpoint = endpoint(link, None, errand)?;
        let Some((config, name)) = endpoint.tls() else { return Err(Refusal::Unreachable) };
        let addresses = self.addresses(link.host()).await?;
        let stream = self.reach.reach(addresses).await.map_err(|_| Refusal::Unreachable)?;
        let secured = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await;
        secured
            .map(|stream| Box::new(Secure(stream)) as Box<dyn Io>)
            .map_err(|_| Refusal::Unreachable)
    }

    /// All addresses of a name; one that is not public spoils them all: a name that leads to both was
    /// made to.
    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Refusal> {
        // With the dot at its end it is a whole name: no search list of this machine completes it.
        let whole = format!("{host}.");
        let place = Arc::clone(&self.look_ups).acquire_owned().await;
        let (place, names) = (place.map_err(|_| Refusal::NoRoom)?, Arc::clone(&self.names));
        let look_up = tokio::spawn(async move {
            let found = names.resolve(&whole).await;
            drop(place);
            found
        });
        let found = look_up.await.ok().and_then(Result::ok).ok_or(Refusal::NotPublic)?;
        if found.is_empty() || !found.iter().all(|address: &IpAddr| is_public(*address)) {
            return Err(Refusal::NotPublic);
        }
        let addresses = found.into_iter().take(ADDRESSES_MAX);
        Ok(addresses.map(|address| SocketAddr::new(address, PORT)).collect())
    }

    /// A connection through a proxy.
    async fn tunnel(
        &self,
        link: &Link,
        proxy: &str,
        errand: &Errand<'_>,
    ) -> Result<Box<dyn Io>, Refusal> {
        let endpoint = endpoint(link, Some(proxy), errand)?;
        self.dial.dial(&endpoint).await.map_err(|_| Refusal::Unreachable)
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl fmt::Debug for Errand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("rules", self.rules).finish_non_exhaustive()
    }
}

/// Where this link leads, spoken to over HTTP/1.1, with TLS that resumes nothing.
fn endpoint(link: &Link, proxy: Option<&str>, errand: &Errand<'_>) -> Result<Endpoint, Refusal> {
    let endpoint = Endpoint::new(&format!("https://{}", link.host()), proxy, errand.trust);
    endpoint.map(|endpoint| endpoint.for_a_stranger()).map_err(|_| Refusal::Unreachable)
}

fn question(link: &Link) -> Result<Request<Empty<Bytes>>, Refusal> {
    let plain = |text: &'static str| HeaderValue::from_static(text);
    let host = HeaderValue::from_str(link.host());
    let request = Request::get(link.target())
        .header(HOST, host.map_err(|_| Refusal::Address("does not name a public host"))?)
        .header(ACCEPT, plain("image/*, application/pdf, text/plain"))
        .header(ACCEPT_ENCODING, plain("identity"))
        .header(USER_AGENT, plain("backstop"))
        .header(CONNECTION, plain("close"));
    let odd = |_| Refusal::Address("holds characters that must be written as %XX");
    request.body(Empty::new()).map_err(odd)
}

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backstop_vocabulary::Failure;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Request, Uri};
use tokio::time::{Instant, timeout};

use crate::ask::clean_request;
use crate::error::{NetError, Stale, connect_timeout, failure};
use crate::line::{Fresh, Http1, Http2, start};
use crate::outgoing::Outgoing;
use crate::pool::{Line, Pool};
use crate::reply::Origin;
use crate::{Ask, ClientLimits, Dial, Endpoint, Reply, Upload};

/// Sends requests and keeps connections. Clones share one pool; make one client per runtime, because
/// the tasks that drive its connections live there.
#[derive(Clone)]
pub struct Client {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) pool: Arc<Pool>,
}

impl Client {
    /// A client without connections.
    pub fn new(dial: Arc<dyn Dial>, limits: ClientLimits) -> Self {
        Self { dial, pool: Arc::new(Pool::new(limits)) }
    }

    /// Sends one request and waits for the head of its answer, whatever the status; redirects are
    /// not followed. `connect_by` bounds DNS, proxy, TCP and TLS together, and nothing after them:
    /// the first-token clock is the caller's, who drops the future. Dropping it at any moment closes
    /// an HTTP/1 connection and resets an HTTP/2 stream.
    ///
    /// # Errors
    ///
    /// `DnsFailed`, `ConnectFailed`, `ConnectTimeout`, `TlsFailed` before a connection stands;
    /// `StaleConnection` when a pooled one turned out closed, or an HTTP/2 peer said that it has not
    /// looked at the request: sending it again is free, and the next try gets a new connection;
    /// `ConnectionReset` and `ProtocolBroken` before the head of the answer; `GatewayBusy` when this
    /// machine is out of sockets.
    pub async fn send(
        &self,
        endpoint: &Arc<Endpoint>,
        ask: Ask,
        connect_by: Duration,
    ) -> Result<Reply, Failure> {
        let line = match self.pool.take(endpoint) {
            Some(line) => line,
            None => timeout(connect_by, self.open(endpoint))
                .await
                .unwrap_or_else(|_| Err(connect_timeout(endpoint, connect_by)))?,
        };
        self.send_on(line, endpoint, ask).await
    }

    /// Sends a body as it comes. On a connection of its own: nobody could repeat the body where a
    /// pooled one turned out closed. The answer may come before the end of the body.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`], less `StaleConnection`; `ConnectionReset` also where the body itself
    /// broke off, which only its owner can tell apart.
    pub async fn upload(
        &self,
        endpoint: &Arc<Endpoint>,
        ask: Ask<Upload>,
        connect_by: Duration,
    ) -> Result<Reply, Failure> {
        let line = timeout(connect_by, self.dial(endpoint))
            .await
            .unwrap_or_else(|_| Err(connect_timeout(endpoint, connect_by)))?;
        self.send_on(line, endpoint, ask).await
    }

    async fn send_on<B: Into<Outgoing>>(
        &self,
        line: Line,
        endpoint: &Arc<Endpoint>,
        mut ask: Ask<B>,
    ) -> Result<Reply, Failure> {
        clean_request(&mut ask.headers);
        match line {
            Line::Http1(line) => self.send_http1(endpoint, ask, line).await,
            Line::Http2 { line, place, reused } => {
                send_http2(endpoint, ask, line, Origin::Shared { _place: place, reused }).await
            }
        }
    }

    /// Opens a connection, or waits for one that another request is opening and that both can use.
    async fn open(&self, endpoint: &Arc<Endpoint>) -> Result<Line, Failure> {
        let Some(gate) = self.pool.gate(endpoint) else { return self.dial(endpoint).await };
        let asked = Instant::now();
        let mut last_failure = gate.lock().await;
        if let Some(line) = self.pool.take(endpoint) {
            return Ok(line);
        }
        if self.pool.gate(endpoint).is_none() {
            drop(last_failure);
            return self.dial(endpoint).await;
        }
        // Who waited while a dial failed has learnt the same; one by one they would wait for ever.
        if let Some((_, failure)) = last_failure.as_ref().filter(|(at, _)| *at > asked) {
            return Err(failure.clone());
        }
        let dialled = self.dial(endpoint).await;
        *last_failure = dialled.as_ref().err().map(|failure| (Instant::now(), failure.clone()));
        dialled
    }

    async fn dial(&self, endpoint: &Arc<Endpoint>) -> Result<Line, Failure> {
        let io = self.dial.dial(endpoint).await?;
        let fresh = start(io, &self.pool.limits, Arc::downgrade(&self.pool))
            .await
            .map_err(|error| failure(&NetError::before_head(error, Stale::No)))?;
        match fresh {
            Fresh::Http1(line) => {
                if endpoint.is_secure() {
                    self.pool.note_http1(endpoint);
                }
                Ok(Line::Http1(line))
            }
            Fresh::Http2(line) => {
                let place = line.streams.enter_first();
                self.pool.share(endpoint, &line);
                Ok(Line::Http2 { line, place, reused: false })
            }
        }
    }

    async fn send_http1<B: Into<Outgoing>>(
        &self,
        endpoint: &Arc<Endpoint>,
        ask: Ask<B>,
        mut line: Http1,
    ) -> Result<Reply, Failure> {
        let reused = line.reused;
        let beats = line.pulse.beats();
        let sent = Instant::now();
        match line.sender.try_send_request(http1_request(endpoint, ask)).await {
            Ok(response) => {
                let origin = Origin::Owned {
                    line,
                    pool: Arc::clone(&self.pool),
                    endpoint: Arc::clone(endpoint),
                };
                Ok(Reply::new(response, origin))
            }
            Err(mut error) => {
                let untouched = error.take_message().is_some() || line.pulse.beats() == beats;
                let at_once = sent.elapsed() <= self.pool.limits.stale_within;
                let stale = reused && untouched && at_once;
                if stale {
                    self.pool.forget_idle(endpoint);
                }
                let stale = if stale { Stale::Yes } else { Stale::No };
                Err(failure(&NetError::before_head(error.into_error(), stale)))
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("pool", &self.pool).finish_non_exhaustive()
    }
}

async fn send_http2<B: Into<Outgoing>>(
    endpoint: &Endpoint,
    ask: Ask<B>,
    mut line: Http2,
    origin: Origin,
) -> Result<Reply, Failure> {
    let mut request = Request::new(ask.body.into());
    *request.method_mut() = ask.method;
    *request.uri_mut() = endpoint.absolute(ask.path);
    *request.headers_mut() = ask.headers;
    match line.sender.try_send_request(request).await {
        Ok(response) => Ok(Reply::new(response, origin)),
        Err(mut error) => {
            let untouched = error.take_message().is_some();
            let stale = if origin.is_reused() && untouched { Stale::Yes } else { Stale::No };
            Err(failure(&NetError::before_head(error.into_error(), stale)))
        }
    }
}

pub(crate) fn http1_request<B: Into<Outgoing>>(
    endpoint: &Endpoint,
    ask: Ask<B>,
) -> Request<Outgoing> {
    let mut request = Request::new(ask.body.into());
    *request.method_mut() = ask.method;
    *request.headers_mut() = ask.headers;
    request.headers_mut().insert(HOST, endpoint.host_header().clone());
    *request.uri_mut() = match endpoint.forwarding() {
        None => Uri::from(ask.path),
        Some(proxy) => {
            if let Some(authorization) = &proxy.authorization {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
            }
            endpoint.absolute(ask.path)
        }
    };
    request
}

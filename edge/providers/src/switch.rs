//! Connections that stop speaking HTTP: the provider agrees with 101, and from then on it is bytes
//! both ways (RFC 9110, 7.8).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backstop_vocabulary::Failure;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::ask::{clean_reply, clean_request};
use crate::client::http1_request;
use crate::error::{NetError, Stale, connect_timeout, failure};
use crate::line::start_http1;
use crate::reply::Origin;
use crate::{Ask, Client, Endpoint, Io, Reply};

/// What a provider made of the wish to switch.
#[derive(Debug)]
pub enum Switched {
    /// It agreed.
    Yes(Socket),
    /// It answered as to any request: a refusal, as a rule.
    No(Box<Reply>),
}

/// A connection that has switched.
pub struct Socket {
    /// The head of the 101, without what belongs to the connection.
    pub headers: HeaderMap,
    /// The bytes after it.
    pub io: Box<dyn Io>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

impl Io for TokioIo<hyper::upgrade::Upgraded> {}

impl Client {
    /// Asks for a switch to `protocol` on a connection of its own over HTTP/1.1, and waits for the
    /// head of the answer. `connect_by` as for [`Client::send`].
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`], less `StaleConnection`.
    pub async fn switch(
        &self,
        endpoint: &Arc<Endpoint>,
        mut ask: Ask,
        protocol: HeaderValue,
        connect_by: Duration,
    ) -> Result<Switched, Failure> {
        let over_http1 = endpoint.over_http1();
        let io = timeout(connect_by, self.dial.dial(&over_http1))
            .await
            .unwrap_or_else(|_| Err(connect_timeout(endpoint, connect_by)))?;
        let before_head = |error| failure(&NetError::before_head(error, Stale::No));
        let pool = Arc::downgrade(&self.pool);
        let mut line = start_http1(io, &self.pool.limits, pool).await.map_err(before_head)?;
        clean_request(&mut ask.headers);
        ask.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        ask.headers.insert(UPGRADE, protocol);
        let sent = line.sender.try_send_request(http1_request(endpoint, ask)).await;
        let mut response = sent.map_err(|error| before_head(error.into_error()))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let pool = Arc::clone(&self.pool);
            let origin = Origin::Owned { line, pool, endpoint: Arc::clone(endpoint) };
            return Ok(Switched::No(Box::new(Reply::new(response, origin))));
        }
        let upgraded = hyper::upgrade::on(&mut response).await.map_err(before_head)?;
        let mut headers = response.into_parts().0.headers;
        clean_reply(&mut headers);
        Ok(Switched::Yes(Socket { headers, io: Box::new(TokioIo::new(upgraded)) }))
    }
}

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use backstop_vocabulary::{Failure, Moment};
use bytes::Bytes;
use http::{HeaderMap, Method};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One question to a token endpoint.
#[derive(Clone)]
pub struct Question {
    /// The method.
    pub method: Method,
    /// Scheme, host and port: `https://login.microsoftonline.com`.
    pub base: String,
    /// Path and query.
    pub path: String,
    /// End-to-end headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The proxy to go through.
    pub proxy: Option<String>,
}

impl fmt::Debug for Question {
    /// Paths, headers and bodies hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// What a token endpoint answered, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The status; a redirect is not followed.
    pub status: u16,
    /// End-to-end headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    /// The body holds a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The world, as far as tokens need it: a clock and a way to their endpoints.
pub trait Outside: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Moment;

    /// The time on the wall, in seconds since 1970.
    fn unix_secs(&self) -> u64;

    /// Asks, and reads the whole answer, of `bytes_max` at most, within `deadline`.
    ///
    /// # Errors
    ///
    /// Those of a connection that fails or breaks; `FirstTokenTimeout` past the deadline; `BadAnswer`
    /// for an answer that is larger.
    fn ask(
        &self,
        question: Question,
        deadline: Duration,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Answer, Failure>>;
}

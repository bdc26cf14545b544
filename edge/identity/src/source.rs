//! One renewal, whoever gives the token.

use std::time::Duration;

use backstop_settings::{Giver, Identity, Proxies};
use backstop_vocabulary::Moment;
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};

use crate::endpoints::Endpoints;
use crate::outside::{Answer, Outside, Question};
use crate::pass::Grant;
use crate::trouble::Trouble;
use crate::{aws, encode, entra, google, oauth};

/// Asks for a new token.
pub(crate) async fn renew(asker: &Asker<'_>, giver: &Giver) -> Result<Grant, Trouble> {
    match giver {
        Giver::Entra(entra) => entra::renew(asker, entra).await,
        Giver::Aws(aws) => Box::pin(aws::renew(asker, aws)).await,
        Giver::Google(google) => google::renew(asker, google).await,
        Giver::Oauth(oauth) => oauth::renew(asker, oauth).await,
    }
}

/// Asks questions for one credential.
pub(crate) struct Asker<'a> {
    outside: &'a dyn Outside,
    endpoints: &'a Endpoints,
    proxies: &'a Proxies,
    deadline: Duration,
}

/// An address, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Url {
    /// Scheme, host and port.
    pub(crate) base: String,
    /// Path and query, at least `/`.
    pub(crate) path: String,
}

impl Url {
    /// Takes an `http` or `https` address apart.
    pub(crate) fn read(url: &str) -> Result<Self, Trouble> {
        let odd = || Trouble::setting("a token endpoint's address is no URL");
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(odd)?;
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        // A name and password would stand there; in a path the letter is that of service accounts.
        if !["https", "http"].contains(&scheme) || authority.contains('@') {
            return Err(odd());
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = path.split('#').next().unwrap_or(path);
        Ok(Self { base: format!("{scheme}://{authority}"), path: format!("{slash}{path}") })
    }
}

impl<'a> Asker<'a> {
    pub(crate) fn new(
        outside: &'a dyn Outside,
        endpoints: &'a Endpoints,
        identity: &'a Identity,
    ) -> Self {
        let Identity { proxies, deadline, .. } = identity;
        Self { outside, endpoints, proxies, deadline: *deadline }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Moment {
        self.outside.now()
    }

    /// The time on the wall, in seconds since 1970.
    pub(crate) fn unix_secs(&self) -> u64 {
        self.outside.unix_secs()
    }

    /// The longest that one question may take.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The time on the wall of whoever answered: what it says of ends is meant by its own clock.
    pub(crate) fn their_time(&self, answer: &Answer) -> u64 {
        let date = answer.headers.get(DATE).and_then(|value| value.to_str().ok());
        let time = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let secs = time.and_then(|time| u64::try_from(time.timestamp().as_second()).ok());
        secs.unwrap_or_else(|| self.unix_secs())
    }

    /// Posts a form.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        headers: HeaderMap,
        fields: &[(&str, &str)],
    ) -> Result<Answer, Trouble> {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let body = Bytes::from(encode::form(fields));
        let headers = with(headers, CONTENT_TYPE, kind);
        self.ask(Method::POST, url, headers, body).await
    }

    /// Posts JSON.
    pub(crate) async fn post_json(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: &serde_json::Value,
    ) -> Result<Answer, Trouble> {
        let kind = HeaderValue::from_static("application/json");
        let headers = with(headers, CONTENT_TYPE, kind);
        self.ask(Method::POST, url, headers, Bytes::from(body.to_string())).await
    }

    /// Gets.
    pub(crate) async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, Trouble> {
        self.ask(Method::GET, url, headers, Bytes::new()).await
    }

    /// Asks in any way, through the endpoint's breaker and within the deadline.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Trouble> {
        let Url { base, path } = url.clone();
        let proxy = self.proxies.to(&base);
        let question = Question { method, base, path, headers, body, proxy };
        self.endpoints.ask(self.outside, question, self.deadline).await
    }
}

/// One header, its value hidden from whoever prints it.
pub(crate) fn secret_header(
    name: &'static str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), Trouble> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Trouble::setting(format!("what belongs into `{name}` cannot stand there")))?;
    value.set_sensitive(true);
    Ok((HeaderName::from_static(name), value))
}

fn with(mut headers: HeaderMap, name: HeaderName, value: HeaderValue) -> HeaderMap {
    headers.insert(name, value);
    headers
}

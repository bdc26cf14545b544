//! Signature Version 4 of AWS, in headers.
//!
//! Source: AWS, "Create a signed AWS API request". What is signed: method, path, query, the headers
//! named below, and the hash of the body.

use aws_lc_rs::{digest, hmac};
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use backstop_settings::Secret;

use crate::encode::{hex, percent};
use crate::pass::AwsProof;

/// The name of the algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The method.
    pub method: &'a Method,
    /// The `host` header as it will be sent.
    pub host: &'a str,
    /// Path and query as they will be sent.
    pub path: &'a str,
    /// Further headers to sign, by small names; `host` and those of the signature are signed anyway.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
    /// The region, like `eu-central-1`.
    pub region: &'a str,
    /// The service, like `bedrock`.
    pub service: &'a str,
    /// Seconds since 1970.
    pub unix_secs: u64,
}

/// The headers of a signature: `authorization`, `x-amz-date`, and `x-amz-security-token` for
/// temporary keys.
pub type Signed = HeaderMap;

/// Signs a request. `None` where keys hold what no header may hold.
pub fn sign(proof: &AwsProof, signing: &Signing<'_>) -> Option<Signed> {
    let stamp = stamp(signing.unix_secs)?;
    let day = &stamp[..8];
    let token = proof.session_token.as_ref().map(Secret::reveal);
    let mut headers: Vec<(&str, &str)> = signing.headers.to_vec();
    headers.extend([("host", signing.host), ("x-amz-date", &*stamp)]);
    headers.extend(token.map(|token| ("x-amz-security-token", token)));
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical = canonical(signing, &headers, &names);
    let scope = format!("{day}/{}/{}/aws4_request", signing.region, signing.service);
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", hash(canonical.as_bytes()));
    let key = key(proof, day, signing);
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    let shown = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        proof.access_key_id
    );
    let mut signed = HeaderMap::with_capacity(3);
    let lines = [("authorization", Some(&*shown)), ("x-amz-date", Some(&*stamp))];
    for (name, value) in lines.into_iter().chain([("x-amz-security-token", token)]) {
        let Some(value) = value else { continue };
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(name != "x-amz-date");
        signed.insert(HeaderName::from_static(name), value);
    }
    Some(signed)
}

fn canonical(signing: &Signing<'_>, headers: &[(&str, &str)], names: &str) -> String {
    let (path, query) = signing.path.split_once('?').unwrap_or((signing.path, ""));
    let lines = headers.iter().map(|(name, value)| [name, ":", &squeezed(value), "\n"].concat());
    let lines: String = lines.collect();
    let method = signing.method;
    let (path, query) = (canonical_path(path), canonical_query(query));
    format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{}", hash(signing.body))
}

/// Every segment is encoded once more than it is sent, as for all services but S3. Paths are sent as
/// they are: without `.` and `..`, which no door of ours lets in.
fn canonical_path(path: &str) -> String {
    if path.is_empty() { "/".to_owned() } else { percent(path, "/") }
}

/// Names and values encoded and in order, a name without a value with an empty one.
fn canonical_query(query: &str) -> String {
    let part = |text: &str| percent(&decoded(text), "");
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (part(name), part(value)))
        .collect();
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-decoded as far as that gives text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|_| *first == b'%');
        if let Some(byte) = byte.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// A header's value without spaces around it, and with single ones within.
fn squeezed(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn key(proof: &AwsProof, day: &str, signing: &Signing<'_>) -> hmac::Key {
    let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let first = key(format!("AWS4{}", proof.secret_access_key.reveal()).as_bytes());
    let parts = [day, signing.region, signing.service, "aws4_request"];
    parts.iter().fold(first, |last, part| key(hmac::sign(&last, part.as_bytes()).as_ref()))
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// `20150830T123600Z`.
fn stamp(unix_secs: u64) -> Option<String> {
    let time = jiff::Timestamp::from_second(i64::try_from(unix_secs).ok()?).ok()?;
    let text = time.to_string();
    Some(text.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests;

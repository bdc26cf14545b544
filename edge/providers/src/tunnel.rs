//! A way through an HTTP proxy (RFC 9110, 9.3.6).

use http::header::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::endpoint::Proxy;
use crate::error::NetError;
use crate::{Endpoint, EndpointError};

const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// Asks the proxy to connect this stream to the provider.
pub(crate) async fn open_tunnel(
    stream: &mut TcpStream,
    endpoint: &Endpoint,
    proxy: &Proxy,
) -> Result<(), NetError> {
    let host = &proxy.host;
    stream
        .write_all(&question(endpoint, proxy))
        .await
        .map_err(|source| NetError::connect(host, source))?;
    match read_status(stream).await.map_err(|source| NetError::connect(host, source))? {
        Some(200..=299) => Ok(()),
        Some(status) => Err(NetError::TunnelRefused { host: host.clone(), status }),
        None => Err(NetError::TunnelBroken { host: host.clone() }),
    }
}

fn question(endpoint: &Endpoint, proxy: &Proxy) -> Vec<u8> {
    let host = endpoint.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let to = format!("{host}:{}", endpoint.port());
    let mut text = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        text.extend_from_slice(b"Proxy-Authorization: ");
        text.extend_from_slice(authorization.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// Reads the head of the proxy's answer, byte by byte so that nothing of what the provider says
/// behind it is swallowed. `None` when it is not HTTP, or longer than it may be.
async fn read_status(stream: &mut TcpStream) -> std::io::Result<Option<u16>> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == ANSWER_BYTES_MAX {
            return Ok(None);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok()))
}

/// `user:password` of a URL as the value of `proxy-authorization`.
pub(crate) fn basic_credentials(user: &str) -> Result<HeaderValue, EndpointError> {
    let user = percent_decode(user.as_bytes());
    let user = if user.contains(&b':') { user } else { [user, b":".to_vec()].concat() };
    let mut value = HeaderValue::from_str(&format!("Basic {}", base64(&user)))
        .map_err(|_| EndpointError::new("the proxy's user or password cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

/// RFC 4648, 4. Twenty lines are less than a dependency, for one header of one proxy.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_examples_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn takes_credentials_from_a_url_with_escaped_letters() {
        let value = basic_credentials("ana:p%40ss%").unwrap();
        assert_eq!(value.as_bytes(), format!("Basic {}", base64(b"ana:p@ss%")).as_bytes());
        assert!(value.is_sensitive());
        assert_eq!(basic_credentials("ana").unwrap(), format!("Basic {}", base64(b"ana:")));
    }
}

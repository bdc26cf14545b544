//! Reads a page of a running gateway or of a local server, and no more.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The most bytes of a page.
const PAGE_BYTES_MAX: u64 = 4 << 20;

/// The status and the body of this page.
pub(crate) fn get(addr: SocketAddr, path: &str, patience: Duration) -> io::Result<(u16, String)> {
    let mut socket = TcpStream::connect_timeout(&addr, patience)?;
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    // HTTP/1.0: the answer comes unchunked and ends with the connection.
    let request =
        format!("GET {path} HTTP/1.0\r\nhost: {addr}\r\naccept: application/json\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut text = String::new();
    socket.take(PAGE_BYTES_MAX).read_to_string(&mut text)?;
    let parsed = text.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    });
    parsed.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is no HTTP answer"))
}

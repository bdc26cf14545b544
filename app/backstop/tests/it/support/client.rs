//! A raw HTTP client that tells how an answer ended: most clients hide it.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// No byte for this long fails a test; longer than any clock of the gateway.
const SILENCE: Duration = Duration::from_secs(90);

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By its length or its last chunk.
    Whole,
    /// The connection was closed before the end.
    Closed,
    /// The connection was reset.
    Reset,
}

/// An answer with nothing smoothed over.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) ending: Ending,
}

impl Answer {
    /// A header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Sends one request (`POST /v1/messages`) on a connection of its own and reads all of the answer.
pub(crate) fn ask(address: &str, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let mut head = Vec::new();
    write!(head, "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n").unwrap();
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    socket.write_all(&head).unwrap();
    socket.write_all(body).unwrap();
    read(BufReader::new(socket))
}

/// Reads one answer.
pub(crate) fn read(mut from: BufReader<TcpStream>) -> Answer {
    let status = line(&mut from).unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let line = line(&mut from).unwrap();
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new(), ending: Ending::Whole };
    let result = if answer.header("transfer-encoding") == "chunked" {
        chunks(&mut from, &mut answer.body)
    } else {
        let length = answer.header("content-length").parse().unwrap_or(0);
        exactly(&mut from, &mut answer.body, length)
    };
    answer.ending = match result.map_err(|error| error.kind()) {
        Ok(()) => Ending::Whole,
        Err(io::ErrorKind::UnexpectedEof) => Ending::Closed,
        Err(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => Ending::Reset,
        Err(kind) => panic!("{kind} after {}", answer.text()),
    };
    answer
}

fn chunks(from: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let head = line(from)?;
        let size = head.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        exactly(from, into, size)?;
        line(from)?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// What came before an early end is kept.
fn exactly(from: &mut impl BufRead, into: &mut Vec<u8>, size: usize) -> io::Result<()> {
    let read = from.take(size as u64).read_to_end(into)?;
    if read == size { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    if line.ends_with('\n') {
        Ok(line.trim_end().to_owned())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
